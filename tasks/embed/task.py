"""The stage: read products, embed the texts that are new, write a vector per product."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.embed.config import EmbedConfig
from tasks.embed.encoding import Vectors, encode_missing, text_digest
from tasks.embed.reuse import earlier_vectors
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.texts import product_text
from tasks.stage import Build, stage


@stage("embed", revision=1, produces=lambda **_: (specs.PRODUCT_EMBEDDINGS,))
def embed(products: AssetRef, config: EmbedConfig, build: Build) -> None:
    """Embed the text of each product."""
    files = sorted(build.path(products).glob(build.manifest(products).main))
    table = pa.concat_tables([_texts(file) for file in files])
    texts = product_text(table)
    digests = [text_digest(text) for text in texts]
    distinct = dict(zip(digests, texts, strict=True))
    encoder = open_encoder(
        config.encoder,
        device=config.device,
        precision=config.precision,
        max_tokens=config.max_tokens,
        token_budget=config.token_budget,
        prompt=config.prompt,
    )
    made_by = {
        "digest": encoder.digest,
        "precision": encoder.precision,
        "max_tokens": encoder.max_tokens,
        "prompt": config.prompt,
    }
    earlier = earlier_vectors(build.store.versions(specs.PRODUCT_EMBEDDINGS.key), made_by, set(distinct), build.path)
    begun = time.perf_counter()
    with tqdm(total=len(distinct), unit="text", desc="embed", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        bar.update(len(earlier))
        encoded = encode_missing(
            {digest: text for digest, text in distinct.items() if digest not in earlier},
            encoder,
            folder=build.scratch(),
            chunk=config.chunk_texts,
            advance=bar.update,
        )
    seconds = time.perf_counter() - begun
    facts = {"encoder": config.encoder, "dimension": encoder.dimension, **made_by}
    with build.draft(specs.PRODUCT_EMBEDDINGS) as draft:
        _write(draft.path, table["product_id"], digests, {**earlier, **encoded.vectors}, encoder.dimension)
        (draft.path / "encoder.json").write_text(
            json.dumps({"name": config.encoder, **facts}, indent=2), encoding="utf-8"
        )
        draft.metrics.update(
            {
                **facts,
                "texts": len(texts),
                "unique_texts": len(distinct),
                "reused": len(earlier),
                "resumed": encoded.resumed,
                "encoded": encoded.encoded,
                "texts_per_s": round(encoded.encoded / seconds, 1) if encoded.encoded else None,
            }
        )


def _texts(file: Path) -> pa.Table:
    wanted = {"product_id", "title", "brand", "category", "description"}
    return pq.read_table(file, columns=[name for name in pq.read_schema(file).names if name in wanted])


def _write(folder: Path, ids: pa.ChunkedArray, digests: Sequence[str], vectors: Vectors, dimension: int) -> None:
    matrix = np.stack([vectors[digest] for digest in digests]).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), dimension)
    table = pa.table({"product_id": ids, "text_digest": pa.array(digests, pa.string()), "vector": column})
    pq.write_table(table, folder / "vectors-0.parquet", compression="none")
