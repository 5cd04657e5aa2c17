"""From a URL to a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.stores import BadStoreUrl, open_store
from gateway.stores.memory import MemoryStore
from tests.gateway.stores.values import whole_story

ROOT = Path(__file__).parents[3]

NOT_A_URL = "not of the form redis://user:password@host:port/database"


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


def test_redis_py_is_not_imported_without_need() -> None:
    code = (
        "import sys, gateway.stores; gateway.stores.open_store('memory://');"
        "assert 'redis' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=30)
