"""Every asset that pandian makes: key, title, grain and owner. New assets start here."""

from __future__ import annotations

from typing import Final

from tasks.assets.asset import AssetSpec
from tasks.schemas import CANONICAL

DATA_OWNER: Final = "data-engineering"
SCIENCE_OWNER: Final = "machine-learning"

TABLE_KINDS: Final = frozenset({"shards", "tables", "quarantine", "validations", "profiles"})
"""First words of the keys of what a table is made of, and of what describes it."""


def table_of(key: str) -> str | None:
    """Return the table that an asset is of: `events` for `shards/events/day-1.csv`; None for what is of none."""
    kind, _, subject = key.partition("/")
    return subject.partition("/")[0] if kind in TABLE_KINDS else None


def shard(table: str, source: str) -> AssetSpec:
    """One source file of a table, standardised: `rows-*.parquet`, and what was set aside in `quarantine.parquet`."""
    return AssetSpec(
        key=f"shards/{table}/{source}",
        title=f"One source file of {table}, standardised",
        grain="one row per usable source row",
        owner=DATA_OWNER,
        main="rows-*.parquet",
    )


def table(name: str) -> AssetSpec:
    """A table after ingestion: `part-*.parquet`."""
    known = CANONICAL.get(name)
    return AssetSpec(
        key=f"tables/{name}",
        title=known.title if known else f"The shop's own table {name}",
        grain=known.grain if known else "one row per distinct source row",
        owner=DATA_OWNER,
        main="part-*.parquet",
    )


def quarantine(table: str) -> AssetSpec:
    """Rows that could not be used: `part-*.parquet` with reason, detail, source, line and the original row as JSON."""
    return AssetSpec(
        key=f"quarantine/{table}",
        title=f"Rows of {table} that could not be used",
        grain="one row per source row set aside",
        owner=DATA_OWNER,
        main="part-*.parquet",
    )


def validation(table: str) -> AssetSpec:
    """A table's suite, judged: `validation.json`, `results.parquet`, `failing/*.parquet`, `docs/`."""
    return AssetSpec(
        key=f"validations/{table}",
        title=f"What the suite of {table} says",
        grain="one row per expectation",
        owner=DATA_OWNER,
        main="results.parquet",
    )


def profile(table: str) -> AssetSpec:
    """A table, described: `profile.json` and `columns.parquet`."""
    return AssetSpec(
        key=f"profiles/{table}",
        title=f"What {table} holds",
        grain="one row per column",
        owner=DATA_OWNER,
        main="columns.parquet",
    )


RELATIONSHIPS: Final = AssetSpec(
    key="profiles/_relationships",
    title="Keys and foreign keys between the tables",
    grain="one row per child column and parent key",
    owner=DATA_OWNER,
    main="relationships.parquet",
)
PRODUCT_EMBEDDINGS: Final = AssetSpec(
    key="embeddings/products",
    title="Product texts as vectors",
    grain="one row per product_id",
    owner=SCIENCE_OWNER,
    main="vectors-*.parquet",
)
CLUSTERS: Final = AssetSpec(
    key="analysis/clusters",
    title="Clusters of products with similar texts",
    grain="one row per cluster",
    owner=SCIENCE_OWNER,
    main="clusters.parquet",
)
DUPLICATES: Final = AssetSpec(
    key="analysis/duplicates",
    title="Products that are the same, or nearly",
    grain="one row per product in a group",
    owner=SCIENCE_OWNER,
    main="members.parquet",
)
ASSOCIATIONS: Final = AssetSpec(
    key="analysis/associations",
    title="What users move between",
    grain="one row per attribute, origin and destination",
    owner=SCIENCE_OWNER,
    main="associations.parquet",
)
SPLIT: Final = AssetSpec(
    key="splits/behaviour",
    title="Behaviour split by time",
    grain="one row per user, product and split",
    owner=SCIENCE_OWNER,
    main="interactions.parquet",
)
ENCODER: Final = AssetSpec(
    key="models/encoder",
    title="The encoder, fine-tuned on the shop's behaviour",
    grain="one model",
    owner=SCIENCE_OWNER,
    format="model",
    main="history.parquet",
)
RECOMMENDER: Final = AssetSpec(
    key="models/recommender",
    title="The combination that is registered",
    grain="one model",
    owner=SCIENCE_OWNER,
    format="model",
    main="products.parquet",
)
EVALUATION: Final = AssetSpec(
    key="evaluations/recommender",
    title="How the models rank what users chose next",
    grain="one row per model, split and metric",
    owner=SCIENCE_OWNER,
    main="metrics.parquet",
)
REGISTRATION: Final = AssetSpec(
    key="registrations/recommender",
    title="What the registry was told about the candidate",
    grain="one model version",
    owner=SCIENCE_OWNER,
    format="json",
    main="registration.json",
)
CATALOGUE: Final = AssetSpec(
    key="inventory/catalogue",
    title="The pages of the inventory",
    grain="one page per asset",
    owner=DATA_OWNER,
    format="html",
    main="index.html",
)
RUN: Final = AssetSpec(
    key="inventory/run",
    title="What one stocktake made or found unchanged",
    grain="one run",
    owner=DATA_OWNER,
    format="json",
    main="run.json",
)
REVIEWS: Final = AssetSpec(
    key="inventory/review",
    title="Who decided what about a model, and why",
    grain="one decision",
    owner=SCIENCE_OWNER,
    format="json",
    main="review.json",
)
