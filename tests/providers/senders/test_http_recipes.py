"""The examples of docs/senders/http.md against vendors that answer as their documentation says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest
import yaml

from providers import Context, Unavailable
from providers._senders import Ambiguous, Sender
from providers._senders.http import HttpConfig
from tests import pages
from tests.config.reading import document
from tests.providers.senders.recipes import KEY, RECIPES, Recipe, Said
from tests.providers.sending import Recorder
from tests.servers.http_fake import Answer, Call, HttpFake

PAGE = (pages.ROOT / "docs/senders/http.md").read_text()
ANSWERS = [
    pytest.param(recipe, said, id=f"{recipe.heading}-{case}")
    for recipe in RECIPES
    for case, said in recipe.answers.items()
]


class AsIs(Answer[None]):
    """An answer that is no JSON."""

    @property
    def bytes(self) -> bytes:
        return str(self.body).encode()


class Vendor(HttpFake[None]):
    """Says what it is told to, to every request that does not arrive elsewhere."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.says: Answer[None] = Answer({})

    def answer(self, call: Call) -> Answer[None]:
        return self.says


NewVendor = Callable[[Recipe], tuple[Vendor, Sender]]


@pytest.fixture
async def new_vendor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NewVendor]:
    """Start a vendor, and make the sender of the page, which goes there instead."""
    started: list[tuple[Vendor, Sender]] = []

    def new(recipe: Recipe) -> tuple[Vendor, Sender]:
        vendor = Vendor(recipe.path).start()
        (block,) = pages.yaml_blocks(pages.section(PAGE, recipe.heading))
        for variable in re.findall(r"\benv: *(\w+)", block):
            monkeypatch.setenv(variable, KEY)
        (keys,) = yaml.safe_load(block)["senders"]
        url = urlsplit(keys["url"])
        keys["url"] = url._replace(scheme="http", netloc=f"127.0.0.1:{vendor.port}").geturl()
        config = document(yaml.safe_dump(keys, sort_keys=False)).parse(HttpConfig)
        started.append((vendor, config.create(Context(Recorder()))))
        return started[-1]

    yield new
    for vendor, sender in started:
        await sender.close()
        vendor.close()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_request_is_as_the_vendor_documents_it(recipe: Recipe, new_vendor: NewVendor) -> None:
    vendor, sender = new_vendor(recipe)
    said = recipe.answers["success"]
    vendor.says = Answer(said.body, status=said.status)
    await sender.send(recipe.message, 5.0)
    (call,) = vendor.calls
    assert (call.method, call.path, call.query) == ("POST", recipe.path, "")
    assert call.body == recipe.body
    assert {name: call.header(name) for name in recipe.headers} == recipe.headers


@pytest.mark.parametrize(("recipe", "said"), ANSWERS)
async def test_answer_is_taken_for_what_the_vendor_means(
    recipe: Recipe, said: Said, new_vendor: NewVendor
) -> None:
    vendor, sender = new_vendor(recipe)
    vendor.says = answer(said)
    if isinstance(said.outcome, str):
        assert await sender.send(recipe.message, 5.0) == said.outcome
    else:
        with pytest.raises(said.outcome) as caught:
            await sender.send(recipe.message, 5.0)
        for secret in (recipe.message.code, recipe.message.to, KEY):
            assert secret not in str(caught.value)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_vendor_that_throttles_says_when_to_come_back(
    recipe: Recipe, new_vendor: NewVendor
) -> None:
    vendor, sender = new_vendor(recipe)
    vendor.says = answer(recipe.answers["throttled"], **{"Retry-After": "30"})
    with pytest.raises(Unavailable) as caught:
        await sender.send(recipe.message, 5.0)
    assert caught.value.retry_after == 30


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_vendor_that_does_not_answer_may_have_sent(
    recipe: Recipe, new_vendor: NewVendor
) -> None:
    vendor, sender = new_vendor(recipe)
    vendor.fail("hang")
    with pytest.raises(Ambiguous):
        await sender.send(recipe.message, 0.2)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_trying_the_vendor_out_sends_nothing(recipe: Recipe, new_vendor: NewVendor) -> None:
    vendor, sender = new_vendor(recipe)
    assert await sender.check() == []
    (call,) = vendor.calls
    assert (call.method, call.path, call.header("Authorization")) == ("GET", "/", None)


def test_every_vendor_on_the_page_is_tried_here() -> None:
    names = re.findall(r"^    name: (\S+)$", PAGE, re.MULTILINE)
    assert len(names) == len(RECIPES) + 1  # the last one is nobody's


def answer(said: Said, **headers: str) -> Answer[None]:
    kind = AsIs if isinstance(said.body, str) else Answer
    return kind(said.body, status=said.status, headers=headers)
