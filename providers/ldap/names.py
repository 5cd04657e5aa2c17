"""Text that a person typed, made part of filters and of distinguished names, here alone."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_NAME: Final = 256  # characters

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
_CHARACTER: Final = re.compile(r"\\(?:([0-9A-Fa-f]{2})|(.))|(.)", re.DOTALL)
_OUTER_SPACE: Final = re.compile(r"(?<!\\)((?:\\\\)*) +\Z")  # at the end, and not escaped
_SPECIAL_IN_DN: Final = frozenset('",+<>;=\\')
# Nearly all are like this: nothing in them is escaped, or written in more than one way but case.
_PLAIN_RDN: Final = r"[A-Za-z0-9.-]+=[\w.@'-]+(?: [\w.@'-]+)*"
_PLAIN_DN: Final = re.compile(f"{_PLAIN_RDN}(?:,{_PLAIN_RDN})*")
# Not in a sAMAccountName, and the at sign begins the domain.
_NEVER_IN_ACCOUNTS: Final = frozenset('"/\\[]:;|=,+*?<>@')


def login_name(typed: str) -> str | None:
    """Return the name as directories compare it (NFKC, no outer space), or None if it is none.

    Invisible characters make two names out of one that looks the same.
    """
    name = unicodedata.normalize("NFKC", typed).strip()
    hidden = not name.isprintable() and any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in name
    )
    return None if hidden or not 0 < len(name) <= MAX_NAME else name


def escape_filter(text: str) -> str:
    """Escape for an assertion value (RFC 4515 section 3): every byte that is no plain letter."""
    if text.isascii() and text.isalnum():
        return text
    return "".join(
        c if c.isalnum() and c.isascii() else "".join(f"\\{byte:02x}" for byte in c.encode())
        for c in text
    )


def escape_dn(text: str) -> str:
    """Escape for a value of a distinguished name (RFC 4514 section 2.4)."""
    last = len(text) - 1
    return "".join(
        # At the ends a space would not count, and a number sign begins the value in hexadecimal.
        "\\" + c if (c == " " and at in (0, last)) or (c == "#" and at == 0) else _in_dn(c)
        for at, c in enumerate(text)
    )


def _in_dn(character: str) -> str:
    if character in _SPECIAL_IN_DN:
        return "\\" + character
    if character < " " or character == "\x7f":
        return f"\\{ord(character):02x}"
    return character


def fill_filter(template: str, **values: str) -> str:
    """Fill a filter template; no value is looked into again."""
    return _PLACEHOLDER.sub(lambda match: escape_filter(values[match[1]]), template)


def fill_dn(template: str, **values: str) -> str:
    """Fill a template of a distinguished name."""
    return _PLACEHOLDER.sub(lambda match: escape_dn(values[match[1]]), template)


def placeholders(template: str) -> set[str]:
    """Return what a template names."""
    return set(_PLACEHOLDER.findall(template))


def is_plain(text: str) -> bool:
    """Whether ``text`` can be the name of an Active Directory account."""
    return bool(text) and not _NEVER_IN_ACCOUNTS & set(text)


def comparable_dn(dn: str) -> str:
    """Return a distinguished name so that equal ones are equal strings.

    Case, the way characters are escaped, and the space around separators do not count.
    """
    if _PLAIN_DN.fullmatch(dn):
        return dn.casefold()
    return ",".join("+".join(sorted(map(_pair, _split(rdn, "+")))) for rdn in _split(dn, ","))


def _split(text: str, separator: str) -> list[str]:
    return re.findall(rf"(?:\\.|[^{separator}])+", text, re.DOTALL)


def _pair(text: str) -> str:
    key, _, value = text.partition("=")
    value = _OUTER_SPACE.sub(r"\1", value.lstrip(" "))
    plain = b"".join(
        bytes.fromhex(code) if code else (escaped or character).encode()
        for code, escaped, character in _CHARACTER.findall(value)
    )
    return f"{key.strip()}={escape_dn(plain.decode(errors='surrogateescape'))}".casefold()
