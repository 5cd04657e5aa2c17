"""The public listener with TLS of its own."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path

import pytest

from tests.gateway.conftest import Site, StartSite, password_login
from tests.gateway.raw_http import Wire, check, request
from tests.servers.gateway import post
from tests.servers.tls import Authority

HANDSHAKE = 0.4


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_site(start_site: StartSite, authority: Authority) -> Site:
    files = authority.files()
    tls = {"certificate": str(files.certificate), "private_key": str(files.private_key)}
    return start_site({"gateway.app.HEAD_TIMEOUT": HANDSHAKE}, tls=tls)


def test_https_is_printed_and_served(tls_site: Site, authority: Authority) -> None:
    assert tls_site.url.startswith("https://127.0.0.1:")
    assert tls_site.gateway.admin_url.startswith("http://")
    with Wire(tls_site.url, tls=authority.client()) as wire:
        for _ in range(2):
            wire.send(request(json.dumps(password_login())))
            assert "token" in check(wire.reply()).json


def test_plain_http_gets_no_answer(tls_site: Site, authority: Authority) -> None:
    with Wire(tls_site.url) as wire:
        wire.send(request(json.dumps(password_login())))
        assert not wire.rest().startswith(b"HTTP")
    check(post(tls_site.url, password_login(), tls=authority.client()))


def test_versions_before_1_2_are_refused(tls_site: Site, authority: Authority) -> None:
    hello = bytes.fromhex(  # a ClientHello of TLS 1.1 with the suites of its time
        "1603010035010000310302" + "00" * 32 + "00000ac014c00ac013c009002f0100"
    )
    with Wire(tls_site.url) as wire:
        wire.send(hello)
        alert = wire.rest()
    assert alert[:1] in (b"\x15", b"")
    tls = authority.client()
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_2
    check(post(tls_site.url, password_login(), tls=tls))


@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a43_handshake_has_to_be_done_in_time(tls_site: Site, start: bytes) -> None:
    with Wire(tls_site.url) as wire:
        wire.send(start)
        assert wire.rest() == b""
        assert HANDSHAKE - 0.1 < time.monotonic() - wire.opened < HANDSHAKE + 0.8


def test_certificate_is_the_configured_one(tls_site: Site, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        post(tls_site.url, password_login(), tls=stranger.client())
