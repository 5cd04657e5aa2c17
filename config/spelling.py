"""Values with a spelling of their own: how one is read, refused and described to editors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

INVALID = "invalid_value"


def invalid(message: str) -> PydanticCustomError:
    """Make the error for a value that cannot be used.

    A ``ValueError`` whose message is shown as it stands, so it must not hold the value.
    """
    return PydanticCustomError(INVALID, "{message}", {"message": message})


class Spelled:
    """A base of types that are written as one text."""

    __slots__ = ()

    pattern: ClassVar[str]  # JSON Schema (ECMA 262)

    @classmethod
    @abstractmethod
    def parse(cls, text: object) -> Self:
        """Read the text. Raises ``ValueError`` for anything else."""

    @classmethod
    def _validate(cls, value: object) -> Self:
        return value if isinstance(value, cls) else cls.parse(value)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema(when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described: dict[str, Any] = {"type": "string", "pattern": cls.pattern}
        return described
