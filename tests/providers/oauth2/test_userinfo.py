"""What an identity provider tells of a person, and what of it is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers import Rejected, Reply, Unavailable
from providers.oauth2 import userinfo
from providers.oauth2.presets import Profile, resolve
from tests.providers.oauth2.reaching import settings

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
    forbidden = reply({"message": "Forbidden"}, 403)._replace(retry_after=None)
    with capture_logs() as logs, pytest.raises(Unavailable, match="scopes"):
        read("idp", forbidden)
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
@pytest.mark.parametrize("status", [201, 204, 302, 400, 403, 404, 429, 500, 503])
def test_a111_other_answers_are_an_outage(read: Any, status: int) -> None:
    with capture_logs() as logs, pytest.raises(Unavailable) as caught:
        read("idp", reply({"sub": "1"}, status))
    assert (caught.value.upstream, caught.value.retry_after) == ("idp", 7.0)
    assert logs == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"null", b'"x"', b"1", b"{", b"\xff", b'{"sub":"a","sub":"b"}']
)
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


def test_a95_address_of_the_list_stands_above_others() -> None:
    told = {"id": 1, "email": "public@example.com", "email_verified": True}
    address = {"email": "ann@example.com", "email_verified": True}
    assert userinfo.with_address(told, "ann@example.com") == {"id": 1, **address}
    assert userinfo.with_address(told, None) == {"id": 1}


# What an ID token lacks

SIGNED = {"sub": "1", "email": "a@x.test", "email_verified": True, "name": "A"}


def profile(**keys: Any) -> Profile:
    return resolve(settings(**keys))


@pytest.mark.parametrize(
    ("keys", "signed", "names"),
    [
        ({}, {**SIGNED, "preferred_username": "a"}, set()),
        ({}, SIGNED, {"preferred_username"}),
        ({}, {"sub": "1"}, {"preferred_username", "email", "name"}),
        pytest.param({"scopes": ["openid"]}, {"sub": "1"}, set(), id="nothing was asked for"),
        pytest.param(
            {"scopes": ["openid", "phone"]}, {"sub": "1"}, {"phone_number"}, id="phone was"
        ),
        pytest.param(
            {"scopes": ["openid"], "claims": {"username": "login"}},
            {"sub": "1"},
            {"login"},
            id="of nobody knows which scope",
        ),
        pytest.param(
            {"scopes": ["openid"], "require": {"groups": "staff"}},
            {"sub": "1"},
            {"groups"},
            id="required",
        ),
        pytest.param(
            {"scopes": ["openid"], "require": {"email_verified": True}},
            {"sub": "1"},
            set(),
            id="required, never asked for",
        ),
        pytest.param(
            {"scopes": ["openid"], "claims": {"subject": "employee"}},
            {"sub": "1"},
            {"employee"},
            id="subject",
        ),
        pytest.param({"preset": "google", "issuer": None}, SIGNED, set(), id="google"),
    ],
)
def test_what_an_id_token_lacks(
    keys: dict[str, Any], signed: dict[str, Any], names: set[str]
) -> None:
    assert userinfo.missing(profile(**keys), signed) == names


@pytest.mark.parametrize(
    ("signed", "told", "joint"),
    [
        pytest.param({"sub": "1"}, {"sub": "1", "name": "A"}, {"sub": "1", "name": "A"}, id="more"),
        pytest.param(
            {"sub": "1", "name": "A"},
            {"name": "B", "hd": "x"},
            {"name": "A", "hd": "x"},
            id="signed",
        ),
        pytest.param(
            SIGNED,
            {"email": "b@x.test", "email_verified": False},
            {"email": "a@x.test", "email_verified": True},
            id="signed address",
        ),
        pytest.param(
            {"email": "victim@x.test"},
            {"email": "own@x.test", "email_verified": True},
            {"email": "own@x.test", "email_verified": True},
            id="verified is another one",
        ),
        pytest.param(
            {"email": "victim@x.test"},
            {"email_verified": True},
            {"email_verified": True, "email": None},
            id="verified is none",
        ),
        pytest.param(
            {"email_verified": True},
            {"email": "victim@x.test"},
            {"email": "victim@x.test", "email_verified": None},
            id="verified is nobody knows what",
        ),
        pytest.param(
            {"phone_number": "+1", "name": "A"},
            {"phone_number": "+2", "phone_number_verified": True},
            {"phone_number": "+2", "phone_number_verified": True, "name": "A"},
            id="number",
        ),
        pytest.param(
            {"phone_number": "+1", "phone_number_verified": True},
            {"phone_number": "+2"},
            {"phone_number": "+1", "phone_number_verified": True},
            id="signed number",
        ),
    ],
)
def test_o9_a95_address_keeps_its_own_flag(
    signed: dict[str, Any], told: dict[str, Any], joint: dict[str, Any]
) -> None:
    found = userinfo.joined(profile(), signed, told)
    assert {name: found.get(name) for name in joint} == joint


def test_o9_a95_other_names_of_an_address_go_with_their_flag() -> None:
    mapped = profile(claims={"email": "mail"})
    signed = {"email": "victim@x.test", "mail": "victim@x.test"}
    told = {"mail": "own@x.test", "email_verified": True}
    assert userinfo.joined(mapped, signed, told) == told
