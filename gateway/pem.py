"""The PEM files that the configuration names."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

from config import ConfigError, Loaded, MesiboIssuer, Problem, TlsFiles


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS for a listener. Raises ``OSError``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # For want of a password OpenSSL would ask at the terminal for that of an encrypted key.
    context.load_cert_chain(files.certificate, files.private_key, password="")
    return context


def client_context(ca_file: Path) -> ssl.SSLContext:
    """TLS to servers whose certificates come from these authorities. Raises ``OSError``."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def require(loaded: Loaded) -> None:
    """Make sure that all files can be used. Raises ``ConfigError``."""
    problems = list(_problems(loaded))
    if problems:
        raise ConfigError(problems)


def _problems(loaded: Loaded) -> Iterator[Problem]:
    def tried(path: tuple[str, ...], use: Callable[[], object]) -> Iterator[Problem]:
        try:
            use()
        except ssl.SSLError as error:
            why = error.reason or "a certificate or key is missing in its file, or encrypted"
            yield loaded.document.problem(path, f"cannot be used as PEM: {why}")
        except OSError as error:
            file = f" {error.filename}" if path == ("store", "url") else ""
            why = f"cannot read the file{file}: {error.strerror}"
            yield loaded.document.problem(path, why)

    files, issuer = loaded.settings.tls, loaded.settings.issuer
    if files is not None:
        unreadable = [
            *tried(("tls", "certificate"), files.certificate.read_bytes),
            *tried(("tls", "private_key"), files.private_key.read_bytes),
        ]
        yield from unreadable or tried(("tls",), lambda: server_context(files))
    for file in loaded.settings.store.files.values():
        yield from tried(("store", "url"), file.read_bytes)
    if isinstance(issuer, MesiboIssuer) and issuer.ca_file is not None:
        ca_file = issuer.ca_file
        yield from tried(("issuer", "ca_file"), lambda: client_context(ca_file))
    tracing = loaded.settings.tracing
    if tracing is not None and tracing.ca_file is not None:
        collector_ca = tracing.ca_file
        yield from tried(("tracing", "ca_file"), lambda: client_context(collector_ca))
