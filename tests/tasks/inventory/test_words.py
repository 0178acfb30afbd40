from __future__ import annotations

import pytest

from tasks.ingest.config import SourceConfig
from tasks.ingest.plan import FORMS
from tasks.ingest.rules import NULL_WORD, RULE_BITS, column_rules, unfit
from tasks.ingest.times import GUESSED
from tasks.inventory.words import ENGLISH
from tasks.schemas import CANONICAL

KINDS = (
    "VARCHAR", "BIGINT", "DOUBLE", "DECIMAL(10,2)", "TIMESTAMP", "TIMESTAMP_NS", "DATE", "VARCHAR[]",
    "MAP(VARCHAR, VARCHAR)",
)  # fmt: skip


def rules_that_ingest_counts() -> set[str]:
    """Return every rule that some column of some type, however it is declared, is standardised by."""
    source = SourceConfig(table="products", uri="a.csv", price_scale=100, decimal_comma=True)
    found = {*RULE_BITS, NULL_WORD}
    for column in (column for table in CANONICAL.values() for column in table.columns):
        for kind in (kind for kind in KINDS if not unfit(column, kind)):
            for form in (*FORMS, *(f"{GUESSED}{form}" for form in FORMS if form.endswith("_first"))):
                rules = column_rules(column, '"x"', kind, source, form=form)
                found |= {*rules.rules, *rules.always}
    return found


@pytest.mark.parametrize("rule", sorted(rules_that_ingest_counts()))
def test_every_rule_that_ingest_counts_has_words(rule: str) -> None:
    assert rule in ENGLISH.standardised


def test_every_rule_with_words_is_one_that_ingest_counts() -> None:
    assert set(ENGLISH.standardised) == rules_that_ingest_counts()


def test_a_rule_without_words_is_spelled_out() -> None:
    assert ENGLISH.done_by("some_new_rule") == "Some new rule"
