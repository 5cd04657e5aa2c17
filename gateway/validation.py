"""From a configuration file to a plan that can be run, with everything that it names."""

from __future__ import annotations

import os

import structlog

from config import Loaded, load, parse_text, validate
from gateway import pem
from gateway.plan import Plan, plan

log = structlog.get_logger()


def read(path: str | os.PathLike[str]) -> Plan:
    """Read and validate a file; log its warnings. Raises ``ConfigError``."""
    planned = validated(load(path))
    for warning in planned.loaded.document.warnings:
        log.warning(warning)
    return planned


def parse(text: str, file: str) -> Plan:
    """Validate text that was read from ``file`` before. Raises ``ConfigError``."""
    return validated(validate(parse_text(text, file)))


def validated(loaded: Loaded) -> Plan:
    """See that everything a configuration names can be used. Raises ``ConfigError``."""
    planned = plan(loaded)
    pem.require(loaded)
    return planned
