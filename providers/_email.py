"""Email addresses: one spelling for all spellings of a mailbox.

Of what RFC 5321 allows, this is what mail providers give to people: a dot-atom, ``@`` and the name
of a domain. Quoted local parts, comments, IP addresses and whatever is not ASCII before the ``@``
are refused: they are where mail servers disagree, and where commands are smuggled in. So are signs
that lead elsewhere: a mail server that trusts us would send ``ann%evil.example@example.com`` and
``evil.example!ann@example.com`` on to ``evil.example`` (RFC 5321 F.2), may decode ``=?...?=``
(RFC 2047), and take ``|`` and ``/`` for a program and a file. Exim refuses most of them by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final

import idna
from pydantic import AfterValidator

from config.spelling import invalid

MAX_ADDRESS: Final = 254  # characters; RFC 5321 4.5.3.1.3 without the angle brackets
MAX_LOCAL: Final = 64  # RFC 5321 4.5.3.1.1

# Letters are spelled out: with IGNORECASE the Kelvin sign would be a k.
_ATOM: Final = r"[A-Za-z0-9#$&'*+=^_`{}~-]+"
_DOT_ATOM: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_TOP_LABEL: Final = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"  # 127.0.0.1 is no name
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+{_TOP_LABEL}")


class NotAnAddress(ValueError):
    """Not the address of a mailbox that mail is sent to."""


def canonical(text: str) -> str:
    """Return the address in lower case, its domain in A-labels. Raises ``NotAnAddress``.

    RFC 5321 2.4 lets a host tell ``Ann`` from ``ann``; no large one does, and people type both.
    """
    local, _, domain = text.strip().partition("@")
    # Before any work: people may send thousands of characters.
    if len(text) > MAX_ADDRESS or len(local) > MAX_LOCAL or not _DOT_ATOM.fullmatch(local):
        raise NotAnAddress
    address = f"{local.lower()}@{canonical_domain(domain)}"
    if len(address) > MAX_ADDRESS:
        raise NotAnAddress
    return address


def canonical_domain(text: str) -> str:
    """Return the name in lower case and A-labels (UTS 46, RFC 5891). Raises ``NotAnAddress``.

    So ``bücher.example`` and its A-label are one domain, and a Cyrillic letter in
    ``example.com`` makes another one, however it looks.
    """
    domain = text.lower()
    if not domain.isascii() or "xn--" in domain:
        try:
            domain = idna.encode(text, uts46=True).decode()
        except idna.IDNAError:
            raise NotAnAddress from None
    if not _DOMAIN.fullmatch(domain):
        raise NotAnAddress
    return domain


def without_alias(address: str) -> str:
    """Return a canonical address without its alias: ``ann+news@`` reads the mail of ``ann@``."""
    local, _, domain = address.partition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _domain_pattern(text: str) -> str:
    wildcard = text.startswith("*.")
    try:
        # Below a wildcard there is at least one label more.
        domain = canonical_domain(f"x.{text[2:]}")[2:] if wildcard else canonical_domain(text)
    except NotAnAddress:
        raise invalid('must be a domain such as "example.com" or "*.example.com"') from None
    return f"*.{domain}" if wildcard else domain


DomainPattern = Annotated[str, AfterValidator(_domain_pattern)]
"""``example.com`` for this domain alone, ``*.example.com`` for all below it; in A-labels."""


class Domains:
    """Which domains a list of patterns means."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = frozenset(patterns)

    def __contains__(self, domain: str) -> bool:
        labels = domain.split(".")
        above = ("*." + ".".join(labels[depth:]) for depth in range(1, len(labels)))
        return domain in self._patterns or any(pattern in self._patterns for pattern in above)

    def __len__(self) -> int:
        return len(self._patterns)
