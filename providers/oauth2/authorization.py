"""Out to the authorization endpoint, and back from it (RFC 6749 4.1, RFC 7636, RFC 9207)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from providers._base import Cancelled, Rejected, Trip, Unavailable
from providers.oauth2.failures import misconfigured, remark

MAX_NAME: Final = 64  # characters

# The person turned back: RFC 6749 4.1.2.1, and a word of Apple's.
_CANCELLED: Final = {"access_denied", "user_cancelled_authorize"}
# Something is left for the person to do at the provider (OpenID Connect Core 3.1.2.6).
_PERSONS: Final = {
    "login_required",
    "interaction_required",
    "account_selection_required",
    "consent_required",
}
_UPSTREAMS: Final = {"server_error", "temporarily_unavailable"}


def url(
    endpoint: str,
    client_id: str,
    trip: Trip,
    scopes: Sequence[str],
    response_mode: str,
    params: Mapping[str, str],
) -> str:
    """Return where the browser goes. ``params`` are fixed ones, none of those that a trip has."""
    more = {"ui_locales": trip.lang} if trip.lang else {}
    if response_mode != "query":
        more["response_mode"] = response_mode
    there = prepare_grant_uri(
        endpoint,
        client_id,
        "code",
        redirect_uri=trip.return_url,
        scope=list(scopes),
        state=trip.state,
        nonce=trip.nonce,
        code_challenge=create_s256_code_challenge(trip.verifier),
        code_challenge_method="S256",
    )
    return str(add_params_to_uri(there, list({**more, **params}.items())))


class Answer(NamedTuple):
    """What a browser brought back from somebody who has signed in."""

    code: str
    names_issuer: bool


def read(provider: str, answer: Mapping[str, str], issuers: Collection[str]) -> Answer:
    """Read what a browser brought back.

    The answer of another issuer is told by its name (RFC 9207). Where it has none, as with plain
    OAuth 2.0, that each provider has a redirect URI of its own must do.
    """
    named = answer.get("iss") if issuers else None
    if named is not None and named not in issuers:
        raise Rejected("an answer of another issuer (iss)")
    error = answer.get("error")
    if error is not None:
        raise _refusal(provider, error, answer.get("error_description"))
    if not answer.get("code"):
        raise Rejected("came back without a code")
    return Answer(answer["code"], named is not None)


def _refusal(provider: str, error: str, description: object) -> Rejected | Unavailable:
    if error in _CANCELLED:
        return Cancelled(f"turned back: {remark(error, description)}")
    if error in _PERSONS:
        return Rejected(f"not signed in there: {remark(error, description)}")
    if error in _UPSTREAMS:
        return Unavailable(provider, remark(error, description))
    return misconfigured(provider, error, description)


def told_name(user: str) -> str | None:
    """Return the name in Apple's ``user`` field, which comes with the first sign-in only.

    Nobody has signed it: the browser could have written anything. It is for people to read.
    """
    try:
        name = orjson.loads(user)["name"]
        parts = [name.get("firstName"), name.get("lastName")]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return None
    told = " ".join(part for part in parts if isinstance(part, str))
    return "".join(c for c in told if c.isprintable()).strip()[:MAX_NAME] or None
