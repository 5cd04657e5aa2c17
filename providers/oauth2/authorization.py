"""Out to the authorization endpoint, and back from it (RFC 6749 4.1.1, 4.1.2; OpenID Connect Core)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from providers._base import Cancelled, Rejected, Trip, Unavailable
from providers.oauth2.failures import misconfigured, remark

MAX_NAME: Final = 64  # characters
MAX_USER: Final = 4096  # characters of Apple's ``user`` field

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
    """Return where the browser goes. ``params`` are fixed ones; they replace none of ours."""
    ours = {
        "nonce": trip.nonce,
        "code_challenge": create_s256_code_challenge(trip.verifier),
        "code_challenge_method": "S256",
    }
    if response_mode != "query":
        ours["response_mode"] = response_mode
    if trip.lang:
        ours["ui_locales"] = trip.lang
    return str(
        prepare_grant_uri(
            endpoint,
            client_id,
            "code",
            redirect_uri=trip.return_url,
            scope=list(scopes),
            state=trip.state,
            **{**params, **ours},
        )
    )


def code(provider: str, answer: Mapping[str, str], issuer: str, *, names_issuer: bool) -> str:
    """Return the code that a browser brought back.

    ``names_issuer``: the issuer announces that it names itself in answers (RFC 9207), so that an
    answer of another one is told apart.
    """
    named = answer.get("iss")
    if named is not None and named != issuer:
        raise Rejected("an answer of another issuer")
    error = answer.get("error")
    if error is not None:
        raise _refusal(provider, error, answer.get("error_description"))
    if named is None and names_issuer:
        raise Rejected("an answer that names no issuer, though this one's do")
    if not answer.get("code"):
        raise Rejected("came back without a code")
    return answer["code"]


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
        name = orjson.loads(user[:MAX_USER])["name"]
        parts = [name.get("firstName"), name.get("lastName")]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return None
    told = " ".join(part for part in parts if isinstance(part, str))
    return "".join(c for c in told if c.isprintable()).strip()[:MAX_NAME] or None
