"""Amazon SNS: text messages to phone numbers.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (the call and its errors),
https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html (errors of every call),
https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html (attributes of a text message),
https://docs.aws.amazon.com/sns/latest/api/API_GetSMSAttributes.html (what proves the credentials).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr, model_validator
from yarl import URL

from config import Model, Secret, SecureUrl
from providers._base import Context
from providers._connection import Reply
from providers._senders import Message, Refused
from providers._senders._sigv4 import Signer
from providers._senders._vendor import Request, Vendor

_DOMAINS: Final = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}  # by the start of a region

# Elements of a fixed shape are all that is read. So no XML parser sees the answer, which could make
# one expand entities without end. An error code has letters only: no number gets into a log by it.
_ACCEPTED: Final = re.compile(
    rb"(?:<\?xml[^>]*>)?\s*<PublishResponse[^>]*>\s*<PublishResult>\s*"
    rb"<MessageId>([0-9A-Za-z-]{1,100})</MessageId>"
)
_ERROR_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_BAD_NUMBER: Final = re.compile(
    rb"<Code>InvalidParameter</Code>\s*<Message>Invalid parameter: PhoneNumber\b"
    rb"|<Code>OptedOut</Code>"
)
_ATTRIBUTES: Final = b"<GetSMSAttributesResponse"

_ADVICE: Final = {
    **dict.fromkeys(
        (
            *("ExpiredToken", "ExpiredTokenException", "IncompleteSignature"),
            *("InvalidClientTokenId", "InvalidSecurity", "RequestExpired", "SignatureDoesNotMatch"),
        ),
        "look at the credentials and at this machine's clock",
    ),
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorized"),
        "the credentials lack a permission",
    ),
}


def _access_key_id(secret: SecretStr) -> SecretStr:
    if not re.fullmatch("[A-Z0-9]{16,128}", secret.get_secret_value()):
        raise ValueError("must be an access key ID, of capital letters and digits")
    return secret


def _one_word(secret: SecretStr) -> SecretStr:
    if not re.fullmatch("[!-~]+", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


class SnsConfig(Model):
    """``type: sns``."""

    type: Literal["sns"]
    name: str = "sns"
    region: Annotated[str, Field(pattern="^[a-z]+(-[a-z]+)+-[0-9]{1,2}$")]
    aws_access_key_id: Annotated[Secret, AfterValidator(_access_key_id)]
    aws_secret_access_key: Annotated[Secret, AfterValidator(_one_word)]
    aws_session_token: Annotated[Secret, AfterValidator(_one_word)] | None = None
    sender_id: (
        Annotated[str, Field(pattern="^[0-9]*[A-Za-z][0-9A-Za-z]*$", max_length=11)] | None
    ) = None
    origination_number: Annotated[str, Field(pattern=r"^\+?[0-9]{5,14}$")] | None = None
    base_url: SecureUrl | None = None  # default: the endpoint of the region

    @model_validator(mode="after")
    def _whole_credentials(self) -> SnsConfig:
        temporary = self.aws_access_key_id.get_secret_value().startswith("ASIA")
        if temporary and self.aws_session_token is None:
            raise ValueError("temporary credentials (ASIA...) need aws_session_token")
        return self

    def create(self, context: Context) -> Sns:
        """Make the sender."""
        return Sns(self, context)


def _clock() -> datetime:
    return datetime.now(UTC)


class Sns(Vendor):
    """Publishes each message to one phone number. ``now`` dates the signatures."""

    def __init__(
        self, config: SnsConfig, context: Context, now: Callable[[], datetime] = _clock
    ) -> None:
        base_url = config.base_url or _endpoint(config.region)
        super().__init__(config.name, base_url, context)
        self._host = URL(base_url).host_port_subcomponent or ""
        self._attributes = _attributes(config)
        self._now = now
        token = config.aws_session_token
        self._signer = Signer(
            config.aws_access_key_id.get_secret_value(),
            config.aws_secret_access_key.get_secret_value(),
            region=config.region,
            service="sns",
            session_token=token.get_secret_value() if token else None,
        )

    def request(self, message: Message) -> Request:
        """Fill the form and sign it."""
        form = {"PhoneNumber": f"+{message.to}", "Message": message.text}
        return self._call("Publish", form | self._attributes)

    def _call(self, action: str, parameters: Mapping[str, str]) -> Request:
        body = urlencode({"Action": action, "Version": "2010-03-31", **parameters}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = Request("POST", f"{self.base}/", headers, body)
        return self._signer.sign(request, self._host, self._now())

    def read(self, reply: Reply) -> str | None:
        """Look for the id of the message, or for the error code."""
        found = _ACCEPTED.match(reply.body)
        if found and 200 <= reply.status < 300:
            return found[1].decode()
        if reply.status == 400 and _BAD_NUMBER.search(reply.body):
            raise Refused(f"{_error(reply)}: not a number that can be sent to")
        raise self.unavailable(reply, _error(reply))

    def probe(self) -> Request:
        """Read a setting of the account."""
        return self._call("GetSMSAttributes", {"attributes.member.1": "DefaultSMSType"})

    def refusal(self, reply: Reply) -> str | None:
        """Go by the error code."""
        if 200 <= reply.status < 300 and _ATTRIBUTES in reply.body:
            return None
        return f"answers GetSMSAttributes with HTTP status {reply.status}, {_error(reply)}"


def _endpoint(region: str) -> str:
    domain = _DOMAINS.get(region.partition("-")[0], "amazonaws.com")
    return f"https://sns.{region}.{domain}"


def _attributes(config: SnsConfig) -> dict[str, str]:
    """Return the form fields that are the same in each message."""
    attributes = {
        "AWS.SNS.SMS.SMSType": "Transactional",  # by the most reliable route
        "AWS.SNS.SMS.SenderID": config.sender_id,
        "AWS.MM.SMS.OriginationNumber": config.origination_number,
    }
    form: dict[str, str] = {}
    given = ((name, value) for name, value in attributes.items() if value is not None)
    for number, (name, value) in enumerate(given, 1):
        entry = f"MessageAttributes.entry.{number}"
        form[f"{entry}.Name"] = name
        form[f"{entry}.Value.DataType"] = "String"
        form[f"{entry}.Value.StringValue"] = value
    return form


def _error(reply: Reply) -> str:
    """Return the error code, with what to do about it if that is known."""
    found = _ERROR_CODE.search(reply.body)
    if found is None:
        return "no error code"
    code = found[1].decode()
    return f"{code}: {_ADVICE[code]}" if code in _ADVICE else code
