"""The cookie by which a browser is known while it signs in.

``__Host-`` (RFC 6265bis section 4.1.3.2): only this very host can have set it. One name is for
navigation, the other for forms that a provider's site posts across sites, which carry no ``Lax``
cookies; their value is the same.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.trips import is_cookie, new_cookie

NAME: Final = "__Host-signin"
POSTED: Final = "__Host-signin-post"
MAX_AGE: Final = 3600  # seconds


def read(request: web.BaseRequest) -> str:
    """Return the browser's cookie, or a new one for a browser that shows none of ours."""
    for name in (NAME, POSTED):
        cookie = request.cookies.get(name, "")
        if is_cookie(cookie):
            return cookie
    return new_cookie()


def give(response: web.Response, cookie: str, *, posts_back: bool = False) -> None:
    """Let the browser keep ``cookie``."""
    response.set_cookie(
        POSTED if posts_back else NAME,
        cookie,
        max_age=MAX_AGE,
        path="/",
        secure=True,
        httponly=True,
        samesite="None" if posts_back else "Lax",
    )
