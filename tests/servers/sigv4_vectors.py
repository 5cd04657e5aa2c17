"""Published vectors of AWS Signature Version 4: requests and the signatures that they must have.

Values from the AWS Signature Version 4 Test Suite, Copyright 2019 Amazon.com, Inc. or its
affiliates, Apache License 2.0, as it is in the source distribution of botocore 1.44.5
(tests/unit/auth/aws4_testsuite); also in https://github.com/awslabs/aws-c-auth. Left out are
queries, several headers of one name and paths with dot segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
SERVICE = "service"
HOST = "example.amazonaws.com"
DATE = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
TIMESTAMP = "20150830T123600Z"
SCOPE = "20150830/us-east-1/service/aws4_request"

_FORM = "application/x-www-form-urlencoded"


class Vector(NamedTuple):
    """``headers`` are those beside ``Host``, ``X-Amz-Date`` and the token's."""

    name: str
    signed_headers: str
    signature: str
    method: str = "POST"
    path: str = "/"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    session_token: str | None = None

    @property
    def authorization(self) -> str:
        """The ``Authorization`` header."""
        return (
            f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/{SCOPE}, "
            f"SignedHeaders={self.signed_headers}, Signature={self.signature}"
        )


VECTORS = [
    Vector(
        "get-vanilla",
        "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        method="GET",
    ),
    Vector(
        "get-unreserved",
        "host;x-amz-date",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        method="GET",
        path="/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    ),
    Vector(
        "get-utf8",
        "host;x-amz-date",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        method="GET",
        path="/\u1234",
    ),
    Vector(
        "get-space",
        "host;x-amz-date",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        method="GET",
        path="/example space/",
    ),
    Vector(
        "get-special-character",
        "host;x-amz-date",
        "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27",
        method="GET",
        path="/example/$delete",
    ),
    Vector(
        "get-header-value-trim",
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        method="GET",
        headers={"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
    ),
    Vector(
        "get-vanilla-with-session-token",
        "host;x-amz-date;x-amz-security-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        method="GET",
        session_token="6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    ),
    Vector(
        "post-vanilla",
        "host;x-amz-date",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    Vector(
        "post-header-key-sort",
        "host;my-header1;x-amz-date",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        headers={"My-Header1": "value1"},
    ),
    Vector(
        "post-header-value-case",
        "host;my-header1;x-amz-date",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        headers={"My-Header1": "VALUE1"},
    ),
    Vector(
        "post-x-www-form-urlencoded",
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        headers={"Content-Type": _FORM},
        body=b"Param1=value1",
    ),
    Vector(
        "post-x-www-form-urlencoded-parameters",
        "content-type;host;x-amz-date",
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        headers={"Content-Type": f"{_FORM}; charset=utf8"},
        body=b"Param1=value1",
    ),
    Vector(
        "post-sts-header-before",
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        session_token=(
            "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmx"
            "fpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0K"
            "PkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZb"
            "qBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
        ),
    ),
]
