"""How an app wants a sign-in in a browser to end."""

from __future__ import annotations

import re
from typing import Final

from gateway import errors
from gateway.apps import App
from gateway.errors import Refusal
from gateway.outcomes import HandOver, LoginRequest

_S256: Final = re.compile("[A-Za-z0-9_-]{43}")


def wish(app: App, request: LoginRequest) -> HandOver:
    """Read it from the request's fields, unless it is known. Raises ``Refusal``."""
    if request.hand_over is not None:
        return request.hand_over
    fields = request.fields
    code_challenge = fields.get("code_challenge", "")
    method = fields.get("code_challenge_method")
    if method is not None and (method != "S256" or not code_challenge):
        raise Refusal(errors.BADREQUEST, "code_challenge_method must be S256, of a code_challenge")
    return hand_over(app, fields.get("return_url"), code_challenge)


def hand_over(app: App, return_url: str | None, code_challenge: str) -> HandOver:
    """Check what an app or a link to the sign-in page asks for. Raises ``Refusal``."""
    if return_url is not None and not app.admits_return(return_url):
        raise Refusal(errors.BADREQUEST, "return_url is not among the app's return_urls")
    if code_challenge and not _S256.fullmatch(code_challenge):
        raise Refusal(errors.BADREQUEST, "code_challenge is no S256 challenge (RFC 7636)")
    return HandOver(return_url, code_challenge)
