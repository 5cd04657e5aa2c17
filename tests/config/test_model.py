from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, SecretStr, ValidationError

from config import Duration, Limit, Model, Secret
from tests.config.reading import parse, refused


class Leaf(Model):
    count: int = 3
    every: Duration = 60.0


class Tree(Model):
    leaf: Leaf = Field(default=Leaf())
    other: Leaf | None = None
    limits: list[Limit] = Field(default=[Limit(5, 60.0)])
    leaves: list[Leaf] = Field(default=[])
    ratio: float = 0.5
    """Between 0 and 1."""
    word: Secret | None = None
    sender: str | None = Field(default=None, alias="from")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("leaf: {count: '3'}", "1:15: leaf.count: must be a whole number"),
        ("leaf: {count: 3.0}", "1:15: leaf.count: must be a whole number"),
        ("leaf: {count: true}", "1:15: leaf.count: must be a whole number"),
        ("leaf: {count: null}", "1:15: leaf.count: must be a whole number"),
        ("ratio: '0.5'", "1:8: ratio: must be a number"),
        ("ratio: 1e999", "1:8: ratio: must be a finite number"),
        ("from: 5", "1:7: from: must be text: put it in quotes"),
        ("limits: 5/hour", "1:9: limits: must be a list"),
        ("limits: {a: 5/hour}", "1:9: limits: must be a list"),
        ("leaf: [1]", "1:7: leaf: must be a mapping of keys to values"),
        ("sender: x", "1:1: sender: unknown key"),
    ],
)
def test_types_are_strict(text: str, problem: str) -> None:
    assert refused(Tree, text) == [problem]


def test_whole_number_is_a_number() -> None:
    assert parse(Tree, "ratio: 1").ratio == 1.0


def test_key_may_differ_from_the_field() -> None:
    assert parse(Tree, "from: x").sender == "x"


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Leaf().count = 4  # type: ignore[misc]  # the point of the test


def test_python_errors_hide_the_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Leaf.model_validate({"cuont": "hunter2", "count": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_representation_hides_secrets() -> None:
    assert "hunter2" not in repr(Tree(word=SecretStr("hunter2")))


def test_schema_has_defaults_as_written_in_yaml() -> None:
    schema = Tree.model_json_schema()
    properties = schema["properties"]
    assert properties["leaf"] == {"$ref": "#/$defs/Leaf"}
    assert properties["other"]["default"] is None
    assert properties["limits"]["default"] == ["5/minute"]
    assert properties["leaves"]["default"] == []
    assert schema["$defs"]["Leaf"]["properties"]["every"]["default"] == "1m"
    assert schema["$defs"]["Leaf"]["additionalProperties"] is False


def test_schema_describes_keys() -> None:
    properties = Tree.model_json_schema()["properties"]
    assert properties["ratio"]["description"] == "Between 0 and 1."
    assert "from" in properties


def test_schema_shows_no_secret_default() -> None:
    class Guarded(Model):
        word: Secret = SecretStr("hunter2")

    assert "hunter2" not in str(Guarded.model_json_schema())


class Named(Model):
    kind: Literal["x"]
    extra: dict[str, Any] = Field(default={})


def test_options_of_the_schema_are_pydantics() -> None:
    assert Named.model_json_schema(mode="serialization")["required"] == ["kind"]
