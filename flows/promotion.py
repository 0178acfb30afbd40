"""The promotion: acts on what a reviewer decided in MLflow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from flows.settings import load_settings
from tasks.assets.store import AssetStore
from tasks.register.review import promote
from tasks.stage import code_revision


@flow(name="promotion", persist_result=False)
def promotion(config: str = "shop.yaml") -> str | None:
    """Move the alias `champion` to the newest approved version, after checking it again.

    A version that was refused fails the flow once, and again when something changed and it is refused again.

    Args:
        config: Path of the shop's `shop.yaml`.

    Returns:
        The version that was promoted, or None where there was nothing to do.
    """
    shop = load_settings(config)
    store = AssetStore(shop.lake, code_revision=code_revision(), cache=Path(shop.home) / "cache")
    review = promote(shop.register_, store, now=datetime.now(UTC), is_asked=False)
    if review is None:
        get_run_logger().info("Nothing to promote.")
        return None
    create_markdown_artifact(
        key="promotion",
        markdown=f"`{review.model}` version {review.version} is the champion now. {review.by}: {review.reason}",
    )
    return review.version
