"""JSON Schema of the whole gateway.yaml, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.settings import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS = "#/$defs/"


def settings_schema(provider_schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema; ``provider_schemas`` has that of each provider type's ``config``.

    An entry's ``type`` decides which of them its ``config`` has to fit. A dotted type, which names
    a module elsewhere, may have any.
    """
    schema = Settings.model_json_schema()
    definitions = schema["$defs"]
    branches = []
    for kind, provider_schema in provider_schemas.items():
        definitions |= _moved(provider_schema, kind)
        branches.append(_branch(kind, required="required" in provider_schema))
    entry = definitions["ProviderEntry"]
    dotted = {"type": "string", "pattern": r"\."}
    entry["properties"]["type"] = {"anyOf": [{"enum": sorted(provider_schemas)}, dotted]}
    entry["allOf"] = branches
    return {"$schema": DIALECT, **schema, "title": "gateway.yaml"}


def _branch(kind: str, *, required: bool) -> dict[str, Any]:
    then: dict[str, Any] = {"properties": {"config": {"$ref": f"{_DEFINITIONS}{kind}"}}}
    if required:
        then["required"] = ["config"]
    return {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": then}


def _moved(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a schema and its definitions under names of their own."""
    named = {f"{kind}.{name}": part for name, part in schema.get("$defs", {}).items()}
    named[kind] = {key: part for key, part in schema.items() if key != "$defs"}
    return {name: _redirected(part, kind) for name, part in named.items()}


def _redirected(part: Any, kind: str) -> Any:
    """Make references (and discriminators, which hold the same) follow a move."""
    if isinstance(part, dict):
        return {key: _redirected(value, kind) for key, value in part.items()}
    if isinstance(part, list):
        return [_redirected(value, kind) for value in part]
    if isinstance(part, str) and part.startswith(_DEFINITIONS):
        return f"{_DEFINITIONS}{kind}.{part.removeprefix(_DEFINITIONS)}"
    return part
