"""ID tokens, verified (OpenID Connect Core 3.1.3.7, RFC 7519).

What binds a token to whoever brings it depends on the way that it came::

    tokens = IdTokens(name, profile, config, keys)
    await tokens.from_app(unverified, nonce=..., access_token=...)   handed over by an app, once
    await tokens.for_code(unverified, nonce=..., access_token=...)   got for a code of an app's
    await tokens.for_trip(unverified, nonce=..., access_token=...)   got for a code of a browser's

Each returns ``SignedClaims``. Raises ``UnknownIdentity`` for a token of another issuer,
``Rejected`` for any other that is not good, ``Unavailable`` if the issuer's keys cannot be had.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import structlog
from joserfc.jwk import Key

from providers._base import Proof, Rejected, UnknownIdentity
from providers.oauth2 import jws
from providers.oauth2.presets import Profile
from providers.oauth2.settings import OAuth2Config

MAX_SUBJECT: Final = 255  # characters (OpenID Connect Core 2)
HINT_GAP: Final = 60.0  # seconds between hints that the clocks differ

# By the end of ``alg``; EdDSA is Ed25519 here, which has SHA-512 in it.
_HASHES: Final = {"256": "sha256", "384": "sha384", "512": "sha512", "DSA": "sha512"}
# What an ID token never has: ``events`` is of logout tokens (OpenID Connect Back-Channel Logout
# 2.4), ``scp`` of the access tokens of Microsoft and Okta.
_OTHER_TOKENS: Final = ("events", "scp")

log = structlog.get_logger()


class SignedClaims(NamedTuple):
    """What the issuer says of a person to one of our clients."""

    claims: Mapping[str, Any]
    proof: Proof | None  # to be used up, if the token could be shown a second time


class KeyFinder(Protocol):
    """Where keys are; see ``Keys``."""

    async def find(self, kid: str | None, alg: str) -> Key:
        """Return the key. Raises ``Rejected`` if there is none, and ``Unavailable``."""


class IdTokens:
    """Verifies the ID tokens of one provider. ``clock`` gives seconds since 1970."""

    def __init__(
        self,
        name: str,
        profile: Profile,
        config: OAuth2Config,
        keys: KeyFinder,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._profile = profile
        self._algorithms = frozenset(config.algorithms)
        self._skew = config.clock_skew
        self._max_age = config.max_token_age
        self._require_nonce = config.require_nonce
        self._keys = keys
        self._clock = clock
        self._next_hint = 0.0

    async def from_app(
        self, unverified: str, *, nonce: str | None, access_token: str | None
    ) -> SignedClaims:
        """Verify a token that anybody may have got hold of: it must be young, and is good once.

        ``nonce`` is needed if the token has one: the same, or the text that it is the SHA-256 of.
        """
        token, now = await self._verified(unverified, access_token)
        claims = token.claims
        if nonce is None and self._require_nonce:
            raise Rejected("no nonce, which require_nonce asks for")
        if (nonce is None) != ("nonce" not in claims):
            raise Rejected("a nonce on one side only: of the token, or beside it")
        if nonce is not None:
            _check_nonce(claims, nonce, *_digests(nonce))
        ends = min(claims["exp"], claims["iat"] + self._max_age) + self._skew
        if now >= ends:
            raise Rejected("the token is older than max_token_age")
        # Not the signature: there are several good ones of one token (ECDSA).
        digest = hashlib.sha256(token.signed).hexdigest()
        return SignedClaims(claims, Proof(digest, ends - now))

    async def for_code(
        self, unverified: str, *, nonce: str | None, access_token: str | None
    ) -> SignedClaims:
        """Verify what an app's code was good for. The code binds it; the app may do more."""
        token, _ = await self._verified(unverified, access_token)
        if nonce is not None:
            _check_nonce(token.claims, nonce, *_digests(nonce))
        return SignedClaims(token.claims, None)

    async def for_trip(
        self, unverified: str, *, nonce: str, access_token: str | None
    ) -> SignedClaims:
        """Verify what a browser's code was good for: it must have the nonce of its trip."""
        token, _ = await self._verified(unverified, access_token)
        _check_nonce(token.claims, nonce)
        return SignedClaims(token.claims, None)

    async def _verified(
        self, unverified: str, access_token: str | None
    ) -> tuple[jws.UnverifiedToken, float]:
        """Return the token, and when that was."""
        token = jws.read(unverified)
        # First of all: another provider's token is not for this one to judge.
        self._check_issuer(token.claims)
        signer = jws.signer(token.header, self._algorithms)
        key = await self._keys.find(signer.key_id, signer.algorithm)
        jws.check_signature(token, signer.algorithm, key)
        claims, now = token.claims, self._clock()
        self._check_kind(claims)
        self._check_audience(claims)
        self._check_times(claims, now)
        _check_subject(claims)
        if access_token is not None and "at_hash" in claims:
            _check_access_token(claims["at_hash"], signer.algorithm, access_token)
        return token, now

    def _check_issuer(self, claims: Mapping[str, Any]) -> None:
        issuer = claims.get("iss")
        if not isinstance(issuer, str):
            raise Rejected("a token without an issuer (iss)")
        if issuer not in self._profile.issuers:
            raise UnknownIdentity("a token of another issuer (iss)")
        tenant = self._profile.issuers[issuer]
        if tenant is not None and claims.get("tid") != tenant:
            raise Rejected("its tenant (tid) is not the one of its issuer")

    def _check_kind(self, claims: Mapping[str, Any]) -> None:
        kinds = self._profile.id_token_claims.items()
        if any(name in claims for name in _OTHER_TOKENS) or any(
            claims.get(name, wanted) != wanted for name, wanted in kinds
        ):
            raise Rejected("another kind of token, no ID token")

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        told, ours = claims.get("aud"), self._profile.audiences
        audience = told if isinstance(told, list) else [told]
        if not all(isinstance(one, str) for one in audience) or ours.isdisjoint(audience):
            raise Rejected("for another client (aud): see audiences")
        if "azp" in claims:
            if not isinstance(claims["azp"], str) or claims["azp"] not in ours:
                raise Rejected("issued to another client (azp): see audiences")
        elif len(audience) > 1:
            raise Rejected("for several clients (aud), and issued to nobody knows whom (azp)")

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
        begins = _seconds(claims, "nbf") if "nbf" in claims else issued
        if now >= expires + self._skew:
            raise Rejected("the token is expired (exp)")
        ahead = max(issued, begins) - now
        if ahead > self._skew:
            self._hint(now, ahead)
            raise Rejected("the token is from the future (iat, nbf)")

    def _hint(self, now: float, ahead: float) -> None:
        if now >= self._next_hint:
            self._next_hint = now + HINT_GAP
            log.warning(
                "token from the future: are the clocks right?",
                provider=self._name,
                seconds=round(ahead),
            )


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise Rejected("a token without a subject (sub)")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 2)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Rejected(f"a token without a time of its own ({name})")
    return value


def _check_nonce(claims: Mapping[str, Any], *good: str) -> None:
    told = claims.get("nonce")
    if not isinstance(told, str) or not any(_same(told, nonce) for nonce in good):
        raise Rejected("the nonce is another one")


def _digests(nonce: str) -> tuple[str, str]:
    """Return the SHA-256 in the spellings that apps give to the SDKs of Apple and Google."""
    digest = hashlib.sha256(_bytes(nonce)).digest()
    return digest.hex(), _base64url(digest)


def _check_access_token(told: object, algorithm: str, access_token: str) -> None:
    """OpenID Connect Core 3.1.3.8: the left half of a hash."""
    digest = hashlib.new(_HASHES[algorithm[-3:]], _bytes(access_token)).digest()
    if not isinstance(told, str) or not _same(told, _base64url(digest[: len(digest) // 2])):
        raise Rejected("the access token is not the one that the ID token came with (at_hash)")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
