"""From claims to an identity: what is taken, and what is nobody's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import Identity, Rejected
from providers.oauth2 import people
from providers.oauth2.presets import resolve
from tests.providers.oauth2.reaching import settings
from tests.providers.oauth2.signing import JSON, ONE
from tests.servers.oidc_keys import ABSENT, changed
from tests.servers.oidc_manners import APPLE, GITHUB_USER, GOOGLE, MICROSOFT, STANDARD

ANN = {
    "sub": "ann-1",
    "name": "Ann Example",
    "preferred_username": "ann",
    "email": "Ann@Example.test",
    "email_verified": True,
    "phone_number": "+1 (604) 555-1234",
    "phone_number_verified": True,
}


def identity(changes: dict[str, Any] | None = None, **keys: Any) -> Identity:
    return people.identity(resolve(settings(**keys)), changed(ANN, changes or {}))


def refusal(changes: dict[str, Any] | None = None, **keys: Any) -> str:
    with pytest.raises(Rejected) as caught:
        identity(changes, **keys)
    return str(caught.value)


def test_everything_that_is_verified() -> None:
    found = identity()
    assert found == Identity(
        subject="ann-1",
        username="ann",
        email="ann@example.test",
        phone="16045551234",
        name="Ann Example",
        claims=ANN,
    )


def test_claims_have_the_names_that_are_configured() -> None:
    claims = {"subject": "uid", "username": "login", "email": "mail", "phone": "tel", "name": "cn"}
    told = {"uid": 7, "login": "a", "mail": "a@b.example", "tel": "+4930901820", "cn": "A"}
    found = identity(told, claims=claims)
    assert (found.subject, found.username, found.name) == ("7", "a", "A")
    assert (found.email, found.phone) == ("a@b.example", "4930901820")
    nothing = dict.fromkeys(["username", "email", "phone", "name"])
    found = identity(claims=nothing)
    assert (found.username, found.email, found.phone, found.name) == (None, None, None, None)


# Of whom


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("ann-1", "ann-1"), (4711, "4711"), (0, "0"), ("a|b c", "a|b c"), ("s" * 255, "s" * 255)],
)
def test_subject(subject: Any, expected: str) -> None:
    assert identity({"sub": subject}).subject == expected


@pytest.mark.parametrize(
    "subject",
    [ABSENT, None, "", " ", "a\nb", "a\0", " ann", "s" * 256, True, False, 1.0, ["ann"], {"a": 1}],
)
def test_o9_subject_that_is_none(subject: Any) -> None:
    assert refusal({"sub": subject}) == "the claim sub names nobody"


def test_o9_nobody_is_an_address() -> None:
    without = {"sub": ABSENT}
    assert refusal(without) == "the claim sub names nobody"
    one, other = identity({"sub": "1"}), identity({"sub": "2"})
    assert one.email == other.email
    assert one.subject != other.subject


# Addresses


@pytest.mark.parametrize("verified", [True, "true"])
def test_o9_a95_address_that_is_verified(verified: Any) -> None:
    found = identity({"email_verified": verified})
    assert found.email == "ann@example.test"
    assert found.claims["email"] == "Ann@Example.test"


NOT_TRUE = [False, "false", ABSENT, None, 0, 1, "", "True", "TRUE", "1", "yes", [True], {"a": 1}]


@pytest.mark.parametrize("verified", NOT_TRUE)
def test_o9_a95_address_that_is_not_verified_is_nowhere(verified: Any) -> None:
    changes = {"email_verified": verified, "mail": "ann@example.test"}
    for claims in (
        {},
        {"email": "mail"},
        {"username": "email"},
        {"name": "email"},
        {"phone": "email"},
        {"email": "mail", "username": "mail", "name": "email"},
        {"email": None, "username": "email"},
    ):
        found = identity(changes, claims=claims)
        assert found.email is None
        mapped = {"email", claims.get("email")}
        assert not mapped & found.claims.keys()
        assert "@" not in f"{found.username}{found.name}{found.phone}"


@pytest.mark.parametrize("verified", NOT_TRUE)
def test_number_that_is_not_verified_is_nowhere(verified: Any) -> None:
    changes = {"phone_number_verified": verified, "tel": "+16045551234"}
    for claims in (
        {},
        {"phone": "tel"},
        {"username": "phone_number"},
        {"name": "phone_number", "phone": "tel", "username": "tel"},
    ):
        found = identity(changes, claims=claims)
        assert found.phone is None
        assert not {"phone_number", claims.get("phone")} & found.claims.keys()
        assert "604" not in f"{found.username}{found.name}{found.email}"


def test_one_being_verified_does_not_verify_the_other() -> None:
    only_phone = identity({"email_verified": False})
    assert (only_phone.email, only_phone.phone) == (None, "16045551234")
    only_email = identity({"phone_number_verified": False})
    assert (only_email.email, only_email.phone) == ("ann@example.test", None)


@pytest.mark.parametrize(
    "address",
    [None, 1, True, [], ["a@b.example"], "ann", "ann@", '"a b"@c.example', "a@b@c.example"],
)
def test_what_is_no_address(address: Any) -> None:
    assert identity({"email": address}).email is None


@pytest.mark.parametrize(
    "number",
    [
        None,
        16045551234,
        True,
        "",
        "+",
        "16045551234",  # without a plus: of which country?
        "604 555 1234",
        "0016045551234",
        "+1604555",
        "+16045551234;ext=5",
        "+999123456789",
        "ann",
        ["+16045551234"],
    ],
)
def test_what_is_no_number(number: Any) -> None:
    assert identity({"phone_number": number}).phone is None


@pytest.mark.parametrize("text", [None, 1, True, "", "  ", "a\nb", "\u202eann", "a" * 256, ["a"]])
def test_what_is_no_name(text: Any) -> None:
    found = identity({"preferred_username": text, "name": text})
    assert (found.username, found.name) == (None, None)
    if isinstance(text, str):
        assert "preferred_username" not in found.claims


# All the rest


def test_claims_are_short_and_plain() -> None:
    told = {"hd": "example.com", "n": 7, "ok": False}
    junk = {"a": {"b": 1}, "l": ["x"], "f": 1.5, "none": None, "long": "x" * 256, "line": "a\nb"}
    assert identity({**told, **junk}).claims == {**ANN, **told}


@given(st.dictionaries(st.sampled_from([*ANN, "tid", "oid", "other"]), JSON))
def test_any_claims_are_an_identity_or_refused(changes: dict[str, Any]) -> None:
    try:
        found = identity(changes)
    except Rejected:
        return
    assert found.subject.isprintable()
    assert len(found.subject) > 0
    if found.email is not None:
        assert changes.get("email_verified", True) in (True, "true")
    if found.phone is not None:
        assert found.phone.isdecimal()
    assert all(isinstance(value, str | int) for value in found.claims.values())


# Who may


@pytest.mark.parametrize(
    ("told", "accepted"),
    [
        ("example.com", "example.com"),
        ("example.com", ["other.com", "example.com"]),
        (["a", "b"], "b"),
        (["a", "b"], ["c", "b"]),
        (["a", 1, None, {}], [1]),
        (1, 1),
        (0, [0]),
        (True, True),
        (False, False),
        ([True], True),
        ("true", "true"),
        ("1", "1"),
    ],
)
def test_requirement_that_is_met(told: Any, accepted: Any) -> None:
    assert identity({"hd": told}, require={"hd": accepted})


@pytest.mark.parametrize(
    ("told", "accepted"),
    [
        (ABSENT, "example.com"),
        (None, "example.com"),
        ("", "example.com"),
        ("Example.com", "example.com"),
        ("example.com ", "example.com"),
        ("evil-example.com", "example.com"),
        ("example.com.evil", "example.com"),
        ({"example.com": 1}, "example.com"),
        ([], "example.com"),
        ([["example.com"]], "example.com"),
        (["other"], ["example.com"]),
        ("a,b", "a"),
        ("a b", "a"),
        (True, 1),
        (1, True),
        (False, 0),
        (0, False),
        (1.0, 1),
        ("1", 1),
        (1, "1"),
        ("true", True),
        (True, "true"),
        ([1], True),
        (ABSENT, False),
    ],
)
def test_requirement_that_is_not_met(told: Any, accepted: Any) -> None:
    detail = refusal({"hd": told}, require={"hd": accepted})
    assert detail == "require: the claim hd is missing, or has another value"


def test_every_requirement_must_be_met() -> None:
    both = {"hd": "example.com", "groups": ["staff"]}
    assert identity({"hd": "example.com", "groups": ["x", "staff"]}, require=both)
    assert "groups" in refusal({"hd": "example.com", "groups": ["x"]}, require=both)
    assert "hd" in refusal({"groups": ["staff"]}, require=both)


@pytest.mark.parametrize("verified", NOT_TRUE)
def test_an_address_that_nobody_verified_meets_no_requirement(verified: Any) -> None:
    by_address = {"email": "Ann@Example.test"}
    assert identity(require=by_address)
    assert "email" in refusal({"email_verified": verified}, require=by_address)
    by_number = {"phone_number": "+1 (604) 555-1234"}
    assert identity(require=by_number)
    assert "phone" in refusal({"phone_number_verified": verified}, require=by_number)


# Identity providers that people know


def of(claims: Any, **keys: Any) -> Identity:
    return people.identity(resolve(settings(**keys)), claims)


def test_standard() -> None:
    found = of(STANDARD.person)
    assert (found.subject, found.username) == ("ann-1", "ann")
    assert (found.email, found.name) == ("ann@example.test", "Ann Example")


def test_google() -> None:
    found = of(GOOGLE.person, preset="google", issuer=None)
    assert (found.subject, found.username) == ("110248495921238986420", None)
    assert (found.email, found.claims["hd"]) == ("ann@example.com", "example.com")


def test_apple_says_true_in_words() -> None:
    found = of(APPLE.person, preset="apple", issuer=None)
    assert found.subject == "001234.0123456789abcdef0123456789abcdef.1234"
    assert found.email == "ann@privaterelay.appleid.com"
    assert (found.username, found.name) == (None, None)


def microsoft(**changes: Any) -> Identity:
    claims = changed(MICROSOFT.person, changes)
    return of(claims, preset="microsoft", issuer=None, tenants=[ONE])


def test_microsoft_is_a_person_of_a_tenant() -> None:
    found = microsoft()
    assert found.subject == f"{ONE}.00000000-0000-0000-66f3-3332eca7ea81"
    assert (found.username, found.name) == ("ann@example.com", "Ann Example")
    for missing in ({"oid": ABSENT}, {"tid": ABSENT}, {"oid": True}, {"tid": ""}):
        with pytest.raises(Rejected, match="names nobody"):
            microsoft(**missing)


@pytest.mark.parametrize("owned", [True, "true", 1, "1"])
def test_microsoft_knows_who_owns_a_domain(owned: Any) -> None:
    assert microsoft(xms_edov=owned).email == "ann@example.com"


@pytest.mark.parametrize("owned", [ABSENT, False, "false", 0, "0", 2, None, [], [1], 1.0])
def test_o9_a95_microsoft_lets_anybody_write_an_address(owned: Any) -> None:
    found = microsoft(xms_edov=owned, email_verified=True)
    assert found.email is None
    assert "email" not in found.claims


def test_github_is_a_number() -> None:
    github = {"preset": "github", "issuer": None}
    found = of({**GITHUB_USER, "email": "public@example.test"}, **github)
    assert (found.subject, found.username, found.email) == ("4711", "ann", None)
    assert "email" not in found.claims
    address = {"email": "ann@example.test", "email_verified": True}
    assert of({**GITHUB_USER, **address}, **github).email == "ann@example.test"
