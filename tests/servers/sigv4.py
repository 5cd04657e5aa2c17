"""Checks AWS Signature Version 4 as a service does, from the request as it arrived.

Written from https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
and not from the gateway's own signer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from tests.servers.http_fake import Call

TOLERANCE = timedelta(minutes=15)

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<scope>\d{8}/[\w-]+/[\w-]+/aws4_request), "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Authorization(NamedTuple):
    """What an ``Authorization`` header says."""

    access_key_id: str
    scope: str  # date/region/service/aws4_request
    signed_headers: tuple[str, ...]
    signature: str

    @classmethod
    def parse(cls, header: str) -> Authorization:
        """Take the header to pieces. Raises ``ValueError``."""
        found = _HEADER.fullmatch(header)
        if found is None:
            raise ValueError("not a header of Signature Version 4")
        return cls(found["key"], found["scope"], tuple(found["names"].split(";")), found[4])


def flaw(call: Call, secret: str, region: str, service: str, now: datetime) -> str | None:
    """Return what is wrong with the signature of a call, in the words of AWS, or None."""
    authorization = Authorization.parse(call.header("Authorization") or "")
    timestamp = call.header("X-Amz-Date") or ""
    date, *place = authorization.scope.split("/")
    if place[:2] != [region, service]:
        return f"Credential should be scoped to a valid region, not '{place[0]}'."
    if timestamp[:8] != date:
        return "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
    unsigned = _to_be_signed(call) - set(authorization.signed_headers)
    if unsigned:
        return f"'{min(unsigned)}' must be a 'SignedHeader' in the AWS Authorization."
    sent = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - sent) > TOLERANCE:
        return f"Signature expired: {timestamp} is not within 15 min. of {now:%Y%m%dT%H%M%SZ}"
    if not hmac.compare_digest(signature(call, authorization, secret), authorization.signature):
        return "The request signature we calculated does not match the signature you provided."
    return None


def _to_be_signed(call: Call) -> set[str]:
    names = {name.lower() for name, _ in call.headers}
    return {"host"} | {n for n in names if n == "content-type" or n.startswith("x-amz-")}


def signature(call: Call, authorization: Authorization, secret: str) -> str:
    """Return the signature that the call should have, in hexadecimal digits."""
    timestamp = call.header("X-Amz-Date") or ""
    digest = hashlib.sha256(canonical_request(call, authorization.signed_headers)).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{authorization.scope}\n{digest}"
    key = b"AWS4" + secret.encode()
    for part in authorization.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical_request(call: Call, signed_headers: tuple[str, ...]) -> bytes:
    """Return the text that the digest is of."""
    query = sorted(
        (quote(name, safe=""), quote(value, safe=""))
        for name, value in parse_qsl(call.query, keep_blank_values=True)
    )
    values = _values(call)
    lines = [
        call.method,
        # The path has been decoded once; services other than S3 encode what was sent.
        quote(quote(call.path)),
        "&".join(f"{name}={value}" for name, value in query),
        *(f"{name}:{values[name]}" for name in signed_headers),
        "",
        ";".join(signed_headers),
        hashlib.sha256(call.body).hexdigest(),
    ]
    return "\n".join(lines).encode()


def _values(call: Call) -> Mapping[str, str]:
    """Return the values by lower-case names; of several lines of one name, all."""
    values: dict[str, str] = {}
    for name, value in call.headers:
        trimmed = re.sub(" +", " ", value.strip())
        known = values.get(name.lower())
        values[name.lower()] = trimmed if known is None else f"{known},{trimmed}"
    return values
