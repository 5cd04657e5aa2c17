"""The configuration of a sender: the module of its ``type`` is loaded, and no other.

All modules of all vendors would cost each process memory that none but one or two earn.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Annotated, Any, Final, Protocol, Union

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticKnownError, core_schema

from config import Model
from providers._base import Context
from providers._senders import Sender

_TAG: Final = "'type'"


class SenderConfig(Protocol):
    """The keys of one sender."""

    name: str

    def create(self, context: Context) -> Sender:
        """Make the sender."""

    def model_dump_json(self) -> str:
        """All keys as JSON, without secrets."""


class OneOf:
    """Annotates a sender's configuration with the types that it may have."""

    def __init__(self, *types: str) -> None:
        self.types = types

    def __get_pydantic_core_schema__(self, _source: object, _handler: object) -> Any:
        return core_schema.with_info_plain_validator_function(
            self._validate, serialization=core_schema.plain_serializer_function_ser_schema(_dump)
        )

    def __get_pydantic_json_schema__(
        self, _schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        union: Any = Union[tuple(map(config_class, self.types))]  # noqa: UP007 - of a tuple
        return handler(TypeAdapter(Annotated[union, Field(discriminator="type")]).core_schema)

    def _validate(self, data: object, info: ValidationInfo) -> Model:
        if isinstance(data, Model):
            return data
        if not isinstance(data, dict):
            raise PydanticKnownError("model_attributes_type")
        named = data.get("type")
        if "type" not in data:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": _TAG})
        if not isinstance(named, str) or named not in self.types:
            known = ", ".join(map(repr, self.types))
            context = {"discriminator": _TAG, "tag": str(named), "expected_tags": known}
            raise PydanticKnownError("union_tag_invalid", context)
        return config_class(named).model_validate(data, context=info.context)


def config_class(type_name: str) -> type[Model]:
    """Return the model of a sender's keys."""
    module = importlib.import_module(f"providers._senders.{type_name}")
    (found,) = (
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Model)
        and member.__module__ == module.__name__
        and "type" in member.model_fields
    )
    return found


def _dump(config: Model) -> dict[str, Any]:
    return config.model_dump(mode="json")
