"""What ``check --connect`` finds out about an identity provider: lines that say what to do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from providers._base import Unavailable
from providers._connection import Reply
from providers._http import NotPublic, NotSent
from providers.oauth2 import jwks
from providers.oauth2.discovery import NAMES, Document, faults, location
from providers.oauth2.presets import Profile
from providers.oauth2.settings import OAuth2Config
from providers.oauth2.web import Web

WITHIN: Final = 5.0  # seconds for each request

_METHODS: Final = {  # ``client_auth`` in the words of OpenID Connect; hardly anybody announces none
    "basic": ["client_secret_basic"],
    "post": ["client_secret_post"],
    "apple": ["client_secret_post"],
    "private_key_jwt": ["private_key_jwt"],
}


class Inspection:
    """Tries what a sign-in needs of the identity provider, without signing anybody in."""

    def __init__(
        self,
        config: OAuth2Config,
        profile: Profile,
        web: Web,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._profile = profile
        self._web = web
        self._clock = clock
        self._found: list[str] = []

    async def problems(self) -> list[str]:
        """Return them, a line each."""
        self._found.clear()
        document = await self._discovered() if self._profile.needs_discovery else {}
        if document is None:
            return self._found  # nothing else can be found without it
        urls = {name: getattr(self._profile, name) or document.get(name) for name in NAMES}
        if self._profile.issuer is not None:
            await self._keys(urls["jwks_uri"])
        for key, method, url in (
            ("token_endpoint", "POST", urls["token_endpoint"]),
            ("userinfo_endpoint", "GET", urls["userinfo_endpoint"]),
            ("emails_endpoint", "GET", self._profile.emails_endpoint),
        ):
            if url is not None:
                await self._reach(method, url, key)
        return self._found

    async def _discovered(self) -> Document | None:
        url = location(self._profile.issuer or "")
        document = await self._document(url, "issuer")
        if document is None:
            return None
        told = document.get("issuer")
        if told != self._profile.announced:
            hint = "correct issuer, to the last character"
            self._say(url, f"names {_shown(told)}, not {self._profile.announced}", hint)
            return None
        broken = faults(document, self._profile, self._web)
        for fault in broken:
            self._say(url, fault, "have it corrected there, or set the endpoint here")
        for key, wanted, hint in self._wanted():
            offered = document.get(key, wanted)  # what is not told may be there all the same
            if not isinstance(offered, list) or not any(each in offered for each in wanted):
                self._say(url, f"{key} has no {' or '.join(wanted)}", hint)
        return None if broken else document

    def _wanted(self) -> Iterator[tuple[str, Sequence[str], str]]:
        """Yield lists of the discovery document, and of what each must have one."""
        pkce = "have PKCE turned on there: no sign-in is without"
        yield "code_challenge_methods_supported", ["S256"], pkce
        if self._profile.issuer is not None:
            algorithms = self._config.algorithms
            yield "id_token_signing_alg_values_supported", algorithms, "correct algorithms"
        methods = _METHODS.get(self._profile.client_auth)
        if methods is not None:
            yield "token_endpoint_auth_methods_supported", methods, "correct client_auth"
        modes = [self._profile.response_mode]
        yield "response_modes_supported", modes, "correct response_mode"

    async def _keys(self, url: str | None) -> None:
        if url is None:
            self._found.append("no jwks_uri, so no token can be trusted; set it")
            return
        document = await self._document(url, "jwks_uri")
        if document is None:
            return
        try:
            keys = jwks.read(document)
        except ValueError as error:
            self._say(url, f"a document that {error}", "correct jwks_uri")
            return
        if not any(key.algorithms.intersection(self._config.algorithms) for key in keys):
            wanted = ", ".join(self._config.algorithms)
            self._say(url, f"no key for {wanted}", "correct jwks_uri or algorithms")

    def _compare_clocks(self, reply: Reply, url: str) -> None:
        try:
            there = parsedate_to_datetime((reply.date or b"").decode("latin-1")).timestamp()
        except ValueError:
            return
        ahead = there - self._clock()
        if abs(ahead) > self._config.clock_skew:
            which = "ahead of" if ahead > 0 else "behind"
            detail = f"its clock is {abs(ahead):.0f} s {which} the one here"
            self._say(url, detail, "set both by NTP, or raise clock_skew")

    async def _document(self, url: str, key: str) -> Document | None:
        try:
            return await self._web.json(url, within=WITHIN)
        except Unavailable as error:
            self._say(url, error.detail, _hint(error, key))
        return None

    async def _reach(self, method: str, url: str, key: str) -> None:
        """Ask for nothing: whatever the answer is, somebody is there."""
        try:
            reply = await self._web.fetch(method, url, within=WITHIN)
        except Unavailable as error:
            self._say(url, error.detail, _hint(error, key))
            return
        if method == "POST":  # what a cache answers tells what time it was
            self._compare_clocks(reply, url)

    def _say(self, url: str, detail: str, hint: str) -> None:
        self._found.append(f"{url}: {detail}; {hint}")


def _hint(error: Unavailable, key: str) -> str:
    if isinstance(error, NotPublic):
        return "set allow_private_network if it is meant to be inside"
    if isinstance(error, NotSent):
        return f"see that it runs and can be reached from here, and see {key} and ca_file"
    return f"see that it is well, and see {key}"


def _shown(issuer: object) -> str:
    """What others wrote goes to a terminal only if it can do nothing there."""
    if isinstance(issuer, str) and re.fullmatch("[!-~]{1,200}", issuer):
        return issuer
    return "no issuer"
