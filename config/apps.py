"""The ``apps`` key: the app ids that may log in."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from config.model import Model, Reading
from config.network import SecureUrl
from config.spelling import invalid

# Schemes that a browser handles itself: sending it there would run or show what the URL says.
_REFUSED_SCHEMES = frozenset(
    ("about", "blob", "chrome", "data", "file", "ftp", "javascript", "vbscript", "view-source")
)
_LOOPBACK = r"http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?(/.*)?"
_INVITATION = "Let's chat! Install the app and sign in."

MAX_RETURN_URL = 512  # characters

Text = Annotated[str, Field(min_length=1)]


def _app_id(text: str) -> str:
    if not re.fullmatch("[!-~]{1,128}", text):
        raise invalid("an app id is 1 to 128 printable ASCII characters without spaces")
    return text


def _return_url(text: str, info: ValidationInfo) -> str:
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*):(/[!-~]*)", text)
    if len(text) > MAX_RETURN_URL:
        raise invalid(f"must be at most {MAX_RETURN_URL} characters")
    if not match or "#" in text:
        raise invalid('must be a URL without #, such as "com.example.app:/signed-in"')
    scheme = match[1].lower()
    if scheme in _REFUSED_SCHEMES:
        raise invalid("browsers handle this scheme themselves: use the app's own, or https")
    if scheme == "https" and not re.match("//[^/]", match[2]):
        raise invalid("an https URL needs a host")
    if scheme == "http" and not re.fullmatch(_LOOPBACK, text, re.IGNORECASE):
        raise invalid("must be https: plain http is for loopback only")
    if scheme not in ("http", "https") and "." not in scheme:
        Reading.of(info).warn(
            "a return URL has a scheme without a dot, which other apps can claim, too: "
            "use the reversed domain name (RFC 8252 section 7.1)"
        )
    return text


def _no_repetition(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise invalid("names a provider twice")
    return names


AppId = Annotated[str, AfterValidator(_app_id)]
ReturnUrl = Annotated[str, AfterValidator(_return_url)]
ProviderNames = Annotated[list[str], Field(min_length=1), AfterValidator(_no_repetition)]


class FileUrls(Model):
    """Where apps send and fetch files."""

    upload: SecureUrl = "https://s3.mesibo.com/api.php"
    """Apps hand the user's token to this one."""
    download: SecureUrl = "https://appimages.mesibo.com/"


class Share(Model):
    """What the share menu of the Android app sends; apps crash without it."""

    text: Text = _INVITATION
    subject: Text = "Let's chat"
    title: Text = "Invite a friend"


class App(Model):
    """An app that may log in."""

    name: Text | None = None
    """What people call it; in messages. Default: the app id."""
    providers: ProviderNames | None = None
    """Who is asked, in this order; default: all."""
    result: Literal["auto", "string", "boolean"] = "auto"
    """The form of `result` in answers."""
    return_urls: list[ReturnUrl] = Field(default=[])
    """Where redirect sign-in may come back to."""
    urls: FileUrls = Field(default=FileUrls())
    share: Share = Field(default=Share())
    invite: Text = _INVITATION
    """What the invitation of the iOS app says."""
