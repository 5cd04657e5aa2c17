"""A browser in the hands of a test: keeps cookies as browsers do, and goes where it is told."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import Morsel, SimpleCookie
from typing import Final
from urllib.parse import urlencode, urlsplit

from tests.logins.identity import SignInSite
from tests.logins.site import fresh_client
from tests.servers.gateway import Reply, post
from tests.servers.http_scripted import once
from tests.servers.visitor import find_form

FORM: Final = "application/x-www-form-urlencoded"


class Browser:
    """Whoever has it has an address of their own. ``cookies`` are those of the gateways."""

    def __init__(self, site: SignInSite) -> None:
        self.site = site
        self.client = fresh_client()
        self.cookies: dict[str, Morsel[str]] = {}

    # -- one request

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Follow a link; no redirect is followed."""
        return self._send("GET", url, "", headers or {}, cross_site=False)

    def post(self, url: str, form: Mapping[str, str] | str, *, cross_site: bool) -> Reply:
        """Send a form. ``cross_site``: from the page of another site, so without Lax cookies."""
        body = form if isinstance(form, str) else urlencode(form)
        return self._send("POST", url, body, {"Content-Type": FORM}, cross_site=cross_site)

    def _send(
        self, method: str, url: str, body: str, headers: Mapping[str, str], *, cross_site: bool
    ) -> Reply:
        parts = urlsplit(url)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        at_gateway = url.startswith(f"{self.site.public_url}/")
        where = f"{parts.scheme}://{parts.netloc}"
        headers = dict(headers)
        if at_gateway:
            where = self.site.next_url()
            headers = {"Host": parts.netloc, "X-Forwarded-For": self.client, **headers}
            if cookies := self._cookies(cross_site=cross_site):
                headers.setdefault("Cookie", cookies)
        reply = post(where, body, headers, path, method, tls=self.site.trust)
        if at_gateway:
            self._keep(reply)
        return reply

    def _cookies(self, *, cross_site: bool) -> str:
        sent = [
            cookie
            for cookie in self.cookies.values()
            if not cross_site or cookie["samesite"] == "None"
        ]
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in sent)

    def _keep(self, reply: Reply) -> None:
        for name, value in reply.headers:
            if name.lower() == "set-cookie":
                for cookie in SimpleCookie(value).values():
                    # RFC 6265bis 4.1.3.2: otherwise browsers do not keep it.
                    bound = cookie["secure"] and cookie["path"] == "/" and not cookie["domain"]
                    assert bound or not cookie.key.startswith("__Host-"), value
                    self.cookies[cookie.key] = cookie

    # -- the steps of a sign-in at an ``OidcFake``, which asks nobody

    def depart(self, url: str) -> str:
        """Open the URL of a challenge; return where the identity provider is."""
        reply = self.get(url)
        location = reply.header("Location")
        assert reply.status == 303, reply
        assert location is not None
        return location

    def sign_in_there(self, url: str) -> str:
        """Go to the identity provider; return the callback URL, with the answer in its query."""
        reply = self.get(url)
        if location := reply.header("Location"):
            return location
        form = find_form(reply.body.decode(), url)
        assert form is not None, reply
        return f"{form.action}?{urlencode(form.fields)}"

    def sign_in(self, url: str) -> Reply:
        """Open the URL of a challenge and take all steps; return the answer to the callback."""
        return self.get(self.sign_in_there(self.depart(url)))


def query_of(url: str) -> dict[str, str]:
    """Return what the query of an URL says."""
    return once(urlsplit(url).query)
