"""Signatures: as AWS publishes them, for each request and each day anew."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from providers._senders._sigv4 import Signer
from providers._senders._vendor import Request
from tests.servers.sigv4_vectors import (
    ACCESS_KEY_ID,
    DATE,
    HOST,
    REGION,
    SECRET_ACCESS_KEY,
    SERVICE,
    TIMESTAMP,
    VECTORS,
    Vector,
)

REQUEST = Request("POST", "/", {"Content-Type": "text/plain"}, b"hello")


def signer(
    *, secret: str = SECRET_ACCESS_KEY, region: str = REGION, token: str | None = None
) -> Signer:
    return Signer(ACCESS_KEY_ID, secret, region=region, service=SERVICE, session_token=token)


def authorization(made_by: Signer, request: Request = REQUEST, now: datetime = DATE) -> str:
    return made_by.sign(request, HOST, now).headers["Authorization"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])
def test_published_requests_get_their_published_signatures(vector: Vector) -> None:
    request = Request(vector.method, vector.path, vector.headers, vector.body)
    signed = signer(token=vector.session_token).sign(request, HOST, DATE)
    added = {"X-Amz-Date": TIMESTAMP, "Authorization": vector.authorization}
    if vector.session_token:
        added["X-Amz-Security-Token"] = vector.session_token
    assert signed == request._replace(headers={**vector.headers, **added})


@pytest.mark.parametrize(
    "change",
    [
        REQUEST._replace(method="PUT"),
        REQUEST._replace(target="/other"),
        REQUEST._replace(headers={"Content-Type": "text/html"}),
        REQUEST._replace(headers={**REQUEST.headers, "X-Other": ""}),
        REQUEST._replace(body=b"hellO"),
    ],
    ids=["method", "path", "header", "further header", "body"],
)
def test_every_part_of_a_request_is_signed(change: Request) -> None:
    made_by = signer()
    assert authorization(made_by, change) != authorization(made_by)


def test_host_secret_region_and_second_are_signed() -> None:
    made_by = signer()
    others = {
        made_by.sign(REQUEST, "other.example", DATE).headers["Authorization"],
        authorization(signer(secret="other")),
        authorization(signer(region="eu-west-1")),
        authorization(made_by, now=DATE + timedelta(seconds=1)),
        authorization(made_by),
    }
    assert len(others) == 5


def test_the_time_is_written_in_utc() -> None:
    there = DATE.astimezone(timezone(timedelta(hours=14)))
    assert there.day != DATE.day
    assert signer().sign(REQUEST, HOST, there) == signer().sign(REQUEST, HOST, DATE)


def test_a_signer_lives_through_midnight() -> None:
    made_by = signer()
    for hours in (0, 1, 12, 36, 0):  # forward, and a clock that is set back
        now = DATE + timedelta(hours=hours)
        assert authorization(made_by, now=now) == authorization(signer(), now=now)


def test_the_key_is_derived_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    made_by = signer()
    first = authorization(made_by)
    monkeypatch.setattr(made_by, "_secret", b"forgotten")
    assert authorization(made_by) == first
    tomorrow = DATE + timedelta(days=1)
    assert authorization(made_by, now=tomorrow) != authorization(signer(), now=tomorrow)


def test_no_secret_is_in_the_representation() -> None:
    text = repr(signer(token="a-token"))
    assert SECRET_ACCESS_KEY not in text
    assert "a-token" not in text
