"""A throw-away certificate authority and what a server may show: good, expired, of another name."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path
from typing import Literal, NamedTuple

import trustme

Kind = Literal["good", "expired", "other_name"]

# Clients that use libldap look "localhost" up as the machine's own name.
NAMES = tuple(
    dict.fromkeys(["localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()])
)


class CertificateFiles(NamedTuple):
    """PEM files: the certificate with its chain, and its private key."""

    certificate: Path
    private_key: Path


class Authority:
    """Signs certificates; whoever trusts ``ca_file`` trusts the good ones."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def files(self, kind: Kind = "good") -> CertificateFiles:
        """Issue a server certificate and write it down, over an earlier one of its kind."""
        names = ("other.example",) if kind == "other_name" else NAMES
        now = datetime.datetime.now(datetime.UTC)
        end = now - datetime.timedelta(days=1) if kind == "expired" else None
        leaf = self._ca.issue_cert(*names, not_after=end)
        files = CertificateFiles(self._directory / f"{kind}.pem", self._directory / f"{kind}.key")
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        files.certificate.write_bytes(chain)
        files.private_key.write_bytes(leaf.private_key_pem.bytes())
        files.private_key.chmod(0o600)
        return files

    def server(self, kind: Kind = "good") -> ssl.SSLContext:
        """Return the context of a server that shows such a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.files(kind))
        return context

    def client(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority and no other."""
        return ssl.create_default_context(cafile=self.ca_file)
