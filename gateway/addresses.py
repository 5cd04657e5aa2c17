"""From an identity to a mesibo address, by the provider's template.

An address is who somebody *is* in the messenger, so two providers must not be able to give out one
address unless the operator says that they vouch for the same people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from providers import Identity

_FIELD: Final = re.compile(r"\{(subject|username|email|phone|provider|claims\[([^\]{}]+)\])\}")

# The shapes that the fields of an identity have; whatever has a narrower shape of its own is left
# to the field that is named for it.
_PHONE: Final = r"[0-9]{7,15}"
_EMAIL: Final = r"[^@:\s]+@[^@:\s]+"  # what stands before a colon is a name space
_SHAPES: Final = {"phone": _PHONE, "email": _EMAIL}
_ANY: Final = r".+"


class MissingField(Exception):
    """The identity lacks a field that the template names (the text)."""


class TemplateError(ValueError):
    """Not a template; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class AddressTemplate:
    """A template such as ``{phone}`` or ``staff:{username}``, for one provider."""

    text: str
    provider: str

    @classmethod
    def parse(cls, text: str, provider: str) -> AddressTemplate:
        """Check a template. Raises ``TemplateError``."""
        rest = _FIELD.sub("", text)
        if "{" in rest or "}" in rest:
            raise TemplateError(
                "may name {subject} {username} {email} {phone} {provider} and {claims[NAME]} only"
            )
        if not any(match[1] != "provider" for match in _FIELD.finditer(text)):
            raise TemplateError("must name a field of the identity, or all people are one")
        return cls(text, provider)

    def render(self, identity: Identity) -> str:
        """The address of ``identity``. Raises ``MissingField``."""
        if self.text == "{phone}" and identity.phone:
            return identity.phone

        def value(match: re.Match[str]) -> str:
            found = self._value(match[1], match[2], identity)
            if not found or not found.isprintable():
                raise MissingField(match[1])
            return found

        return _FIELD.sub(value, self.text)

    def _value(self, field: str, claim: str | None, identity: Identity) -> str | None:
        if claim is not None:
            found = identity.claims.get(claim)
            is_plain = isinstance(found, str | int) and not isinstance(found, bool)
            return str(found) if is_plain else None
        if field == "provider":
            return self.provider
        text: str | None = getattr(identity, field)
        return text

    def overlaps(self, other: AddressTemplate) -> bool:
        """Whether both can give one address however their shapes are kept apart at run time."""
        mine, theirs = self._literal_ends(), other._literal_ends()
        starts = _compatible(mine[0], theirs[0]) and _compatible(mine[1][::-1], theirs[1][::-1])
        return starts and self._shape_key() == other._shape_key()

    def matches(self, address: str) -> bool:
        """Whether this template could have given ``address``."""
        return re.fullmatch(self._pattern(), address) is not None

    @property
    def is_narrow(self) -> bool:
        """Whether every field of the template has a shape of its own (phone, email)."""
        return self._shape_key() != _ANY

    def _pattern(self) -> str:
        parts: list[str] = []
        end = 0
        for match in _FIELD.finditer(self.text):
            parts += [re.escape(self.text[end : match.start()]), self._shape(match[1])]
            end = match.end()
        return "".join([*parts, re.escape(self.text[end:])])

    def _shape(self, field: str) -> str:
        return re.escape(self.provider) if field == "provider" else _SHAPES.get(field, _ANY)

    def _shape_key(self) -> str:
        shapes = {self._shape(match[1]) for match in _FIELD.finditer(self.text)}
        if _ANY in shapes:
            return _ANY
        # A number before a fixed domain is an email address, too.
        return _EMAIL if _EMAIL in shapes or "@" in self.text else _PHONE

    def _literal_ends(self) -> tuple[str, str]:
        literal = self.text.replace("{provider}", self.provider)
        return literal.partition("{")[0], literal.rpartition("}")[2]


def _compatible(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def owner(address: str, others: Iterable[AddressTemplate]) -> AddressTemplate | None:
    """The template among ``others`` whose addresses have the narrow shape of ``address``.

    A user name such as ``18005551234`` would otherwise be another person's telephone number.
    """
    return next((t for t in others if t.is_narrow and t.matches(address)), None)


def rivals(
    name: str, templates: Mapping[str, AddressTemplate], shared: frozenset[str]
) -> tuple[AddressTemplate, ...]:
    """The templates whose addresses provider ``name`` must not give out."""
    mine = templates[name]
    return tuple(
        template
        for other, template in templates.items()
        if other != name
        and not (name in shared and other in shared)
        and template.is_narrow
        and not mine.is_narrow
    )
