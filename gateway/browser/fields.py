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
    """Whether forms can ask for all that a provider needs.

    What is typed before a code goes along with it, in the page: that cannot be a secret.
    """
    provider = method.provider
    fields = [FIELDS.get(name) for name in provider.asks]
    return bool(fields) and all(f and not (f.is_secret and provider.sends_code) for f in fields)


def asked(method: Method) -> tuple[Field, ...]:
    """Return the fields of its form."""
    return tuple(FIELDS[name] for name in method.provider.asks)
