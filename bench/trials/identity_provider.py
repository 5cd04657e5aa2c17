"""An identity provider's tokens, as an app gets them from a vendor's SDK."""

from __future__ import annotations

import secrets
import time
from typing import Any

from bench.trials.gateway import CLIENT, IDP
from tests.servers.oidc_keys import Key, jwt


class IdentityProvider:
    """Signs with ES256: the load has no time for RSA."""

    def __init__(self) -> None:
        self._key = Key("ES256")

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self._key.jwk]}

    def token(self, number: int) -> tuple[str, str]:
        """A new person's subject and ID token."""
        now = int(time.time())
        subject = f"{number:012}"
        claims = {
            "iss": IDP,
            "aud": CLIENT,
            "sub": subject,
            "iat": now,
            "exp": now + 600,
            "jti": secrets.token_hex(8),
        }
        return subject, jwt(self._key.header, claims, self._key)
