"""The one call to mesibo: what it holds, how often it is made, and to whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config import MesiboIssuer
from gateway import issuer
from gateway.metrics import Metrics
from providers import NotSent
from tests.logins.site import Site
from tests.servers.mesibo import MesiboCloud
from tests.servers.tls import Authority, Kind

RETRIED = ["http500", "http503", "json500", "cut", "truncated_json"]
FINAL = ["false", "html", "http404", "json401", "redirect", "no_token"]


def test_c16_a_call_has_its_secrets_in_the_body(site: Site, number: str) -> None:
    made = len(site.mesibo.calls)
    site.sign_in(number)
    (call,) = site.mesibo.calls[made:]
    assert (call.method, call.path, call.query) == ("POST", MesiboCloud.path, "")
    assert call.header("Content-Type") == "application/json"
    assert call.json.keys() == {"op", "token", "user"}
    assert call.json["op"] == "useradd"
    assert site.mesibo.app_token not in str(call.headers)
    assert number not in str(call.headers)


@pytest.mark.parametrize("fault", RETRIED)
def test_c16_one_retry_after_a_broken_connection_or_5xx(
    site: Site, number: str, fault: str
) -> None:
    code = site.code_for(number)
    made = len(site.mesibo.calls)
    site.mesibo.fail(fault, times=1)
    answer = site.login(phone=number, otp=code)
    assert answer["token"] == site.tokens(number)[-1]
    assert len(site.mesibo.calls) == made + 2


@pytest.mark.parametrize("fault", RETRIED)
def test_c16_no_second_retry(site: Site, number: str, fault: str) -> None:
    code = site.code_for(number)
    made = len(site.mesibo.calls)
    site.mesibo.fail(fault, times=2)
    assert site.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    assert len(site.mesibo.calls) == made + 2


@pytest.mark.parametrize("fault", FINAL)
def test_c16_no_retry_after_an_answer(site: Site, number: str, fault: str) -> None:
    code = site.code_for(number)
    made = len(site.mesibo.calls)
    site.mesibo.fail(fault, times=1)
    assert site.login(phone=number, otp=code)["error"] == "UNAVAILABLE"
    assert len(site.mesibo.calls) == made + 1
    assert site.mesibo.redirected == 0


async def issue(cloud: MesiboCloud, ca_file: Path | None) -> str:
    keys = {"url": cloud.url, "app_token": cloud.app_token, "ca_file": ca_file and str(ca_file)}
    mesibo = issuer.create(MesiboIssuer.model_validate({"type": "mesibo", **keys}), Metrics())
    try:
        return await mesibo.issue("18005551234", "app", None)
    finally:
        await mesibo.close()


def test_c16_a_certificate_of_the_trusted_authority_is_accepted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with MesiboCloud(tls=authority.server()) as cloud:
        token = asyncio.run(issue(cloud, authority.ca_file))
        assert [minted.token for minted in cloud.minted] == [token]


@pytest.mark.parametrize(
    ("kind", "trusted"),
    [("good", False), ("expired", True), ("other_name", True)],
    ids=["unknown_authority", "expired", "other_name"],
)
def test_c16_any_other_certificate_is_refused_before_anything_is_sent(
    tmp_path: Path, kind: Kind, trusted: bool
) -> None:
    authority = Authority(tmp_path)
    with MesiboCloud(tls=authority.server(kind)) as cloud:
        with pytest.raises(NotSent):
            asyncio.run(issue(cloud, authority.ca_file if trusted else None))
        assert cloud.calls == []
