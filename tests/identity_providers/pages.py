"""The pages of docs/identity-providers/, with the address of a server that runs here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

import config
from gateway.plan import plan
from providers import BrowserSignIn, Context, Provider
from tests import pages
from tests.identity_providers.vendors import TENANT, Vendor
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import AUTHORIZE, EMAILS, TOKEN, USER, OidcFake
from tests.servers.oidc_keys import Key
from tests.servers.tls import Authority

FOLDER: Final = pages.ROOT / "docs" / "identity-providers"
CALLBACK: Final = "https://auth.example.com/callback/"


class Meter:
    def message(self, sender: str, outcome: str) -> None:
        raise NotImplementedError

    def upstream(self, upstream: str, outcome: str, seconds: float) -> None:
        pass


class Part:
    """A configuration of a page, and the identity provider that it is for."""

    def __init__(self, page: str, number: int, vendor: Vendor, authority: Authority) -> None:
        blocks = pages.yaml_blocks((FOLDER / f"{page}.md").read_text())
        ((self.name, entry),) = _providers(blocks[number], blocks[0]).items()
        self.told: dict[str, Any] = entry["config"]
        self.vendor = vendor
        kind = "ES256" if vendor.auth == "apple" else "RS256"
        self.key = Key(kind, kid=self.told.get("key_id", ""))
        self._authority = authority
        self.issuer: str = self.told.get("issuer", "")

    @property
    def redirect_uri(self) -> str:
        return CALLBACK + self.name

    def server(self) -> OidcFake:
        """Return the identity provider, with a client registered as the page tells."""
        told, vendor = self.told, self.vendor
        client = Client(
            told["client_id"],
            (self.redirect_uri,),
            auth=vendor.auth,
            secret=pages.SECRET,
            key=self.key,
            team=told.get("team_id", ""),
        )
        prefix = urlsplit(self.issuer).path.rstrip("/") or vendor.manner.prefix
        manner = replace(vendor.manner, prefix=prefix)
        server = OidcFake(self._authority.server(), client, manner=manner)
        server.person |= vendor.person
        server.github_user |= {"id": 583231}
        return server

    def provider(self, server: OidcFake, folder: Path, patch: pytest.MonkeyPatch) -> Provider[Any]:
        """Return the provider that the page configures; only addresses are other ones."""
        for variable in ("client_secret", "private_key"):
            if variable in self.told:
                secret = pages.SECRET if "secret" in variable else self.key.private_pem.decode()
                patch.setenv(self.told[variable]["env"], secret)
        settings = {
            "issuer": {"type": "sandbox"},
            "apps": {"*": {}},
            "providers": {self.name: {"type": "oauth2", "config": self._moved(server)}},
        }
        file = folder / "gateway.yaml"
        file.write_text(yaml.safe_dump(settings))
        (planned,) = plan(config.load(file)).providers
        provider = planned.kind(planned.name, planned.config, Context(Meter()))
        assert isinstance(provider, BrowserSignIn)
        return provider

    def _moved(self, server: OidcFake) -> dict[str, Any]:
        here = {"allow_private_network": True, "ca_file": str(self._authority.ca_file)}
        if server.manner.is_github:
            paths = {"authorization": AUTHORIZE, "token": TOKEN, "userinfo": USER, "emails": EMAILS}
            here |= {f"{name}_endpoint": server.url + path for name, path in paths.items()}
            return self.told | here
        several = len(self.told.get("tenants", ())) > 1
        issuer = server.issuer_for("organizations" if several else TENANT)
        if self.issuer.endswith("/"):
            issuer += "/"
            server.metadata["issuer"] = server.claims["iss"] = server.callback["iss"] = issuer
        return self.told | here | {"issuer": issuer}


def _providers(block: str, first: str) -> dict[str, Any]:
    """Return the providers of a block; one that is a part only stands for that of the first."""
    part = yaml.safe_load(block)
    if "providers" not in part:
        ((name, entry),) = yaml.safe_load(first)["providers"].items()
        return {name: entry | {"config": part}}
    found: dict[str, Any] = part["providers"]
    return found
