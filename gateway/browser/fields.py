"""What a person can type into a form, by the name of the login's field."""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.method import Method


class Field(NamedTuple):
    """An ``<input>``; ``label`` and ``hint`` are names of texts."""

    name: str
    type: str
    autocomplete: str  # HTML Living Standard, section 4.10.18.7
    max_length: int
    hint: str = ""
    is_secret: bool = False  # never sent back to the browser
    verbatim: bool = False  # white space in it is meant


FIELDS: Final = {
    field.name: field
    for field in (
        Field("phone", "tel", "tel", 64, hint="phone_hint"),
        Field("email", "email", "email", 320),
        Field("username", "text", "username", 320),
        Field(
            "password",
            "password",
            "current-password",
            1024,
            is_secret=True,
            verbatim=True,
        ),
    )
}


def has_form(method: Method) -> bool:
    """Whether a form can ask for all that a provider needs."""
    asks = method.provider.asks
    return bool(asks) and FIELDS.keys() >= set(asks)


def asked(method: Method) -> tuple[Field, ...]:
    """Return the fields of its form."""
    return tuple(FIELDS[name] for name in method.provider.asks)
