"""Opening connections with libldap, every option set by hand. What blocks says so."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Final

from providers.ldap.client import Server, TlsSettings
from providers.ldap.libldap import Handle, LdapError, module, told

_GNUTLS: Final = module.get_option(module.OPT_X_TLS_PACKAGE) == "GnuTLS"
WHO_AM_I: Final = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532: changes nothing, and nobody may not ask


def adopt(opened: socket.socket, server: Server) -> Handle:
    """Make a handle of a connection. Raises ``LdapError``.

    ``opened`` remains the caller's, to be watched and closed.
    """
    theirs = os.dup(opened.fileno())
    try:
        handle: Handle = module.initialize_fd(theirs, _url(server))
    except BaseException:
        os.close(theirs)
        raise
    _set(handle, _options())
    return handle


def start_tls(
    opened: socket.socket, server: Server, tls: TlsSettings
) -> tuple[Handle, socket.socket]:
    """Make a handle of a connection, and start TLS. Blocks. Raises ``LdapError``, ``ValueError``.

    It waits until the server has answered, or somebody shuts the connection down.
    """
    handle = adopt(opened, server)
    try:
        _set(handle, _tls_options(tls))
        opened.setblocking(True)  # see ``_connecting_options``
        handle.start_tls_s()
        opened.setblocking(False)
    except BaseException:
        close(handle, opened)
        raise
    return handle, opened


def open_secure(server: Server, tls: TlsSettings, within: float) -> tuple[Handle, socket.socket]:
    """Connect with TLS from the first byte on. Blocks. Raises ``LdapError``, ``ValueError``.

    It takes longer than it is given if the server accepts the connection and then is silent. The
    socket is the caller's, to be watched and closed.
    """
    ends = time.monotonic() + within
    handle: Handle = module.initialize(_url(server))
    try:
        _set(handle, _options())
        _set(handle, _connecting_options(within))
        _set(handle, _tls_options(tls))
        return handle, _connected(handle, ends)
    except BaseException:
        _forget(handle)
        raise


def _connected(handle: Handle, ends: float) -> socket.socket:
    # libldap connects for an operation, and not without one.
    message_id = handle.extop(WHO_AM_I, None)
    opened = socket.socket(fileno=os.dup(handle.get_option(module.OPT_DESC)))
    try:
        opened.setblocking(False)  # or half a record of TLS would hold up whoever reads it
        handle.result4(message_id, module.MSG_ALL, max(0.001, ends - time.monotonic()))
    except LdapError as error:
        if "msgid" not in told(error):  # any answer will do, also that it is not supported
            opened.close()
            raise
    return opened


def close(handle: Handle, opened: socket.socket) -> None:
    """Close both, without a word to the server."""
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
    _forget(handle)


def _forget(handle: Handle) -> None:
    with contextlib.suppress(LdapError):
        handle.unbind_ext()


def _url(server: Server) -> str:
    host = f"[{server.host}]" if ":" in server.host else server.host
    scheme = "ldaps" if server.tls and not server.start_tls else "ldap"
    return f"{scheme}://{host}:{server.port}"


def _set(handle: Handle, options: Iterator[tuple[int, object]]) -> None:
    for option, value in options:
        handle.set_option(option, value)


def _options() -> Iterator[tuple[int, object]]:
    yield module.OPT_PROTOCOL_VERSION, 3  # the default is 2
    yield module.OPT_REFERRALS, 0  # or who writes a referral into the directory gets passwords
    yield module.OPT_DEREF, module.DEREF_NEVER  # an alias could stand for somebody else
    yield module.OPT_RESTART, 1  # a signal is no reason to fail


def _connecting_options(within: float) -> Iterator[tuple[int, object]]:
    # Not OPT_NETWORK_TIMEOUT: it makes the socket one that does not block, and libldap 2.5 with
    # GnuTLS then asks a silent server for its part of the handshake without a pause and for ever.
    # So it is the kernel that finds out who is not there at all.
    yield module.OPT_TCP_USER_TIMEOUT, max(1, round(within * 1000))
    yield module.OPT_X_KEEPALIVE_IDLE, 10
    yield module.OPT_X_KEEPALIVE_INTERVAL, 5
    yield module.OPT_X_KEEPALIVE_PROBES, 3


def _tls_options(tls: TlsSettings) -> Iterator[tuple[int, object]]:
    system = ssl.get_default_verify_paths()
    file = str(tls.ca_file) if tls.ca_file else system.cafile
    yield module.OPT_X_TLS_CACERTFILE, file or ""
    yield module.OPT_X_TLS_CACERTDIR, "" if file else system.capath or ""
    demand = module.OPT_X_TLS_DEMAND if tls.verify else module.OPT_X_TLS_NEVER
    yield module.OPT_X_TLS_REQUIRE_CERT, demand
    if _GNUTLS:  # it does not look at OPT_X_TLS_PROTOCOL_MIN
        yield module.OPT_X_TLS_CIPHER_SUITE, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
    else:
        yield module.OPT_X_TLS_PROTOCOL_MIN, module.OPT_X_TLS_PROTOCOL_TLS1_2
    yield module.OPT_X_TLS_NEWCTX, 0  # a context of its own, of the above: comes last
