"""A tiny shop on disk: raw files as a shop would have them, and its shop.yaml."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

KINDS = ("pen", "paper", "stapler", "marker", "binder", "tape", "folder", "scissors")
COLOURS = ("red", "blue", "green", "black", "white")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

SHOP = """\
shop: tiny
lake: lake
sources:
  - table: products
    uri: products.csv
    columns: {product_id: sku, title: name, brand: brand, category: category, price: price}
  - table: events
    uri: "events/*.csv"
    columns: {user_id: user, product_id: sku, timestamp: at, price: paid}
    constants: {event_type: purchase}
  - table: users
    uri: users.csv
    columns: {user_id: user, region: region}
  - table: coupons
    uri: coupons.csv
finetune: {max_steps: 8, evaluate_every: 4, max_tokens: 16}
register: {max_loss_to_part: 1}
"""
"""Its model, which hardly trains, is far above what is popular, if not above each of its parts: the gate opens."""


def write_shop(folder: Path, *, users: int = 60, extra: str = "") -> Path:
    """Write the raw files and shop.yaml, and return the path of the latter. The same call writes the same bytes."""
    (folder / "events").mkdir(parents=True, exist_ok=True)
    products = [(f"s{i}", f"{COLOURS[i % 5]} {KINDS[i % 8]} number {i}", i) for i in range(40)]
    _write(
        folder / "products.csv",
        ["sku", "name", "brand", "category", "price"],
        [[sku, name, f"brand{i % 3}", f"office > {KINDS[i % 8]}", f"{1 + i / 4:.2f}"] for sku, name, i in products],
    )
    for day in range(3):
        write_day(folder, day, users=users)
    _write(folder / "users.csv", ["user", "region"], [[f"u{u}", ("north", "south")[u % 2]] for u in range(users)])
    _write(folder / "coupons.csv", ["coupon", "sku"], [[f"c{i}", f"s{i}"] for i in range(20)])
    config = folder / "shop.yaml"
    config.write_text(SHOP + extra, encoding="utf-8")
    return config


def write_day(folder: Path, day: int, *, users: int = 60) -> None:
    """Write one daily shard of events: every user takes three products, neighbours in kind."""
    rows = []
    for user in range(users):
        for step in range(3):
            product = (user + 8 * (3 * day + step) + (user * day) % 3) % 40
            at = FIRST + timedelta(days=day, hours=user % 24, minutes=step)
            rows.append([f"u{user}", f"s{product}", at.isoformat(), f"{1 + product / 4:.2f}"])
    _write(folder / "events" / f"day{day}.csv", ["user", "sku", "at", "paid"], rows)


def registry_of(finished: Path) -> dict[str, str]:
    """Return what lets a copy of a finished shop register where that one did; another registry is another recipe."""
    registry = finished / ".pandian" / "mlflow"
    return {
        "PANDIAN_MLFLOW__TRACKING_URI": f"sqlite:///{registry / 'mlflow.db'}",
        "PANDIAN_MLFLOW__ARTIFACT_LOCATION": (registry / "artifacts").as_uri(),
    }


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
