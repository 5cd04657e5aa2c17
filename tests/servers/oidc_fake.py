"""An identity provider that does everything right until a test tells it what to do wrong.

It asks nobody: whoever comes to the authorization endpoint is ``person`` and is sent back at once.

    with OidcFake(authority.server(), Client("app", ("https://gw/callback/x",), secret="s")) as idp:
        idp.issuer                                    # for the configuration
        idp.token({"aud": "other"})                   # an ID token with one wrong claim (or ABSENT)
        idp.token(by=Unsigned("nOnE"))                # ... by another signer: Key, Shared, Unsigned
        idp.token(header={"jwk": evil.jwk}, by=evil)  # ... with a changed header
        idp.script(TOKEN, "http503", times=1)         # a fault of http_faults at one path
        idp.script(JWKS, Reply({"keys": []}))         # or any other answer
        idp.visits(JWKS)                              # every request, as it came

What it keeps to unless told otherwise: clients prove themselves by their one method, redirect_uri
is registered, PKCE with S256 is needed, a code is good once. To change it: ``keys`` (the first one
signs), ``person``, and what differs in ``metadata`` (discovery), ``claims`` (ID tokens),
``userinfo``, ``callback`` (what the browser brings back; a list says it several times); all by
name, with ABSENT for what is left out. ``forge`` makes the ID tokens of the token endpoint.
``cancels``: the person turns back. ``manner`` plays Google, Microsoft, Apple or GitHub.
``Visitor.walk(url, {}, "")`` is a browser on its way through, without a browser.
"""

from __future__ import annotations

import hashlib
import html as markup
import json
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from tests.servers.http_scripted import HttpScripted, Reply, Visit, html
from tests.servers.oidc_clients import Client, OAuthError, authenticate
from tests.servers.oidc_grants import Asked, Grants, asked_for, check
from tests.servers.oidc_keys import ABSENT, Key, Signer, b64, changed, jwt
from tests.servers.oidc_manners import ANY_TENANT, GITHUB_EMAILS, GITHUB_USER, STANDARD, Manner

DISCOVERY: Final = "/.well-known/openid-configuration"
JWKS: Final = "/jwks"
AUTHORIZE: Final = "/authorize"
TOKEN: Final = "/token"
USERINFO: Final = "/userinfo"
USER: Final = "/user"  # GitHub's API
EMAILS: Final = "/user/emails"

NO_STORE: Final = {"Cache-Control": "no-store"}
METHODS: Final = ["client_secret_basic", "client_secret_post", "none", "private_key_jwt"]
# What GitHub calls the errors of RFC 6749.
GITHUB_WORDS: Final = {
    "invalid_client": "incorrect_client_credentials",
    "invalid_grant": "bad_verification_code",
}


