"""AWS Signature Version 4 in the ``Authorization`` header. No I/O, no clock.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from providers._senders._vendor import Request

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to one service in one region with one access key.

    Temporary credentials have a ``session_token``.
    """

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        *,
        region: str,
        service: str,
        session_token: str | None = None,
    ) -> None:
        self._access_key_id = access_key_id
        self._secret = f"AWS4{secret_access_key}".encode()
        self._session_token = session_token
        self._scope = (region, service, "aws4_request")
        self._day = ""  # what the key is for; it changes with the date alone
        self._key = b""

    def sign(self, request: Request, host: str, now: datetime) -> Request:
        """Return the request with all that has to be sent beside ``Host: {host}``.

        Every header of ``request`` is signed. Its target is a path without dot segments and query.
        """
        timestamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {**request.headers, "X-Amz-Date": timestamp}
        if self._session_token is not None:
            headers["X-Amz-Security-Token"] = self._session_token
        names, canonical = _canonical(request, {"Host": host, **headers})
        day = timestamp[:8]
        scope = "/".join((day, *self._scope))
        to_sign = "\n".join((_ALGORITHM, timestamp, scope, _sha256(canonical.encode())))
        signature = _hmac(self._key_for(day), to_sign).hex()
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return request._replace(headers=headers)

    def _key_for(self, day: str) -> bytes:
        if day != self._day:
            key = self._secret
            for part in (day, *self._scope):
                key = _hmac(key, part)
            self._day, self._key = day, key
        return self._key


def _canonical(request: Request, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the names of the signed headers, and the canonical request."""
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in lines)
    path = quote(request.target)  # as it is sent: what is percent-encoded is encoded once more
    query = ""
    signed = [f"{name}:{value}" for name, value in lines]
    body = _sha256(request.body)
    return names, "\n".join((request.method, path, query, *signed, "", names, body))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
