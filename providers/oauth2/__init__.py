"""People sign in with an account that they have: OpenID Connect, or OAuth 2.0 with an API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar, Final

from config import Model
from providers._base import Attempt, BrowserSignIn, Context, Fields, Identity, Provider, Trip
from providers.oauth2 import icons
from providers.oauth2.settings import OAuth2Config

_CODE: Final = frozenset(("code", "code_verifier", "redirect_uri"))


class OAuth2(Provider[OAuth2Config], BrowserSignIn):
    """An ID token, a code, or a browser that comes back from the identity provider's site."""

    Config: ClassVar[type[Model]] = OAuth2Config
    purpose = (
        "an identity provider: OpenID Connect (Google, Microsoft, Apple, Keycloak) or OAuth 2.0"
    )
    libraries = ("authlib", "joserfc")

    def __init__(self, name: str, config: OAuth2Config, context: Context) -> None:
        super().__init__(name, config, context)
        # Loads libraries that only this provider needs.
        from providers.oauth2.sign_in import SignIn

        self.posts_back = config.profile.response_mode == "form_post"
        self._takes_tokens = config.profile.issuer is not None
        self._sign_in = SignIn(name, config, context.meter)

    @property
    def icon(self) -> str:
        """See ``Provider``."""
        return icons.BY_PRESET[self.config.preset]

    def identify(self, fields: Fields) -> str | None:
        """Return a name of the proof: nothing in it is to be believed yet.

        So failures are counted for the proof, and nobody can lock somebody else out.
        """
        if "id_token" in fields and self._takes_tokens:
            return f"token:{_digest(fields['id_token'])}"
        if fields.keys() >= _CODE:
            return f"code:{_digest(fields['code'])}"
        return None

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        """Verify an ID token, or see what a code is good for."""
        nonce = fields.get("nonce")
        if "id_token" in fields and self._takes_tokens:
            return await self._sign_in.by_token(
                fields["id_token"], nonce, fields.get("access_token")
            )
        return await self._sign_in.by_code(
            fields["code"], fields["code_verifier"], fields["redirect_uri"], nonce
        )

    async def depart(self, trip: Trip) -> str:
        """See ``BrowserSignIn``."""
        return await self._sign_in.depart(trip)

    async def arrive(self, attempt: Attempt, trip: Trip, answer: Mapping[str, str]) -> Identity:
        """See ``BrowserSignIn``."""
        return await self._sign_in.arrive(trip, answer)

    async def check(self) -> list[str]:
        """Try what a sign-in needs, but for a sign-in itself."""
        return await self._sign_in.problems()

    async def close(self) -> None:
        """Close all connections."""
        await self._sign_in.close()

    def warnings(self) -> list[str]:
        """Tell of what makes sign-ins weak, or hardly possible."""
        config, told = self.config, []
        if config.allow_private_network:
            told.append("allow_private_network: its documents may lead inside this network")
        if any(url.startswith("http:") for url in _urls(config)):
            told.append("plain http: whoever is in between can sign in as anybody")
        if config.authorization_params.get("prompt") == "none":
            told.append("prompt: none turns away whoever has not signed in there before")
        return told


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:32]


def _urls(config: OAuth2Config) -> list[str]:
    profile = config.profile
    urls = (
        profile.issuer,
        profile.authorization_endpoint,
        profile.token_endpoint,
        profile.userinfo_endpoint,
        profile.emails_endpoint,
        profile.jwks_uri,
    )
    return [url for url in urls if url]
