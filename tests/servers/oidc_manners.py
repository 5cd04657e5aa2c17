"""How well-known identity providers differ from the book, as their public documents show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.servers.oidc_keys import ABSENT

TENANT: Final = "b3a1e6a0-0d4c-4a52-9b6c-6d1f3f1c5a10"  # of Microsoft's directories: Ann's
# Microsoft's names for "whoever signs in"; their discovery documents name no single issuer.
ANY_TENANT: Final = ("common", "organizations")


@dataclass(frozen=True)
class Manner:
    """``prefix`` is the path of the issuer; the word {tenantid} in it stands for somebody's."""

    prefix: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)  # changes to the discovery document
    person: Mapping[str, Any] = field(default_factory=dict)  # what is known of Ann
    key_changes: Mapping[str, Any] = field(default_factory=dict)  # changes to the keys
    user: Mapping[str, Any] | None = None  # comes with the first answer to a client, by form only
    cancel: str = "access_denied"
    is_github: bool = False  # plain OAuth 2.0, and errors of the token endpoint have status 200


STANDARD: Final = Manner(
    person={
        "sub": "ann-1",
        "name": "Ann Example",
        "preferred_username": "ann",
        "email": "ann@example.test",
        "email_verified": True,
    }
)

# developers.google.com/identity/openid-connect/openid-connect
GOOGLE: Final = Manner(
    metadata={
        "response_modes_supported": ABSENT,
        "scopes_supported": ["openid", "email", "profile"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": ABSENT,
    },
    person={
        "sub": "110248495921238986420",
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
        "picture": "https://lh3.googleusercontent.com/a/ann",
        "email": "ann@example.com",
        "email_verified": True,
        "hd": "example.com",
    },
)

# learn.microsoft.com/entra/identity-platform: v2-protocols-oidc, id-token-claims-reference
MICROSOFT: Final = Manner(
    prefix="/{tenantid}/v2.0",
    metadata={
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "code_challenge_methods_supported": ABSENT,  # although it checks them
        "authorization_response_iss_parameter_supported": ABSENT,
    },
    person={
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "name": "Ann Example",
        "preferred_username": "ann@example.com",
        "email": "ann@example.com",
        "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "tid": TENANT,
        "ver": "2.0",
    },
    key_changes={"alg": ABSENT},
)

# developer.apple.com/documentation/signinwithapplerestapi: its discovery document,
# "Authenticating users with Sign in with Apple"
APPLE: Final = Manner(
    metadata={
        "userinfo_endpoint": ABSENT,
        "grant_types_supported": ABSENT,
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": ["openid", "email", "name"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "code_challenge_methods_supported": ABSENT,
        "authorization_response_iss_parameter_supported": ABSENT,
    },
    person={
        "sub": "001234.0123456789abcdef0123456789abcdef.1234",
        "email": "ann@privaterelay.appleid.com",
        "email_verified": "true",
        "is_private_email": "true",
        "nonce_supported": True,
        "real_user_status": 2,
    },
    user={
        "name": {"firstName": "Ann", "lastName": "Example"},
        "email": "ann@privaterelay.appleid.com",
    },
    cancel="user_cancelled_authorize",
)

# docs.github.com/apps/oauth-apps: "Authorizing OAuth apps", "Troubleshooting OAuth app access
# token request errors"; REST "Get the authenticated user", "List email addresses"
GITHUB: Final = Manner(is_github=True)
GITHUB_USER: Final = {
    "login": "ann",
    "id": 4711,
    "node_id": "MDQ6VXNlcjQ3MTE=",
    "type": "User",
    "name": "Ann Example",
    "email": None,
}
GITHUB_EMAILS: Final = [
    {"email": "old@example.test", "primary": False, "verified": True, "visibility": None},
    {"email": "ann@example.test", "primary": True, "verified": True, "visibility": "private"},
    {"email": "new@example.test", "primary": False, "verified": False, "visibility": None},
]
