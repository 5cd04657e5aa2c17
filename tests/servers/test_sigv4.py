from dataclasses import replace
from datetime import timedelta

import pytest

from tests.servers import sigv4
from tests.servers.http_fake import Call
from tests.servers.sigv4_vectors import (
    DATE,
    HOST,
    REGION,
    SECRET_ACCESS_KEY,
    SERVICE,
    TIMESTAMP,
    VECTORS,
    Vector,
)

# In these the path was signed as it stands, and not as it is sent.
SENT = [v for v in VECTORS if v.path.isascii() and " " not in v.path and "$" not in v.path]
FORM = next(v for v in VECTORS if v.name == "post-x-www-form-urlencoded")


def call(vector: Vector) -> Call:
    headers = [
        ("Host", HOST),
        ("X-Amz-Date", TIMESTAMP),
        *vector.headers.items(),
        ("Authorization", vector.authorization),
    ]
    if vector.session_token:
        headers.append(("X-Amz-Security-Token", vector.session_token))
    return Call(0.0, vector.method, vector.path, "", tuple(headers), vector.body)


def flaw(arrived: Call, **changes: str) -> str | None:
    keys = {"secret": SECRET_ACCESS_KEY, "region": REGION, "service": SERVICE, **changes}
    return sigv4.flaw(arrived, **keys, now=DATE)


@pytest.mark.parametrize("vector", SENT, ids=[vector.name for vector in SENT])
def test_published_signatures_are_accepted(vector: Vector) -> None:
    assert flaw(call(vector)) is None


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        (
            "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
            "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
        ),
        (
            "Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
    ids=["get-vanilla-query-order-encoded", "get-vanilla-query-order-key-case"],
)
def test_a_query_is_signed(query: str, signature: str) -> None:
    vector = VECTORS[0]._replace(signature=signature)
    assert flaw(replace(call(vector), query=query)) is None


def test_lines_of_one_header_are_joined() -> None:
    vector = VECTORS[0]._replace(
        name="get-header-key-duplicate",
        signed_headers="host;my-header1;x-amz-date",
        signature="c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    )
    arrived = call(vector)
    lines = [("My-Header1", value) for value in ("value2", "value2", "value1")]
    assert flaw(replace(arrived, headers=(*arrived.headers, *lines))) is None


def with_header(arrived: Call, name: str, value: str) -> Call:
    headers = {**dict(arrived.headers), name: value}
    return replace(arrived, headers=tuple(headers.items()))


SOUND = call(FORM)


@pytest.mark.parametrize(
    "tampered",
    [
        replace(SOUND, method="PUT"),
        replace(SOUND, path="/other"),
        replace(SOUND, query="a=b"),
        replace(SOUND, body=b"Param1=value2"),
        with_header(SOUND, "Host", "other.example"),
        with_header(SOUND, "Content-Type", "text/plain"),
        with_header(SOUND, "Authorization", FORM._replace(signature="0" * 64).authorization),
    ],
    ids=["method", "path", "query", "body", "host", "type", "signature"],
)
def test_whatever_was_signed_cannot_be_changed(tampered: Call) -> None:
    assert flaw(tampered) == (
        "The request signature we calculated does not match the signature you provided."
    )


def test_the_secret_makes_the_signature() -> None:
    assert "does not match" in str(flaw(SOUND, secret="other"))


@pytest.mark.parametrize("place", [{"region": "eu-west-1"}, {"service": "sns"}])
def test_a_signature_is_for_one_region_and_service(place: dict[str, str]) -> None:
    assert "scoped" in str(flaw(SOUND, **place))


@pytest.mark.parametrize("name", ["X-Amz-Security-Token", "X-Amz-Other"])
def test_headers_of_amazons_have_to_be_signed(name: str) -> None:
    assert flaw(with_header(SOUND, name, "x")) == (
        f"'{name.lower()}' must be a 'SignedHeader' in the AWS Authorization."
    )


@pytest.mark.parametrize("minutes", [-16, -14, 14, 16])
def test_a_signature_holds_for_a_quarter_of_an_hour(minutes: int) -> None:
    now = DATE + timedelta(minutes=minutes)
    found = sigv4.flaw(SOUND, SECRET_ACCESS_KEY, REGION, SERVICE, now)
    assert (found is None) == (abs(minutes) < 15)


def test_the_date_of_the_scope_is_that_of_the_request() -> None:
    assert "Date in Credential" in str(flaw(with_header(SOUND, "X-Amz-Date", "20150831T123600Z")))


@pytest.mark.parametrize("header", ["", "Basic YTpi", FORM.authorization + " "])
def test_what_is_no_such_header_cannot_be_read(header: str) -> None:
    with pytest.raises(ValueError, match="Signature Version 4"):
        sigv4.Authorization.parse(header)
