from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from config import Duration, Model, Secret, settings_schema


class Http(Model):
    type: Literal["http"]
    token: Secret


class Console(Model):
    type: Literal["console"]


class PhoneConfig(Model):
    senders: list[Annotated[Http | Console, Field(discriminator="type")]]
    wait: Duration = 60.0


class StaffConfig(Model):
    console: Console | None = None


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return settings_schema(
        {"phone": PhoneConfig.model_json_schema(), "staff": StaffConfig.model_json_schema()}
    )


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)
    elif isinstance(part, str) and part.startswith("#/"):
        yield part


def test_schema_says_its_dialect(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    found = set(references(schema))
    assert "#/$defs/phone.Http" in found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= schema["$defs"].keys()


def test_type_decides_what_config_may_hold(schema: dict[str, Any]) -> None:
    branches = schema["$defs"]["ProviderEntry"]["allOf"]
    assert branches == [
        {
            "if": {"properties": {"type": {"const": "phone"}}, "required": ["type"]},
            "then": {
                "properties": {"config": {"$ref": "#/$defs/phone"}},
                "required": ["config"],
            },
        },
        {
            "if": {"properties": {"type": {"const": "staff"}}, "required": ["type"]},
            "then": {"properties": {"config": {"$ref": "#/$defs/staff"}}},
        },
    ]
    assert schema["$defs"]["phone"]["required"] == ["senders"]
    assert schema["$defs"]["phone"]["additionalProperties"] is False


def test_types_of_one_name_in_two_providers_stay_apart(schema: dict[str, Any]) -> None:
    staff = schema["$defs"]["staff"]["properties"]["console"]
    assert staff["anyOf"][0] == {"$ref": "#/$defs/staff.Console"}
    phone = schema["$defs"]["phone"]["properties"]["senders"]["items"]
    assert phone["discriminator"]["mapping"] == {
        "http": "#/$defs/phone.Http",
        "console": "#/$defs/phone.Console",
    }


def test_known_types_are_offered_and_dotted_ones_allowed(schema: dict[str, Any]) -> None:
    kinds = schema["$defs"]["ProviderEntry"]["properties"]["type"]["anyOf"]
    assert kinds == [{"enum": ["phone", "staff"]}, {"type": "string", "pattern": r"\."}]


def test_values_are_described_as_written_in_yaml(schema: dict[str, Any]) -> None:
    properties = schema["properties"]
    assert properties["listen"]["default"] == "127.0.0.1:8080"
    assert properties["admin"]["default"] == "127.0.0.1:9090"
    assert properties["workers"]["type"] == "integer"
    assert schema["$defs"]["MesiboIssuer"]["properties"]["token_lifetime"]["default"] == "365d"
    assert schema["$defs"]["StoreEntry"]["properties"]["url"]["default"] == "memory://"
    assert schema["$defs"]["Limits"]["properties"]["per_ip"]["default"] == ["60/5m"]
    assert len(schema["$defs"]["MesiboIssuer"]["properties"]["app_token"]["anyOf"]) == 3
    assert schema["required"] == ["issuer", "apps", "providers"]


def test_unknown_keys_and_names_are_not_allowed(schema: dict[str, Any]) -> None:
    assert schema["additionalProperties"] is False
    providers = schema["properties"]["providers"]
    assert list(providers["patternProperties"]) == ["^[a-z0-9][a-z0-9_-]{0,31}$"]
    assert providers["additionalProperties"] is False


def test_given_schemas_are_not_changed() -> None:
    given = PhoneConfig.model_json_schema()
    settings_schema({"phone": given})
    assert given == PhoneConfig.model_json_schema()
