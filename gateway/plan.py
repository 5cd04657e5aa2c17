"""From a validated file to what is to be built: provider types, configs, address templates."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import providers
from config import ConfigError, Loaded, Model, Problem, ProviderEntry, SandboxIssuer
from gateway.addresses import AddressTemplate, TemplateError, rivals
from gateway.stores import BadStoreUrl, open_store
from providers import Directory, Provider, ProviderTypeError, WithDirectory


@dataclass(frozen=True, slots=True)
class Planned:
    """One provider: everything that can be known of it without running."""

    name: str
    kind: type[Provider[Any]]
    config: Model
    template: AddressTemplate
    rivals: tuple[AddressTemplate, ...] = ()
    label: str = ""  # for people


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that can be run."""

    loaded: Loaded
    providers: tuple[Planned, ...]
    secret: bytes


def plan(loaded: Loaded) -> Plan:
    """Check what only the provider types can check. Raises ``ConfigError`` with all problems."""
    settings = loaded.settings
    production = not isinstance(settings.issuer, SandboxIssuer)
    problems: list[Problem] = []
    planned: dict[str, Planned] = {}
    for name, entry in settings.providers.items():
        try:
            planned[name] = _provider(loaded, name, entry, production)
        except ConfigError as error:
            problems += error.problems
    shared = frozenset(name for name, entry in settings.providers.items() if entry.shared_address)
    try:
        open_store(settings.store.url.get_secret_value())  # connects to nothing yet
    except BadStoreUrl as error:
        problems.append(loaded.document.problem(("store", "url"), str(error)))
    problems += _overlaps(loaded, planned.values(), shared)
    problems += _directories(loaded, planned)
    problems += _tracing(loaded)
    if problems:
        raise ConfigError(problems)
    templates = {name: provider.template for name, provider in planned.items()}
    secret = settings.secret.get_secret_value().encode() if settings.secret else None
    return Plan(
        loaded,
        tuple(replace(p, rivals=rivals(p.name, templates, shared)) for p in planned.values()),
        # In memory nothing outlives the process, so its secret need not either.
        secret or secrets.token_bytes(32),
    )


def _provider(loaded: Loaded, name: str, entry: ProviderEntry, production: bool) -> Planned:
    document = loaded.document
    at = ("providers", name)
    try:
        kind = providers.load(entry.type)
    except ProviderTypeError as error:
        raise ConfigError([document.problem((*at, "type"), str(error))]) from error
    config = document.parse(kind.Config, at=(*at, "config"), context={"production": production})
    try:
        template = AddressTemplate.parse(entry.address or kind.address, name)
    except TemplateError as error:
        raise ConfigError([document.problem((*at, "address"), str(error))]) from error
    return Planned(name, kind, config, template, label=entry.label or name)


def _overlaps(loaded: Loaded, planned: Iterable[Planned], shared: frozenset[str]) -> list[Problem]:
    return [
        loaded.document.problem(
            ("providers", two.name, "address"),
            f"can give the same address as provider {one.name}; "
            "if both vouch for the same people, set shared_address: true on both",
        )
        for one, two in combinations(planned, 2)
        if one.template.overlaps(two.template) and not {one.name, two.name} <= shared
    ]


def _directories(loaded: Loaded, planned: Mapping[str, Planned]) -> list[Problem]:
    """Whoever asks a directory must name one."""
    problems = []
    for provider in planned.values():
        config = provider.config
        if not isinstance(config, WithDirectory) or config.directory is None:
            continue
        named = planned.get(config.directory)
        if config.directory not in loaded.settings.providers:
            why = "this file has no provider of that name"
        elif named is not None and not issubclass(named.kind, Directory):
            why = "that provider is not a directory"
        else:  # if it has problems of its own, these are told already
            continue
        at = ("providers", provider.name, "config", "directory")
        problems.append(loaded.document.problem(at, why))
    return problems


def _tracing(loaded: Loaded) -> list[Problem]:
    """Its libraries are optional."""
    if loaded.settings.tracing is None:
        return []
    try:
        importlib.import_module("gateway.tracing")
    except ImportError as error:
        missing = f"needs libraries that are not installed: {error.name}"
        return [loaded.document.problem(("tracing",), f'{missing}: pip install ".[tracing]"')]
    return []
