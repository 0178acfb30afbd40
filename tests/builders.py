"""Small canonical tables, and a way to publish them as assets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets import specs
from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.recipe import Recipe
from tasks.assets.store import AssetStore

WORDS = {
    "en": ("red", "blue", "green", "pen", "paper", "stapler", "marker", "binder", "tape", "folder"),
    "zh": ("红色", "蓝色", "绿色", "钢笔", "纸张", "订书机", "记号笔", "活页夹", "胶带", "文件夹"),
}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def make_products(n: int, language: str = "en") -> pa.Table:
    """Products `p0`, `p1`, … with distinct titles, a two-level category, three brands and prices of 1, 2, 3 …"""
    words = WORDS[language]
    return pa.table(
        {
            "product_id": [f"p{i}" for i in range(n)],
            "title": [f"{words[i % 3]} {words[3 + i % 7]} {i}" for i in range(n)],
            "brand": [f"brand{i % 3}" for i in range(n)],
            "category": pa.array([["office", words[3 + i % 7]] for i in range(n)], pa.list_(pa.string())),
            "price": [float(i + 1) for i in range(n)],
            "language": [language] * n,
        }
    )


def make_events(users: int, products: int, per_user: int = 4, event_type: str = "purchase") -> pa.Table:
    """Events of users `u0` …: user i takes products i, i+1, …, one an hour, wrapping around."""
    rows = [
        {
            "user_id": f"u{u}",
            "product_id": f"p{(u + step) % products}",
            "event_type": event_type,
            "timestamp": FIRST + timedelta(days=u % 7, hours=step),
            "price": float((u + step) % products + 1),
        }
        for u in range(users)
        for step in range(per_user)
    ]
    schema = pa.schema(
        {
            "user_id": pa.string(),
            "product_id": pa.string(),
            "event_type": pa.string(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "price": pa.float64(),
        }
    )
    return pa.Table.from_pylist(rows, schema=schema)


def save_table(store: AssetStore, name: str, table: pa.Table) -> AssetRef:
    """Publish a table as `tables/<name>`, its version a digest of its content."""
    return save_asset(store, specs.table(name), {"part-0.parquet": table})


def save_asset(
    store: AssetStore, spec: AssetSpec, tables: dict[str, pa.Table], texts: dict[str, str] | None = None
) -> AssetRef:
    """Publish parquet files and texts as one asset, its version a digest of their content."""
    content = {name: table.to_pydict() for name, table in tables.items()}
    arguments = {"key": spec.key, "content": repr(content), "texts": texts or {}}
    recipe = Recipe(stage="by-hand", revision=1, arguments=arguments)
    with store.draft(spec, recipe, run_id="by-hand") as draft:
        for name, table in tables.items():
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, draft.path / name)
        for name, text in (texts or {}).items():
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / name).write_text(text, encoding="utf-8")
    return AssetRef(spec.key, recipe.version)
