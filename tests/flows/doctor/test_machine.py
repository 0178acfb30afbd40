"""What `pandian doctor` says of a machine."""

from __future__ import annotations

from flows.doctor.machine import device_check, git_check, machine_checks, memory_check, package_checks, python_check


def test_this_machine_has_all_that_is_needed() -> None:
    assert [item for item in machine_checks() if item.is_needed and not item.is_ok] == []
    assert {"Python", "git", "memory", "cores", "package torch"} <= {item.name for item in machine_checks()}


def test_an_old_python_is_refused() -> None:
    assert python_check("3.11.0", ">=3.11").is_ok
    assert "PYTHON=python3.11" in python_check("3.10.9", ">=3.11").fix


def test_a_package_that_is_missing_or_too_old_says_how_to_get_it_and_extras_are_left_out() -> None:
    missing, old, there = package_checks(
        ["no-such-package>=1.0", "click>=99", "click", 'no-such-extra; extra == "dev"']
    )
    assert (missing.found, missing.is_ok) == ("not installed, not >=1.0", False)
    assert "pip install 'no-such-package>=1.0'" in missing.fix
    assert old.found.endswith(", not >=99")
    assert not old.is_ok
    assert there.is_ok


def test_what_is_only_wished_for_is_not_needed() -> None:
    assert not git_check(None).is_needed
    assert not git_check(None).is_ok
    small = memory_check(2 * 10**9)
    assert (small.found, small.is_ok, small.is_needed) == ("2.0 GB", False, False)
    assert memory_check(8 * 10**9).is_ok


def test_a_device_that_is_not_there_is_refused() -> None:
    assert device_check("cpu").found.startswith("cpu, ")
    refused = device_check("tpu")
    assert (refused.name, refused.is_ok, refused.is_needed) == ("device", False, True)
    assert "Set `device: auto`" in refused.fix
