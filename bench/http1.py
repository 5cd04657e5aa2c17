"""The little of HTTP/1.1 that load and stub need: one message at a time, its length given."""

from __future__ import annotations

import re
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


def split(message: bytes) -> tuple[bytes, bytes] | None:
    """Head and body of a message, or None while some of it is missing."""
    head, end, body = message.partition(b"\r\n\r\n")
    if not end:
        return None
    length = _LENGTH.search(head)
    return (head, body) if length is None or len(body) >= int(length[1]) else None
