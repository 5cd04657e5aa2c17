"""Vonage SMS API (once Nexmo).

https://developer.vonage.com/en/api/sms (sending),
https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms (statuses),
https://developer.vonage.com/en/messaging/sms/guides/concatenation-and-encoding (encodings),
https://developer.vonage.com/en/api/account (the balance).
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from config import Model, Secret, SecureUrl
from providers._base import Context, Unavailable
from providers._connection import Reply
from providers._senders import Ambiguous, Message, Refused
from providers._senders._vendor import Request, Vendor, basic_auth, json_object

_API_KEY: Final = re.compile(r"[0-9A-Za-z_-]+")  # no colon: it is the user of Basic authentication
_FROM: Final = re.compile(
    r"\+?[0-9]{3,15}"  # a phone number or a short code
    r"|(?=.*[A-Za-z])[0-9A-Za-z]{1,11}"  # a name (alphanumeric sender ID)
)
_STATUS: Final = re.compile(r"[0-9]{1,3}")

# What one octet or two can write (3GPP TS 23.038, 6.2.1 and 6.2.1.1). Sent as type=text, any other
# character would arrive as a question mark.
_GSM_ALPHABET: Final = frozenset(
    string.ascii_letters
    + string.digits
    + "\n\r !\"#$%&'()*+,-./:;<=>?@_¡£¤¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ"
    + "\f[\\]^{|}~€"
)

_ACCEPTED: Final = "0"
_FAULT: Final = "5"  # of the platform
# Statuses that tell of the recipient alone. Not among them: 3, which may mean ``from`` as well, 15
# (``from`` cannot send there) and 29 (a trial account): another vendor may reach the person.
_REFUSED: Final = {
    "6": "no route to such a number",
    "7": "a barred number",
    "33": "a number that is out of use",
}


def _api_key(secret: SecretStr) -> SecretStr:
    if not _API_KEY.fullmatch(secret.get_secret_value()):
        raise ValueError("must be an API key: letters and digits")
    return secret


def _from(text: str) -> str:
    if not _FROM.fullmatch(text):
        raise ValueError(
            "must be a phone number (14155550100), a short code "
            "or a name of at most 11 letters and digits"
        )
    return text.removeprefix("+")  # Vonage writes numbers without it


class VonageConfig(Model):
    """``type: vonage``."""

    type: Literal["vonage"]
    name: str = "vonage"
    api_key: Annotated[Secret, AfterValidator(_api_key)]
    api_secret: Secret
    sender: Annotated[str, AfterValidator(_from)] = Field(alias="from")
    base_url: SecureUrl = "https://rest.nexmo.com"

    def create(self, context: Context) -> Vonage:
        """Make the sender."""
        return Vonage(self, context)


class Vonage(Vendor):
    """Posts each message as a form."""

    def __init__(self, config: VonageConfig, context: Context) -> None:
        super().__init__(config.name, config.base_url, context)
        self._authorization = {
            "Authorization": basic_auth(
                config.api_key.get_secret_value(), config.api_secret.get_secret_value()
            )
        }
        self._from = config.sender

    def request(self, message: Message) -> Request:
        """Fill the form."""
        form = {"from": self._from, "to": message.to, "text": message.text}
        if not _GSM_ALPHABET.issuperset(message.text):
            form["type"] = "unicode"
        headers = self._authorization | {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", f"{self.base}/sms/json", headers, urlencode(form).encode())

    def read(self, reply: Reply) -> str | None:
        """Look at the status of each part of the message.

        Raises ``Ambiguous``, too: when one part was accepted and another was not.
        """
        parts = _parts(reply)
        failures = [status for part in parts if (status := _status(part)) != _ACCEPTED]
        if parts and not failures:
            message_id = parts[0].get("message-id")
            return message_id if isinstance(message_id, str) else None
        if len(failures) < len(parts):
            raise Ambiguous
        status = failures[0] if failures else None
        if status in _REFUSED:
            raise Refused(f"message status {status}: {_REFUSED[status]}")
        if status == _FAULT:
            raise Unavailable(self.name, f"message status {status}", reply.retry_after)
        raise self.unavailable(reply, f"message status {status}" if status else "no message status")

    def probe(self) -> Request:
        """Read the balance."""
        return Request("GET", f"{self.base}/account/get-balance", self._authorization)


def _parts(reply: Reply) -> list[Mapping[str, Any]]:
    """Return what is said of each part of the message: long texts are several messages."""
    parts = json_object(reply.body).get("messages")
    if not 200 <= reply.status < 300 or not isinstance(parts, list):
        return []
    return [part if isinstance(part, dict) else {} for part in parts]


def _status(part: Mapping[str, Any]) -> str | None:
    """Return the status; all are short numbers, so that nothing else gets into a log."""
    status = part.get("status")
    return status if isinstance(status, str) and _STATUS.fullmatch(status) else None
