"""The ``issuer`` key: who makes the tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.files import FilePath
from config.model import Model
from config.network import SecureUrl
from config.quantities import Duration
from config.secret import Secret

YEAR = 365 * 86_400.0  # seconds

# The backend API counts in minutes, and takes 0 for "never expires".
TokenLifetime = Annotated[Duration, Field(ge=60)]


class MesiboIssuer(Model):
    """Tokens of the mesibo backend API, or of an on-premise server that speaks it."""

    type: Literal["mesibo"]
    url: SecureUrl = "https://api.mesibo.com/backend/"
    """https, or http on a private network."""
    app_token: Secret
    """Out of the mesibo console."""
    token_lifetime: TokenLifetime = YEAR
    ca_file: FilePath | None = None
    """PEM; default: the system's certificates."""


class SandboxIssuer(Model):
    """Made-up tokens, for trials."""

    type: Literal["sandbox"]
    token_lifetime: TokenLifetime = YEAR


Issuer = Annotated[MesiboIssuer | SandboxIssuer, Field(discriminator="type")]
