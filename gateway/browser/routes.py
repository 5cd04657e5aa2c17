"""Requests of browsers to answers."""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from yarl import URL

from gateway.browser import assets, cookies, parameters, problems
from gateway.browser.links import Link
from gateway.browser.pages import HEADERS, Page, Pages, Redirect, redirect
from gateway.browser.problems import Problem
from gateway.browser.signin import Fault, SignIn, Visitor, handed_over
from gateway.browser.texts import choose, texts
from gateway.login import Engine
from gateway.outcomes import Stranded

SIGNIN: Final = "/signin"
CALLBACK: Final = "/callback/"
_BEFORE_JSON: Final = b"\xef\xbb\xbf \t\r\n"
_FOR_YEARS: Final = "public, max-age=31536000, immutable"


def route(path: str) -> str:
    """Return a path without what is of one sign-in alone; empty, if it leads to no page of ours."""
    if path.startswith(CALLBACK):
        return CALLBACK + "{provider}"
    if path.startswith(f"{SIGNIN}/"):
        return (
            f"{SIGNIN}/{{asset}}" if path[len(SIGNIN) + 1 :] in assets.TYPES else f"{SIGNIN}/{{id}}"
        )
    return SIGNIN if path == SIGNIN else ""


class Browser:
    """Answers browsers. The path of ``public_url`` has been taken off requests by a proxy."""

    def __init__(self, engine: Engine, public_url: str | None) -> None:
        self._engine = engine
        self._pages = Pages(urlsplit(public_url).path if public_url else "")
        self._origin = str(URL(public_url).origin()) if public_url else None

    @staticmethod
    def claims(request: web.BaseRequest) -> bool:
        """Whether a request is for here, as far as its head tells; see ``is_op`` for its body."""
        path = request.path
        if not path.startswith((SIGNIN, CALLBACK)):
            return False
        if path.startswith(CALLBACK):
            return True
        if path != SIGNIN and not path.startswith(f"{SIGNIN}/"):
            return False
        is_form = request.method != "POST" or request.content_type == parameters.FORM
        return is_form and "op" not in request.query

    @staticmethod
    def is_op(request: web.BaseRequest, body: bytes) -> bool:
        """Whether what a claimed request posts is an op of the API: any path has that.

        JSON is, whatever it is called; no form begins with a brace.
        """
        if request.path.startswith(CALLBACK):
            return False
        if body.lstrip(_BEFORE_JSON).startswith(b"{"):
            return True
        try:
            return "op" in parameters.of_form(body)
        except Problem:
            return False

    async def answer(
        self, request: web.BaseRequest, body: bytes, client: str, request_id: str
    ) -> web.Response:
        """Answer a claimed request. ``client``: as limits count it."""
        asked = request.query.get("lang", "")
        lang = choose(asked, request.headers.get("Accept-Language", ""))
        visitor = Visitor(client, request_id, cookies.read(request), texts(lang))
        try:
            return await self._answer(request, body, visitor)
        except Problem as problem:
            return self._pages.show(problems.page(problem, visitor.texts))

    def refuse(self, request: web.BaseRequest, status: int) -> web.Response:
        """Answer a claimed request whose body is not read."""
        lang = choose("", request.headers.get("Accept-Language", ""))
        return self._pages.show(problems.page(Problem("malformed", status=status), texts(lang)))

    async def _answer(
        self, request: web.BaseRequest, body: bytes, visitor: Visitor
    ) -> web.Response:
        if request.path.startswith(CALLBACK):
            return await self._arrive(request, body, visitor)
        name = request.path.removeprefix(SIGNIN).removeprefix("/")
        if name in assets.TYPES:
            return _asset(request, name)
        if name:
            return await self._depart(request, name, visitor)
        return await self._sign_in(request, body, visitor)

    async def _sign_in(
        self, request: web.BaseRequest, body: bytes, visitor: Visitor
    ) -> web.Response:
        _allow(request, "GET", "HEAD", "POST")
        link = Link.read(self._engine.apps, parameters.of_query(request))
        if link.method is not None and link.method.in_browser:
            _allow(request, "GET", "POST")  # whoever only looks begins nothing
        page = SignIn(self._engine, link, visitor)
        if request.method != "POST":
            shown = await page.open()
        else:
            form = parameters.of_form(body)
            if self._is_own_form(request, form, visitor.cookie):
                shown = await page.submit(form)
            else:
                fault = Fault(visitor.texts("error_cookies"), status=403)
                shown = await page.open(fault)
        response = self._show(shown)
        cookies.give(response, visitor.cookie)
        return response

    def _is_own_form(self, request: web.BaseRequest, form: dict[str, str], cookie: str) -> bool:
        """Whether a page that we showed to this browser has sent a form.

        Without a referrer browsers say that its origin is ``null``; newer ones tell what it is by
        another header.
        """
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        origin = request.headers.get("Origin", "null")
        if site is None and origin != "null" and origin != (self._origin or origin):
            return False
        token = form.get("token", "").encode()
        return hmac.compare_digest(self._engine.form_token(cookie).encode(), token)

    async def _depart(
        self, request: web.BaseRequest, trip_id: str, visitor: Visitor
    ) -> web.Response:
        if "/" in trip_id:
            raise Problem("not_found")
        _allow(request, "GET")
        gone = await self._engine.journeys.depart(trip_id, visitor.cookie, visitor.texts.lang)
        if isinstance(gone, Stranded):
            return self._pages.show(problems.stranded(gone, visitor.texts))
        response = redirect(gone.url)
        cookies.give(response, gone.cookie, posts_back=gone.posts_back)
        return response

    async def _arrive(
        self, request: web.BaseRequest, body: bytes, visitor: Visitor
    ) -> web.Response:
        provider = request.path.removeprefix(CALLBACK)
        if provider not in self._engine.apps.in_browser:
            raise Problem("not_found")
        _allow(request, "GET", "POST")
        posted = request.method == "POST"
        if posted and request.content_type != parameters.FORM:
            raise Problem("malformed", status=415)
        landed = await self._engine.journeys.arrive(
            provider,
            parameters.of_form(body) if posted else parameters.of_query(request),
            visitor.cookie,
            visitor.client,
            visitor.request_id,
        )
        if isinstance(landed, Stranded):
            return self._pages.show(problems.stranded(landed, visitor.texts))
        return self._show(handed_over(landed.handed, landed.app_name, visitor.texts))

    def _show(self, shown: Page | Redirect) -> web.Response:
        if isinstance(shown, Redirect):
            return redirect(shown.url)
        return self._pages.show(shown)


def _allow(request: web.BaseRequest, *methods: str) -> None:
    if request.method not in methods:
        raise Problem("wrong_method", allow=", ".join(methods))


def _asset(request: web.BaseRequest, name: str) -> web.Response:
    _allow(request, "GET", "HEAD")
    asset = assets.asset(name)
    current = request.query.get("v") == asset.version
    headers = {
        "Cache-Control": _FOR_YEARS if current else "no-cache",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": HEADERS["Server"],
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(
        body=asset.content, content_type=asset.content_type, charset="utf-8", headers=headers
    )
