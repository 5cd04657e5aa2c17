"""The URLs of an identity provider, as the operator writes them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from config.spelling import invalid
from providers._public_addresses import is_public

_NAME: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        usable = parts.port != 0 and ("[" in parts.netloc or re.fullmatch(_NAME, host))
    except ValueError:
        usable = False
    # urlsplit would drop line breaks and tabs.
    if not usable or parts.scheme not in ("https", "http") or not re.fullmatch("[!-~]+", text):
        raise invalid("must be a URL such as https://login.example.com/path")
    if "@" in parts.netloc:
        raise invalid("must not hold a user name or password")
    if "#" in text:
        raise invalid("must not have a fragment (#)")
    return text


def check_public(text: str) -> None:
    """Raise ``ValueError`` for plain http, and for a host that is surely inside.

    Where any other name leads is seen when it is resolved.
    """
    parts = urlsplit(text)
    if parts.scheme != "https":
        raise invalid("must be https, or set allow_private_network: true")
    host = parts.hostname or ""
    if f".{host}".endswith(".localhost") or (_is_address(host) and not is_public(host)):
        raise invalid("is inside your own network: set allow_private_network: true")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


Url = Annotated[str, AfterValidator(_url), Field(json_schema_extra={"format": "uri"})]
"""An http or https URL without user, password and fragment."""
