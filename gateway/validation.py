"""From a configuration file to a plan that can be run, with everything that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping

import structlog

from config import ConfigError, Loaded, parse_text, validate
from config import read as read_document
from gateway import pem
from gateway.plan import Plan, plan

log = structlog.get_logger()


def read(path: str | os.PathLike[str]) -> Plan:
    """Read and validate a file; log its warnings. Raises ``ConfigError``."""
    document = read_document(path)
    try:
        planned = validated(validate(document))
    except ConfigError as error:
        error.files = document.files
        raise
    for warning in planned.loaded.document.warnings:
        log.warning(warning)
    return planned


def parse(text: str, file: str, secrets: Mapping[str, str]) -> Plan:
    """Validate text that was read from ``file`` before, with the secrets that stood in files then.

    Raises ``ConfigError``.
    """
    return validated(validate(parse_text(text, file, secrets)))


def validated(loaded: Loaded) -> Plan:
    """See that everything a configuration names can be used. Raises ``ConfigError``."""
    planned = plan(loaded)
    pem.require(loaded)
    return planned
