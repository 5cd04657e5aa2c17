"""A code for tokens, at the token endpoint (RFC 6749 4.1.3, RFC 7636 4.5).

A code is good once: nothing here is ever sent twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from providers._base import Rejected, Unavailable
from providers._connection import Reply
from providers.oauth2.client_auth import ClientAuth, Credentials
from providers.oauth2.failures import misconfigured, quoted, remark, unusable
from providers.oauth2.web import Web, json_object

# No code, or not the person's, or not any more: RFC 6749 5.2 and two words of GitHub's.
_PERSONS: Final = {"invalid_grant", "bad_verification_code", "unverified_user_email"}
_UPSTREAMS: Final = {"server_error", "temporarily_unavailable", "slow_down"}

_CODE: Final = re.compile("[ -~]{1,4096}")  # RFC 6749 A.11
_VERIFIER: Final = re.compile("[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.1
# To go into a header. RFC 6750 2.1 allows fewer, identity providers use more.
_ACCESS_TOKEN: Final = re.compile("[!-~]+")


class Grant(NamedTuple):
    """What a code was given for, and what proves that it comes from whoever asked for it."""

    code: str
    verifier: str
    redirect_uri: str


def check(grant: Grant) -> None:
    """Raise ``Rejected`` for what no identity provider has to be asked about."""
    if not _CODE.fullmatch(grant.code):
        raise Rejected("what no code looks like")
    if not _VERIFIER.fullmatch(grant.verifier):
        raise Rejected("a code_verifier that is none of RFC 7636")


class Granted(NamedTuple):
    """What the code was good for."""

    id_token: str | None  # unverified
    access_token: str | None


class Request(NamedTuple):
    """A form to be posted."""

    headers: Mapping[str, str]
    body: bytes


async def redeem(
    web: Web, url: str, grant: Grant, authenticate: ClientAuth, audience: str, deadline: float
) -> Granted:
    """Redeem a code at the token endpoint, until a monotonic deadline. Raises as ``read``."""
    headers, body = request(grant, authenticate(audience))
    within = max(0.0, deadline - time.monotonic())
    return read(web.name, await web.fetch("POST", url, within=within, headers=headers, data=body))


def request(grant: Grant, credentials: Credentials) -> Request:
    """Return what redeems a code."""
    form = {
        "grant_type": "authorization_code",
        "code": grant.code,
        "redirect_uri": grant.redirect_uri,
        "code_verifier": grant.verifier,
        **credentials.form,
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",  # GitHub answers with a form otherwise
        **credentials.headers,
    }
    return Request(headers, urlencode(form).encode())


def read(provider: str, reply: Reply) -> Granted:
    """Return what was granted.

    Raises ``Rejected`` if the code is not good, ``Unavailable`` for all else; of what the operator
    has to mend, a line is logged.
    """
    try:
        answer = json_object(reply.body)
    except ValueError:
        answer = {}
    if reply.status >= 500 or reply.status == 429:
        raise Unavailable(provider, f"HTTP status {reply.status}", reply.retry_after)
    if answer.get("error") is not None:  # with HTTP status 400 or 401; GitHub: 200
        raise _refusal(provider, answer["error"], answer.get("error_description"))
    if reply.status == 401:
        raise misconfigured(provider, "invalid_client")
    if reply.status != 200:
        raise Unavailable(provider, f"HTTP status {reply.status} for a code")
    return _granted(provider, answer)


def _refusal(provider: str, error: object, description: object) -> Rejected | Unavailable:
    if not isinstance(error, str):
        return Unavailable(provider, "an error that is no word")
    if error in _PERSONS:
        return Rejected(f"the code is refused: {remark(error, description)}")
    if error in _UPSTREAMS:
        return Unavailable(provider, remark(error, description))
    return misconfigured(provider, error, description)


def _granted(provider: str, answer: Mapping[str, Any]) -> Granted:
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    if not isinstance(id_token, str | None) or not isinstance(access_token, str | None):
        raise Unavailable(provider, "tokens that are no text")
    if not id_token and not access_token:
        raise Unavailable(provider, "an answer without tokens to a code")
    kind = answer.get("token_type")
    if access_token and not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise unusable(provider, f"gives tokens that are no bearer tokens: {quoted(kind)}")
    if access_token and not is_access_token(access_token):
        raise Unavailable(provider, "an access token that fits in no header")
    return Granted(id_token or None, access_token or None)


def is_access_token(text: str) -> bool:
    """Whether ``text`` can go into a header."""
    return _ACCESS_TOKEN.fullmatch(text) is not None
