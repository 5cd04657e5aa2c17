"""Header fields of HTTP requests."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

from config.secret import Secret
from config.spelling import invalid

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid("is no name of an HTTP header")
    return name


def _value(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()):
        raise invalid("must be one line of printable ASCII")
    return secret


HeaderName = Annotated[str, AfterValidator(_name)]
HeaderValue = Annotated[Secret, AfterValidator(_value)]
"""A ``pydantic.SecretStr`` that fits into one line."""
