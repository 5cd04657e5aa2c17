"""The documentation as tests read it: its YAML, and the tables of options."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import config
import providers
from gateway.plan import Plan, plan
from providers import _senders
from providers._senders._config import OneOf
from tests.servers.oidc_keys import Key

ROOT: Final = Path(__file__).resolve().parents[1]
SECRET: Final = "a-secret-of-thirty-two-bytes-or-more"

_YAML: Final = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_BASE: Final = yaml.safe_load((ROOT / "gateway.yaml").read_text())
# What an example for a provider may leave out, since its own page tells of it.
_REST: Final[Mapping[str, Mapping[str, object]]] = {
    "email_otp": {"from": "Example <no-reply@example.com>"},
    "ldap": {
        "urls": ["ldaps://ldap.example.com"],
        "user_search": {"base_dn": "ou=people,dc=example,dc=com"},
    },
}


def yaml_blocks(page: str) -> list[str]:
    """Return the ```yaml blocks of a page, without the indentation of the text around them."""
    return [re.sub(f"^{m[1]}", "", m[2], flags=re.MULTILINE) for m in _YAML.finditer(page)]


def section(page: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one. Raises ``ValueError``."""
    _, found, rest = page.partition(f"# {heading}\n")
    if not found:
        raise ValueError(f"no heading {heading}")
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def completed(block: str) -> str:
    """Return a whole file: a block with providers is one, any other is a part of one."""
    part = yaml.safe_load(block)
    if "providers" in part:
        return block
    if not part.keys() <= keys(config.Settings):
        part = {"providers": {"example": _provider(part)}}
    return yaml.safe_dump({**_BASE, **part})


def _provider(part: dict[str, Any]) -> dict[str, Any]:
    """Return a provider of the first type that takes the part's keys and senders."""
    wanted = {sender["type"] for sender in part.get("senders", ())}
    for kind in providers.available():
        model = providers.load(kind).Config
        if part.keys() <= keys(model) and wanted <= sender_types(model):
            return {"type": kind, "config": {**_REST.get(kind, {}), **part}}
    raise ValueError(f"no provider takes {sorted(part)} with senders {sorted(wanted)}")


def read(block: str, folder: Path, patch: pytest.MonkeyPatch) -> Plan:
    """Read a block as the gateway would."""
    return read_file(completed(block), folder, patch)


def read_file(text: str, folder: Path, patch: pytest.MonkeyPatch) -> Plan:
    """Read a whole file; every variable and every authority's file that it names is there."""
    for variable in re.findall(r"\benv: *(\w+)", text):
        patch.setenv(variable, private_key() if variable.endswith("_PRIVATE_KEY") else SECRET)
    for authority in re.findall(r"\bca_file: *([\w.-]+\.pem)", text):
        trustme.CA().cert_pem.write_to_path(folder / authority)
    file = folder / "gateway.yaml"
    file.write_text(text)
    return plan(config.load(file))


@functools.cache
def private_key() -> str:
    """Return a private key as Apple gives them: PEM, of the curve P-256."""
    return Key("ES256").private_pem.decode()


def first_column(page: str) -> set[str]:
    """Return what stands as `code` in the first column of any table."""
    cells = re.findall(r"^\|([^|]*)\|", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall("`([^`]+)`", cell)}


def keys(model: type[BaseModel]) -> set[str]:
    """Return the model's keys as they are written in YAML."""
    return {field.alias or name for name, field in model.model_fields.items()}


def options(model: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of a model: ``code.length`` where there is one inner model.

    What is in a list, a mapping or a union has a table of its own; senders have pages of their own.
    """
    for key, field in fields(model):
        if not has_keys(field):
            yield key


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the same with what is known of them, and those that have keys below them as well."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        yield key, field
        below = f"{key}." if has_keys(field) else ""
        for part in _inner(field):
            yield from fields(part, below)


def has_keys(field: FieldInfo) -> bool:
    """Whether keys below a key are written with it: ``code.length``."""
    return len(_inner(field)) == 1 and typing.get_origin(field.annotation) not in (list, dict)


def _inner(field: FieldInfo) -> list[type[BaseModel]]:
    return [part for part in models_in(field.annotation) if not is_sender(part)]


def models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]


def is_sender(model: type[BaseModel]) -> bool:
    return model.__module__.startswith(f"{_senders.__name__}.") and "type" in model.model_fields


def sender_types(model: type[BaseModel]) -> set[str]:
    """Return the types of the senders that a provider's configuration takes."""
    field = model.model_fields.get("senders")
    return (
        {kind for choice in choices_in(field.annotation) for kind in choice.types}
        if field
        else set()
    )


def choices_in(annotation: object) -> list[OneOf]:
    if isinstance(annotation, OneOf):
        return [annotation]
    return [choice for part in typing.get_args(annotation) for choice in choices_in(part)]


def sender_type(model: type[BaseModel]) -> str:
    (kind,) = typing.get_args(model.model_fields["type"].annotation)
    return str(kind)


def senders() -> dict[str, type[BaseModel]]:
    """Return the configuration of each sender by its type, which is the name of its module."""
    names = (m.name for m in pkgutil.iter_modules(_senders.__path__))
    return {name: sender_config(name) for name in sorted(names) if not name.startswith("_")}


def sender_config(name: str) -> type[BaseModel]:
    module = importlib.import_module(f"{_senders.__name__}.{name}")
    models = (m for _, m in inspect.getmembers(module, inspect.isclass) if issubclass(m, BaseModel))
    (model,) = (m for m in models if m.__module__ == module.__name__ and is_sender(m))
    if sender_type(model) != name:
        raise ValueError(f"the type of {module.__name__} is not its name")
    return model
