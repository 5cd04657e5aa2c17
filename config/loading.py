"""From a file to settings that can be used: the checks that look at several keys at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from config.document import Document, read
from config.problems import ConfigError, Problem
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """A validated file. The providers' own ``config`` is validated later, out of ``document``."""

    document: Document
    settings: Settings


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read and validate gateway.yaml. Raises ``ConfigError``."""
    return validate(read(path))


def validate(document: Document) -> Loaded:
    """Validate what was read. Raises ``ConfigError``."""
    settings = document.parse(Settings)
    problems = [
        *_listener_problems(document, settings),
        *_state_problems(document, settings),
        *_routing_problems(document, settings),
    ]
    if problems:
        raise ConfigError(problems)
    return Loaded(document, settings)


def _listener_problems(document: Document, settings: Settings) -> Iterator[Problem]:
    if settings.admin is not None and settings.admin.collides(settings.listen):
        yield document.problem(("admin",), "is the address of listen; it needs one of its own")


def _state_problems(document: Document, settings: Settings) -> Iterator[Problem]:
    in_memory = settings.store.in_memory
    if settings.secret is None and not in_memory:
        yield document.problem(
            ("secret",), "required key is missing: only memory:// works without a secret"
        )
    if settings.workers > 1 and in_memory:
        why = "memory:// keeps its state in one process; several need redis://"
        yield document.problem(("workers",), f"must be 1: {why}")


def _routing_problems(document: Document, settings: Settings) -> Iterator[Problem]:
    for app_id, app in settings.apps.items():
        for index, name in enumerate(app.providers or ()):
            if name not in settings.providers:
                close = difflib.get_close_matches(name, settings.providers, n=1)
                hint = f'; did you mean "{close[0]}"?' if close else ""
                yield document.problem(
                    ("apps", app_id, "providers", index), f"there is no such provider{hint}"
                )
