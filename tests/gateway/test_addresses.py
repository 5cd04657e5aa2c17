"""From identities to addresses, and whose address is whose (C2, C3)."""

from __future__ import annotations

import pytest

from gateway.addresses import AddressTemplate, MissingField, TemplateError, owner, rivals
from providers import Identity

ANN = Identity(
    subject="42",
    username="ann",
    email="ann@example.com",
    phone="18005551234",
    claims={"dept": "it", "level": 3, "admin": True, "roles": ["x"]},
)


def template(text: str, provider: str = "staff") -> AddressTemplate:
    return AddressTemplate.parse(text, provider)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("{phone}", "18005551234"),
        ("{email}", "ann@example.com"),
        ("{provider}:{subject}", "staff:42"),
        ("u-{username}.{claims[dept]}{claims[level]}", "u-ann.it3"),
    ],
)
def test_a_template_is_filled_from_the_identity(text: str, address: str) -> None:
    assert template(text).render(ANN) == address
    assert template(text).matches(address)


@pytest.mark.parametrize("text", ["{claims[admin]}", "{claims[roles]}", "{claims[none]}"])
def test_a_claim_that_is_no_plain_value_is_missing(text: str) -> None:
    with pytest.raises(MissingField):
        template(text).render(ANN)


@pytest.mark.parametrize("text", ["{phone}", "{email}", "{username}"])
@pytest.mark.parametrize("value", [None, "", "a\nb", "a\x00"])
def test_a_missing_or_unprintable_field_gives_no_address(text: str, value: str | None) -> None:
    identity = Identity(subject="42", phone=None, email=value, username=value)
    with pytest.raises(MissingField):
        template(text).render(identity)


@pytest.mark.parametrize(
    "text", ["", "everybody", "{provider}", "{name}", "{phone", "phone}", "{claims}", "{claims[]}"]
)
def test_a_template_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        template(text)


@pytest.mark.parametrize(
    ("one", "two", "overlap"),
    [
        ("{phone}", "{phone}", True),
        ("{email}", "{email}", True),
        ("{username}", "{subject}", True),
        ("{username}", "{claims[uid]}", True),
        ("a-{username}", "{username}", True),
        ("{phone}", "{email}", False),
        ("{phone}", "{username}", False),  # kept apart at run time
        ("{email}", "{username}", False),
        ("a-{username}", "b-{username}", False),
        ("{username}.a", "{username}.b", False),
        ("{provider}:{subject}", "{provider}:{subject}", False),
        ("{phone}@sms.example.com", "{email}", True),
        ("+{phone}", "{phone}", True),  # cannot be, but two who write so can say shared_address
    ],
)
def test_c3_templates_that_can_give_one_address_are_found(
    one: str, two: str, overlap: bool
) -> None:
    first, second = template(one, "one"), template(two, "two")
    assert first.overlaps(second) is overlap
    assert second.overlaps(first) is overlap


def test_a145_a_user_name_that_is_a_phone_number_belongs_to_the_phone_provider() -> None:
    templates = {"phone": template("{phone}", "phone"), "staff": template("{username}")}
    against = rivals("staff", templates, frozenset())
    assert owner("18005551234", against) is templates["phone"]
    assert owner("ann", against) is None
    assert rivals("phone", templates, frozenset()) == ()


def test_a_subject_with_an_at_sign_in_a_name_space_is_no_email_address() -> None:
    templates = {"mail": template("{email}", "mail"), "staff": template("{provider}:{subject}")}
    against = rivals("staff", templates, frozenset())
    assert owner("staff:ann@corp.example.com", against) is None
    assert owner("ann@corp.example.com", against) is templates["mail"]


def test_providers_that_vouch_for_the_same_people_share_addresses() -> None:
    templates = {"phone": template("{phone}", "phone"), "staff": template("{username}")}
    assert rivals("staff", templates, frozenset({"phone", "staff"})) == ()
