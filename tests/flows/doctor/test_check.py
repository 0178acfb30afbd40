"""What `pandian doctor` concludes."""

from __future__ import annotations

from flows.doctor.check import Check, check_page, together

THERE = Check("git", "/usr/bin/git", is_needed=False)
WISHED = Check("memory", "2 GB", is_ok=False, is_needed=False, fix="Buy some.")
MISSING = Check("lake", "/lake cannot be written", is_ok=False, fix="Mend `lake`.")
PACKAGES = [Check("package torch", "2.13.0"), Check("package duckdb", "2.0.1")]


def test_only_what_is_needed_is_a_problem() -> None:
    assert together([THERE, WISHED]) is None
    problem = together([THERE, WISHED, MISSING])
    assert problem is not None
    assert problem.exit_code == 2
    assert str(problem) == "This is not as pandian needs it: lake. Mend `lake`."


def test_several_problems_are_named_in_one_line() -> None:
    problem = together([MISSING, Check("home", "no", is_ok=False, fix="Mend `home`.")])
    assert "lake, home. What was found above" in str(problem)


def test_packages_that_are_there_share_a_line_and_what_is_missing_says_how_to_get_it() -> None:
    broken = Check("package pyarrow", "not installed", is_ok=False, fix="Install it.")
    assert check_page([Check("Python", "3.11.7"), *PACKAGES, broken, WISHED]).splitlines() == [
        "ok      Python           3.11.7",
        "ok      packages         2 as pandian needs them",
        "missing package pyarrow  not installed. Install it.",
        "note    memory           2 GB. Buy some.",
    ]
