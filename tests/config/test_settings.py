from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from config import HostPort, Limit, Settings, load
from tests.config.reading import parse, refused, the_problem

LEAST = "issuer: {type: sandbox}\napps: {'*': {}}\nproviders: {p: {type: phone_otp}}\n"
SECRET = "0123456789abcdef" * 2


def problem(text: str) -> str:
    """Return the one problem of a line added to a file that is fine."""
    return the_problem(Settings, f"{LEAST}{text}")


def test_defaults() -> None:
    settings = parse(Settings, LEAST)
    assert settings.listen == HostPort("127.0.0.1", 8080)
    assert settings.admin == HostPort("127.0.0.1", 9090)
    assert settings.public_url is None
    assert settings.workers == 1
    assert settings.tls is None
    assert settings.trusted_proxies == []
    assert settings.cors_origins == ["*"]
    assert settings.allow_get is False
    assert settings.secret is None
    assert settings.store.url.get_secret_value() == "memory://"
    assert settings.store.in_memory
    assert settings.limits.per_ip == [Limit(60, 300.0)]
    assert settings.limits.failures_per_identity == [Limit(5, 900.0)]
    assert settings.limits.connections == 10_000
    assert settings.limits.connections_per_ip == 4_096
    assert settings.logging.level == "info"
    assert settings.logging.format == "console"
    assert settings.tracing is None


def test_every_key_can_be_set(tmp_path: Path) -> None:
    text = f"""\
{LEAST}
listen: '[::]:80'
admin: null
public_url: https://auth.example.com
workers: 2
tls: {{certificate: {tmp_path}/a, private_key: {tmp_path}/b}}
trusted_proxies: [10.0.0.0/8]
cors_origins: [https://a.example.com]
allow_get: true
secret: {SECRET}
store: {{url: redis://localhost:6379/0}}
limits: {{per_ip: [], failures_per_identity: [1/s, 2/m], connections: 1, connections_per_ip: 1}}
logging: {{level: debug, format: json}}
"""
    settings = parse(Settings, text)
    assert settings.listen == HostPort("::", 80)
    assert settings.admin is None
    assert settings.public_url == "https://auth.example.com"
    assert settings.workers == 2
    assert settings.tls is not None
    assert settings.tls.private_key == tmp_path / "b"
    assert settings.trusted_proxies == [ip_network("10.0.0.0/8")]
    assert settings.cors_origins == ["https://a.example.com"]
    assert settings.allow_get is True
    assert settings.secret is not None
    assert settings.secret.get_secret_value() == SECRET
    assert not settings.store.in_memory
    assert settings.limits.per_ip == []
    assert settings.limits.failures_per_identity == [Limit(1, 1.0), Limit(2, 60.0)]
    assert (settings.logging.level, settings.logging.format) == ("debug", "json")


@pytest.mark.parametrize("key", ["issuer", "apps", "providers"])
def test_required_keys(key: str) -> None:
    lines = [line for line in LEAST.splitlines() if not line.startswith(key)]
    assert refused(Settings, "\n".join(lines)) == [f"1:1: {key}: required key is missing"]


