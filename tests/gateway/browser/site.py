"""A gateway's pages on a real socket, and a person at a browser without scripts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from yarl import URL

from gateway.addresses import AddressTemplate
from gateway.apps import App, Apps
from gateway.audit import Audit
from gateway.browser.routes import Browser
from gateway.login import Engine
from gateway.method import Method
from gateway.outcomes import SignedIn
from gateway.places import Places
from providers import Attempt, CodeChallenge, Fields, Identity, Provider, Reason, Rejected
from tests.gateway.browser.markup import Form, Markup, faults
from tests.gateway.kit import APP, CodeScript, Kit, Script

PUBLIC_URL = "https://auth.example.test"
RETURN = "https://chat.example.test/signed-in"
NUMBER = "+49 151 23456789"
PASSWORD = "open sesame"


class Phone(CodeScript):
    """Sends codes to any number but those that are none."""

    asks = ("phone",)

    def __init__(self, name: str, **challenge: Any) -> None:
        super().__init__(name, **challenge)
        self.languages: list[str | None] = []

    def identify(self, fields: Fields) -> str | None:
        phone = fields.get("phone")
        if phone is not None and not phone.startswith("+"):
            raise Rejected("not a number", Reason.PHONE)
        return phone

    async def begin(self, attempt: Attempt, fields: Fields) -> CodeChallenge:
        self.languages.append(fields.get("lang"))
        return await super().begin(attempt, fields)


class Staff(Script):
    """Knows one password."""

    asks = ("username", "password")

    def __init__(self, name: str = "staff") -> None:
        super().__init__(name, self._look)
        self.passwords: list[str | None] = []

    async def _look(self, attempt: Attempt, fields: Fields) -> Identity:
        self.passwords.append(fields.get("password"))
        if fields.get("password") != PASSWORD:
            raise Rejected("wrong")
        return Identity(attempt.identity)


class Site:
    """An engine with pages in front of it."""

    def __init__(
        self,
        *providers: Provider[Any],
        labels: Mapping[str, str] | None = None,
        app_name: str = "Example",
        app_ids: Sequence[str] = (APP,),
        return_urls: Sequence[str] = (RETURN,),
        public_url: str | None = PUBLIC_URL,
        **options: Any,
    ) -> None:
        self.kit = Kit(*providers, **options)
        methods = tuple(
            Method(
                p, AddressTemplate.parse("{provider}:{subject}", p.name), Places(p.name), (), name
            )
            for p in providers
            for name in [(labels or {}).get(p.name, p.name.title())]
        )
        app = App(APP, methods, app_name, return_urls=frozenset(return_urls))
        apps = Apps(dict.fromkeys(app_ids, app))
        self.engine = Engine(apps, self.kit.desk, Audit(self.kit.metrics), public_url)
        self.kit.engine = self.engine
        self.browser = Browser(self.engine, public_url)
        self.base = URL(public_url or "").path.rstrip("/")
        self.server: RawTestServer
        self.refuses: int | None = None  # status with which no body is read

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self.browser.claims(request):
            return web.Response(text="the API")
        body = await request.read()
        if self.refuses is not None:
            return self.browser.refuse(request, self.refuses)
        if request.method == "POST" and self.browser.is_op(request, body):
            return web.Response(text="the API")
        return await self.browser.answer(request, body, "192.0.2.1", "r")

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Person]:
        """Listen; yield a person whose browser has been nowhere."""
        self.server = RawTestServer(self.handle)
        async with self.server, self.visit() as person:
            yield person

    @contextlib.asynccontextmanager
    async def visit(self) -> AsyncIterator[Person]:
        """Yield one more person."""
        async with aiohttp.ClientSession() as session:
            yield Person(self, session)


class Answer:
    """What came back. A page is checked as it is read."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def page(self) -> Markup:
        assert self.headers["Content-Type"] == "text/html; charset=utf-8"
        page = Markup(self.text)
        assert list(faults(page)) == []
        return page

    @property
    def location(self) -> str:
        assert self.status == 303
        return self.headers["Location"]


class Person:
    """Opens pages, types, presses buttons; the browser keeps its cookies."""

    def __init__(self, site: Site, session: aiohttp.ClientSession) -> None:
        self.site = site
        self._session = session
        self.cookies: dict[str, str] = {}
        self.now: Answer

    async def ask(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, with the browser's cookies or other ones."""
        sent = self.cookies if cookies is None else cookies
        cookie = "; ".join(f"{name}={value}" for name, value in sent.items())
        url = URL(f"http://127.0.0.1:{self.site.server.port}{path}", encoded=True)
        async with self._session.request(
            method,
            url,
            data=data,
            headers={**({"Cookie": cookie} if cookie else {}), **(headers or {})},
            allow_redirects=False,
        ) as response:
            self.now = Answer(response, await response.read())
            if cookies is None:
                self.cookies.update({k: m.value for k, m in response.cookies.items()})
        return self.now

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def open(self, **query: str) -> Answer:
        """Follow a link to the sign-in page."""
        return await self.get("/signin?" + urlencode({"appid": APP, **query}))

    async def press(self, step: str = "", **typed: str) -> Answer:
        """Fill in the form and press one of its buttons; the first is pressed by Enter."""
        form = Form.of(self.now.page)
        button = step or next(iter(form.steps), "")
        assert not button or button in form.steps
        values = {**form.values, **typed, **({"step": button} if button else {})}
        return await self.ask("POST", self.path(form.action), values)

    def path(self, link: str) -> str:
        """Where a link of a page leads at the gateway, whose proxy takes its own path off."""
        return link.removeprefix(self.site.base)


def shown(page: Markup) -> tuple[str, str]:
    """Return the code that a page shows, and the challenge."""
    return page.one("p", class_="code").text, page.one("code", class_="id").text


async def redeem(site: Site, location: str, verifier: str) -> SignedIn | None:
    """Exchange what a browser brought to the app."""
    brought = parse_qs(urlsplit(location).query)
    outcome = await site.kit.login(
        challenge=brought["challenge"][0], otp=brought["code"][0], code_verifier=verifier
    )
    return outcome if isinstance(outcome, SignedIn) else None
