"""From a URL to a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.stores import BadStoreUrl, open_store
from gateway.stores._redis_url import parse
from gateway.stores.memory import MemoryStore
from tests.gateway.stores.values import whole_story

ROOT = Path(__file__).parents[3]

NOT_A_URL = "not of the form redis://user:password@host:port/database"
NOT_SENTINELS = (
    "not of the form redis+sentinel://user:password@host:port,host:port/service/database"
)
NOT_A_CLUSTER = "not of the form redis+cluster://user:password@host:port,host:port"


async def test_memory_is_a_store_of_this_process() -> None:
    assert isinstance(open_store("memory://"), MemoryStore)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("", "starts with memory://", id="empty"),
        pytest.param("sesame", "starts with memory://", id="no scheme"),
        pytest.param("http://sesame", "starts with memory://", id="another scheme"),
        pytest.param("redis://", NOT_A_URL, id="no host"),
        pytest.param("redis://:sesame@", NOT_A_URL, id="a password, but no host"),
        pytest.param("redis://:ses/ame@host", NOT_A_URL, id="bare / in the password"),
        pytest.param("redis://gw:1/sesame@host", NOT_A_URL, id="bare / after a number"),
        pytest.param("redis://gw:1?sesame@host", "only rediss:// URLs", id="bare ? after a number"),
        pytest.param("redis://gw:1#sesame@host", NOT_A_URL, id="bare # after a number"),
        pytest.param("redis://host:sesame", NOT_A_URL, id="port is no number"),
        pytest.param("redis://host:99999", NOT_A_URL, id="port out of range"),
        pytest.param("redis://host/sesame", NOT_A_URL, id="database is no number"),
        pytest.param("redis://host?decode_responses=1", "only rediss:// URLs", id="option"),
        pytest.param("rediss://host?db=1", "the ssl_... options", id="option that is not of TLS"),
        pytest.param("rediss://host?ssl_no=1", "ssl_no", id="unknown option of TLS"),
        pytest.param("rediss://host?ssl_cert_reqs=no", "Flag: no", id="bad option of TLS"),
        pytest.param("redis://host,sesame/0", NOT_A_URL, id="several hosts of a single server"),
        pytest.param("redis+sentinel:///gw", NOT_SENTINELS, id="no sentinel"),
        pytest.param("redis+sentinel://host", NOT_SENTINELS, id="no service"),
        pytest.param("redis+sentinel://host,/gw", NOT_SENTINELS, id="a comma too many"),
        pytest.param("redis+sentinel://host:1,host:x/gw", NOT_SENTINELS, id="port of a sentinel"),
        pytest.param("redis+sentinel://host/gw/sesame", NOT_SENTINELS, id="database of a service"),
        pytest.param("redis+sentinel://:ses/ame@host/gw", NOT_SENTINELS, id="bare / for a service"),
        pytest.param("redis+sentinel://gw:1/sesame@host/gw", NOT_SENTINELS, id="a / in between"),
        pytest.param("redis+sentinel://gw:1/gw?sesame@host", "are sentinel_pas", id="a ? between"),
        pytest.param("redis+sentinel://host/gw#sesame", NOT_SENTINELS, id="a #"),
        pytest.param("redis+sentinel://host/gw?tls=sesame", "tls must be true", id="TLS or not"),
        pytest.param("redis+sentinel://host/gw?ssl_ca_certs=x", "need tls=true", id="no TLS"),
        pytest.param("redis+cluster://", NOT_A_CLUSTER, id="no node"),
        pytest.param("redis+cluster://host/1", NOT_A_CLUSTER, id="a cluster has one database"),
        pytest.param("redis+cluster://host:0", NOT_A_CLUSTER, id="port 0"),
        pytest.param("redis+cluster://gw:1/sesame@host", NOT_A_CLUSTER, id="bare / of a cluster"),
        pytest.param("redis+cluster://host?db=1", "are tls and the ssl_", id="option of a cluster"),
        pytest.param("redis+cluster://host?sentinel_password=x", "are tls", id="of sentinels"),
        pytest.param("redis+cluster://h?tls=true&ssl_no=1", "ssl_no", id="unknown, with TLS"),
        pytest.param("redis+cluster://" + "h," * 100 + "h", "more than 100 hosts", id="too many"),
    ],
)
def test_a_bad_url_is_refused_and_not_repeated(url: str, says: str) -> None:
    with pytest.raises(BadStoreUrl) as caught:
        open_store(url)
    assert says in str(caught.value)
    assert "sesame" not in whole_story(caught.value)


@pytest.mark.parametrize("library", ["redis", "hiredis"])
def test_a_missing_library_is_a_matter_of_installing_it(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    for name in ("redis", "_pipeline", "_redis_url"):
        monkeypatch.delitem(sys.modules, f"gateway.stores.{name}", raising=False)
    for name in list(sys.modules):
        if name == library or name.startswith(f"{library}."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BadStoreUrl, match=r'redis and hiredis: pip install "\.\[redis\]"'):
        open_store("redis://localhost")


def test_user_and_password_are_those_of_the_data_servers() -> None:
    url = parse(
        "redis+sentinel://gw:pass%2Fword@h1:26380,[::1]/main/3"
        "?tls=true&ssl_ca_certs=/ca.pem&sentinel_username=watch&sentinel_password=ses%26ame"
    )
    assert url.addresses == (("h1", 26380), ("::1", 26379))
    assert (url.service, url.login.database) == ("main", 3)
    assert (url.login.username, url.login.password) == ("gw", "pass/word")
    login = url.sentinel_login
    assert (login.username, login.password, login.database) == ("watch", "ses&ame", 0)
    assert url.login.tls == login.tls == {"ssl_ca_certs": "/ca.pem"}
    assert not any(secret in repr(url) for secret in ("word", "ses&ame"))


def test_nodes_have_the_port_of_redis() -> None:
    url = parse("redis+cluster://:p%25w@h1,h2:7001/?tls=false")
    assert [str(address) for address in url.addresses] == ["h1:6379", "h2:7001"]
    assert (url.login.username, url.login.password, url.login.tls) == (None, "p%w", None)


def test_redis_py_is_not_imported_without_need() -> None:
    code = (
        "import sys, gateway.stores; gateway.stores.open_store('memory://');"
        "assert 'redis' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=30)
