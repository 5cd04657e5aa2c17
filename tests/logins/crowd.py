"""Many requests at the same moment: connections first, then all requests in one go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEADLINE = 30.0  # seconds, for all of them


@dataclass(frozen=True, slots=True)
class Post:
    """A request: to which gateway, with which body, as which client."""

    url: str
    body: Mapping[str, Any]
    client: str


def at_once(posts: Sequence[Post]) -> list[bytes]:
    """Send all and return the bodies of the replies, in the order of the requests."""
    return asyncio.run(asyncio.wait_for(_at_once(posts), DEADLINE))


async def _at_once(posts: Sequence[Post]) -> list[bytes]:
    targets = [urlsplit(post.url) for post in posts]
    streams = await asyncio.gather(
        *(asyncio.open_connection(target.hostname, target.port) for target in targets)
    )
    for (_, writer), post in zip(streams, posts, strict=True):
        writer.write(_request(post))
    replies = await asyncio.gather(*(reader.read() for reader, _ in streams))
    for _, writer in streams:
        writer.close()
    return [_body(reply) for reply in replies]


def _request(post: Post) -> bytes:
    body = json.dumps(post.body).encode()
    head = (
        "POST / HTTP/1.1",
        "Host: gateway",
        "Connection: close",
        f"X-Forwarded-For: {post.client}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


def _body(reply: bytes) -> bytes:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), reply
    return body
