"""The passage of a product: the one text by which it is embedded and found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

SEPARATOR: Final = ". "


def product_text(products: pa.Table) -> list[str]:
    """Return one passage per product, in the table's order: title, brand, category, description.

    What a product lacks is left out, and so is a brand or a step of the category that its title says already. A product
    with none of the four has the empty passage.

        title "Fine pen, blue", brand "Muji", category [office, pen]  ->  "Fine pen, blue. Muji. office"
    """
    size = products.num_rows
    texts = (_column(products, name) for name in ("title", "brand", "category", "description"))
    titles, brands, paths, descriptions = (list(column) or [None] * size for column in texts)
    return [_passage(*parts) for parts in zip(titles, brands, paths, descriptions, strict=True)]


def _column(products: pa.Table, name: str) -> list[object]:
    return products[name].to_pylist() if name in products.column_names else []


def _passage(title: object, brand: object, path: object, description: object) -> str:
    head = _clean(title)
    said = head.casefold()
    around = [text for text in (_clean(brand), *_steps(path)) if text.casefold() not in said]
    parts = [head, *dict.fromkeys(around), _clean(description)]
    return SEPARATOR.join(part for part in parts if part)


def _steps(path: object) -> Iterable[str]:
    if isinstance(path, list):
        return map(_clean, path)
    return (_clean(path),)


def _clean(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
