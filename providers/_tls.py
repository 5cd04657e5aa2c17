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
    return at_least_1_2(ssl.create_default_context())


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trust the authorities in ``ca_file``, or the system's. Raises ``OSError``."""
    if ca_file is None:
        return system_authorities()
    return at_least_1_2(ssl.create_default_context(cafile=ca_file))


def at_least_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    """Refuse older versions of TLS (RFC 8996): Python does not, as some distributions build it."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


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
