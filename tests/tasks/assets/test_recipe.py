import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from tasks.assets.asset import AssetRef, AssetSpec
from tasks.assets.recipe import Recipe, StageConfig, to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Inner(StageConfig):
    threads: int = Field(2, json_schema_extra={"recipe": False})
    k: int = 3


class Config(StageConfig):
    inner: Inner = Inner()
    password: SecretStr = SecretStr("hidden")


@given(st.dictionaries(st.text(min_size=1), JSON))
def test_the_order_of_arguments_does_not_matter(arguments: dict[str, object]) -> None:
    backwards = dict(reversed(list(arguments.items())))
    assert Recipe.of("s", 1, arguments).version == Recipe.of("s", 1, backwards).version


def test_a_version_is_twelve_hex_digits() -> None:
    version = Recipe.of("s", 1, {}).version
    assert len(version) == 12
    assert int(version, 16) >= 0


@pytest.mark.parametrize(
    "other",
    [
        Recipe.of("t", 1, {"a": 1}),
        Recipe.of("s", 2, {"a": 1}),
        Recipe.of("s", 1, {"a": 2}),
        Recipe.of("s", 1, {"a": 1, "b": AssetRef("x/y", "1")}),
    ],
)
def test_whatever_decides_the_content_changes_the_version(other: Recipe) -> None:
    assert Recipe.of("s", 1, {"a": 1}).version != other.version


def test_references_anywhere_among_the_arguments_are_inputs() -> None:
    one, two, three = (AssetRef("x/y", str(n)) for n in range(3))
    recipe = Recipe.of("s", 1, {"a": two, "b": [one], "c": {"d": three}, "e": [one]})
    assert recipe.inputs == (one, two, three)


def test_resources_are_no_part_of_a_recipe() -> None:
    few, many = Config(inner=Inner(threads=1)), Config(inner=Inner(threads=64))
    assert Recipe.of("s", 1, {"config": few}).version == Recipe.of("s", 1, {"config": many}).version
    assert Recipe.of("s", 1, {"config": Config(inner=Inner(k=4))}).version != Recipe.of("s", 1, {"config": few}).version


def test_secrets_are_masked() -> None:
    assert "hidden" not in str(to_json(Config()))


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        Recipe.of("s", 1, {"a": object()})


@pytest.mark.parametrize("key", ["products", "Tables/x", "tables/", "tables//x", "../x", "tables/a b"])
def test_a_key_that_is_no_path_of_words_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="asset key"):
        AssetSpec(key, "t", "g", "o")
