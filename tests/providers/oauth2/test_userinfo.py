"""What an identity provider tells of a person, and what of it is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import Rejected, Reply, Unavailable
from providers.oauth2 import userinfo

JWT = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def reply(answer: Any, status: int = 200) -> Reply:
    return Reply(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), 7.0)


READERS = pytest.mark.parametrize("read", [userinfo.read, userinfo.read_emails])


def test_token_travels_in_its_header() -> None:
    headers = userinfo.headers("t0ken")
    assert headers.pop("Authorization") == "Bearer t0ken"
    assert "t0ken" not in json.dumps(headers)
    assert headers["Accept"] == "application/json"
    assert headers["User-Agent"]


def test_claims_are_returned() -> None:
    claims = {"sub": "1", "email": "ann@example.com", "groups": ["a"]}
    assert userinfo.read("idp", reply(claims)) == claims


@READERS
def test_token_that_is_refused_is_the_persons(read: Any) -> None:
    with pytest.raises(Rejected, match="token"):
        read("idp", reply({"message": "Bad credentials"}, 401))


@READERS
def test_missing_permission_is_the_operators(read: Any) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable, match="scopes"):
        read("idp", reply({"message": "Forbidden"}, 403))
    assert [line["log_level"] for line in logs] == ["error"]


@READERS
@pytest.mark.parametrize(
    "body",
    [JWT, b"\n" + JWT + b"\n", b"a.b.c.d.e", b"eyJhbGciOiJub25lIn0.e30."],
    ids=["signed", "in lines", "encrypted", "none"],
)
def test_signed_userinfo_is_refused_clearly(read: Any, body: bytes) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable, match="JWT"):
        read("idp", reply(body))
    (line,) = logs
    assert line["log_level"] == "error"
    assert "eyJ" not in str(line)


@READERS
@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 429, 500, 503])
def test_a111_other_answers_are_an_outage(read: Any, status: int) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable) as caught:
        read("idp", reply({"sub": "1"}, status))
    assert (caught.value.upstream, caught.value.retry_after) == ("idp", 7.0)
    assert logs == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"1", b"{", b"\xff"])
def test_a111_what_is_no_object_is_an_outage(body: bytes) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable):
        userinfo.read("idp", reply(body))
    assert logs == []


# GitHub's list of addresses

PRIMARY = {"email": "ann@example.com", "primary": True, "verified": True, "visibility": "public"}
OTHER = {"email": "a@old.example", "primary": False, "verified": True, "visibility": None}


@pytest.mark.parametrize(
    ("emails", "address"),
    [
        ([PRIMARY], "ann@example.com"),
        ([OTHER, PRIMARY], "ann@example.com"),
        ([], None),
        ([OTHER], None),
        ([OTHER, {**PRIMARY, "verified": False}], None),
        ([{**PRIMARY, "verified": "true"}], None),
        ([{**PRIMARY, "verified": 1}], None),
        ([{**PRIMARY, "primary": "true"}], None),
        ([{"email": "ann@example.com", "primary": True}], None),
        ([{**PRIMARY, "email": None}], None),
        ([{**PRIMARY, "email": ["ann@example.com"]}], None),
        (["ann@example.com", None, [], PRIMARY], "ann@example.com"),
        ({"message": "x"}, None),
        (PRIMARY, None),
        (None, None),
    ],
)
def test_o9_a95_only_the_verified_primary_address_is_taken(
    emails: Any, address: str | None
) -> None:
    assert userinfo.read_emails("idp", reply(emails)) == address
