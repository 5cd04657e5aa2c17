"""The base of every configuration model."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic.json_schema import (
    DEFAULT_REF_TEMPLATE,
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
)
from pydantic_core import SchemaError, SchemaSerializer, core_schema

_KEY = "reading"  # in the validation context


@dataclass(slots=True)
class Reading:
    """What validators may know of the file being read, and what they note down about it."""

    directory: Path = field(default_factory=Path)  # relative paths count from here
    warnings: list[str] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)  # that are named in it
    secrets: dict[str, str] = field(default_factory=dict)  # by path: what files hold, or held
    models: dict[int, type[Model]] = field(default_factory=dict)  # by id() of the mapping read

    @classmethod
    def of(cls, info: ValidationInfo) -> Self:
        """Return the reading that a validator is part of; a blank one outside of any."""
        reading = (info.context or {}).get(_KEY)
        return reading if isinstance(reading, cls) else cls()

    def context(self, more: dict[str, Any] | None) -> dict[str, Any]:
        """Return a validation context that holds this reading."""
        return {**(more or {}), _KEY: self}

    def warn(self, message: str) -> None:
        """Note something that works but that the operator should know, once."""
        if message not in self.warnings:
            self.warnings.append(message)


class SchemaGenerator(GenerateJsonSchema):
    """Writes defaults as they are spelled in YAML: ``5m``, not ``300.0``."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Describe a field that has a default. Models tell their own defaults, key by key."""
        described = super().default_schema(schema)
        value = self.get_default_value(schema)
        if isinstance(value, BaseModel):
            del described["default"]
        elif "default" in described:
            # Without a serializer it is a model used in several places: null or empty by default.
            with contextlib.suppress(SchemaError):
                serializer = SchemaSerializer(schema["schema"])
                described["default"] = serializer.to_python(value, mode="json")
        return described


class Model(BaseModel):
    """A mapping of the configuration: unknown keys and wrong types are refused, values never shown.

    Values are given as in YAML (``Duration`` as ``"5m"``); a union of models is told apart by
    its ``type`` key. A ``ValueError`` in a validator is the operator's message: keys, no values.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,  # editors show them
    )

    @model_validator(mode="before")
    @classmethod
    def _note_model(cls, data: Any, info: ValidationInfo) -> Any:
        """Remember which model reads which mapping: for the "did you mean" of unknown keys."""
        Reading.of(info).models[id(data)] = cls
        return data

    @classmethod
    def model_json_schema(
        cls,
        by_alias: bool | None = None,
        ref_template: str = DEFAULT_REF_TEMPLATE,
        schema_generator: type[GenerateJsonSchema] = SchemaGenerator,
        mode: JsonSchemaMode = "validation",
        **options: Any,
    ) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the YAML form."""
        return super().model_json_schema(by_alias, ref_template, schema_generator, mode, **options)
