"""What a browser is told that cannot go on."""

from __future__ import annotations

from typing import Final

from gateway.browser.pages import Page
from gateway.browser.texts import Texts
from gateway.outcomes import Mishap, Stranded

# By what happened: HTTP status. The texts are named after these, too.
STATUS: Final = {
    Mishap.CANCELLED.value: 200,
    Mishap.REFUSED.value: 403,
    Mishap.UNAVAILABLE.value: 503,
    Mishap.LIMITED.value: 429,
    Mishap.EXPIRED.value: 410,
    Mishap.OTHER_BROWSER.value: 403,
    Mishap.MALFORMED.value: 400,
    "bad_link": 400,  # to the sign-in page, as an app or its developer made it
    "not_found": 404,
    "wrong_method": 405,
}


class Problem(Exception):
    """Ends a request. ``detail`` is for developers: constant, and repeats no input.

    ``status`` is another one than usual for this ``kind``.
    """

    def __init__(
        self, kind: str, *, detail: str = "", status: int | None = None, allow: str = ""
    ) -> None:
        super().__init__(detail or kind)
        self.kind = kind
        self.detail = detail
        self.status = STATUS[kind] if status is None else status
        self.allow = allow  # the methods that there are


def page(problem: Problem, texts: Texts) -> Page:
    """Tell of a request that nothing is known of."""
    return Page(
        "problem.html",
        texts,
        {"kind": problem.kind, "detail": problem.detail, "stranded": None},
        problem.status,
        headers={"Allow": problem.allow} if problem.allow else {},
    )


def stranded(stranded: Stranded, texts: Texts) -> Page:
    """Tell of a sign-in that came to nothing, and how to go on."""
    kind = stranded.mishap.value
    return Page(
        "problem.html",
        texts,
        {"kind": kind, "detail": "", "stranded": stranded},
        STATUS[kind],
        retry_after=stranded.retry_after,
    )
