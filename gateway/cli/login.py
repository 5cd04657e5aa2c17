"""``login``: sign in from the terminal, the quickest way to try a configuration."""

from __future__ import annotations

import argparse
import getpass
import json
import urllib.error
import urllib.request
from typing import Any, Final

TIMEOUT: Final = 30.0  # seconds
PROMPT_IDENTITY: Final = "Phone number, email address or user name: "


class CannotAskError(Exception):
    """The gateway gave no answer that can be understood."""


def run(options: argparse.Namespace) -> int:
    """Ask for what the provider needs, print the token."""
    fields = {"op": "login", "appid": options.appid}
    if options.provider:
        fields["provider"] = options.provider
    try:
        if options.provider:
            # A provider with a site of its own asks for the name there.
            answer = _ask(options.url, fields)
            if answer.get("error") != "BADREQUEST":
                return _goes_on(options.url, fields, answer)
        fields["phone"] = input(PROMPT_IDENTITY).strip()
        return _converse(options.url, fields)
    except CannotAskError as error:
        print(error)
    except EOFError:
        print("\nthe input ended before the sign-in did")
    return 1


def _converse(url: str, fields: dict[str, str]) -> int:
    answer = _ask(url, fields)
    if _needs_password(answer, fields["phone"]):
        fields["password"] = getpass.getpass("Password: ")
        answer = _ask(url, fields)
    while "challenge" in answer:
        challenge = answer["challenge"]
        print(f"A code was sent. It is valid for {challenge['expires_in'] // 60} minutes.")
        code = input("Code (empty to send it again): ").strip()
        answer = _ask(url, {**fields, "otp": code, "provider": challenge["provider"]})
        while answer.get("error") == "BADOTP":
            code = input("That was not the code. Code: ").strip()
            answer = _ask(url, {**fields, "otp": code, "provider": challenge["provider"]})
    return _report(answer)


def _goes_on(url: str, fields: dict[str, str], answer: dict[str, Any]) -> int:
    """Send the person to a browser, where a code will be shown."""
    challenge = answer.get("challenge", {})
    if challenge.get("kind") == "redirect":
        print(f"Open this address in a browser, and sign in there:\n{challenge['url']}")
        code = input("The code that it shows: ").strip()
        answer = _ask(url, {**fields, "challenge": challenge["id"], "otp": code})
    return _report(answer)


def _needs_password(answer: dict[str, Any], name: str) -> bool:
    """Whether no provider could use the name alone."""
    error = answer.get("error")
    is_name = any(character.isalpha() for character in name)
    return error == "BADREQUEST" or (error == "BADPHONE" and is_name)


def _report(answer: dict[str, Any]) -> int:
    if "token" in answer:
        print(f"Signed in as {answer.get('address')}")
        print(f"token: {answer['token']}")
        return 0
    wait = f", try again in {answer['retry_after']} s" if "retry_after" in answer else ""
    print(f"Refused: {answer.get('error')}{wait}")
    if answer.get("errmsg"):
        print(answer["errmsg"])
    return 1


def _ask(url: str, fields: dict[str, str]) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise CannotAskError("the URL must start with http:// or https://")
    request = urllib.request.Request(  # noqa: S310 - the scheme has just been checked
        url, json.dumps(fields).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - as above
            answer = json.load(response)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise CannotAskError(f"no answer from {url}: {getattr(error, 'reason', error)}") from None
    except ValueError:
        raise CannotAskError(f"{url} does not answer as a gateway") from None
    if not isinstance(answer, dict):
        raise CannotAskError(f"{url} does not answer as a gateway")
    return answer
