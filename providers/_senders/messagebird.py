"""MessageBird SMS API, of the Bird Connectivity Platform (not of the later Bird platform).

https://developers.messagebird.com/api/sms-messaging (sending),
https://developers.messagebird.com/api (keys, errors), https://developers.messagebird.com/api/balance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, SecretStr

from config import Model, Secret, SecureUrl
from providers._base import Context
from providers._connection import Reply
from providers._senders import Message, Refused
from providers._senders._vendor import Request, Vendor, json_object

_ACCESS_KEY: Final = re.compile(r"[0-9A-Za-z_-]+")
_BIRD_KEY: Final = ("bk_", "bm_")
_TEST_KEY: Final = "test_"
_ORIGINATOR: Final = re.compile(
    r"\+?[0-9]{3,15}"  # a phone number or a short code
    r"|(?=.*[A-Za-z])[0-9A-Za-z][0-9A-Za-z ]{0,10}"  # a name (alphanumeric originator)
)

_MISSING, _INVALID = 9, 10  # error codes: of a parameter
_RECIPIENT: Final = ("recipient", "recipients")
# In the same error as a wrong number: an account on trial sends to its owner only.
_TRIAL: Final = "test period"


def _access_key(secret: SecretStr) -> SecretStr:
    key = secret.get_secret_value()
    if key.startswith(_BIRD_KEY):
        raise ValueError("is a key of the later Bird platform, whose API is another one")
    if not _ACCESS_KEY.fullmatch(key):
        raise ValueError("must be an access key: letters and digits")
    return secret


def _originator(text: str) -> str:
    if not _ORIGINATOR.fullmatch(text):
        raise ValueError(
            "must be a phone number (+14155550100), a short code "
            "or a name of at most 11 letters, digits and spaces"
        )
    return text


class MessageBirdConfig(Model):
    """``type: messagebird``."""

    type: Literal["messagebird"]
    name: str = "messagebird"
    access_key: Annotated[Secret, AfterValidator(_access_key)]
    originator: Annotated[str, AfterValidator(_originator)]
    base_url: SecureUrl = "https://rest.messagebird.com"

    def create(self, context: Context) -> MessageBird:
        """Make the sender."""
        return MessageBird(self, context)


class MessageBird(Vendor):
    """Posts each message as JSON."""

    def __init__(self, config: MessageBirdConfig, context: Context) -> None:
        super().__init__(config.name, config.base_url, context)
        access_key = config.access_key.get_secret_value()
        self._headers = {"Authorization": f"AccessKey {access_key}", "Accept": "application/json"}
        self._is_test = access_key.startswith(_TEST_KEY)
        self._originator = config.originator

    def request(self, message: Message) -> Request:
        """Fill the JSON object."""
        fields = {
            "originator": self._originator,
            "recipients": [message.to],
            "body": message.text,
            "datacoding": "auto",  # the default turns what is not in the GSM alphabet into "?"
        }
        headers = self._headers | {"Content-Type": "application/json"}
        return Request("POST", f"{self.base}/messages", headers, orjson.dumps(fields))

    def read(self, reply: Reply) -> str | None:
        """Look for the id of the message, or for errors that are about its number alone."""
        answer = json_object(reply.body)
        message_id = answer.get("id")
        if 200 <= reply.status < 300 and isinstance(message_id, str):
            return message_id
        errors = _errors(answer)
        # All that is wrong with a request is said at once: of a wrong key, too, that the number is.
        others = [error for error in errors if not _is_about_recipient(error)]
        if reply.status == 422 and errors and not others:
            raise Refused("not a number that can be sent to")
        code = _code(others[0]) if others else None
        raise self.unavailable(reply, f"error {code}" if code else "no error code")

    def probe(self) -> Request:
        """Read the balance."""
        return Request("GET", f"{self.base}/balance", self._headers)

    def refusal(self, reply: Reply) -> str | None:
        """Tell also of a key with which nothing leaves, and of an empty balance."""
        if problem := super().refusal(reply):
            return problem
        if self._is_test:
            return "the access key is for tests: nothing is sent with it"
        balance = json_object(reply.body)
        amount = balance.get("amount")
        is_prepaid = balance.get("payment") == "prepaid"  # of all others the amount is always 0
        if is_prepaid and isinstance(amount, int | float) and amount <= 0:
            return "the balance is empty"
        return None


def _errors(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    errors = answer.get("errors")
    if not isinstance(errors, list):
        return []
    return [error if isinstance(error, dict) else {} for error in errors]


def _is_about_recipient(error: Mapping[str, Any]) -> bool:
    return (
        error.get("code") in (_MISSING, _INVALID)
        and error.get("parameter") in _RECIPIENT
        and _TRIAL not in str(error.get("description"))
    )


def _code(error: Mapping[str, Any]) -> int | None:
    """Return the error code; all are short numbers, so that nothing else gets into a log."""
    code = error.get("code")
    return code if isinstance(code, int) and 0 < code <= 999 else None
