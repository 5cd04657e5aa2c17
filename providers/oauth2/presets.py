"""What is known of each identity provider; with the configuration, all that the others ask for.

``profile = resolve(config)`` has every effective value: what the configuration says, else what the
preset does. Nobody else asks which preset it is, or what a key's default may be::

    profile.issuer             where discovery is; None: plain OAuth 2.0, there are no ID tokens
    profile.announced          what ``issuer`` of the discovery document must be
    profile.issuers            what ``iss`` of ID tokens may be: {iss: the ``tid`` with it, or None}
    profile.authorization_endpoint, .token_endpoint, .jwks_uri, .userinfo_endpoint
                               given or known, before what is discovered; None: to be discovered
    profile.emails_endpoint    GitHub's list of addresses; None: the claims tell of the address
    profile.needs_discovery    whether an endpoint is missing that a sign-in needs
    profile.client_auth        basic, post, none, private_key_jwt or apple
    profile.scopes, .response_mode, .audiences
    profile.subject            the claims that the subject is made of, joined by a dot
    profile.claims             {"username" | "email" | "phone" | "name": name of the claim, or None}
    profile.email_verified     (claim that says whether the address is verified, how it says yes)
    profile.require            {claim: accepted values}
    profile.id_token_claims    claims that an ID token has with this value or not at all
    profile.tells_name         whether the name is in the form that comes with the first sign-in

Sources: developers.google.com/identity/openid-connect, developer.apple.com/documentation/
signinwithapplerestapi, learn.microsoft.com/entra/identity-platform (v2-protocols-oidc,
id-token-claims-reference, optional-claims-reference), docs.github.com/apps/oauth-apps,
keycloak.org/docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:  # the settings check themselves against the profile
    from providers.oauth2.settings import OAuth2Config

ClientMethod = Literal["basic", "post", "none", "private_key_jwt", "apple"]
ResponseMode = Literal["query", "form_post"]
Accepted = tuple[str | bool | int, ...]

# Microsoft's words for "people of several directories", in the place of a tenant's id.
ANY_TENANT: Final = ("common", "organizations")
# Where Microsoft keeps personal accounts: what its word ``consumers`` stands for.
CONSUMERS: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"


class Profile(NamedTuple):
    """How an identity provider is talked to, and what its answers are called; see the module."""

    issuer: str | None = None
    announced: str | None = None
    issuers: Mapping[str, str | None] = {}
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    emails_endpoint: str | None = None
    jwks_uri: str | None = None
    client_auth: ClientMethod = "basic"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    response_mode: ResponseMode = "query"
    audiences: frozenset[str] = frozenset()
    subject: tuple[str, ...] = ("sub",)
    claims: Mapping[str, str | None] = {}
    email_verified: tuple[str, Accepted] = ("email_verified", (True, "true"))  # Apple writes text
    require: Mapping[str, Accepted] = {}
    id_token_claims: Mapping[str, str] = {}
    tells_name: bool = False

    @property
    def needs_discovery(self) -> bool:
        """Whether an endpoint is missing that a sign-in needs."""
        endpoints = (self.authorization_endpoint, self.token_endpoint, self.jwks_uri)
        return self.issuer is not None and None in endpoints


GENERIC: Final = Profile(
    claims={
        "username": "preferred_username",
        "email": "email",
        "phone": "phone_number",
        "name": "name",
    },
)
_GOOGLE: Final = "https://accounts.google.com"
PROFILES: Final[Mapping[str, Profile]] = {
    "google": GENERIC._replace(
        issuer=_GOOGLE,
        issuers={_GOOGLE: None, "accounts.google.com": None},  # Google says it may write either
        claims={**GENERIC.claims, "username": None, "phone": None},
    ),
    "apple": GENERIC._replace(
        issuer="https://appleid.apple.com",
        client_auth="apple",
        scopes=("openid", "name", "email"),
        claims={"username": None, "email": "email", "phone": None, "name": None},
        tells_name=True,
    ),
    "microsoft": GENERIC._replace(
        issuer="https://login.microsoftonline.com/organizations/v2.0",
        # ``sub`` is another one for each client id; ``oid`` alone is unique within a tenant.
        subject=("tid", "oid"),
        # Whoever runs a tenant can write any address into ``email``.
        email_verified=("xms_edov", (True, "true", 1, "1")),
    ),
    "github": GENERIC._replace(
        authorization_endpoint="https://github.com/login/oauth/authorize",
        token_endpoint="https://github.com/login/oauth/access_token",  # noqa: S106 - no password
        userinfo_endpoint="https://api.github.com/user",
        emails_endpoint="https://api.github.com/user/emails",
        client_auth="post",
        scopes=("read:user", "user:email"),
        subject=("id",),  # a login name can be given up, and taken by somebody else
        claims={"username": "login", "email": "email", "phone": None, "name": "name"},
    ),
    # Its access tokens are signed by the same keys, with the same issuer.
    "keycloak": GENERIC._replace(id_token_claims={"typ": "ID"}),
}


def resolve(config: OAuth2Config) -> Profile:
    """Return the profile of a valid configuration."""
    preset = PROFILES[config.preset] if config.preset else GENERIC
    issuer = config.issuer or preset.issuer
    scopes = tuple(config.scopes) if _is_set(config, "scopes") else preset.scopes
    told = config.claims.model_dump(exclude_unset=True)
    subject = told.pop("subject", preset.subject[-1])
    profile = preset._replace(
        issuer=issuer,
        announced=issuer,
        issuers=preset.issuers if issuer == preset.issuer and preset.issuers else _only(issuer),
        authorization_endpoint=config.authorization_endpoint or preset.authorization_endpoint,
        token_endpoint=config.token_endpoint or preset.token_endpoint,
        userinfo_endpoint=config.userinfo_endpoint or preset.userinfo_endpoint,
        emails_endpoint=config.emails_endpoint or preset.emails_endpoint,
        jwks_uri=config.jwks_uri,
        client_auth=_client_auth(config, preset),
        scopes=scopes,
        response_mode=config.response_mode or _response_mode(preset, scopes),
        audiences=frozenset({config.client_id, *config.audiences}),
        subject=(*preset.subject[:-1], subject),
        claims={**preset.claims, **told},
        require={name: _accepted(value) for name, value in config.require.items()},
    )
    return _of_tenants(profile, config) if config.preset == "microsoft" else profile


def _is_set(config: OAuth2Config, key: str) -> bool:
    """Whether the configuration says it itself; a default is the preset's to say."""
    return key in config.model_fields_set


