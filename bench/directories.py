"""A real OpenLDAP, on the upstreams' core, which keeps no log of what it is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from bench.servers import UPSTREAM_CORE, on
from tests.servers.slapd import Slapd
from tests.servers.tls import Authority

_QUIET: Final = ["loglevel none"]


class Directory(NamedTuple):
    """Where it listens, and how many users it has: ``tests.servers.slapd.numbered``."""

    url: str
    tls_url: str
    ca_file: Path
    users: int


@contextlib.contextmanager
def running(folder: Path, users: int, core: int = UPSTREAM_CORE) -> Iterator[Directory]:
    """Run a directory of so many users."""
    folder.mkdir()
    authority = Authority(folder)
    slapd = Slapd(folder, authority, users=users, needs_tls=False, settings=_QUIET, told=False)
    with contextlib.ExitStack() as stack:
        with on(core):
            stack.enter_context(slapd)
        yield Directory(slapd.url, slapd.tls_url, authority.ca_file, users)
