"""What an identity provider tells of the bearer of an access token.

OpenID Connect Core 5.3; GitHub's ``/user`` and ``/user/emails`` (docs.github.com/rest).
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from providers._base import Rejected, Unavailable
from providers._connection import Reply
from providers.oauth2.failures import unusable

_JWT: Final = re.compile(rb"\s*[\w-]+(\.[\w-]*){2,4}\s*")  # signed, or encrypted


def headers(access_token: str) -> dict[str, str]:
    """Return what a request is made with: the token travels in no other way (RFC 6750 2.1)."""
    return {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json",
        "User-Agent": "messenger-auth-gateway",  # GitHub refuses whoever has no name
    }


def read(provider: str, reply: Reply) -> dict[str, Any]:
    """Return the claims. Raises ``Rejected`` if the token is not good, else ``Unavailable``."""
    answer = _json(provider, reply)
    if not isinstance(answer, dict):
        raise Unavailable(provider, "userinfo that is no JSON object")
    return answer


def read_emails(provider: str, reply: Reply) -> str | None:
    """Return the verified primary address of a list of GitHub's. Raises as ``read``."""
    answer = _json(provider, reply)
    for entry in answer if isinstance(answer, list) else []:
        if not isinstance(entry, dict):
            continue
        if entry.get("primary") is True and entry.get("verified") is True:
            address = entry.get("email")
            return address if isinstance(address, str) else None
    return None


def _json(provider: str, reply: Reply) -> Any:
    if reply.status == 401:
        raise Rejected("the identity provider does not take the access token")
    if reply.status == 403:
        raise unusable(provider, "userinfo is forbidden: see scopes")
    if reply.status != 200:
        raise Unavailable(provider, f"HTTP status {reply.status} for userinfo", reply.retry_after)
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        pass
    if _JWT.fullmatch(reply.body):
        detail = "gives userinfo as a JWT: have it give JSON (userinfo_signed_response_alg)"
        raise unusable(provider, detail)
    raise Unavailable(provider, "userinfo that is no JSON")
