import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.ingest.cleaning import TEXT_RULES, amount, cleaned_text, path


@pytest.mark.parametrize(
    ("text", "clean", "rules"),
    [
        ("plain", "plain", set()),
        ("  spaced ", "spaced", {"trim"}),
        ("a &amp; b", "a & b", {"entities"}),
        ("<b>bold</b> word", "bold word", {"markup"}),
        ("one<br>two", "one two", {"markup"}),
        ("['one', 'two']", "one two", {"list_literal"}),
        ('["a &amp; b"]', "a & b", {"list_literal", "entities"}),
        ("\ufeffmarked", "marked", {"control_characters"}),
        ("be\x07ll", "bell", {"control_characters"}),
        ("e\u0301", "\u00e9", {"nfc"}),
        ("&lt;p&gt;Nice &amp;amp; good&lt;/p&gt;", "Nice & good", {"entities", "markup"}),
        ("<i>a</i> &lt;br&gt;b", "a b", {"markup"}),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "bold", {"entities", "markup"}),
        ("2 &lt; 3 &amp;amp; 4", "2 < 3 & 4", {"entities"}),
        ("I <3 you & 2 < 3", "I <3 you & 2 < 3", set()),
        ("[not a list", "[not a list", set()),
        ("颜色和图片不一样", "颜色和图片不一样", set()),
    ],
)
def test_a_text_loses_what_does_not_belong_and_says_which_rule_changed_it(
    text: str, clean: str, rules: set[str]
) -> None:
    found, bits = cleaned_text(text)
    assert found == clean
    assert {name for name, bit in TEXT_RULES.items() if bits & bit} == rules


@given(st.text(max_size=80))
def test_cleaning_a_clean_text_changes_nothing_but_what_cleaning_uncovered(text: str) -> None:
    once, _ = cleaned_text(text)
    for _ in range(8):  # entities may hide entities, lists may hold lists
        again, bits = cleaned_text(once)
        if not bits:
            return
        assert len(again) <= len(once) or bits & TEXT_RULES["nfc"]
        once = again


@pytest.mark.parametrize(
    ("text", "number", "currency"),
    [
        ("$1,234.50", 1234.5, "USD"),
        ("1.234,50 €", 1234.5, "EUR"),
        ("12,5", 12.5, None),
        ("1,234", 1234.0, None),
        ("3.99 EUR", 3.99, "EUR"),
        ("￥99", 99.0, "CNY"),
        ("-5", -5.0, None),
        ("1'234.50", 1234.5, None),
        ("free", None, None),
        ("1 to 3", None, None),
        ("12 pieces of gold", None, None),
    ],
)
def test_a_price_text_is_a_number_and_a_currency_or_neither(
    text: str, number: float | None, currency: str | None
) -> None:
    assert amount(text) == (number, currency)


def test_a_declared_decimal_comma_settles_a_lone_dot() -> None:
    assert amount("1.234", decimal_comma=True) == (1234.0, None)
    assert amount("1.234", decimal_comma=False) == (1.234, None)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Office > Pens", ["Office", "Pens"]),
        ("Office|Pens|Blue", ["Office", "Pens", "Blue"]),
        ("['Office', 'Pens']", ["Office", "Pens"]),
        ("Pens", ["Pens"]),
        ("R&amp;B > Soul", ["R&B", "Soul"]),
        ("&lt;b&gt;Office&lt;/b&gt; &gt; Pens", ["Office", "Pens"]),
        ("[]", []),
    ],
)
def test_a_category_is_a_path(text: str, parts: list[str]) -> None:
    assert path(text) == parts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["<!--" * 200_000, " " * 400_000 + "a", "a > " + " " * 400_000 + "b", "$" * 400_000])
def test_no_text_is_so_long_that_reading_it_does_not_end(text: str) -> None:
    assert cleaned_text(text)[0] == text.strip()
    assert amount(text) == (None, None)
    assert path(text)[0] == text.strip().split(">")[0].strip()


def test_an_entity_of_too_many_digits_is_left_as_it_is() -> None:
    number = f"&#{'9' * 5_000}"
    assert cleaned_text(f"pens &amp; paper {number}")[0] == f"pens & paper {number}"


def test_a_comment_is_markup() -> None:
    assert cleaned_text("pens <!-- and more --> here") == ("pens here", TEXT_RULES["markup"])
    assert cleaned_text("a --> b <!-- c") == ("a --> b <!-- c", 0)


def test_a_long_list_is_read_as_json_alone() -> None:
    """Python's parser would need several hundred bytes for each character."""
    assert path(f"[{'1,' * 10}1]") == ["1"] * 11
    assert path(f"[{'1,' * 60_000}1]") == ["1"] * 60_001
    text = f"['{'a' * 100_000}']"
    assert path(text) == [text]