class OidcFake(HttpScripted):
    """See the module. ``tls`` None: plain http."""

    def __init__(
        self, tls: ssl.SSLContext | None, *clients: Client, manner: Manner = STANDARD
    ) -> None:
        super().__init__(tls)
        self.manner = manner
        self.clients = {client.id: client for client in clients}
        self.keys = [Key("RS256")]
        self.person = dict(manner.person)
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.callback: dict[str, Any] = {}
        self.forge: Callable[[Mapping[str, Any]], str] = self.token
        self.cancels = False
        self.github_user: dict[str, Any] = dict(GITHUB_USER)
        self.github_emails: list[dict[str, Any]] = list(GITHUB_EMAILS)
        self.state: Grants = Grants()
        self._pages: dict[str, Callable[[Visit], Reply]] = {
            JWKS: lambda _: Reply({"keys": self.jwks}),
            AUTHORIZE: self._authorize,
            TOKEN: self._token,
            USERINFO: lambda visit: self._told(visit, changed(self.person, self.userinfo)),
            USER: lambda visit: self._told(visit, self.github_user),
            EMAILS: lambda visit: self._told(visit, self.github_emails),
        }

    # -- what it publishes

    @property
    def issuer(self) -> str:
        """What to configure; with Microsoft's manner, the one for all tenants."""
        return self.issuer_for("common")

    def issuer_for(self, tenant: str) -> str:
        return self.url + self.manner.prefix.replace("{tenantid}", tenant)

    @property
    def jwks(self) -> list[dict[str, Any]]:
        return [changed(key.jwk, self.manner.key_changes) for key in self.keys]

    def discovery(self, tenant: str = "common") -> dict[str, Any]:
        """Return the discovery document (OpenID Connect Discovery 3, RFC 9207 3)."""
        document = {
            "issuer": self.issuer_for("{tenantid}" if tenant in ANY_TENANT else tenant),
            "authorization_endpoint": self.url + AUTHORIZE,
            "token_endpoint": self.url + TOKEN,
            "userinfo_endpoint": self.url + USERINFO,
            "jwks_uri": self.url + JWKS,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
            "id_token_signing_alg_values_supported": sorted({key.alg for key in self.keys}),
            "token_endpoint_auth_methods_supported": METHODS,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return changed(changed(document, self.manner.metadata), self.metadata)

    def token(
        self,
        changes: Mapping[str, Any] | None = None,
        *,
        by: Signer | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """Return an ID token, good for 5 minutes and the first client but for what is changed."""
        signer = by or self.keys[0]
        top = changed({**signer.header, "typ": "JWT"}, header or {})
        return jwt(top, self._claims({}, changes or {}), signer)

    def _claims(self, granted: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        told = {**self.person, **granted, **self.claims, **changes}
        now = int(time.time())
        usual = {
            "iss": self.issuer_for(str(told.get("tid"))),
            "aud": next(iter(self.clients), None),
            "iat": now,
            "exp": now + 300,
        }
        return changed(usual, told)

    # -- what it answers

    def respond(self, visit: Visit) -> Reply | None:
        if visit.path.endswith(DISCOVERY) and not self.manner.is_github:
            return self._discover(visit.path.removesuffix(DISCOVERY))
        page = self._pages.get(visit.path)
        return page(visit) if page else None

    def _discover(self, prefix: str) -> Reply | None:
        before, _, after = self.manner.prefix.partition("{tenantid}")
        tenant = prefix.removeprefix(before).removesuffix(after)
        if self.manner.prefix.replace("{tenantid}", tenant) != prefix:
            return None
        return Reply(self.discovery(tenant))

    def _authorize(self, visit: Visit) -> Reply:
        try:
            query = visit.parameters
            asked = asked_for(self.clients, query)
        except ValueError as error:
            return html(f"<h1>{markup.escape(str(error))}</h1>", 400)
        answer: dict[str, Any] = {} if asked.state is None else {"state": asked.state}
        try:
            check(query, asked)
            answer |= self._decide(asked)
        except OAuthError as error:
            answer |= {"error": error.word, "error_description": error.why}
        if self.discovery().get("authorization_response_iss_parameter_supported"):
            answer["iss"] = self.issuer_for(str(self.person.get("tid")))
        return _sent_back(asked, changed(answer, self.callback))

    def _decide(self, asked: Asked) -> dict[str, str]:
        only_openid = asked.scopes in ([], ["openid"])
        if self.manner.user and not only_openid and asked.response_mode != "form_post":
            raise OAuthError("invalid_request", "response_mode must be form_post")
        if self.cancels:
            raise OAuthError(self.manner.cancel, "the person turned back")
        answer = {"code": self.state.code(asked)}
        if self.manner.user and asked.client_id not in self.state.greeted:
            self.state.greeted.add(asked.client_id)
            answer["user"] = json.dumps(self.manner.user)
        return answer

    def _token(self, visit: Visit) -> Reply:
        try:
            answer = self._redeem(visit)
        except OAuthError as error:
            return self._refused(visit, error)
        except ValueError as error:
            return self._refused(visit, OAuthError("invalid_request", str(error)))
        return self._said(visit, answer)

    def _redeem(self, visit: Visit) -> dict[str, Any]:
        if visit.method != "POST":
            raise OAuthError("invalid_request", "not a POST", 405)
        form = visit.form
        audience = (self.issuer, self.url + TOKEN)
        authorization, seen = visit.header("Authorization"), self.state.assertions
        client = authenticate(self.clients, authorization, form, audience, seen)
        access_token, asked = self.state.redeem(client, form)
        answer = {"access_token": access_token, "token_type": "bearer", "scope": asked.scope}
        if self.manner.is_github:
            return answer
        if "openid" in asked.scopes:
            answer["id_token"] = self.forge(self._claims(self._granted(asked, access_token), {}))
        return answer | {"token_type": "Bearer", "expires_in": 600}

    def _granted(self, asked: Asked, access_token: str) -> dict[str, Any]:
        """Return the claims that an ID token has because of this very grant."""
        digest = hashlib.sha512 if self.keys[0].alg == "EdDSA" else hashlib.sha256
        half = digest(access_token.encode()).digest()[: digest().digest_size // 2]
        nonce = ABSENT if asked.nonce is None else asked.nonce
        claims = {"aud": asked.client_id, "azp": asked.client_id, "at_hash": b64(half)}
        return claims | {"nonce": nonce}

    def _refused(self, visit: Visit, error: OAuthError) -> Reply:
        if self.manner.is_github:
            word = GITHUB_WORDS.get(error.word, error.word)
            return self._said(visit, {"error": word, "error_description": error.why})
        headers = dict(NO_STORE)
        if error.status == 401 and visit.header("Authorization"):
            headers["WWW-Authenticate"] = 'Basic realm="token"'
        body = {"error": error.word, "error_description": error.why}
        return Reply(body, error.status, headers)

    def _said(self, visit: Visit, answer: Mapping[str, Any]) -> Reply:
        if self.manner.is_github and "json" not in (visit.header("Accept") or ""):
            kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            return Reply(urlencode(answer).encode(), headers={**NO_STORE, **kind})
        return Reply(answer, headers=NO_STORE)

    def _told(self, visit: Visit, what: Any) -> Reply:
        if self.manner.is_github and not visit.header("User-Agent"):
            return html("Request forbidden by administrative rules.", 403)
        try:
            self.state.who(visit.header("Authorization"))
        except OAuthError as error:
            headers = {"WWW-Authenticate": f'Bearer error="{error.word}"'}
            return Reply({"error": error.word}, error.status, headers)
        return Reply(what, headers=NO_STORE)


def _sent_back(asked: Asked, answer: Mapping[str, Any]) -> Reply:
    pairs = [
        (name, value)
        for name, values in answer.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    if asked.response_mode != "form_post":
        mark = "&" if "?" in asked.redirect_uri else "?"
        location = f"{asked.redirect_uri}{mark}{urlencode(pairs)}"
        return Reply(b"", 302, {**NO_STORE, "Location": location})
    inputs = "".join(
        f'<input type="hidden" name="{markup.escape(name)}" value="{markup.escape(value)}">'
        for name, value in pairs
    )
    return html(
        "<!DOCTYPE html><title>Signing in</title><body onload='document.forms[0].submit()'>"
        f'<form method="post" action="{markup.escape(asked.redirect_uri)}">{inputs}'
        "<noscript><button>Continue</button></noscript></form>"
    )
