"""Addresses, networks, URLs and origins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, ClassVar, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from config.spelling import Spelled, invalid

MAX_PORT = 65_535

_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
_HOST_PORT = rf"^(\[[0-9A-Fa-f:.]+\]|{_NAME}):[0-9]{{1,5}}$"
_ORIGIN = r"^(\*|[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[1-9][0-9]{0,4})?)$"
_URI = Field(json_schema_extra={"format": "uri"})

_EVERY_HOST = {"0.0.0.0", "::"}  # noqa: S104 - to know them, not to listen there
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_PRIVATE = (  # RFC 1918, RFC 4193
    *_LOOPBACK,
    ip_network("10.0.0.0/8"),
    ip_network("172.16.0.0/12"),
    ip_network("192.168.0.0/16"),
    ip_network("fc00::/7"),
)
_PRIVATE_DOMAINS = (".internal", ".local", ".localhost", ".home.arpa", ".lan", ".svc")


@dataclass(frozen=True, slots=True)
class HostPort(Spelled):
    """Where to listen; written ``127.0.0.1:8080``, ``localhost:8080``, ``[::1]:0``."""

    host: str  # an IPv6 address without its brackets
    port: int  # 0: any free one

    pattern: ClassVar[str] = _HOST_PORT

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read an address and port. Raises ``ValueError``."""
        error = invalid('must be HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"')
        if not isinstance(text, str) or not re.fullmatch(_HOST_PORT, text):
            raise error
        host, _, port = text.rpartition(":")
        if int(port) > MAX_PORT:
            raise invalid(f"the port must be at most {MAX_PORT}")
        if host.startswith("["):
            host = host.strip("[]")
            if not _is_ipv6(host):
                raise error
        return cls(host, int(port))

    def collides(self, other: HostPort) -> bool:
        """Whether only one of the two can be listened to."""
        if self.port != other.port or self.port == 0:
            return False
        if (":" in self.host) != (":" in other.host):
            return False
        return self.host == other.host or bool({self.host, other.host} & _EVERY_HOST)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):
        raise invalid('must be a network such as "10.0.0.0/8", as text')
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise invalid('must be a network such as "10.0.0.0/8" or "fd00::/8"') from None
    if "/" in value and ip_address(value.partition("/")[0]) != network.network_address:
        raise invalid("the address has bits set behind the prefix length")
    return network


Cidr = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
"""An ``ipaddress`` network; written ``10.0.0.0/8``, or an address alone."""


def _origin(text: str) -> str:
    if not re.fullmatch(_ORIGIN, text):
        raise invalid(
            'must be "*" or an origin as browsers send it, '
            'such as "https://app.example.com": lower case, no path, no slash at the end'
        )
    if re.fullmatch(r"http://.*:80|https://.*:443", text):
        raise invalid("browsers leave out the default port of an origin: leave it out, too")
    return text


Origin = Annotated[str, AfterValidator(_origin), Field(json_schema_extra={"pattern": _ORIGIN})]
"""What browsers send as ``Origin`` (RFC 6454 section 6.1), or ``*`` for any."""


def _split_url(text: str) -> SplitResult:
    """Take an http or https URL to pieces. Raises ``ValueError``."""
    error = invalid("must be a URL such as https://host.example.com/path")
    if not re.fullmatch("[!-~]+", text):  # urlsplit would drop line breaks and tabs
        raise error
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise error from None
    host = url.hostname or ""
    if url.scheme not in ("http", "https") or port == 0:
        raise error
    if not (_is_ipv6(host) if "[" in url.netloc else re.fullmatch(_NAME, host)):
        raise error
    if url.username is not None:
        raise invalid("must not hold a user name or password")
    if url.fragment:
        raise invalid("must not have a fragment (#)")
    return url


def _in_networks(host: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or _in_networks(host, _LOOPBACK)


def _is_private(host: str) -> bool:
    """Whether a host cannot be out in the Internet. A bare number is an address, not a name."""
    name = "." not in host and ":" not in host and host[0].isalpha()
    return name or host.endswith(_PRIVATE_DOMAINS) or _in_networks(host, _PRIVATE)


def _secure_url(text: str) -> str:
    url = _split_url(text)
    if url.scheme == "http" and not _is_private(url.hostname or ""):
        raise invalid("must be https: plain http is for loopback and private networks only")
    return text


def _public_url(text: str) -> str:
    url = _split_url(text)
    if url.scheme == "http" and not _is_loopback(url.hostname or ""):
        raise invalid("must be https: browsers come here; plain http is for loopback only")
    if url.query:
        raise invalid("must not have a query (?)")
    return text.rstrip("/")


SecureUrl = Annotated[str, AfterValidator(_secure_url), _URI]
"""An https URL; http on loopback and private networks, as on-premise servers have it."""

PublicUrl = Annotated[str, AfterValidator(_public_url), _URI]
"""An https URL without a slash at the end, to which a path can be added; http on loopback."""
