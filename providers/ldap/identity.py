"""From an entry of the directory to an identity."""

from __future__ import annotations

import uuid
from typing import Final

from providers._base import Identity
from providers._phone import PhoneNumbers
from providers.ldap.client import Entry
from providers.ldap.searching import Unreadable
from providers.ldap.settings import LdapConfig

# Of 16 bytes, written as Windows does it: [MS-DTYP] section 2.3.4.2
_GUIDS: Final = ("objectguid", "ms-ds-consistencyguid")


class IdentityReader:
    """Reads identities as the configuration says."""

    def __init__(self, name: str, config: LdapConfig) -> None:
        self._name = name
        profile = config.profile
        self._id = profile.id_attribute
        self._fields = profile.attributes
        self._numbers = PhoneNumbers(config.default_region)
        self.attributes = {self._id, *self._fields.values()}

    def read(self, entry: Entry, phone: str | None = None, email: str | None = None) -> Identity:
        """Return whose entry it is; of several numbers or addresses, those given if it has them.

        Raises ``Unreadable`` if the entry does not tell: any other attribute could be somebody
        else's tomorrow.
        """
        subject = self.subject(entry)
        if subject is None:
            raise Unreadable(self._name, f"id_attribute: the entry has no readable {self._id}")
        return Identity(
            subject=subject,
            username=entry.text(self._fields["username"]),
            email=_one_of(self._emails(entry), email),
            phone=_one_of(self._phones(entry), phone),
            name=entry.text(self._fields["name"]),
        )

    def subject(self, entry: Entry) -> str | None:
        """Return the one value of the id attribute, or None."""
        key = self._id.lower()
        values = entry.attributes.get(key, ())
        if len(values) != 1:
            return None
        if key in _GUIDS:
            return str(uuid.UUID(bytes_le=values[0])) if len(values[0]) == 16 else None
        text = entry.text(self._id)
        return text if text and text.isprintable() else None

    def _emails(self, entry: Entry) -> list[str]:
        return [text.lower() for text in entry.texts(self._fields["email"])]

    def _phones(self, entry: Entry) -> list[str]:
        found = []
        for text in entry.texts(self._fields["phone"]):
            try:
                found.append(self._numbers.canonical(text))
            except ValueError:
                continue
        return found


def _one_of(found: list[str], wanted: str | None) -> str | None:
    """``wanted`` if it is among them, else the first."""
    if wanted in found:
        return wanted
    return found[0] if found else None
