"""Providers: the ways of proving who somebody is, one module each.

Every module here without a leading underscore is a provider type; its name is the ``type`` in the
configuration. A dotted ``type`` names a module elsewhere. Either defines one ``Provider`` subclass.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from typing import Any

from config import ConfigError
from providers._approval import WithDirectory
from providers._base import (
    Attempt,
    BrowserSignIn,
    Budget,
    Cancelled,
    Challenge,
    CodeChallenge,
    Context,
    Conversion,
    Directory,
    Errand,
    Explanation,
    Fields,
    Identity,
    LoginError,
    Meter,
    Proof,
    Provider,
    Reason,
    Receipt,
    Rejected,
    Trip,
    Unavailable,
    UnknownIdentity,
)
from providers._breaker import Breaker
from providers._connection import Reply
from providers._http import Broken, NotSent, Overloaded, Upstream
from providers._outbox import Outbox
from providers._spans import Attributes, Span, Trace, current_trace, span

__all__ = [
    "Attempt",
    "Attributes",
    "Breaker",
    "Broken",
    "BrowserSignIn",
    "Budget",
    "Cancelled",
    "Challenge",
    "CodeChallenge",
    "ConfigError",
    "Context",
    "Conversion",
    "Directory",
    "Errand",
    "Explanation",
    "Fields",
    "Identity",
    "LoginError",
    "Meter",
    "NotSent",
    "Outbox",
    "Overloaded",
    "Proof",
    "Provider",
    "ProviderTypeError",
    "Reason",
    "Receipt",
    "Rejected",
    "Reply",
    "Span",
    "Trace",
    "Trip",
    "Unavailable",
    "UnknownIdentity",
    "Upstream",
    "WithDirectory",
    "available",
    "current_trace",
    "load",
    "load_class",
    "missing_libraries",
    "span",
]


class ProviderTypeError(Exception):
    """A ``type`` that cannot be used; the text says why, for the operator."""


def available() -> list[str]:
    """Return the built-in provider types, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(type_name: str) -> type[Provider[Any]]:
    """Return the provider class of a ``type``, ready for use. Raises ``ProviderTypeError``."""
    provider = load_class(type_name)
    absent = missing_libraries(provider)
    if absent:
        names = ", ".join(absent)
        raise ProviderTypeError(
            f'needs libraries that are not installed: {names}: pip install ".[all]"'
        )
    return provider


def load_class(type_name: str) -> type[Provider[Any]]:
    """Return the provider class of a ``type``, though libraries that it needs may be missing."""
    if "." in type_name:
        module_name = type_name
    elif type_name in available():
        module_name = f"{__name__}.{type_name}"
    else:
        known = ", ".join(available())
        raise ProviderTypeError(f"there is no such provider type; known are {known}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        missing = error.name or module_name
        raise ProviderTypeError(f"cannot be imported: no module named {missing!r}") from error
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Provider) and member.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ProviderTypeError(
            f"module {module_name} must define one Provider class, it has {len(classes)}"
        )
    return classes[0]


def missing_libraries(provider: type[Provider[Any]]) -> list[str]:
    """Return the optional modules that ``provider`` needs and this installation lacks."""
    return [name for name in provider.libraries if importlib.util.find_spec(name) is None]
