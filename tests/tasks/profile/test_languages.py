import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.profile.languages import language, language_shares


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This is the best stapler for your desk", "en"),
        ("Der Tacker ist sehr gut und nicht teuer", "de"),
        ("Une agrafeuse pour le bureau avec des agrafes", "fr"),
        ("La grapadora es muy buena para el escritorio", "es"),
        ("这个订书机很好用，iPhone 也能用", "zh"),
        ("このホチキスはとても良い", "ja"),
        ("이 스테이플러는 정말 좋아요", "ko"),
        ("Этот степлер очень хороший", "ru"),
        ("هذه الدباسة جيدة جدا", "ar"),
        ("HP LaserJet Toner", "latin"),
        ("საუკეთესო სტეპლერი", "other"),
        ("12 x 34 cm"[:7], "latin"),
        ("12-34", None),
        ("", None),
    ],
)
def test_the_language_is_told_by_script_and_small_words(text: str, expected: str | None) -> None:
    assert language(text) == expected


def test_shares_are_of_texts_with_letters_the_largest_first() -> None:
    texts = ["this is the pen", "that is a pen", "это хорошая ручка", "12345", ""]
    assert language_shares(texts) == {"en": 0.6667, "ru": 0.3333}


def test_labels_of_one_word_tell_no_language() -> None:
    assert language_shares(["red", "blue", "the", "GROCERY"]) == {}
    assert language_shares([]) == {}


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=20))
def test_shares_add_up_and_do_not_depend_on_the_order(texts: list[str]) -> None:
    shares = language_shares(texts)
    assert shares == language_shares(sorted(texts))
    assert not shares or sum(shares.values()) == pytest.approx(1, abs=0.002)
