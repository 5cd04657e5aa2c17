"""The keys of an ``oauth2`` provider; what can be wrong with them is refused when they are read."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from config import Duration, Model, Secret
from config.spelling import invalid
from providers._tls import CaFile
from providers.oauth2.presets import ANY_TENANT, Profile, resolve, split_tenant
from providers.oauth2.urls import Url, check_public

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
ClientAuth = Literal["basic", "post", "none", "private_key_jwt"]
Preset = Literal["google", "apple", "microsoft", "github", "keycloak"]

MAX_TIMEOUT: Final = 20.0  # seconds: shorter than the gateway's own deadline for a login
MAX_SKEW: Final = 60.0  # seconds
MIN_RSA: Final = 2048  # bits (RFC 7518 3.3)

_ENDPOINTS: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "emails_endpoint",
    "jwks_uri",
)
_TENANT: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_SCOPE: Final = r"[!#-\[\]-~]+"  # RFC 6749 3.3
# Of RFC 6749, 7636 and 9101, and OpenID Connect Core: what keeps a sign-in safe is not for a file.
_OURS: Final = frozenset(
    {
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    }
)


def _tenant(text: str) -> str:
    if not re.fullmatch(_TENANT, text):
        raise invalid(
            "must be the id of a tenant (directory), as Microsoft shows it, in lower case"
        )
    return text


def _scope(text: str) -> str:
    if not re.fullmatch(_SCOPE, text):
        raise invalid("must be one scope, without spaces and quotes")
    return text


def _is_comparable(value: object) -> bool:
    return isinstance(value, bool | int) or (isinstance(value, str) and value != "")


def _kind(pem: str) -> str:
    """Return ``RSA`` or the name of the curve. Raises ``ValueError``."""
    # Takes its time, and a library that only this provider needs.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise invalid(
            "must not be encrypted: keep it in a file that nobody else can read"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise invalid("must be a private key in PEM") from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA:
            raise invalid(f"must have at least {MIN_RSA} bits")
        return "RSA"
    return key.curve.name if isinstance(key, EllipticCurvePrivateKey) else ""


Text = Annotated[str, Field(min_length=1)]
Scope = Annotated[str, AfterValidator(_scope)]
Tenant = Annotated[str, AfterValidator(_tenant)]


class Claims(Model):
    """Which claim is which field of the identity; null: none. Presets have their own defaults."""

    subject: Text = "sub"
    username: Text | None = "preferred_username"
    email: Text | None = "email"
    phone: Text | None = "phone_number"
    name: Text | None = "name"

    @model_validator(mode="after")
    def _stable(self) -> Claims:
        # Addresses and numbers are given up, and given to somebody else.
        if self.subject in {"email", "phone_number", self.email, self.phone}:
            raise invalid("subject must be a claim that never changes: no address and no number")
        return self


class OAuth2Config(Model):
    """The keys of an ``oauth2`` provider."""

    # Before the keys that are checked against them.
    preset: Preset | None = None
    allow_private_network: bool = False
    issuer: Url | None = None
    authorization_endpoint: Url | None = None
    token_endpoint: Url | None = None
    userinfo_endpoint: Url | None = None
    emails_endpoint: Url | None = None  # GitHub: where verified addresses are
    jwks_uri: Url | None = None
    client_id: Text
    client_secret: Secret | None = None
    client_auth: ClientAuth = "basic"  # none without a secret; others by preset
    private_key: Secret | None = None  # PEM; for private_key_jwt, and Apple's client secret
    key_id: Text | None = None
    team_id: Text | None = None  # Apple
    tenants: list[Tenant] = Field(default_factory=list)  # Microsoft
    audiences: list[Text] = Field(default_factory=list)  # beside client_id
    scopes: list[Scope] = Field(default=["openid", "profile", "email"])  # others by preset
    algorithms: list[Algorithm] = Field(default=["RS256", "ES256", "PS256"], min_length=1)
    claims: Claims = Field(default_factory=Claims)
    require: dict[Text, Any] = Field(default_factory=dict)  # claim: accepted value, or a list
    response_mode: Literal["query", "form_post"] | None = None  # default: query; by preset
    authorization_params: dict[Text, str] = Field(default_factory=dict)  # prompt, acr_values ...
    require_nonce: bool = False  # whether a token from an app must be bound to a nonce
    max_token_age: Duration = 600.0  # of a token from an app
    clock_skew: Annotated[Duration, Field(le=MAX_SKEW)] = 30.0
    timeout: Annotated[Duration, Field(le=MAX_TIMEOUT)] = 10.0  # of all that one sign-in asks
    ca_file: CaFile | None = None

    @field_validator("issuer", *_ENDPOINTS)
    @classmethod
    def _protected(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and not info.data.get("allow_private_network", True):
            check_public(url)
        return url

    @field_validator("issuer")
    @classmethod
    def _without_query(cls, issuer: str | None) -> str | None:
        if issuer is not None and "?" in issuer:
            raise invalid("must not have a query (?)")
        return issuer

    @field_validator("private_key")
    @classmethod
    def _signs(cls, pem: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if pem is None:
            return None
        kind = _kind(pem.get_secret_value())
        if info.data.get("preset") == "apple":
            if kind != "secp256r1":
                raise invalid("must be the key that Apple gave: one of the curve P-256")
        elif kind not in ("RSA", "secp256r1", "secp384r1", "secp521r1"):
            raise invalid("must be an RSA key, or one of the curves P-256, P-384 and P-521")
        return pem

    @field_validator("require")
    @classmethod
    def _comparable(cls, require: dict[str, Any]) -> dict[str, Any]:
        for value in require.values():
            accepted = value if isinstance(value, list) else [value]
            if not accepted or not all(map(_is_comparable, accepted)):
                raise invalid("values must be text, whole numbers, true, false, or lists of them")
        return require

    @field_validator("authorization_params")
    @classmethod
    def _additional(cls, params: dict[str, str]) -> dict[str, str]:
        if taken := sorted(_OURS & params.keys()):
            raise invalid(f"must not set {', '.join(taken)}: that is the gateway's to do")
        return params

    @model_validator(mode="after")
    def _one_tenant_or_several(self) -> OAuth2Config:
        if self.preset != "microsoft":
            if self.tenants:
                raise invalid("tenants are for preset: microsoft")
            return self
        _, tenant = split_tenant(self.profile.issuer or "")
        if self.issuer and not (self.issuer.endswith("/v2.0") and _is_tenant(tenant)):
            raise invalid("issuer must be https://login.microsoftonline.com/TENANT/v2.0, by its id")
        if tenant in ANY_TENANT and not self.tenants:
            raise invalid(
                "needs tenants, the ids of the directories whose people may sign in: "
                "anybody can have a directory"
            )
        if tenant not in ANY_TENANT and self.tenants not in ([], [tenant]):
            raise invalid("tenants: the issuer is one tenant alone; organizations is any")
        return self

    @model_validator(mode="after")
    def _reachable(self) -> OAuth2Config:
        profile = self.profile
        if profile.issuer is not None:
            # Apple gives an ID token in any case.
            if "openid" not in profile.scopes and self.preset != "apple":
                raise invalid("scopes must hold openid, or there is no ID token")
        elif self.preset == "keycloak":
            raise invalid("preset: keycloak needs issuer, the URL of the realm")
        elif self.jwks_uri is not None:
            raise invalid("jwks_uri needs issuer: whose tokens are good?")
        elif not (profile.authorization_endpoint and profile.token_endpoint):
            raise invalid("needs issuer, or authorization_endpoint and token_endpoint")
        elif profile.userinfo_endpoint is None:
            raise invalid("needs issuer, or userinfo_endpoint: what tells who signs in?")
        return self

    @model_validator(mode="after")
    def _proves_itself(self) -> OAuth2Config:
        method = self.profile.client_auth
        if method in ("basic", "post") and self.client_secret is None:
            raise invalid(f"client_auth: {method} needs client_secret")
        if method == "private_key_jwt" and self.private_key is None:
            raise invalid("client_auth: private_key_jwt needs private_key")
        if self.preset == "apple":
            given = (self.team_id, self.key_id, self.private_key)
            if any(given) and not all(given):
                raise invalid("team_id, key_id and private_key go together")
        elif self.team_id is not None:
            raise invalid("team_id is for preset: apple")
        elif self.private_key is not None and method != "private_key_jwt":
            raise invalid("private_key is for client_auth: private_key_jwt")
        return self

    @property
    def profile(self) -> Profile:
        """What the preset fills in, with what the configuration says itself."""
        return resolve(self)


def _is_tenant(text: str) -> bool:
    return text in ANY_TENANT or re.fullmatch(_TENANT, text) is not None
