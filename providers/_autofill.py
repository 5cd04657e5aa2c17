"""Last lines of a text message that let phones and browsers fill in the code themselves.

https://developers.google.com/identity/sms-retriever/verify: a message of at most 140 bytes that
holds the hash of the Android app. https://wicg.github.io/sms-one-time-codes/: a last line that
binds the code to a web origin, read by iOS and by browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field

MAX_BYTES: Final = 140  # of a message that Android looks into

_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123 2.1
_DOMAIN: Final = rf"^({_LABEL}\.)+{_LABEL}$"


def _domain(text: str) -> str:
    if len(text) > 253 or not re.fullmatch(_DOMAIN, text):
        raise ValueError("must be a domain in lower case, such as example.com")
    return text


AppHash = Annotated[str, Field(pattern="^[A-Za-z0-9+/]{11}$")]
Domain = Annotated[str, AfterValidator(_domain), Field(json_schema_extra={"pattern": _DOMAIN})]


class Autofill(NamedTuple):
    """What messages end with: a value for the messages of all apps, or values by app id."""

    app_hash: str | dict[str, str] | None
    domain: str | dict[str, str] | None

    def append(self, text: str, code: str, app: str) -> str:
        """Return ``text`` with the last lines for an app id."""
        app_hash, domain = _of(self.app_hash, app), _of(self.domain, app)
        lines = [app_hash] if app_hash else []
        if domain:
            lines.append(f"@{domain} #{code}")
        return "\n".join([text, "", *lines]) if lines else text

    def android_apps(self) -> Iterable[str]:
        """Return the app ids whose messages Android looks into; the empty one is any other."""
        if self.app_hash is None or isinstance(self.app_hash, dict):
            return self.app_hash or ()
        return ["", *(self.domain if isinstance(self.domain, dict) else ())]


def _of(values: str | dict[str, str] | None, app: str) -> str | None:
    return values.get(app) if isinstance(values, dict) else values
