"""The ways to sign in, on one gateway: its providers, and what an app sends for each."""

from __future__ import annotations

import itertools
import time
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from bench.directories import Directory
from bench.directory_logins import PAIRS, somebody
from bench.gateway import PLENTY, phone_login
from tests.servers.http_scripted import HttpScripted, Reply, Visit
from tests.servers.slapd import PEOPLE, SERVICE, SERVICE_PASSWORD

ISSUER: Final = "https://idp.example.com"
CLIENT: Final = "1234567890-web.apps.example.com"
ALGORITHMS: Final = ("RS256", "ES256")


class IdentityProvider(HttpScripted):
    """Publishes its keys, and signs what it likes."""

    def __init__(self) -> None:
        super().__init__(None)
        self._numbers = itertools.count()
        self._keys: dict[str, RSAKey | ECKey] = {
            "RS256": RSAKey.import_key(rsa.generate_private_key(65537, 2048)),
            "ES256": ECKey.import_key(ec.generate_private_key(ec.SECP256R1())),
        }

    def respond(self, visit: Visit) -> Reply:
        keys = [{**key.as_dict(private=False), "kid": alg} for alg, key in self._keys.items()]
        return Reply({"keys": keys})

    def tokens(self, algorithm: str, count: int) -> list[str]:
        """So many ID tokens, each of somebody else."""
        header = {"alg": algorithm, "kid": algorithm}
        return [
            jwt.encode(header, self._claims(number), self._keys[algorithm])
            for number in itertools.islice(self._numbers, count)
        ]

    @staticmethod
    def _claims(number: int) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": f"1102484959{number:011}",
            "iat": now,
            "exp": now + 3600,
            "email": f"person{number}@example.com",
            "email_verified": True,
            "name": f"Person {number}",
        }


Fields = dict[str, str]  # of a request for a login that needs no second one


def with_passwords(directory: Directory, count: int) -> list[Fields]:
    """People of the directory."""
    people = itertools.islice(somebody(directory), count)
    return [{"username": person.uid, "password": person.password} for person in people]


def with_tokens(idp: IdentityProvider, algorithm: str, count: int) -> list[Fields]:
    """People whom the identity provider has signed in."""
    return [{"id_token": token} for token in idp.tokens(algorithm, count)]


def configured(upstream: str, directory: Directory, idp: IdentityProvider) -> dict[str, Any]:
    """Keys of gateway.yaml for all of them, with limits out of reach."""
    return {
        "providers": {
            "phone": phone_login(f"{upstream}/sms"),
            "mail": _email_login(f"{upstream}/sms"),
            "staff": _directory_login(directory),
            "idp": _token_login(f"{idp.url}/keys"),
        },
        # A directory has few people, who all sign in often.
        "limits": {"per_ip": [f"{PLENTY}/5m"], "failures_per_identity": [f"{PLENTY}/15m"]},
    }


def _email_login(vendor: str) -> dict[str, Any]:
    phone = phone_login(vendor)
    limits = {
        "per_email": ["5/hour", "20/day"],
        "per_ip": [f"{PLENTY}/hour"],
        "per_domain": [f"{PLENTY}/hour"],
        "per_app": [f"{PLENTY}/day"],
    }
    config = {**phone["config"], "limits": limits}
    return {**phone, "type": "email_otp", "config": config}


def _directory_login(directory: Directory) -> dict[str, Any]:
    config = {
        "urls": [directory.url],
        "allow_cleartext": True,
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "user_search": {"base_dn": PEOPLE},
        "pool_size": PAIRS,
    }
    return {"type": "ldap", "config": config}


def _token_login(jwks_uri: str) -> dict[str, Any]:
    config = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "jwks_uri": jwks_uri,
        "allow_private_network": True,
    }
    return {"type": "oauth2", "config": config}
