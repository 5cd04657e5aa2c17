"""An example: people listed in the configuration, with their passwords in plain sight.

For tutorials and for the gateway's own tests; start from here to write a provider.
"""

from __future__ import annotations

import hmac
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from config import Model, Secret
from providers._base import Attempt, Fields, Identity, Provider, Rejected, UnknownIdentity


def _lower_case(name: str) -> str:
    if name != name.casefold():
        raise ValueError("must be in lower case: names are compared without it")
    return name


UserName = Annotated[str, AfterValidator(_lower_case)]


class InsecureExampleConfig(Model):
    """The keys of an ``insecure_example`` provider."""

    users: dict[UserName, Secret] = Field(min_length=1)  # user name: password


class InsecureExample(Provider[InsecureExampleConfig]):
    """Signs in whoever is in the list."""

    Config: ClassVar[type[Model]] = InsecureExampleConfig
    purpose = "user names and passwords in the configuration, for trials only"
    asks = ("username", "password")

    def identify(self, fields: Fields) -> str | None:
        """Return the user name, if there is a password with it."""
        if "password" not in fields:
            return None
        name = fields.get("username") or fields.get("email") or fields.get("phone")
        return name.casefold() if name else None

    async def begin(self, attempt: Attempt, fields: Fields) -> Identity:
        """Compare the password."""
        password = self.config.users.get(attempt.identity)
        if password is None:
            raise UnknownIdentity("no such user")
        given, wanted = fields["password"].encode(), password.get_secret_value().encode()
        if not hmac.compare_digest(given, wanted):
            raise Rejected("wrong password")
        return Identity(subject=attempt.identity, username=attempt.identity)

    def warnings(self) -> list[str]:
        """Say what this is."""
        return ["this provider is an example: passwords stand in the configuration"]
