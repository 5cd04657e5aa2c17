from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from pydantic import Field

from config import Cidr, HostPort, Model, Origin, PublicUrl, SecureUrl
from tests.config.reading import parse, refused


class Network(Model):
    listen: HostPort = HostPort("127.0.0.1", 8080)
    proxies: list[Cidr] = Field(default=[])
    origin: Origin = "*"
    secure: SecureUrl = "https://example.com"
    public: PublicUrl = "https://example.com"


def problem(key: str, text: str) -> str:
    (only,) = refused(Network, f"{key}: {text}")
    place, found, message = only.split(": ", 2)
    assert (place, found.split(".")[0]) == (f"1:{len(key) + 3 + text.startswith('[')}", key)
    return message


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("0.0.0.0:0", "0.0.0.0", 0),
        ("'[::1]:0'", "::1", 0),
        ("'[2001:db8::7]:65535'", "2001:db8::7", 65_535),
        ("localhost:80", "localhost", 80),
        ("gw_1.example-host.com:443", "gw_1.example-host.com", 443),
    ],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    listen = parse(Network, f"listen: {text}").listen
    assert listen == HostPort(host, port)
    assert str(listen) == text.strip("'")


@pytest.mark.parametrize(
    "text",
    [
        *("8080", "127.0.0.1", "':8080'", "'*:80'", "'::1:80'", "'[::1]'", "'[::g]:1'", "'[]:1'"),
        *("'[1.2.3.4]:80'", "'a b:1'", "'a:'", "a:-1", "a:+1", "a:1.5", '"a:1\\n"', "' a:1'"),
        *("a:999999", "http://a:80", "-a:1", "a-:1", "null", "true", "{a: 1}"),
    ],
)
def test_host_and_port_refuse(text: str) -> None:
    assert problem("listen", text) == 'must be HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"'


def test_port_has_a_limit() -> None:
    assert problem("listen", "a:65536") == "the port must be at most 65535"


@pytest.mark.parametrize(
    ("one", "two", "collide"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("[::]:80", "[::1]:80", True),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("0.0.0.0:80", "[::]:80", False),  # asyncio keeps the two families apart
    ],
)
def test_addresses_that_collide(one: str, two: str, collide: bool) -> None:
    assert HostPort.parse(one).collides(HostPort.parse(two)) is collide
    assert HostPort.parse(two).collides(HostPort.parse(one)) is collide


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", ip_network("10.0.0.0/8")),
        ("10.1.2.3", ip_network("10.1.2.3/32")),
        ("0.0.0.0/0", ip_network("0.0.0.0/0")),
        ("'fd00::/8'", ip_network("fd00::/8")),
        ("'::1'", ip_network("::1/128")),
    ],
)
def test_network(text: str, network: IPv4Network | IPv6Network) -> None:
    assert parse(Network, f"proxies: [{text}]").proxies == [network]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.1/8", "the address has bits set behind the prefix length"),
        ("'fd00::1/8'", "the address has bits set behind the prefix length"),
        ("10.0.0.0/33", 'must be a network such as "10.0.0.0/8" or "fd00::/8"'),
        ("10.0.0", 'must be a network such as "10.0.0.0/8" or "fd00::/8"'),
        ("example.com", 'must be a network such as "10.0.0.0/8" or "fd00::/8"'),
        ("''", 'must be a network such as "10.0.0.0/8" or "fd00::/8"'),
        ("167772160", 'must be a network such as "10.0.0.0/8", as text'),
        ("null", 'must be a network such as "10.0.0.0/8", as text'),
    ],
)
def test_network_refuses(text: str, message: str) -> None:
    assert problem("proxies", f"[{text}]") == message


@pytest.mark.parametrize(
    "text",
    [
        *("'*'", "https://example.com", "https://example.com:8443", "http://localhost:3000"),
        *("capacitor://localhost", "ionic://localhost", "'https://[::1]:8080'"),
    ],
)
def test_origin(text: str) -> None:
    assert parse(Network, f"origin: {text}").origin == text.strip("'")


@pytest.mark.parametrize(
    "text",
    [
        *("https://example.com/", "https://example.com/a", "https://example.com?a", "example.com"),
        *("HTTPS://example.com", "https://Example.com", "'null'", "''", "'https://*.example.com'"),
        *("https://u@example.com", "'https://a b'", '"https://a\\n"', "https://a:0", "https://"),
    ],
)
def test_origin_refuses(text: str) -> None:
    assert problem("origin", text).startswith('must be "*" or an origin as browsers send it')


@pytest.mark.parametrize("text", ["https://example.com:443", "http://localhost:80"])
def test_origin_with_its_default_port_would_never_match(text: str) -> None:
    assert problem("origin", text).startswith("browsers leave out the default port")


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com", "https://example.com:8443/a/b?c=d", "https://8.8.8.8/"),
        *("http://127.0.0.1:8081/", "http://127.9.9.9", "http://[::1]:80/", "http://localhost/"),
        *("http://10.0.0.1/backend", "http://172.31.0.1", "http://192.168.1.1", "http://[fd00::1]"),
        *("http://mesibo:8080/api", "http://mesibo.internal", "http://mesibo.default.svc"),
        *("http://mesibo.default.svc.cluster.local", "http://nas.lan", "http://nas.home.arpa"),
    ],
)
def test_secure_url(url: str) -> None:
    assert parse(Network, f"secure: {url}").secure == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "http://8.8.8.8/", "http://172.32.0.1", "http://[2001:db8::1]/"),
        *("http://10.0.0.1.example.com", "http://localhost.example.com", "http://[::ffff:8.8.8.8]"),
        *("http://134744072/", "http://0x08080808/", "http://169.254.169.254/"),
    ],
)
def test_plain_http_to_the_internet_is_refused(url: str) -> None:
    message = "must be https: plain http is for loopback and private networks only"
    assert problem("secure", url) == message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        *(
            (url, "must be a URL such as https://host.example.com/path")
            for url in (
                *("example.com", "ftp://a.b", "https://", "https:///x", "https:a.b", "''"),
                *("'https://a b/'", '"https://a.b\\n"', "https://a.b:0", "https://a.b:65536"),
                *("https://a.b:x", "'https://[::1'", "'https://[v1.x]/'", "https://ä.example"),
                *("https://-a/", "'https://a%00b/'", "//a.b", "javascript:alert(1)"),
            )
        ),
        ("https://user:word@example.com", "must not hold a user name or password"),
        ("https://user@example.com", "must not hold a user name or password"),
        ("https://example.com/#part", "must not have a fragment (#)"),
    ],
)
def test_secure_url_refuses(url: str, message: str) -> None:
    assert problem("secure", url) == message


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com/", "https://auth.example.com"),
        ("https://example.com/auth/", "https://example.com/auth"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://gw.localhost", "http://gw.localhost"),
        ("'http://[::1]:8080'", "http://[::1]:8080"),
    ],
)
def test_public_url_has_no_slash_at_its_end(url: str, kept: str) -> None:
    assert parse(Network, f"public: {url}").public == kept


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "http://example.com",
            "must be https: browsers come here; plain http is for loopback only",
        ),
        ("http://10.0.0.1", "must be https: browsers come here; plain http is for loopback only"),
        ("http://gateway", "must be https: browsers come here; plain http is for loopback only"),
        ("https://example.com?a=b", "must not have a query (?)"),
        ("https://u:p@example.com", "must not hold a user name or password"),
        ("example.com", "must be a URL such as https://host.example.com/path"),
    ],
)
def test_public_url_refuses(url: str, message: str) -> None:
    assert problem("public", url) == message
