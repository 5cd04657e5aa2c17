"""libldap by python-ldap's C module, typed: a handle, and messages both ways.

python-ldap's own classes over that module would print passwords when an environment variable asks
for a trace, and lock and decode on each call.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from providers.ldap.client import (
    PASSWORD_POLICY,
    SUCCESS,
    BadFilter,
    ConnectionFailed,
    ConnectionLost,
    Entry,
    Query,
)

Control = tuple[str, int, bytes | None]  # type, whether critical, value


class Handle(Protocol):
    """One connection of libldap. Any method may raise ``LdapError``.

    No two may run at the same time: python-ldap ends the process.
    """

    def set_option(self, option: int, value: object) -> None:
        """See ldap_set_option(3). Raises ``ValueError``, too."""

    def get_option(self, option: int) -> Any:
        """See ldap_get_option(3)."""

    def simple_bind(self, dn: str, password: str, controls: Sequence[Control]) -> int:
        """Send a bind; return its message id."""

    def search_ext(
        self,
        base: str,
        scope: int,
        filter_text: str,
        attributes: Sequence[str],
        types_only: int,
        controls: None,
        client_controls: None,
        seconds: float,
        limit: int,
    ) -> int:
        """Send a search; return its message id."""

    def extop(self, name: str, value: bytes | None) -> int:
        """Send an extended operation; return its message id."""

    def result4(
        self, message_id: int, whole_operation: int, seconds: float
    ) -> tuple[Any, Any, Any, Any]:
        """Return what came: its kind, content, message id and controls; all None if nothing did."""

    def start_tls_s(self) -> None:
        """Start TLS, and wait for it."""

    def unbind_ext(self) -> None:
        """Close."""


def _load() -> Any:
    """Import the module, with libldap's own defaults.

    At its first call libldap reads ldap.conf, an .ldaprc in the home and in the working directory,
    and LDAP variables of the environment, unless this one is there. Any of them could turn off the
    verification of certificates.
    """
    before = os.environ.get("LDAPNOINIT")
    os.environ["LDAPNOINIT"] = "1"
    try:
        module = importlib.import_module("_ldap")
        module.get_option(module.OPT_API_INFO)
    finally:
        if before is None:
            del os.environ["LDAPNOINIT"]
        else:
            os.environ["LDAPNOINIT"] = before
    return module


module: Final = _load()
LdapError: Final[type[Exception]] = module.LDAPError

BIND_RESPONSE: Final[int] = module.RES_BIND
SEARCH_ENTRY: Final[int] = module.RES_SEARCH_ENTRY
SEARCH_DONE: Final[int] = module.RES_SEARCH_RESULT
SEARCH_REFERENCE: Final[int] = module.RES_SEARCH_REFERENCE

_ANY: Final[int] = module.RES_ANY
_ONE: Final[int] = module.MSG_ONE
_SCOPES: Final = {
    "base": module.SCOPE_BASE,
    "one": module.SCOPE_ONELEVEL,
    "sub": module.SCOPE_SUBTREE,
}
_WITH_BIND: Final[Sequence[Control]] = [(PASSWORD_POLICY, 0, None)]


class Message(NamedTuple):
    """One message of the server."""

    id: int
    kind: int
    content: Sequence[Any]  # of an entry: (dn, {attribute: [value, ...]})
    code: int
    text: str
    controls: Sequence[Control]


def send_bind(handle: Handle, dn: str, password: str) -> int:
    """Send a bind; return its message id. Raises ``ConnectionFailed``.

    ``ValueError`` is raised for an empty name or password: a server may answer success to it
    (RFC 4513 section 5.1.2).
    """
    if not dn or not password:
        raise ValueError("nobody is proven by an empty name or password")
    try:
        return handle.simple_bind(dn, password, _WITH_BIND)
    except LdapError as error:
        raise _broken(error) from None


def send_search(handle: Handle, query: Query, seconds: float) -> int:
    """Send a search; return its message id. Raises ``BadFilter``, ``ConnectionFailed``."""
    try:
        return handle.search_ext(
            query.base,
            _SCOPES[query.scope],
            query.filter,
            query.attributes,
            0,  # values, too
            None,
            None,
            max(1.0, seconds),
            query.limit,
        )
    except module.FILTER_ERROR:
        raise BadFilter("no search filter") from None
    except LdapError as error:
        raise _broken(error) from None


def receive(handle: Handle) -> Message | None:
    """Return a message if a whole one is there, of whatever operation.

    Raises ``ConnectionFailed``; the handle is of no use then.
    """
    try:
        kind, content, message_id, controls = handle.result4(_ANY, _ONE, 0.0)
    except LdapError as error:
        return _refusal(error)
    except UnicodeDecodeError:
        raise ConnectionFailed("an answer that is no LDAP") from None
    if kind is None:
        return None
    return Message(message_id, kind, content, SUCCESS, "", controls)


def entry(message: Message) -> Entry:
    """Return the entry of a message of that kind."""
    dn, attributes = message.content[0]
    return Entry(dn, {name.lower(): values for name, values in attributes.items()})


def _refusal(error: Exception) -> Message:
    """Return the message that python-ldap made an error of: its result is not success."""
    details = told(error)
    if details.get("msgid") is None or details["result"] < 0:  # of libldap, not of the server
        raise _broken(error)
    text = details.get("info", "")
    return Message(
        details["msgid"], details["msgtype"], (), details["result"], text, details["ctrls"]
    )


def told(error: Exception) -> Mapping[str, Any]:
    """Return what an ``LdapError`` tells, by python-ldap's names."""
    details = error.args[0] if error.args else {}
    return details if isinstance(details, dict) else {}


def _broken(error: Exception) -> ConnectionFailed:
    if isinstance(error, module.SERVER_DOWN):
        return ConnectionLost("the server closed the connection")
    return ConnectionFailed(f"an answer that is no LDAP ({type(error).__name__})")
