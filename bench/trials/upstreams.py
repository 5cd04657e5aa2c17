"""The stub of the upstreams, as the trial steers and asks it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal
from urllib.request import Request, urlopen

import orjson

from bench.servers import Server
from bench.trials import cores

READY: Final = "listening on" + r" (http://\S+)" * 5 + r"\n"
TIMEOUT: Final = 30.0  # seconds

Name = Literal["issuer", "vendor", "backup", "idp"]


class Upstreams(Server):
    """See ``bench.trials.stub``. The addresses are those of its listeners."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "bench.trials.stub"]
        super().__init__(command, cores.UPSTREAMS, READY, folder, "upstreams")
        self._control, self.issuer, self.vendor, self.backup, self.idp = self.addresses

    async def cut(self, name: Name) -> None:
        """Reset its connections, refuse new ones."""
        await self._ask(f"/cut/{name}")

    async def freeze(self, name: Name) -> None:
        """Let it take requests and say nothing."""
        await self._ask(f"/freeze/{name}")

    async def heal(self, name: Name) -> None:
        """Let it work again."""
        await self._ask(f"/heal/{name}")

    async def minted(self, addresses: Sequence[str]) -> dict[str, int]:
        """How many tokens were made for each."""
        return dict(await self._ask("/minted", orjson.dumps(addresses)))

    async def often(self) -> dict[str, int]:
        """Addresses that more than one token was made for, and how many."""
        return dict(await self._ask("/often"))

    async def publish(self, jwks: dict[str, Any]) -> None:
        """Let the identity provider publish these keys."""
        await self._ask("/keys", orjson.dumps(jwks))

    @property
    def codes_url(self) -> str:
        return f"{self._control}/codes"

    async def _ask(self, path: str, body: bytes | None = None) -> Any:
        return await asyncio.to_thread(_fetch, self._control + path, body)


def _fetch(url: str, body: bytes | None) -> Any:
    with urlopen(Request(url, body), timeout=TIMEOUT) as answer:
        return orjson.loads(answer.read())
