from __future__ import annotations

import pytest

from providers import Identity, Unavailable
from providers.ldap.identity import IdentityReader
from providers.ldap.settings import LdapConfig
from tests.config.reading import parse
from tests.providers.ldap.scripted import entry

DN = "uid=ann,dc=test"
UUID = "2b623efa-7af5-1041-8724-a16b61343d62"
GUID = bytes.fromhex(
    "fa3e622bf57a41108724a16b61343d62"
)  # the first three parts the other way round


def reader(text: str = "") -> IdentityReader:
    config = parse(LdapConfig, "urls: [ldaps://x]\nuser_search: {base_dn: dc=test}\n" + text)
    return IdentityReader("staff", config)


def test_entry_tells_who_it_is() -> None:
    found = entry(
        DN,
        entryUUID=UUID,
        uid="ann",
        mail="Ann@Example.test",
        mobile="+1 (800) 555-1234",
        displayName="Ann Lee",
    )
    assert reader().read(found) == Identity(
        UUID, username="ann", email="ann@example.test", phone="18005551234", name="Ann Lee"
    )


def test_absent_attributes_are_none() -> None:
    assert reader().read(entry(DN, entryUUID=UUID)) == Identity(UUID)


def test_names_of_attributes_are_the_operators() -> None:
    text = (
        "id_attribute: employeeNumber\n"
        "attributes: {username: cn, email: otherMailbox, phone: pager, name: gecos}"
    )
    found = entry(
        DN, EMPLOYEENUMBER="7", cn="Ann", otherMailbox="a@b.test", pager="+18005551234", gecos="Lee"
    )
    ours = reader(text)
    assert ours.attributes == {"employeeNumber", "cn", "otherMailbox", "pager", "gecos"}
    assert ours.read(found) == Identity("7", "Ann", "a@b.test", "18005551234", "Lee")


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("preset: active_directory", "objectGUID"),
        ("id_attribute: OBJECTGUID", "objectGUID"),
        ("id_attribute: mS-DS-ConsistencyGuid", "mS-DS-ConsistencyGuid"),
    ],
)
def test_l16_guids_are_written_as_windows_does(text: str, attribute: str) -> None:
    assert reader(text).read(entry(DN, **{attribute: GUID})).subject == UUID


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"uid": "ann"}, id="absent"),
        pytest.param({"entryUUID": ""}, id="empty"),
        pytest.param({"entryUUID": []}, id="without values"),
        pytest.param({"entryUUID": [UUID, "other"]}, id="two values"),
        pytest.param({"entryUUID": b"\xff\xfe"}, id="no text"),
        pytest.param({"entryUUID": b"\x01\x05\x00\x00"}, id="control characters"),
    ],
)
def test_l14_entry_without_its_id_is_the_operators_failure(attributes: dict[str, str]) -> None:
    with pytest.raises(Unavailable) as caught:
        reader().read(entry(DN, **attributes))
    assert caught.value.detail == "id_attribute: the entry has no readable entryUUID"


@pytest.mark.parametrize("value", [b"", GUID[:-1], GUID + b"x", [GUID, GUID]])
def test_l14_l16_guid_that_is_none(value: bytes) -> None:
    with pytest.raises(Unavailable):
        reader("preset: active_directory").read(entry(DN, objectGUID=value))


NUMBERS = ["not a number", "+44 20 7946 0018", "+1 800 555 1234"]
MAILS = ["First@example.test", "second@EXAMPLE.test"]


@pytest.mark.parametrize(
    ("phone", "email", "phone_read", "email_read"),
    [
        (None, None, "442079460018", "first@example.test"),
        ("18005551234", "second@example.test", "18005551234", "second@example.test"),
        ("18005550000", "third@example.test", "442079460018", "first@example.test"),
    ],
)
def test_of_several_that_which_is_asked_for_or_else_the_first(
    phone: str | None, email: str | None, phone_read: str, email_read: str
) -> None:
    found = entry(DN, entryUUID=UUID, mobile=NUMBERS, mail=MAILS)
    identity = reader().read(found, phone=phone, email=email)
    assert (identity.phone, identity.email) == (phone_read, email_read)


@pytest.mark.parametrize(("region", "phone"), [("null", None), ("GB", "442079460018")])
def test_numbers_without_a_country_code_are_of_the_default_region(
    region: str, phone: str | None
) -> None:
    found = entry(DN, entryUUID=UUID, mobile="020 7946 0018")
    assert reader(f"default_region: {region}").read(found).phone == phone
