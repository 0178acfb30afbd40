"""The stage: read products, embed the texts that are new, write a vector per product."""

from __future__ import annotations

import time

from tasks.assets import specs
from tasks.assets.asset import AssetRef
from tasks.embed.config import EmbedConfig
from tasks.embed.encoding import encode_missing, text_digest
from tasks.embed.files import read_products, write_encoder, write_vectors
from tasks.embed.progress import progress
from tasks.embed.reuse import earlier_vectors
from tasks.retrieval.encoder import open_encoder
from tasks.retrieval.layout import given_prompts
from tasks.retrieval.texts import product_text
from tasks.stage import Build, stage


@stage("embed", revision=2, produces=lambda **_: (specs.PRODUCT_EMBEDDINGS,))
def embed(products: AssetRef, config: EmbedConfig, weights: str | None = None, *, build: Build) -> None:
    """Embed the text of each product.

    `weights` is the digest of an encoder that is a folder: with it in the recipe, new weights make new vectors.
    """
    table = read_products(sorted(build.path(products).glob(build.manifest(products).main)))
    texts = product_text(table)
    digests = [text_digest(text) for text in texts]
    distinct = dict(zip(digests, texts, strict=True))
    encoder = open_encoder(
        config.encoder,
        device=config.device,
        precision=config.precision,
        max_tokens=config.max_tokens,
        token_budget=config.token_budget,
        prompts=given_prompts(passage=config.prompt, query=config.query_prompt),
    )
    made_by = encoder.made_by
    earlier = earlier_vectors(build.store.versions(specs.PRODUCT_EMBEDDINGS.key), made_by, distinct.keys(), build.path)
    begun = time.perf_counter()
    with progress(len(distinct), len(earlier), build.log) as bar:
        encoded = encode_missing(
            {digest: text for digest, text in distinct.items() if digest not in earlier},
            encoder,
            folder=build.scratch(),
            chunk=config.chunk_texts * encoder.factor,
            advance=bar.update,
        )
    seconds = time.perf_counter() - begun
    facts = {
        "encoder": config.encoder,
        "dimension": encoder.dimension,
        **made_by,
        "query_prompt": encoder.prompts["query"],
        "commit": encoder.commit,
    }
    with build.draft(specs.PRODUCT_EMBEDDINGS) as draft:
        vectors = {**earlier, **encoded.vectors}
        write_vectors(draft.path, table["product_id"], digests, vectors, encoder.dimension)
        write_encoder(draft.path, {"name": config.encoder, **facts})
        draft.metrics.update(
            {
                **facts,
                "texts": len(texts),
                "unique_texts": len(distinct),
                "blank_texts": sum(not text for text in texts),
                "reused": len(earlier),
                "resumed": encoded.resumed,
                "encoded": encoded.encoded,
                "tokens": encoder.tokens,
                "texts_per_s": round(encoded.encoded / seconds, 1) if encoded.encoded else None,
            }
        )
