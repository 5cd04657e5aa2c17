"""The ``tracing`` key: where spans go, and how many."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.files import FilePath
from config.headers import HeaderName, HeaderValue
from config.model import Model
from config.network import SecureUrl


class Tracing(Model):
    """OpenTelemetry traces, sent as OTLP over HTTP."""

    endpoint: SecureUrl
    """The whole URL, such as http://127.0.0.1:4318/v1/traces."""
    sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Which part of the traces that begin here is recorded."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Sent to the collector, such as credentials."""
    service: str = Field(default="messenger-auth-gateway", min_length=1)
    """What traces call the gateway: service.name."""
    ca_file: FilePath | None = None
    """PEM; default: the system's certificates."""
