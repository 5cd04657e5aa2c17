"""Email by SMTP: any mail server that takes submissions (RFC 6409, RFC 8314)."""

from __future__ import annotations

import importlib.util
import re
from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from config import Duration, Model, Secret
from config.spelling import invalid
from providers._base import Context
from providers._senders import DEADLINE, Sender
from providers._tls import CaFile

Security = Literal["starttls", "tls", "none"]

PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}

_NAME: Final = "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_HOST: Final = rf"^({_NAME}|[0-9A-Fa-f:.]+)$"
_HELO: Final = rf"^({_NAME}|\[[0-9A-Za-z.:]+\])$"


def _host(text: str) -> str:
    if not re.fullmatch(_HOST, text):
        raise invalid("must be a host name or an address, without a port")
    return text


def _helo(text: str) -> str:
    if not re.fullmatch(_HELO, text):
        raise invalid("must be a host name, or an address in brackets")
    return text


Host = Annotated[str, AfterValidator(_host), Field(json_schema_extra={"pattern": _HOST})]
Helo = Annotated[str, AfterValidator(_helo), Field(json_schema_extra={"pattern": _HELO})]


class SmtpConfig(Model):
    """``type: smtp``."""

    type: Literal["smtp"]
    name: str = "smtp"
    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None  # default: by ``security``
    security: Security = "starttls"
    username: str | None = None
    password: Secret | None = None
    ca_file: CaFile | None = None
    timeout: Duration = DEADLINE
    pool_size: Annotated[int, Field(ge=1, le=50)] = 8
    helo: Helo | None = None
    allow_cleartext: bool = False

    @model_validator(mode="after")
    def _safe(self) -> SmtpConfig:
        if (self.username is None) != (self.password is None):
            raise invalid("give username and password, or neither")
        if self.security == "none" and not _on_this_machine(self.host):
            if self.password is not None:
                raise invalid("security: none would send the password in the clear")
            if not self.allow_cleartext:
                raise invalid(
                    "security: none would send codes in the clear: "
                    "use starttls or tls, or set allow_cleartext: true"
                )
        return self

    @model_validator(mode="after")
    def _installed(self) -> SmtpConfig:
        if importlib.util.find_spec("aiosmtplib") is None:
            raise invalid('needs the library aiosmtplib: pip install ".[email]"')
        return self

    def create(self, context: Context) -> Sender:
        """Make the sender."""
        from providers._senders._smtp import Smtp  # takes its time, and a library

        return Smtp(self, context)


def _on_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
