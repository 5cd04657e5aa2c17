"""The scripts in ``lua/``, and what their keys are called.

All keys begin with ``gw:``, followed by 22 characters that are a digest in base64::

    gw:{DIGEST}     a pending challenge, see ``_record``; ends with the challenge
    gw:{DIGEST}:l   its lease; ends with the lease
    gw:n:DIGEST     a counter; ends with its window

``gw:{ping…}`` and ``gw:{ping…}:l`` are there while a question after the store's health is answered.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from gateway.stores import Window


class Script(NamedTuple):
    """A script in Lua, and the name by which Redis knows it once it was sent."""

    text: bytes
    sha: bytes
    step: str  # what it is called in traces


def _script(name: str) -> Script:
    folder = Path(__file__).with_name("lua")
    text = b"".join((folder / f"{part}.lua").read_bytes() for part in ("windows", name))
    # SHA-1 is how Redis names a script; nothing is secured by it.
    sha = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
    return Script(text, sha, f"redis {name}")


START: Final = _script("start")
WITHDRAW: Final = _script("withdraw")
TAKE: Final = _script("take")
FINISH: Final = _script("finish")
RELEASE: Final = _script("release")
COUNT: Final = _script("count")
UNCOUNT: Final = _script("uncount")
PING: Final = _script("ping")
# Of a call that takes several steps:
LOOK: Final = _script("look")
PEEK: Final = _script("peek")
CLAIM: Final = _script("claim")
TAKE_BACK: Final = _script("take_back")


def of_challenge(key: bytes) -> list[bytes]:
    """The names of a challenge and of its lease."""
    return named(b2a_base64(key)[:22])  # without the padding


def named(tag: bytes) -> list[bytes]:
    """A name and a second one that goes with it: the braces keep both in one cluster slot."""
    name = b"gw:{%b}" % tag
    return [name, name + b":l"]


def of_windows(windows: Sequence[Window]) -> list[bytes]:
    """The names of counters."""
    return [b"gw:n:" + b2a_base64(window.key)[:22] for window in windows]


def limits(windows: Sequence[Window]) -> bytes:
    """Limit and period of each, as ``windows.lua`` wants them."""
    numbers = [number for window in windows for number in (window.limit, window.period_ms)]
    return _numbers(len(numbers)).pack(*numbers)


@lru_cache
def _numbers(count: int) -> Struct:
    return Struct(f">{count}Q")