@pytest.mark.parametrize("key", ["apps", "providers"])
def test_at_least_one_app_and_provider(key: str) -> None:
    lines = [line for line in LEAST.splitlines() if not line.startswith(key)]
    (found,) = refused(Settings, "\n".join([*lines, f"{key}: {{}}"]))
    assert found.endswith(f"{key}: must not be empty")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers: 0", "workers: must be at least 1"),
        ("workers: '1'", "workers: must be a whole number"),
        ("allow_get: yes", "allow_get: must be true or false"),
        ("cors_origins: '*'", "cors_origins: must be a list"),
        ("tls: {certificate: a}", "tls.private_key: required key is missing"),
        ("tls: {private_key: a}", "tls.certificate: required key is missing"),
        ("listen: null", 'listen: must be HOST:PORT, such as "127.0.0.1:8080" or "[::1]:8080"'),
        ("limits: {connections: 0}", "limits.connections: must be at least 1"),
        ("limits: {budget: 5}", "limits.budget: unknown key"),
        ("logging: {level: INFO}", "logging.level: must be 'debug', 'info', 'warning' or 'error'"),
        ("logging: {format: text}", "logging.format: must be 'console' or 'json'"),
        (
            "public_url: http://a.example.com",
            "public_url: must be https: browsers come here; plain http is for loopback only",
        ),
        ("sceret: x", 'sceret: unknown key; did you mean "secret"?'),
    ],
)
def test_settings_refused_c20(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize(
    ("secret", "fits"),
    [("x" * 31, False), ("x" * 32, True), ("ä" * 15 + "x", False), ("ä" * 16, True)],
)
def test_secret_has_at_least_32_bytes_c20(secret: str, fits: bool) -> None:
    if fits:
        settings = parse(Settings, f"{LEAST}secret: {secret}")
        assert settings.secret is not None
    else:
        message = "secret: must have at least 32 bytes; openssl rand -base64 32 makes one"
        assert problem(f"secret: {secret}") == message


def test_secret_may_be_null() -> None:
    assert parse(Settings, f"{LEAST}secret:").secret is None


@pytest.mark.parametrize(
    "url",
    [
        *("memory://", "redis://localhost", "redis://localhost:6379/0", "rediss://h:6380/1"),
        *("redis://:pass%40word@h:6379/0", "redis://user:word@[::1]:6379"),
        *("redis+sentinel://h/gw", "redis+sentinel://u:word@h1:26379,[::1]:26379/gw/0?tls=true"),
        *("redis+cluster://h", "redis+cluster://u:word@h1:7000,h2:7001"),
    ],
)
def test_store(url: str) -> None:
    assert parse(Settings, f"{LEAST}store: {{url: '{url}'}}").store.url.get_secret_value() == url


def test_files_of_the_store_count_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    url = "rediss://h:1?ssl_ca_certs=ca.pem&ssl_check_hostname=false"
    file.write_text(f"{LEAST}secret: {SECRET}\nstore: {{url: '{url}'}}\n")
    loaded = load(file)
    assert loaded.settings.store.files == {"ssl_ca_certs": tmp_path / "ca.pem"}
    assert loaded.settings.store.url.get_secret_value().endswith("&ssl_check_hostname=false")
    assert tmp_path / "ca.pem" in loaded.document.files


def test_store_url_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GW_STORE", "redis://:hunter2@h")
    store = parse(Settings, f"{LEAST}store: {{url: {{env: GW_STORE}}}}").store
    assert store.url.get_secret_value() == "redis://:hunter2@h"
    assert "hunter2" not in repr(store)


KNOWN_STORES = (
    "must be memory://, redis://HOST:PORT/DB, rediss://HOST:PORT/DB, "
    "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB or redis+cluster://HOST:PORT,HOST:PORT"
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://x", KNOWN_STORES),
        ("memory", KNOWN_STORES),
        ("localhost:6379", KNOWN_STORES),
        ("postgres://h", KNOWN_STORES),
        ("unix:///run/redis.sock", KNOWN_STORES),
        ("REDIS://h", KNOWN_STORES),
        ("redis://", "must be redis://HOST:PORT/DB"),
        ("rediss://:hunter2@", "must be rediss://HOST:PORT/DB"),
        ("redis://h:port", "must be redis://HOST:PORT/DB"),
        ("redis://h:99999", "must be redis://HOST:PORT/DB"),
        ("redis://[h", "must be redis://HOST:PORT/DB"),
        ("redis://h1,h2", "must be redis://HOST:PORT/DB"),
        ("redis://h1:1,h2:2", "must be redis://HOST:PORT/DB"),
        ("redis+sentinel://", "must be redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"),
        ("redis+sentinel://h,/gw", "must be redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB"),
        ("redis+cluster://:hunter2@h1:1,h2:x", "must be redis+cluster://HOST:PORT,HOST:PORT"),
        ("redis+cluster://h1:1,:2", "must be redis+cluster://HOST:PORT,HOST:PORT"),
    ],
)
def test_store_refused(url: str, message: str) -> None:
    assert problem(f"store: {{url: '{url}'}}") == f"store.url: {message}"


