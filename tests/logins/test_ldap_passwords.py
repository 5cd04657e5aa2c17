"""Signing in by name and password of a directory: from the app's request to the token."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.logins.directories import DRIVERS, by_directory, signing_in
from tests.logins.site import Site, fresh_client, running, words
from tests.servers.configs import GENEROUS, Config
from tests.servers.slapd import (
    EXPIRED,
    GROUPS,
    LOCKED,
    MUST_CHANGE,
    PEOPLE,
    SERVICE_PASSWORD,
    SPECIAL_NAMES,
    SUFFIX,
    Group,
    Person,
    Slapd,
    numbered,
)
from tests.servers.tls import Authority

ANN: Final = Person("ann", attributes={"mail": "ann@example.test", "displayName": "Ann Lee"})
BOB: Final = Person("bob")  # in no group
STAFF: Final = f"cn=staff,{GROUPS}"
EVERYBODY: Final = [ANN, BOB, LOCKED, MUST_CHANGE, EXPIRED, *map(Person, SPECIAL_NAMES)]
BY_NAME: Final[dict[str, Any]] = {"user_search": None, "user_dn": f"uid={{username}},{PEOPLE}"}
MAIL_TOO: Final = "(|(uid={username})(mail={username}))"
MODES: Final = ("search", "template")
_VICTIMS: Final = itertools.count()


def providers(slapd: Slapd, authority: Authority) -> dict[str, Config]:
    found: dict[str, Config] = {}
    for driver in DRIVERS:

        def add(name: str, address: str = "{username}", driver: str = driver, **keys: Any) -> None:
            entry = by_directory([slapd.tls_url], authority.ca_file, driver, **keys)
            found[f"{driver}-{name}"] = {**entry, "address": address, "shared_address": True}

        add("search", preset="openldap")
        add("template", **BY_NAME, preset="openldap")
        add("staff", groups={"required": [STAFF]})
        add("mail", user_search={"base_dn": PEOPLE, "filter": MAIL_TOO}, domain="CORP")
        add("no-id", id_attribute="employeeNumber")
        add("no-phone", address="{username}-{phone}")
    return found


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("slapd")
    # As bad as a directory can be: an empty password is welcome, and says success.
    settings = ["allow bind_anon_cred"]
    groups = [Group("staff", [ANN.dn])]
    with Slapd(
        folder, authority, people=EVERYBODY, groups=groups, settings=settings, users=100
    ) as directory:
        yield directory


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, slapd: Slapd, authority: Authority
) -> Iterator[Site]:
    configured = providers(slapd, authority)
    users = {"ann": "of the next provider", "carl": "of the next provider"}
    following = {"type": "insecure_example", "config": {"users": users}, "address": "{username}"}
    configured["next"] = {**following, "shared_address": True}
    more = {
        f"{name}-then-next": {"providers": [name, "next"]}
        for name in configured
        if name.endswith(MODES)
    }

    def configure(*servers: Any) -> Config:
        config = signing_in(configured, GENEROUS)(*servers)
        return {**config, "apps": {**config["apps"], **more}}

    with running(tmp_path_factory.mktemp("site"), 1, configure) as found:
        yield found


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=MODES)
def app(request: pytest.FixtureRequest, driver: str) -> str:
    """An app whose people are searched for, or bound by their names."""
    return f"{driver}-{request.param}"


@pytest.fixture
def victim() -> Person:
    """Somebody whom no other test knows: the directory locks accounts."""
    return numbered(next(_VICTIMS))


def sign_in(site: Site, app: str, name: str, password: str | None, field: str = "username") -> str:
    fields: dict[str, Any] = {field: name, "password": password}
    return words([site.login(appid=app, **fields)])[0]


# Right and wrong


@pytest.mark.parametrize("field", ["username", "user", "phone"])
def test_right_password_gets_a_token(site: Site, app: str, field: str) -> None:
    fields: dict[str, Any] = {field: "ann", "password": ANN.password}
    answer = site.login(appid=app, **fields)
    assert (answer["result"], answer["address"], answer["name"]) == ("OK", "ann", "Ann Lee")
    assert site.tokens("ann")[-1] == answer["token"]


@pytest.mark.parametrize("field", ["email", "phone"])
def test_email_address_is_a_login_name_too(site: Site, driver: str, field: str) -> None:
    assert sign_in(site, f"{driver}-mail", "Ann@example.test", ANN.password, field) == "OK"


def test_domain_may_be_typed(site: Site, driver: str) -> None:
    assert sign_in(site, f"{driver}-mail", "corp\\ann", ANN.password) == "OK"
    assert sign_in(site, f"{driver}-mail", "other\\ann", ANN.password) == "BADLOGIN"


def test_name_that_a_client_sends_is_not_the_name_of_the_person(site: Site, app: str) -> None:
    login: dict[str, Any] = {"username": "ann", "password": ANN.password, "name": "Somebody"}
    assert site.login(appid=app, **login)["name"] == "Ann Lee"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_l2_a65_special_names(site: Site, app: str, name: str, form: Any) -> None:
    typed = unicodedata.normalize(form, name)
    answer = site.login(appid=app, username=typed, password=Person(name).password)
    assert (answer["result"], answer["address"]) == ("OK", name)
    assert sign_in(site, app, typed, "wrong") == "BADLOGIN"


@pytest.mark.parametrize(
    "name", ["*", "ann*", "*)(uid=*", "ann)(|(uid=*", "ann\\", "uid=ann", "ann,ou=people", "\\61nn"]
)
def test_l2_injections_are_names_of_nobody(site: Site, app: str, slapd: Slapd, name: str) -> None:
    slapd.forget()
    assert sign_in(site, app, name, ANN.password) == "BADLOGIN"
    assert ANN.dn not in slapd.binds()


@pytest.mark.parametrize("password", ["", None, "absent"])
def test_l1_a63_without_a_password_nobody_is_asked(
    site: Site, app: str, slapd: Slapd, password: str | None
) -> None:
    slapd.forget()
    login: dict[str, Any] = {"username": "ann", "password": password}
    if password == "absent":
        del login["password"]
    answer = site.login(appid=app, **login)
    assert (answer["result"], answer["error"]) == ("FAIL", "BADREQUEST")
    assert (slapd.binds(), slapd.searches(), slapd.connections()) == ([], [], 0)


@pytest.mark.parametrize("password", ["\0", "\0\0", f"{ANN.password}\0", "x" * 513])
def test_l1_a63_password_that_nobody_has_is_not_tried(
    site: Site, app: str, slapd: Slapd, password: str
) -> None:
    slapd.forget()
    assert sign_in(site, app, "ann", password) == "BADLOGIN"
    assert (slapd.binds(), slapd.searches(), slapd.connections()) == ([], [], 0)


@pytest.mark.parametrize("typed", [" ", " {}", "{} ", "\t"])
def test_l1_spaces_are_part_of_a_password(
    site: Site, app: str, slapd: Slapd, victim: Person, typed: str
) -> None:
    slapd.forget()
    assert sign_in(site, app, victim.uid, typed.format(victim.password)) == "BADLOGIN"
    assert slapd.binds().count(victim.dn) == 1
    assert sign_in(site, app, victim.uid, victim.password) == "OK"


# One word for all refusals


@pytest.mark.parametrize(
    ("person", "detail"),
    [
        (None, "wrong password, or an account that is locked"),
        (LOCKED, "account locked"),
        (MUST_CHANGE, "right password, but must change the password"),
        (EXPIRED, "password expired"),
    ],
)
def test_l11_reason_is_for_the_operator_alone(
    site: Site, app: str, victim: Person, person: Person | None, detail: str
) -> None:
    client = fresh_client()
    name, password = (person.uid, person.password) if person else (victim.uid, "wrong")
    answer = site.login(appid=app, username=name, password=password, client=client)
    nobody = site.login(appid=app, username="nobody", password=password)
    for each in (answer, nobody):
        del each["ts"]
    assert answer == nobody
    assert answer["error"] == "BADLOGIN"
    (line,) = site.audit(client)
    assert (line["outcome"], line["detail"]) == ("rejected", detail)


def test_who_is_in_no_group_is_told_no_more(site: Site, driver: str) -> None:
    client = fresh_client()
    app = f"{driver}-staff"
    assert sign_in(site, app, "ann", ANN.password) == "OK"
    answer = site.login(appid=app, username="bob", password=BOB.password, client=client)
    assert answer["error"] == "BADLOGIN"
    assert site.audit(client)[0]["detail"] == "in no required group"


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("no-id", "id_attribute: the entry has no readable employeeNumber"),
        ("no-phone", "the identity has no phone for its address"),
    ],
)
def test_l14_entry_that_lacks_something_is_the_operators_failure(
    site: Site, driver: str, name: str, detail: str
) -> None:
    app, client = f"{driver}-{name}", fresh_client()
    answer = site.login(appid=app, username="ann", password=ANN.password, client=client)
    assert answer["error"] == "UNAVAILABLE"
    (line,) = site.audit(client)
    assert (line["outcome"], line["level"]) == ("unavailable", "warning")
    assert line["detail"] == f"{app}: {detail}"


# Who decides


@pytest.mark.parametrize(
    ("mode", "name", "password", "word"),
    [
        ("search", "carl", "of the next provider", "OK"),
        ("search", "carl", "wrong", "BADLOGIN"),
        ("search", "ann", "of the next provider", "BADLOGIN"),
        ("search", "ann", ANN.password, "OK"),
        ("template", "carl", "of the next provider", "BADLOGIN"),  # no server tells who is unknown
        ("template", "ann", ANN.password, "OK"),
    ],
)
def test_unknown_name_alone_is_for_the_next_provider(
    site: Site, driver: str, mode: str, name: str, password: str, word: str
) -> None:
    assert sign_in(site, f"{driver}-{mode}-then-next", name, password) == word


# Logs


def test_l13_c13_logs_hold_neither_names_nor_passwords(site: Site, driver: str) -> None:
    """Runs last: after everything that others have tried."""
    for app in (f"{driver}-search", f"{driver}-template"):
        sign_in(site, app, "ann", ANN.password)
        sign_in(site, app, "ann", "a wrong password")
    (gateway,) = site.gateways
    logged = gateway.stdout + gateway.stderr
    assert "BADLOGIN" not in logged
    for secret in (
        *(person.password for person in EVERYBODY),
        *(SERVICE_PASSWORD, "a wrong password", "of the next provider"),
        *(SUFFIX, "uid=", "(uid", "ann@example.test"),
    ):
        assert secret not in logged