def _only(issuer: str | None) -> dict[str, str | None]:
    return {} if issuer is None else {issuer: None}


def _accepted(value: Any) -> Accepted:
    return tuple(value) if isinstance(value, list) else (value,)


def _client_auth(config: OAuth2Config, preset: Profile) -> ClientMethod:
    if preset.client_auth == "apple" and config.team_id:
        return "apple"
    if _is_set(config, "client_auth"):
        return config.client_auth
    if config.client_secret is None:
        return "none"
    # Apple takes a secret that was signed elsewhere, too.
    return "post" if preset.client_auth == "apple" else preset.client_auth


def _response_mode(preset: Profile, scopes: tuple[str, ...]) -> ResponseMode:
    """Apple gives its name and address to a form only."""
    return "form_post" if preset.tells_name and {"name", "email"} & set(scopes) else "query"


def _of_tenants(profile: Profile, config: OAuth2Config) -> Profile:
    """Each tenant of Microsoft's is an issuer of its own, by its id."""
    base, tenant = split_tenant(profile.issuer or "")
    tenants = config.tenants or [tenant]
    if config.issuer is None and len(tenants) == 1:
        tenant = tenants[0]
    named = "{tenantid}" if tenant in ANY_TENANT else tenant
    return profile._replace(
        issuer=f"{base}/{tenant}/v2.0",
        announced=f"{base}/{named}/v2.0",
        issuers={f"{base}/{tenant}/v2.0": tenant for tenant in tenants},
    )


def split_tenant(issuer: str) -> tuple[str, str]:
    """Return what stands before the tenant in an issuer of Microsoft's, and the tenant's id."""
    base, _, tenant = issuer.removesuffix("/v2.0").rpartition("/")
    return base, CONSUMERS if tenant == "consumers" else tenant