def with_provider(text: str) -> str:
    return f"issuer: {{type: sandbox}}\napps: {{'*': {{}}}}\nproviders: {{{text}}}\n"


def test_provider_keeps_its_own_keys_unread() -> None:
    text = with_provider("p: {type: ldap, config: {urls: [x], deep: {a: 1}}}")
    entry = parse(Settings, text).providers["p"]
    assert entry.config == {"urls": ["x"], "deep": {"a": 1}}
    assert (entry.label, entry.address, entry.shared_address) == (None, None, False)
    assert "urls" not in repr(entry)


def test_providers_keep_their_order() -> None:
    text = with_provider("z: {type: t}, a: {type: t}, m: {type: t}")
    assert list(parse(Settings, text).providers) == ["z", "a", "m"]


@pytest.mark.parametrize("name", ["p", "phone", "0", "a-b_c", "x" * 32])
def test_provider_name(name: str) -> None:
    assert list(parse(Settings, with_provider(f"'{name}': {{type: t}}")).providers) == [name]


@pytest.mark.parametrize("name", ["", "P", "-a", "_a", "a.b", "a b", "ä", "x" * 33, "a\\n"])
def test_provider_name_refused(name: str) -> None:
    (found,) = refused(Settings, with_provider(f'"{name}": {{type: t}}'))
    assert found.startswith("3:13: providers.")
    assert "a provider name is at most 32 lower-case letters" in found


@pytest.mark.parametrize("name", ["ldap", "phone_otp", "a.b", "my_company.SignIn.v2", "_a._b"])
def test_provider_type(name: str) -> None:
    assert parse(Settings, with_provider(f"p: {{type: {name}}}")).providers["p"].type == name


@pytest.mark.parametrize(
    "name", ["_base", "Ldap", "a-b", "a..b", ".a", "a.", "a/b", "1a", "a b", "''"]
)
def test_provider_type_refused(name: str) -> None:
    message = "must be the name of a provider type, or a dotted path to a module"
    found = the_problem(Settings, with_provider(f"p: {{type: {name}}}"))
    assert found == f"providers.p.type: {message}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p: {}", "providers.p.type: required key is missing"),
        (
            "p: {type: t, config: []}",
            "providers.p.config: must be a mapping of keys to values",
        ),
        ("p: {type: t, config: }", "providers.p.config: must be a mapping of keys to values"),
        ("p: {type: t, url: a}", "providers.p.url: unknown key"),
        (
            "p: {type: t, shared_address: 1}",
            "providers.p.shared_address: must be true or false",
        ),
    ],
)
def test_provider_refused(text: str, found: str) -> None:
    assert the_problem(Settings, with_provider(text)) == found


def test_all_problems_are_told_at_once_c20() -> None:
    text = """\
lisen: 127.0.0.1:80
workers: many
tls: {certificate: a}
secret: short
store: {url: "mysql://h"}
issuer: {type: mesibo, url: http://example.com/}
apps:
  a: {result: maybe, return_urls: ["javascript:/x"]}
providers:
  P: {type: ldap}
  q: {tpye: ldap}
limits: {per_ip: [5]}
"""
    assert [line.split(": ")[:2] for line in refused(Settings, text)] == [
        ["1:1", "lisen"],
        ["2:10", "workers"],
        ["3:6", "tls.private_key"],
        ["4:9", "secret"],
        ["5:14", "store.url"],
        ["6:9", "issuer.app_token"],
        ["6:29", "issuer.url"],
        ["8:15", "apps.a.result"],
        ["8:36", "apps.a.return_urls.0"],
        ["10:3", "providers.P"],
        ["11:6", "providers.q.type"],
        ["11:7", "providers.q.tpye"],
        ["12:19", "limits.per_ip.0"],
    ]
