from tasks.profile.facts import Facts, clipped, text_facts, to_profile
from tasks.profile.kinds import Field
from tasks.profile.moments import Moments


def test_a_long_value_ends_in_an_ellipsis() -> None:
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("abcd", 4) == "abcd"
    assert clipped(None, 4) is None


def test_a_column_without_numbers_has_no_mean() -> None:
    found = to_profile(Field(0, "a", "VARCHAR"), Facts(2, 1, is_exact=True, top=[("x" * 9, 2)]), rows=3, characters=8)
    assert (found.nulls, found.mean, found.std, found.quantiles) == (1, None, None, {})
    assert found.top_values[0].value == "xxxxxxx…"


def test_numbers_that_json_cannot_hold_are_left_out() -> None:
    facts = Facts(2, 2, is_exact=True, moments=Moments(2, 1.0, float("inf"), float("nan")))
    found = to_profile(Field(0, "a", "DOUBLE"), facts, rows=2, characters=8)
    assert (found.mean, found.std, found.skewness) == (1.0, None, None)


def test_a_column_without_texts_has_no_text_profile() -> None:
    assert text_facts((None, None, None, 0), present=0, texts=[]) is None
    found = text_facts((0, 4, 6, 1), present=3, texts=["this is it"])
    assert found is not None
    assert (found.min_length, found.mean_length, found.max_length, found.empty) == (0, 2.0, 4, 1)
