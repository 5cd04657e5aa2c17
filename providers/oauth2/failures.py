"""What an identity provider refuses, and whose failure that is.

Whatever it writes comes from outside: it goes to the operator's log alone, as ``quoted`` leaves it.
"""

from __future__ import annotations

import re
from typing import Final

import structlog

from providers._base import Unavailable

MAX_QUOTED: Final = 64  # characters

# What the operator can do about an error word of RFC 6749 4.1.2.1 and 5.2, or of GitHub's.
_ADVICE: Final = {
    "invalid_client": "see client_id, client_secret and client_auth",
    "incorrect_client_credentials": "see client_id and client_secret",
    "unauthorized_client": "allow this client the authorization code grant there",
    "redirect_uri_mismatch": "register the redirect URI of this provider and of the apps there",
    "invalid_redirect_uri": "register the redirect URI of this provider and of the apps there",
    "invalid_scope": "see scopes",
    "unsupported_response_type": "allow this client the authorization code grant there",
    "unsupported_grant_type": "allow this client the authorization code grant there",
}

_PRIVATE: Final = re.compile(
    r"\S*[@\uff20]\S*"  # an address
    r"|(?=[^\s\d]*\d)\S{16,}|\S{33,}"  # a code, a token; words have no digits
    r"|\+?\d[\d ().-]{6,}\d"  # a phone number
)

log = structlog.get_logger()


def quoted(text: object) -> str:
    """Return what an identity provider wrote as one printable line of at most 64 characters.

    Left out is what may be somebody's address or number, or a secret.
    """
    if not isinstance(text, str):
        return ""
    line = _PRIVATE.sub("\N{HORIZONTAL ELLIPSIS}", " ".join(text.split()))
    return "".join(c if c.isprintable() else "?" for c in line)[:MAX_QUOTED]


def remark(error: str, description: object) -> str:
    """Return an error word with its description, for the log."""
    detail = quoted(description)
    return f"{quoted(error)} ({detail})" if detail else quoted(error)


def misconfigured(provider: str, error: str, description: object = None) -> Unavailable:
    """Tell the operator what the identity provider holds against the configuration.

    The person has done nothing wrong and can do nothing about it.
    """
    answer = remark(error, description)
    advice = _ADVICE.get(error, "see the configuration of this provider")
    log.error("identity provider refuses", provider=provider, answer=answer, advice=advice)
    return Unavailable(provider, f"refuses: {answer}")


def unusable(provider: str, detail: str) -> Unavailable:
    """Tell the operator of an answer that shows a wrong configuration, here or there."""
    log.error("identity provider of no use", provider=provider, detail=detail)
    return Unavailable(provider, detail)
