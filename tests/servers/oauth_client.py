"""An app that signs people in by authorization code and PKCE, made by others: npm oauth4webapi."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.servers.oidc_provider import NODE, check_packages
from tests.servers.tls import Authority


class OAuthClientError(Exception):
    """The app does not go on: the discovery document or the answer is not in order."""


class OAuthClient:
    """One sign-in: ``start``, a browser, then ``finish``. It does not redeem the code."""

    def __init__(
        self,
        authority: Authority,
        issuer: str,
        client_id: str,
        redirect_uri: str,
        scope: str = "openid profile email",
    ) -> None:
        check_packages()
        self._env = os.environ | {"NODE_EXTRA_CA_CERTS": str(authority.ca_file)}
        self._known: dict[str, Any] = {
            "issuer": issuer,
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": scope,
        }

    def start(self) -> str:
        """Return where the browser goes. Raises ``OAuthClientError``."""
        self._known = self._run("start", self._known)
        url: str = self._known["authorization_url"]
        return url

    def finish(self, answer: Mapping[str, str]) -> dict[str, str]:
        """Look at what the browser has brought back; return what the code is redeemed with.

        That is ``code``, ``code_verifier``, ``redirect_uri`` and ``nonce``. Raises
        ``OAuthClientError``.
        """
        return self._run("finish", self._known | {"answer": dict(answer)})

    def _run(self, step: str, known: Mapping[str, Any]) -> dict[str, Any]:
        command = ["node", str(NODE / "oauth_client.mjs"), step, json.dumps(known)]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise OAuthClientError(done.stderr.strip())
        found: dict[str, Any] = json.loads(done.stdout)
        return found
