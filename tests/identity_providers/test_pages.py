"""What the pages of docs/identity-providers/ configure: Ann signs in, and others are refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import config
import providers
from providers import Attempt, BrowserSignIn, Identity, Provider, Rejected, Trip
from tests import pages
from tests.identity_providers.pages import FOLDER, Part
from tests.identity_providers.vendors import VENDORS
from tests.servers.oidc_fake import OidcFake
from tests.servers.tls import Authority
from tests.servers.visitor import Visitor

NONCE = "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
STATE = "state-of-this-trip"


class Site:
    """A provider as a page configures it, and its identity provider."""

    def __init__(
        self, part: Part, server: OidcFake, provider: Provider[Any], visitor: Visitor
    ) -> None:
        self.part = part
        self.server = server
        self.provider = provider
        self._visitor = visitor

    async def in_browser(self) -> Identity:
        """Go to the identity provider's site and come back."""
        assert isinstance(self.provider, BrowserSignIn)
        trip = Trip(self.part.redirect_uri, STATE, NONCE, VERIFIER)
        there = await self.provider.depart(trip)
        back = await self._visitor.walk(there, {}, "")
        assert back.url == self.part.redirect_uri
        assert (back.method == "POST") == self.provider.posts_back
        assert back.parameters["state"] == STATE
        return await self.provider.arrive(self._attempt(), trip, back.parameters)

    async def from_app(self, audience: str) -> Identity:
        """Sign in with an ID token that an app got from the vendor's SDK."""
        hashed = hashlib.sha256(NONCE.encode()).hexdigest()
        fields: providers.Fields = {
            "id_token": self.server.token({"aud": audience, "nonce": hashed}),
            "nonce": NONCE,
        }
        assert self.provider.identify(fields) is not None
        found = await self.provider.begin(self._attempt(), fields)
        assert isinstance(found, Identity)
        return found

    def _attempt(self) -> Attempt:
        return Attempt("app", "App", self.part.name, "", "192.0.2.1", "r")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def part(block: tuple[str, int], authority: Authority) -> Part:
    return Part(*block, VENDORS[block], authority)


@pytest.fixture
def server(part: Part) -> Iterator[OidcFake]:
    with part.server() as running:
        yield running


@pytest.fixture
async def site(
    part: Part,
    server: OidcFake,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Site]:
    provider = part.provider(server, tmp_path, monkeypatch)
    async with Visitor(authority.client()) as visitor:
        await provider.open()
        yield Site(part, server, provider, visitor)
        await provider.close()


def blocks(*, of: str = "") -> pytest.MarkDecorator:
    """Every configuration of the pages; or those with ``strangers``, or ``tokens`` for apps."""
    names = [
        pytest.param(block, id=f"{block[0]}-{block[1] + 1}")
        for block, vendor in VENDORS.items()
        if of != "strangers" or vendor.stranger is not None
        if of != "tokens" or not vendor.manner.is_github
    ]
    return pytest.mark.parametrize("block", names)


def test_every_configuration_is_run_and_every_page_in_the_index() -> None:
    texts = {path.stem: path.read_text() for path in FOLDER.glob("*.md")}
    rows = re.findall(r"^\|.*\]\((.*)\.md\) \|", texts.pop("README"), re.MULTILINE)
    assert set(rows) == texts.keys()
    configurations = {
        (name, number)
        for name, text in texts.items()
        for number in range(len(pages.yaml_blocks(text)))
    }
    assert configurations == VENDORS.keys()


@pytest.mark.parametrize("name", sorted({page for page, _ in VENDORS}))
def test_page_says_what_it_was_not_run_against(name: str) -> None:
    assert re.search(r"\*\*not (run )?against", (FOLDER / f"{name}.md").read_text(), re.IGNORECASE)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_keys_that_are_spoken_of_exist(path: Path) -> None:
    known = {
        *pages.keys(config.Settings),
        *pages.keys(config.ProviderEntry),
        *pages.keys(providers.load("oauth2").Config),
    }
    spoken = set(re.findall("`([a-z_]+): [^`]*`", path.read_text()))
    assert spoken - known == set()


@blocks()
async def test_somebody_signs_in_in_the_browser(site: Site) -> None:
    found = await site.in_browser()
    vendor = site.part.vendor
    assert (found.subject, found.username, found.email, found.name) == (
        vendor.subject,
        vendor.username,
        vendor.email,
        vendor.name,
    )


@blocks(of="tokens")
async def test_somebody_signs_in_with_the_token_of_an_app(site: Site) -> None:
    told = site.part.told
    for audience in (told["client_id"], *told.get("audiences", ())):
        found = await site.from_app(audience)
        assert found.subject == site.part.vendor.subject
        assert found.proof is not None


@blocks(of="tokens")
async def test_the_token_of_another_app_is_refused(site: Site) -> None:
    with pytest.raises(Rejected, match="audiences"):
        await site.from_app("somebody-elses-app")


@blocks(of="strangers")
async def test_who_may_not_sign_in_is_refused(site: Site) -> None:
    stranger = site.part.vendor.stranger or {}
    site.server.person |= stranger
    site.server.github_user |= stranger
    with pytest.raises(Rejected, match=r"^require: the claim"):
        await site.in_browser()


@pytest.mark.parametrize("block", [("microsoft", 0), ("microsoft", 1)])
async def test_o19_the_token_of_a_tenant_that_is_not_listed_is_refused(site: Site) -> None:
    site.server.person |= {"tid": "99999999-2222-3333-4444-555555555555"}
    with pytest.raises(Rejected, match="another issuer"):
        await site.from_app(site.part.told["client_id"])


@pytest.mark.parametrize("block", [("microsoft", 1)])
async def test_o19_people_of_a_tenant_that_is_not_listed_are_refused(site: Site) -> None:
    site.server.person |= {"tid": "99999999-2222-3333-4444-555555555555"}
    with pytest.raises(Rejected):
        await site.in_browser()


@pytest.mark.parametrize("block", [("microsoft", 1)])
async def test_o19_people_of_every_tenant_that_is_listed_sign_in(site: Site) -> None:
    tenant = site.part.told["tenants"][1]
    site.server.person |= {"tid": tenant}
    assert (await site.in_browser()).subject.startswith(f"{tenant}.")


@blocks()
async def test_check_finds_nothing(site: Site) -> None:
    assert await site.provider.check() == []
