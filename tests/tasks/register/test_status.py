from __future__ import annotations

import pytest

from tasks.register.registry import Version
from tasks.register.status import nothing_to_promote, status_words

AT = "2026-11-24T12:00:00+00:00"
REVIEWED = {"gate": "passed", "review": "approved", "reviewer": "ada", "review_reason": "good", "reviewed_at": AT}


def version(number: str = "1", *aliases: str, **tags: str) -> Version:
    return Version("m", number, aliases, tags, {}, {}, "run", 0)


def test_a_champion_says_since_when_by_whom_and_why() -> None:
    found = version("1", "champion", **REVIEWED, promoted_at=AT, search="Search was not measured.")
    assert status_words(found, found) == (
        "m version 1: champion, since 2026-11-24 12:00 UTC. It answers `pandian search` and `pandian recommend`.",
        "Review: approved by ada on 2026-11-24 12:00 UTC: good.",
        "Search: Search was not measured.",
    )


def test_a_challenger_under_review_does_not_look_approved() -> None:
    found = version("2", "challenger", gate="passed", review="pending", gate_warnings="Search is worse.")
    assert status_words(found, version("1", "champion")) == (
        "m version 2: challenger; version 1 is the champion.",
        'Review: waits for one. `pandian review approve 2 --reason "…"`, or `reject`.',
        "Warning: Search is worse.",
    )
    assert status_words(found, None)[0] == "m version 2: challenger; there is no champion."


def test_what_an_approved_version_waits_for_is_said() -> None:
    approved = status_words(version("1", "challenger", **REVIEWED), None)
    assert approved[1].endswith("good. `pandian promote` makes it the champion.")
    refused = status_words(version("1", **REVIEWED, promotion="refused: It is gone."), None)
    assert refused[2] == "Promotion: refused: It is gone."


def test_what_the_gate_refused_and_who_served_before_is_said() -> None:
    refused = version("1", gate="refused", gate_reasons="It is slow.\nIt is wrong.")
    assert status_words(refused, None)[1:] == (
        "Review: none, since the gate did not let it pass.",
        "Gate: refused. It is slow. It is wrong.",
    )
    before = status_words(version("1", "previous", **REVIEWED), version("2", "champion"))
    assert before[0] == "m version 1: the champion before; version 2 is the champion. `pandian rollback` returns to it."
    assert "promote" not in before[1]


@pytest.mark.parametrize(
    ("tags", "champion", "words"),
    [
        ({1: {"review": "pending"}}, None, "version 1 waits for review: `pandian review approve 1 --reason"),
        ({1: {}, 2: {"review": "Pending "}}, "1", "version 2 waits for review"),
        ({1: {"review": "pending"}, 2: {}}, "2", "newer than the champion, version 2"),
        ({1: {"review": "rejected"}}, None, "no version is approved, and none waits for review"),
        ({}, None, "no model was registered yet"),
    ],
)
def test_why_nothing_is_promoted_names_what_waits(
    tags: dict[int, dict[str, str]], champion: str | None, words: str
) -> None:
    assert words in nothing_to_promote(tags, None if champion is None else version(champion, "champion"))
