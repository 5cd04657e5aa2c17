"""TLS to servers of others: certificates and host names are always verified."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from config import FilePath
from config.spelling import invalid


@functools.cache
def system_authorities() -> ssl.SSLContext:
    """The system's authorities. Reading them takes tens of milliseconds: once is enough."""
    return ssl.create_default_context()


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the authorities in ``ca_file``, or the system's. Raises ``OSError``."""
    return ssl.create_default_context(cafile=ca_file) if ca_file else system_authorities()


def _usable(ca_file: Path) -> Path:
    try:
        client_context(ca_file)
    except ssl.SSLError as error:
        raise invalid(f"cannot be used as PEM: {error.reason}") from None
    except OSError as error:
        raise invalid(f"cannot read the file: {error.strerror}") from None
    return ca_file


CaFile = Annotated[FilePath, AfterValidator(_usable)]
"""A PEM file with the certificates of authorities, readable when the configuration is."""
