"""Plivo Messaging API.

https://www.plivo.com/docs/messaging/api/message/send-a-message (sending),
https://www.plivo.com/docs/account/api/account (the account),
https://www.plivo.com/docs/messaging/concepts/destination-number-validation (refused numbers).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, SecretStr, model_validator

from config import Model, Secret, SecureUrl
from providers._base import Context
from providers._connection import Reply
from providers._senders import Message, Refused
from providers._senders._vendor import Request, Vendor, basic_auth, json_object

# Upper-case letters and digits; what else is allowed here can stand in a URL, too.
_AUTH_ID: Final = re.compile(r"[MS]A[0-9A-Za-z_-]+")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SRC: Final = re.compile(
    r"\+?[0-9]{3,15}"  # a phone number or a short code
    r"|(?=.*[A-Za-z])[0-9A-Za-z]{1,11}"  # a name (alphanumeric sender ID)
)
# There are no error codes: the text of the error is all that tells of the recipient.
_REFUSED: Final = re.compile(r"\+?([0-9]+) is not (a valid|an SMS enabled) phone number")


def _auth_id(secret: SecretStr) -> SecretStr:
    if not _AUTH_ID.fullmatch(secret.get_secret_value()):
        raise ValueError("must be an Auth ID, which begins with MA or SA")
    return secret


def _uuid(secret: SecretStr) -> SecretStr:
    if not _UUID.fullmatch(secret.get_secret_value()):
        raise ValueError("must be a UUID")
    return secret


def _src(text: str) -> str:
    if not _SRC.fullmatch(text):
        raise ValueError(
            "must be a phone number (14155550100), a short code "
            "or a name of at most 11 letters and digits"
        )
    return text


class PlivoConfig(Model):
    """``type: plivo``."""

    type: Literal["plivo"]
    name: str = "plivo"
    auth_id: Annotated[Secret, AfterValidator(_auth_id)]
    auth_token: Secret
    src: Annotated[str, AfterValidator(_src)] | None = None
    powerpack_uuid: Annotated[Secret, AfterValidator(_uuid)] | None = None
    base_url: SecureUrl = "https://api.plivo.com"

    @model_validator(mode="after")
    def _one_sender(self) -> PlivoConfig:
        if (self.src is None) == (self.powerpack_uuid is None):
            raise ValueError("give one of src and powerpack_uuid")
        return self

    def create(self, context: Context) -> Plivo:
        """Make the sender."""
        return Plivo(self, context)


class Plivo(Vendor):
    """Posts each message to one account."""

    def __init__(self, config: PlivoConfig, context: Context) -> None:
        super().__init__(config.name, config.base_url, context)
        auth_id = config.auth_id.get_secret_value()
        self._account = f"{self.base}/v1/Account/{auth_id}/"
        self._authorization = {
            "Authorization": basic_auth(auth_id, config.auth_token.get_secret_value())
        }
        self._src = config.src
        self._powerpack_uuid = config.powerpack_uuid

    def request(self, message: Message) -> Request:
        """Fill the JSON object."""
        fields = {"dst": message.to, "text": message.text}
        if self._powerpack_uuid is not None:
            fields["powerpack_uuid"] = self._powerpack_uuid.get_secret_value()
        elif self._src is not None:
            fields["src"] = self._src
        headers = self._authorization | {"Content-Type": "application/json"}
        return Request("POST", f"{self._account}Message/", headers, orjson.dumps(fields))

    def read(self, reply: Reply) -> str | None:
        """Look for the UUID of the message, or for an error about its number."""
        answer = json_object(reply.body)
        match answer.get("message_uuid"):
            case [str(uuid), *_] if 200 <= reply.status < 300:
                return uuid
        if reply.status == 400 and self._is_about_recipient(answer.get("error")):
            raise Refused("not a number that can be sent to")
        raise self.unavailable(reply, "not about the recipient")

    def _is_about_recipient(self, error: Any) -> bool:
        found = _REFUSED.fullmatch(error) if isinstance(error, str) else None
        return found is not None and found[1] != (self._src or "").lstrip("+")

    def probe(self) -> Request:
        """Read the account."""
        return Request("GET", self._account, self._authorization)
