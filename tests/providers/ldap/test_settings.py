"""The configuration of a directory: what is refused, and what is filled in."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from providers.ldap.client import TlsSettings
from providers.ldap.presets import GENERIC, PROFILES
from providers.ldap.settings import LdapConfig
from tests.config.reading import parse, refused
from tests.servers.tls import Authority

URLS = "urls: [ldaps://dc1.example.com, ldaps://dc2.example.com:1636]\n"
SEARCH = "user_search: {base_dn: 'ou=people,dc=example,dc=com'}\n"
DN = "user_dn: 'uid={username},ou=people,dc=example,dc=com'\n"
UPN = "user_dn: '{username}@corp.example.com'\n"
GOOD = URLS + SEARCH
STAFF = "'cn=staff,dc=example,dc=com'"


def filters(key: str, bad: str, good: str) -> list[tuple[str, str]]:
    """Return what is refused where a filter such as ``good`` has to be; ``{}`` holds its place."""
    start = f"{GOOD if '{base_dn' not in key else URLS}{key}"
    only = "and nothing else in braces"
    return [
        (start.replace("{}", f'"{text}"', 1), problem)
        for text, problem in (
            ("(uid=x)", only),
            (good.replace(bad, "{nothing}"), only),
            (f"(&{good}(x={{y}}))", only),
            (f"(&{good}(x={{))", only),
            (f"(&{good}(x={{Username}}))", only),
            (good.strip("()"), "must be a search filter"),
            (f"{good})", "must be a search filter"),
            (f"({good}", "must be a search filter"),
            (f"(&{good}", "must be a search filter"),
            (f"(|{good}(uid))", "must be a search filter"),
            (f"(&{good}(x=\\\\4))", "must be a search filter"),
        )
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SEARCH, "1:1: urls: required key is missing"),
        ("urls: []\n" + SEARCH, "1:7: urls: must not be empty"),
        *(
            (f"urls: ['{url}']\n" + SEARCH, f"1:8: urls.0: {problem}")
            for url, problem in (
                ("dc1.example.com", "must be ldaps://HOST"),
                ("https://dc1", "must be ldaps://HOST"),
                ("ldapi://%2Frun%2Fldapi", "must be ldaps://HOST"),
                ("ldaps://", "must be ldaps://HOST"),
                ("ldaps://:636", "must be ldaps://HOST"),
                ("ldaps://dc1:0", "must be ldaps://HOST"),
                ("ldaps://dc1:65536", "must be ldaps://HOST"),
                ("ldaps://dc1:x", "must be ldaps://HOST"),
                ("ldaps://[::1", "must be ldaps://HOST"),
                ("ldaps://dc 1", "must be ldaps://HOST"),
                ("ldaps://dc1/dc=example,dc=com", "must hold nothing but"),
                ("ldaps://dc1?uid", "must hold nothing but"),
                ("ldaps://dc1#x", "must hold nothing but"),
                ("ldaps://ann:secret@dc1", "must hold nothing but"),
            )
        ),
        ("urls: [ldap://dc1]\n" + SEARCH, "1:1: passwords would cross the network in the clear"),
        ("urls: [LDAP://dc1]\n" + SEARCH, "1:1: passwords would cross the network in the clear"),
        (
            "urls: [ldaps://dc1, ldap://dc2]\n" + SEARCH,
            "1:1: passwords would cross the network in the clear",
        ),
        (GOOD + "tls: {start_tls: true}", "1:1: tls.start_tls is for ldap://"),
        (GOOD + "tls: {ca_file: nowhere.pem}", "3:16: tls.ca_file: cannot read the file: No such"),
        (GOOD + "tls: {ca_file: junk.pem}", "3:16: tls.ca_file: cannot be used as PEM"),
        (GOOD + "tls: {verify: 'no'}", "3:15: tls.verify: must be true or false"),
        (GOOD + "tls: {insecure: true}", "3:7: tls.insecure: unknown key"),
        (URLS, "1:1: needs user_search or user_dn"),
        (GOOD + "bind_dn: cn=svc", "1:1: give bind_dn and bind_password, or neither"),
        (GOOD + "bind_password: secret", "1:1: give bind_dn and bind_password, or neither"),
        (GOOD + "bind_dn: ''", "3:10: bind_dn: must not be empty"),
        (GOOD + "bind_password: ''", "3:16: bind_password: must not be empty"),
        (GOOD + "preset: novell", "3:9: preset: must be 'active_directory',"),
        (GOOD + "driver: bonsai", "3:9: driver: must be 'ldap3' or 'python-ldap'"),
        (GOOD + "pool_size: 0", "3:12: pool_size: must be at least 1"),
        (GOOD + "pool_size: 65", "3:12: pool_size: must be at most 64"),
        (GOOD + "timeout: {total: 21s}", "3:18: timeout.total: must be at most 20s"),
        (GOOD + "timeout: {connect: 3}", "3:20: timeout.connect: must be a duration such as"),
        (GOOD + "id_attribute: ''", "3:15: id_attribute: must not be empty"),
        (GOOD + "attributes: {mail: mail}", "3:14: attributes.mail: unknown key"),
        (GOOD + "attributes: {email: ''}", "3:21: attributes.email: must not be empty"),
        (GOOD + "domain: 'CORP\\'", "3:9: domain: must match the pattern"),
        (GOOD + "default_region: XX", "3:17: default_region: "),
        (GOOD + "user_serch: {}", '3:1: user_serch: unknown key; did you mean "user_search"?'),
        # Names
        (URLS + "user_search: {}", "2:14: user_search.base_dn: required key is missing"),
        *(
            (f"{URLS}user_search: {{base_dn: '{dn}'}}", "2:24: user_search.base_dn: must be a full")
            for dn in ("", "people", "example.com", "=x", "{username}")
        ),
        (URLS + "user_search: {base_dn: dc=x, scope: tree}", "user_search.scope: must be 'base',"),
        *(
            (f"{URLS}user_dn: '{dn}'", f"2:10: user_dn: {problem}")
            for dn, problem in (
                ("uid=ann,dc=example,dc=com", "must name {username}, and nothing else"),
                ("uid={user},dc=example,dc=com", "must name {username}, and nothing else"),
                ("uid={username},ou={ou}", "must name {username}, and nothing else"),
                ("uid={username},ou={", "must name {username}, and nothing else"),
                ("{username},dc=example,dc=com", "must be a full distinguished name"),
                ("{username}", "must be a distinguished name such as"),
                ("{username}.corp", "must be a distinguished name such as"),
                ("{username}@{username}", "must be a distinguished name such as"),
                ("{username}@", "must be a distinguished name such as"),
            )
        ),
        (
            URLS + DN + "user_search: {base_dn: dc=x, filter: '(cn={username})'}",
            "1:1: user_dn names people's entries: user_search.filter has no use",
        ),
        # Groups
        (GOOD + "groups: {}", "3:9: groups: keeps nobody out: give required or denied groups"),
        (GOOD + "groups: {required: []}", "3:9: groups: keeps nobody out"),
        (GOOD + "groups: {required: [staff]}", "3:21: groups.required.0: must be a full"),
        (GOOD + "groups: {denied: [staff]}", "3:19: groups.denied.0: must be a full"),
        (
            GOOD + f"groups: {{required: {STAFF}}}",
            "3:20: groups.required: must be a list",
        ),
        *(
            (
                GOOD + f"groups: {{required: [{STAFF}], nested: true}}\n{preset}",
                "3:9: groups: nested needs preset: active_directory",
            )
            for preset in ("", "preset: openldap", "preset: freeipa")
        ),
        # Filters
        *filters("user_search: {base_dn: dc=x, filter: {}}", "{username}", "(uid={username})"),
        *filters(f"groups: {{required: [{STAFF}], filter: {{}}}}", "{dn}", "(member={dn})"),
        *filters("lookup: {phone: {}}", "{phone}", "(mobile={phone})"),
        *filters("lookup: {email: {}}", "{email}", "(mail={email})"),
    ],
)
def test_refused_configuration(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.pem").write_text("junk")
    (found,) = refused(LdapConfig, text)
    assert problem in found


def test_driver_whose_library_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = GOOD + "driver: python-ldap"
    assert parse(LdapConfig, text).driver == "python-ldap"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (found,) = refused(LdapConfig, text)
    assert found == ('3:9: driver: needs the library python-ldap: pip install ".[python-ldap]"')


def test_passwords_are_not_shown() -> None:
    text = GOOD + "bind_dn: cn=svc\nbind_password: a-secret-of-the-service\n"
    assert "a-secret-of" not in repr(parse(LdapConfig, text))
    (found,) = refused(LdapConfig, text + "preset: a-secret-of-the-service")
    assert "a-secret-of" not in found


def test_defaults_are_those_of_the_contract() -> None:
    config = parse(LdapConfig, GOOD)
    assert config.tls.model_dump() == {"start_tls": False, "ca_file": None, "verify": True}
    assert config.timeout.model_dump() == {"connect": 3.0, "operation": 5.0, "total": 10.0}
    assert (config.pool_size, config.allow_cleartext, config.driver) == (8, False, "ldap3")
    search = config.user_search
    assert search is not None
    assert search.scope == "sub"
    assert config.profile == GENERIC
    assert config.profile.user_filter == "(uid={username})"
    assert config.profile.id_attribute == "entryUUID"
    assert config.profile.attributes == {
        "username": "uid",
        "email": "mail",
        "phone": "mobile",
        "name": "displayName",
    }


@pytest.mark.parametrize("preset", PROFILES)
def test_own_keys_come_before_those_of_the_preset(preset: str) -> None:
    plain = parse(LdapConfig, GOOD + f"preset: {preset}")
    assert plain.profile == PROFILES[preset]
    own = parse(
        LdapConfig,
        URLS
        + f"preset: {preset}\n"
        + "user_search: {base_dn: dc=x, filter: '(cn={username})'}\n"
        + "id_attribute: employeeNumber\n"
        + "attributes: {email: otherMailbox}\n"
        + "lookup: {phone: '(pager={phone})'}\n",
    ).profile
    assert (own.user_filter, own.id_attribute) == ("(cn={username})", "employeeNumber")
    assert own.attributes == {**PROFILES[preset].attributes, "email": "otherMailbox"}
    assert own.lookups == {**PROFILES[preset].lookups, "phone": "(pager={phone})"}
    assert own.state == PROFILES[preset].state


@pytest.mark.parametrize("preset", PROFILES)
def test_filters_of_presets_are_filters(preset: str) -> None:
    profile = PROFILES[preset]
    lookup = f"{{phone: '{profile.lookups['phone']}', email: '{profile.lookups['email']}'}}"
    search = f"{{base_dn: dc=x, filter: '{profile.user_filter}'}}"
    parse(LdapConfig, f"{URLS}user_search: {search}\nlookup: {lookup}")


@pytest.mark.parametrize(
    "text",
    [
        URLS + DN,
        URLS + UPN,
        URLS + UPN + "user_search: {base_dn: dc=x, filter: '(cn={username})'}",
        URLS + DN + SEARCH,
        URLS + "user_dn: 'CORP\\{username}'",
        GOOD + f"groups: {{denied: [{STAFF}], filter: '(memberUid={{username}})'}}",
        GOOD + f"groups: {{required: [{STAFF}], nested: true}}\npreset: active_directory",
        GOOD + "bind_dn: 'CORP\\svc'\nbind_password: secret",
    ],
)
def test_accepted_configuration(text: str) -> None:
    parse(LdapConfig, text)


def test_servers_are_in_order_of_failover() -> None:
    one, two = parse(LdapConfig, GOOD).servers()
    assert (one.url, one.host, one.port) == ("ldaps://dc1.example.com", "dc1.example.com", 636)
    assert (two.host, two.port) == ("dc2.example.com", 1636)
    assert one.tls == two.tls == TlsSettings(None, verify=True)
    assert not one.start_tls


@pytest.mark.parametrize(
    ("url", "tls", "start_tls"),
    [("ldap://[::1]:1389", True, True), ("ldaps://[::1]:1389", True, False)],
)
def test_starttls_is_for_what_does_not_begin_with_tls(
    tmp_path: Path, url: str, tls: bool, start_tls: bool
) -> None:
    ca_file = Authority(tmp_path).ca_file
    text = f"urls: ['{url}', 'ldap://dc2']\ntls: {{start_tls: true, ca_file: {ca_file}}}\n"
    server, _ = parse(LdapConfig, text + SEARCH).servers()
    assert (server.host, server.port) == ("::1", 1389)
    assert (server.tls is not None, server.start_tls) == (tls, start_tls)
    assert server.tls == TlsSettings(ca_file, verify=True)


def test_clear_text_is_allowed_by_name_only() -> None:
    config = parse(LdapConfig, "urls: [ldap://dc1]\nallow_cleartext: true\n" + SEARCH)
    (server,) = config.servers()
    assert (server.port, server.tls, server.start_tls) == (389, None, False)
