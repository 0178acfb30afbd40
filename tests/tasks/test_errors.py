import inspect
import pickle

import pytest

from tasks import errors
from tasks.errors import MissingColumnsError, PandianError, near_miss

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PandianError)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not PandianError])
def test_every_error_has_a_template_an_exit_code_and_a_sentence_about_itself(kind: type[PandianError]) -> None:
    assert kind.template
    assert kind.exit_code in {1, 2, 3, 4, 5}
    assert kind.__doc__
    assert kind.is_transient <= (kind.exit_code == 5)


def test_the_message_says_what_happened_to_what_and_what_to_do() -> None:
    error = MissingColumnsError(table="products", missing=["title"], found=["a", "b"], fix="Map it.")
    assert str(error) == "The table “products” lacks “title”; its source has “a”, “b”. Map it."


def test_an_error_survives_pickling_with_its_facts() -> None:
    error = pickle.loads(pickle.dumps(MissingColumnsError(table="p", missing=["t"], found=[], fix="Map it.")))
    assert isinstance(error, MissingColumnsError)
    assert error.facts["missing"] == ["t"]
    assert "none" in str(error)


def test_the_near_miss_is_named_only_when_it_is_near() -> None:
    assert near_miss("titel", ["title", "brand"]) == "Did you mean “title”? "
    assert near_miss("zzz", ["title", "brand"]) == ""
