"""Both drivers alike with an Active Directory."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from providers._base import Rejected
from providers.ldap import answers, client
from providers.ldap.client import Driver, Entry, Query, Server, TlsSettings
from providers.ldap.names import comparable_dn, escape_filter
from tests.providers.ldap.asking import WITHIN, Asking
from tests.servers import samba
from tests.servers.samba import BASE, SERVICE, SPECIAL_NAMES, STAFF, Samba

IN_CHAIN = "1.2.840.113556.1.4.1941"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with Samba(tmp_path_factory.mktemp("samba")) as controller:
        yield controller


def over_tls(controller: Samba) -> Server:
    tls = TlsSettings(controller.ca_file, verify=True)
    return Server(controller.tls_url, controller.host, 636, tls, start_tls=False)


def over_start_tls(controller: Samba) -> Server:
    return over_tls(controller)._replace(url=controller.url, port=389, start_tls=True)


def found(asking: Asking, controller: Samba, query: Query) -> list[Entry]:
    """Search as the service account."""

    async def scenario(driver: Driver) -> list[Entry]:
        connection = await driver.connect(over_tls(controller), WITHIN)
        try:
            bound = await connection.bind(SERVICE.principal, SERVICE.password, WITHIN)
            assert bound.code == client.SUCCESS
            result = await connection.search(query, WITHIN)
        finally:
            await connection.close()
        assert result.code == client.SUCCESS
        return list(result.entries)

    return asking.run(scenario)


@pytest.mark.parametrize("reach", [over_tls, over_start_tls])
@pytest.mark.parametrize("who", [samba.ANN.dn, samba.ANN.principal, "ann@ad.test", "AD\\ann"])
def test_active_directory_knows_a_person_by_several_names(
    asking: Asking, controller: Samba, reach: Callable[[Samba], Server], who: str
) -> None:
    assert asking.bind(reach(controller), who, samba.ANN.password).code == client.SUCCESS


def test_active_directory_wants_tls_l15(asking: Asking, controller: Samba) -> None:
    server = over_start_tls(controller)._replace(tls=None, start_tls=False)
    bound = asking.bind(server, samba.ANN.dn, samba.ANN.password)
    assert bound.code == client.STRONGER_AUTH_REQUIRED


@pytest.mark.parametrize(
    ("who", "password", "why"),
    [
        (f"CN=nobody,{samba.USERS}", "wrong", "wrong password"),
        (samba.DISABLED.dn, samba.DISABLED.password, "account disabled"),
        (samba.OVER.dn, samba.OVER.password, "account expired"),
        (samba.MUST_CHANGE.dn, samba.MUST_CHANGE.password, "must change the password"),
        (samba.LOCKED.dn, samba.LOCKED.password, "account locked"),
    ],
    ids=["52e", "533", "701", "773", "775"],
)
def test_active_directory_says_why_l11(
    asking: Asking, controller: Samba, who: str, password: str, why: str
) -> None:
    bound = asking.bind(over_tls(controller), who, password)
    assert bound.code == client.INVALID_CREDENTIALS
    with pytest.raises(Rejected, match=f"^{why}$"):
        answers.judge(bound, "staff")


def test_a_password_of_active_directory_is_right_or_wrong(
    asking: Asking, controller: Samba
) -> None:
    for _ in range(2):  # what is right makes what was wrong forgotten
        wrong = asking.bind(over_tls(controller), samba.BOB.dn, "wrong")
        with pytest.raises(Rejected, match=r"^wrong password$"):
            answers.judge(wrong, "staff")
        right = asking.bind(over_tls(controller), samba.BOB.dn, samba.BOB.password)
        assert right.code == client.SUCCESS


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_names_of_active_directory_find_their_entries_a65(
    asking: Asking, controller: Samba, name: str
) -> None:
    text = f"(sAMAccountName={escape_filter(name)})"
    (person,) = found(asking, controller, Query(BASE, "sub", text, ("sAMAccountName",)))
    assert person.text("sAMAccountName") == name
    password = samba.Person(name).password
    assert asking.bind(over_tls(controller), person.dn, password).code == client.SUCCESS


def test_the_id_of_active_directory_is_bytes_l16(asking: Asking, controller: Samba) -> None:
    query = Query(BASE, "sub", "(userPrincipalName=ann.lee@ad.test)", ("objectGUID", "mobile"))
    (ann,) = found(asking, controller, query)
    (guid,) = ann.attributes["objectguid"]
    by_id = query._replace(filter=f"(objectGUID={escape_filter(str(uuid.UUID(bytes_le=guid)))})")
    assert [each.dn for each in found(asking, controller, by_id)] == [ann.dn]
    assert ann.text("mobile") == "+1 800 555 0101"


def test_other_parts_of_the_forest_are_not_asked_l7(asking: Asking, controller: Samba) -> None:
    """A search from the root of the domain refers to ldap://ad.test, which is nowhere."""
    started = time.monotonic()
    entries = found(asking, controller, Query(BASE, "sub", "(sAMAccountName=bob)", ("1.1",)))
    assert [each.dn for each in entries] == [samba.BOB.dn]
    assert time.monotonic() - started < 3


def test_nested_groups_are_looked_up_by_active_directory(asking: Asking, controller: Samba) -> None:
    inside = f"(memberOf:{IN_CHAIN}:={escape_filter(STAFF.dn)})"
    (ann,) = found(asking, controller, Query(samba.ANN.dn, "base", inside, ("1.1",)))
    assert comparable_dn(ann.dn) == comparable_dn(samba.ANN.dn)
    assert found(asking, controller, Query(samba.OVER.dn, "base", inside, ("1.1",))) == []
