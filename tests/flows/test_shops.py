"""The whole DAG on a shop of office supplies, and ingest, validate and profile on every other public data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tasks.assets import specs
from tasks.assets.manifest import Manifest
from tasks.assets.reports import (
    PROFILE_REPORT,
    RELATIONSHIPS_REPORT,
    ColumnProfile,
    EvaluationReport,
    Relationships,
    TableProfile,
)
from tasks.assets.store import AssetStore
from tests.pandian import ROOT, answer
from tests.watched import told, watching

SHOPS = ROOT / "tests" / "shops"
NOTHING: Mapping[str, str] = MappingProxyType({})


def run(
    name: str, folder: Path, *args: str, env: Mapping[str, str] = NOTHING, is_warm: bool = False
) -> Any:  # JSON values of any shape
    environment = {**env, "PANDIAN_LAKE": str(folder / "lake"), "PANDIAN_HOME": str(folder / "home")}
    return answer(*args, "-c", str(SHOPS / f"{name}.yaml"), cwd=folder, env=environment, is_warm=is_warm)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, prefect: Mapping[str, str], shared_data: Path) -> Path:
    assert shared_data.is_dir()
    folder = tmp_path_factory.mktemp("office")
    report = run("office", folder, "run", env={**prefect, **watching(folder)})
    assert report["status"] == "succeeded", report["problem"]
    return folder


@pytest.mark.service
def test_office_has_the_rows_its_source_has(office: Path) -> None:
    events = run("office", office, "inventory", "show", "tables/events")["metrics"]
    assert events["rows_read"] == 21_297
    assert events["rows_read"] == events["rows_kept"] + events["rows_merged"] + events["rows_quarantined"]
    assert run("office", office, "inventory", "show", "tables/products")["rows"] == 3_317


@pytest.mark.service
def test_the_packaged_encoder_looks_for_nothing_outside_this_machine(office: Path) -> None:
    assert told(office) == []


@pytest.mark.service
def test_office_leads_to_a_challenger_above_every_part(office: Path) -> None:
    (listed,) = run("office", office, "review", "list", is_warm=True)
    assert listed["alias"] == "challenger"
    assert listed["review"] == "pending"
    store = AssetStore(str(office / "lake"))
    (made,) = [item for item in store.manifests() if item.key == specs.EVALUATION.key]
    found = EvaluationReport.model_validate_json((store.path(made.ref) / "evaluation.json").read_bytes())
    ndcg = {item.model: item.value for item in found.metrics if (item.split, item.metric) == ("test", "ndcg_at_10")}
    assert ndcg["combination"] >= 0.125
    assert ndcg["combination"] > max(value for model, value in ndcg.items() if model != "combination")
    assert ndcg["finetuned_encoder"] > ndcg["raw_encoder"] > ndcg["popularity"]


@dataclass(frozen=True, slots=True)
class Dirt:
    """What a run says of a shop's tables.

    Args:
        rows: Rows read, by table.
        findings: All findings of validation and profile by id: the rows, and words that the message holds.
        links: Rows with a value and those with a match, by child and parent.
        values: The distinct values of columns, or the different elements they hold.
        common: Rows that hold one of the commonest values, elements or keys of a column.
    """

    rows: Mapping[str, int]
    findings: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    links: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    common: Mapping[tuple[str, str], int] = field(default_factory=dict)


OFFICE = Dirt(
    {"events": 21_297, "products": 3_317},
    {
        # 65 % share a day with another event of the same user
        "events.user_id+timestamp.ordered": (
            13_740,
            "in 13,740 of 21,297 rows, where 50% may; they share 4,315 values",
        ),
        "events.user_id+product_id.one_rating": (216, "they share 107 values, so that 109 of them repeat another"),
        "products.description.not_null": (221 + 5, "226 of 3,317"),  # 6.7 % hold nothing, five a list of nothing
        "products.brand.not_null": (5, "5 of 3,317"),
    },
    {"events.product_id products.product_id": (21_297, 21_297)},
    {"products.title": 3_317 - 15, "events.user_id": 3_231},
)
OTHERS = {
    "giftcards": Dirt(
        {"products": 1_547, "reviews": 2_972},
        {
            "products.description.not_null": (742, "742 of 1,547"),
            "products.brand.not_null": (1_020, "1,020 of 1,547"),
            "products.category.not_null": (5, "5 of 1,547"),
            "products.price.not_null": (1_185 + 4, "1,189 of 1,547"),  # 76.6 % blank, four with a page's script
        },
        {"reviews.product_id products.product_id": (2_966, 2_966)},
        common={
            ("products.attributes", "\n    Product Dimensions: \n    "): 18,
            ("products.attributes", "\n    Item Weight: \n    "): 15,
            ("reviews.extra", "reviewerName"): 2_966,
        },
    ),
    "icecat": Dirt(
        {"products": 19_406, "judgments": 3_668, "ratings": 3_188},
        {"products.description.not_null": (721, "721 of 19,406")},
        {
            "judgments.product_id products.product_id": (3_668, 3_668),
            "judgments.query_id queries.query_id": (3_668, 3_668),
        },
        # a name, an EAN and three pictures beside the attributes
        {"products.attributes": 5_354 + 5, "queries.query_id": 135, "judgments.grade": 4},
    ),
    "zh-reviews": Dirt(
        {"reviews": 62_774},
        {
            "reviews.text.one_label": (36, "they share 18 values"),
            "reviews.text.unique": (94, "they share 45 values, so that 49 of them repeat another"),
        },
        values={"reviews.cat": 10, "reviews.label": 2},
    ),
    "qa-appliances": Dirt(
        {"answers": 9_011},
        {
            "answers.question.no_damage": (1, "1 of 9,008"),
            "answers.answer.no_damage": (1, "1 of 9,008"),
            # of the 275 repeats in the source ingest merges three, which repeat a whole row
            "answers.question.one_answer": (470, f"so that {275 - 3} of them repeat another"),
            "answers.timestamp.not_null": (421, "421 of 9,008"),  # 4.7 %
        },
        values={"answers.product_id": 1_153},
    ),
    "fashion": Dirt({"products": 2_000}),
}


@pytest.mark.service
def test_office_tells_of_the_dirt_that_is_known(office: Path) -> None:
    assert said(office, OFFICE) == OFFICE


@pytest.mark.service
@pytest.mark.parametrize("name", OTHERS)
def test_the_other_shops_account_for_every_row_and_tell_of_the_dirt_that_is_known(
    name: str, prefect: Mapping[str, str], tmp_path: Path, shared_data: Path
) -> None:
    assert shared_data.is_dir()
    stages = ("--only", "ingest", "--only", "validate", "--only", "profile")
    report = run(name, tmp_path, "run", *stages, env=prefect, is_warm=True)
    assert report["status"] == "succeeded", report["problem"]
    assert said(tmp_path, OTHERS[name]) == OTHERS[name]


def said(folder: Path, known: Dirt) -> Dirt:
    """What a lake says of the same things, and of every finding of validation and profile."""
    store = AssetStore(str(folder / "lake"))
    made = {item.key: item for item in store.manifests()}
    found = {
        item.id: (item.count, item.message)
        for key, manifest in made.items()
        if key.startswith(("validations/", "profiles/"))
        for item in manifest.findings
    }
    relations = (store.path(made[specs.RELATIONSHIPS.key].ref) / RELATIONSHIPS_REPORT).read_bytes()
    return Dirt(
        {table: accounted(made[f"tables/{table}"]) for table in known.rows},
        {id_: (count, known_words(known, id_, message)) for id_, (count, message) in found.items()},
        {
            f"{link.child_table}.{link.child_column} {link.parent_table}.{link.parent_column}": (
                link.rows,
                link.matched_rows,
            )
            for link in Relationships.model_validate_json(relations).relationships
        },
        {place: distinct(store, made, *place.split(".")) for place in known.values},
        {(place, value): common(store, made, *place.split("."))[value] for place, value in known.common},
    )


def accounted(table: Manifest) -> int:
    """The rows read, all of which are kept, merged or quarantined."""
    read, *parts = (table.metrics[f"rows_{name}"] for name in ("read", "kept", "merged", "quarantined"))
    assert read == sum(parts)
    return int(read)


def known_words(known: Dirt, id_: str, message: str) -> str:
    """The words that are looked for where the message holds them, else the message."""
    words = known.findings.get(id_, (0, message))[1]
    return words if words in message else message


def distinct(store: AssetStore, made: Mapping[str, Manifest], table: str, column: str) -> int:
    """The distinct values of a column, or the different elements it holds, as the profile says."""
    manifest = made[f"profiles/{table}"]
    if column in manifest.metrics["elements"]:
        return int(manifest.metrics["elements"][column])
    found = profiled(store, made, table, column)
    assert found.is_distinct_exact
    return found.distinct


def common(store: AssetStore, made: Mapping[str, Manifest], table: str, column: str) -> dict[str, int]:
    """The commonest values of a column with their rows, as the profile says."""
    return {item.value: item.count for item in profiled(store, made, table, column).top_values}


def profiled(store: AssetStore, made: Mapping[str, Manifest], table: str, column: str) -> ColumnProfile:
    """What the profile says of a column."""
    folder = store.path(made[f"profiles/{table}"].ref)
    report = TableProfile.model_validate_json((folder / PROFILE_REPORT).read_bytes())
    (found,) = [item for item in report.columns if item.name == column]
    return found
