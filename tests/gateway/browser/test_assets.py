"""The style sheet and the script, and what is loaded when."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from gateway.browser import assets
from tests.gateway.browser.site import Site, Staff


@pytest.mark.parametrize(("name", "kind"), assets.TYPES.items())
async def test_assets_are_kept_until_they_change(name: str, kind: str) -> None:
    async with Site(Staff()).open() as person:
        text = (await person.open()).text
        [link] = re.findall(rf'"(/signin/{re.escape(name)}\?v=[0-9a-f]{{16}})"', text)
        answer = await person.get(link)
        assert answer.body == (assets.FOLDER / name).read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Set-Cookie" not in answer.headers
        assert (await person.ask("HEAD", link)).status == 200


@pytest.mark.parametrize("query", ["", "?v=0000000000000000", "?v="])
async def test_another_version_is_not_kept(query: str) -> None:
    """A page of a gateway that is just being replaced asks for it."""
    async with Site(Staff()).open() as person:
        answer = await person.get(f"/signin/signin.css{query}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_version_is_that_of_the_content() -> None:
    versions = {assets.Asset.read(name).version for name in assets.TYPES}
    assert len(versions) == len(assets.TYPES)


@pytest.mark.parametrize("name", assets.TYPES)
def test_assets_load_nothing_from_elsewhere(name: str) -> None:
    text = re.sub(r"//.*", "", (assets.FOLDER / name).read_text())
    assert not re.search(r"https?:|@import|url\(|\beval\b|new Function|innerHTML|import\(", text)


def test_templates_are_loaded_with_the_first_page() -> None:
    """What is in memory from the start counts for gateways that show no page, too."""
    code = "import sys, gateway.browser.routes; print('jinja2' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
