"""Twilio Programmable Messaging: SMS, and WhatsApp where the sender is ``whatsapp:+...``.

https://www.twilio.com/docs/messaging/api/message-resource (sending),
https://www.twilio.com/docs/iam/api/account (the account), https://www.twilio.com/docs/api/errors
(error codes), https://www.twilio.com/docs/content/whatsappauthentication (content templates).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import orjson
from pydantic import AfterValidator, Field, SecretStr, model_validator

from config import Model, Secret, SecureUrl
from providers._base import Context
from providers._connection import Reply
from providers._senders import Message, Refused
from providers._senders._vendor import Request, Vendor, basic_auth, json_object

_WHATSAPP: Final = "whatsapp:"
_SENDER: Final = re.compile(
    rf"({_WHATSAPP})?\+[1-9][0-9]{{6,14}}"  # a phone number
    r"|[0-9]{3,8}"  # a short code
    r"|(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}"  # a name (alphanumeric sender ID)
)

# Error codes that tell of the recipient alone. Not among them: 21408 and 21612 (this account has no
# permission for the number's country, or no route; another vendor may have both) and 21608 (a trial
# account). 30003 to 30008 are no answers: they come later, as reports on delivery.
_REFUSED: Final = {
    21211: "not a valid phone number",
    21265: "a short code",
    21266: "the number that messages come from",
    21268: "a premium-rate number",
    # Another vendor could send, but would go behind the person's back.
    21610: "the person has replied STOP",
    21614: "not a mobile number",
    21635: "a landline",
}


def _sid(prefix: str) -> AfterValidator:
    """A SID shows by its first letters what it is of; the rest can stand in a URL."""
    shape = re.compile(rf"{prefix}[0-9A-Za-z_-]+")

    def check(secret: SecretStr) -> SecretStr:
        if not shape.fullmatch(secret.get_secret_value()):
            raise ValueError(f"must be a SID that begins with {prefix}")
        return secret

    return AfterValidator(check)


def _from(text: str) -> str:
    if not _SENDER.fullmatch(text):
        raise ValueError(
            "must be a phone number (+14155550100), a short code, a name of at most 11 characters "
            "or whatsapp:+14155550100"
        )
    return text


From = Annotated[str, AfterValidator(_from)]


class TwilioConfig(Model):
    """``type: twilio``."""

    type: Literal["twilio"]
    name: str = "twilio"
    account_sid: Annotated[Secret, _sid("AC")]
    auth_token: Secret
    sender: From | None = Field(default=None, alias="from")
    messaging_service_sid: Annotated[Secret, _sid("MG")] | None = None
    content_sid: Annotated[Secret, _sid("HX")] | None = None
    base_url: SecureUrl = "https://api.twilio.com"

    @model_validator(mode="after")
    def _one_sender(self) -> TwilioConfig:
        if (self.sender is None) == (self.messaging_service_sid is None):
            raise ValueError("give one of from and messaging_service_sid")
        return self

    def create(self, context: Context) -> Twilio:
        """Make the sender."""
        return Twilio(self, context)


class Twilio(Vendor):
    """Creates a Message resource for each message."""

    def __init__(self, config: TwilioConfig, context: Context) -> None:
        super().__init__(config.name, config.base_url, context)
        sid = config.account_sid.get_secret_value()
        self._account = f"{self.base}/2010-04-01/Accounts/{sid}"
        self._authorization = {
            "Authorization": basic_auth(sid, config.auth_token.get_secret_value())
        }
        self._sender = _sender_field(config)
        self._channel = _WHATSAPP if (config.sender or "").startswith(_WHATSAPP) else ""
        self._content_sid = config.content_sid

    def request(self, message: Message) -> Request:
        """Fill the form."""
        form = {"To": f"{self._channel}+{message.to}", **self._sender, **self._content(message)}
        headers = self._authorization | {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", f"{self._account}/Messages.json", headers, urlencode(form).encode())

    def _content(self, message: Message) -> Mapping[str, str]:
        if self._content_sid is None:
            return {"Body": message.text}
        return {
            "ContentSid": self._content_sid.get_secret_value(),
            "ContentVariables": orjson.dumps({"1": message.code}).decode(),
        }

    def read(self, reply: Reply) -> str | None:
        """Look for the SID of the message, or for the error code."""
        answer = json_object(reply.body)
        sid = answer.get("sid")
        if 200 <= reply.status < 300 and isinstance(sid, str):
            return sid
        code = _error_code(answer)
        if code in _REFUSED:
            raise Refused(f"error {code}: {_REFUSED[code]}")
        raise self.unavailable(reply, f"error {code}" if code else "no error code")

    def probe(self) -> Request:
        """Read the account."""
        return Request("GET", f"{self._account}.json", self._authorization)

    def refusal(self, reply: Reply) -> str | None:
        """Tell also when the account is suspended or closed."""
        problem = super().refusal(reply)
        status = json_object(reply.body).get("status")
        if problem or status == "active":
            return problem
        return f"the account is {status if status in ('suspended', 'closed') else 'not active'}"


def _sender_field(config: TwilioConfig) -> Mapping[str, str]:
    if config.messaging_service_sid is not None:
        return {"MessagingServiceSid": config.messaging_service_sid.get_secret_value()}
    return {"From": config.sender or ""}


def _error_code(answer: Mapping[str, Any]) -> int | None:
    """Return the error code; all have five digits, so that nothing else gets into a log."""
    code = answer.get("code")
    return code if isinstance(code, int) and 10_000 <= code <= 99_999 else None
