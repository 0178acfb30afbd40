"""The first rows of an asset's table, for people who want to see what is in it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.assets.asset import AssetRef
from tasks.assets.store import AssetStore


def first_rows(store: AssetStore, ref: AssetRef, most: int) -> pa.Table:
    """Return the first rows of an asset, in the order of its files; no more of them is read than that.

    An asset without a parquet, as a JSON page is, has no columns and no rows.

    Args:
        store: The lake.
        ref: The asset.
        most: Rows at most.

    Raises:
        UnknownAssetError: There is no such asset.
        TamperedAssetError: A file is missing, or differs from its digest.
    """
    main = store.manifest(ref).main
    found: list[pa.Table] = []
    for file in sorted(store.path(ref).glob(main)):
        if file.suffix != ".parquet" or (found and sum(table.num_rows for table in found) >= most):
            continue
        found.append(_first(pq.ParquetFile(file), most))
    return pa.concat_tables(found, promote_options="default").slice(0, most) if found else pa.table({})


def _first(file: pq.ParquetFile, most: int) -> pa.Table:
    with file:
        batch = next(file.iter_batches(batch_size=max(1, most)), None)
    return file.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch])
