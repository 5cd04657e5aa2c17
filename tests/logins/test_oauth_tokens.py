"""ID tokens that apps send: sound ones, and those that somebody made or has got elsewhere."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.logins.identity import CLIENT, CLIENT_SECRET, SignInSite, by_issuer, serving
from tests.servers.http_scripted import Reply
from tests.servers.oidc_clients import Client
from tests.servers.oidc_fake import JWKS, OidcFake
from tests.servers.oidc_keys import ABSENT, Key, Shared, Unsigned, b64, jwt
from tests.servers.process import free_port
from tests.servers.tls import Authority

MOBILE: Final = "mobile-client"
NONCE: Final = "n-0S6_WzA2Mj"
EVIL: Final = Key("RS256", kid="evil")
HOUR: Final = 3600


@dataclass(frozen=True)
class Scene:
    site: SignInSite
    idp: OidcFake
    other: OidcFake


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    tls = authority.server()
    with OidcFake(tls, Client(CLIENT, ())) as idp, OidcFake(tls, Client(CLIENT, ())) as other:
        idp.keys += [Key("ES256"), Key("PS256")]
        ann = by_issuer(idp.issuer, authority, audiences=[MOBILE])
        providers = {
            "idp": ann,
            "mail": {**ann, "address": "{email}"},
            "rs256": by_issuer(idp.issuer, authority, algorithms=["RS256"]),
            "staff": by_issuer(idp.issuer, authority, require={"email": "ann@example.test"}),
            "bound": by_issuer(idp.issuer, authority, require_nonce=True),
            "keys": by_issuer(idp.issuer, authority),
            "other": by_issuer(other.issuer, authority),
        }
        with serving(tmp_path_factory.mktemp("site"), authority, providers) as site:
            yield Scene(site, idp, other)


def fresh(idp: OidcFake, changes: Mapping[str, Any] | None = None, **more: Any) -> str:
    """Return a token that is no other one, even within a second."""
    return idp.token({"jti": secrets.token_hex(8), **(changes or {})}, **more)


Forge = Callable[[OidcFake], str]


def claims(**changes: Any) -> Forge:
    return lambda idp: fresh(idp, changes)


def at(**seconds: float) -> Forge:
    """Times by their distance from now."""
    return lambda idp: fresh(idp, {name: int(time.time() + s) for name, s in seconds.items()})


def header(**changes: Any) -> Forge:
    """A header that says more, over the signature of the issuer."""
    return lambda idp: fresh(idp, header=changes)


def by_evil(**changes: Any) -> Forge:
    return lambda idp: fresh(idp, by=EVIL, header=changes)


def cut(idp: OidcFake) -> str:
    return fresh(idp).rpartition(".")[0] + "."


def bent(idp: OidcFake) -> str:
    """The claims of one token under the signature of another one."""
    one, two = fresh(idp).split("."), fresh(idp, {"sub": "root"}).split(".")
    return f"{one[0]}.{two[1]}.{one[2]}"


def signed_by(index: int) -> Forge:
    return lambda idp: fresh(idp, by=idp.keys[index])


def kid_of_another_kind(idp: OidcFake) -> str:
    """Signed by one key, and named after a key for another algorithm."""
    return fresh(idp, by=idp.keys[1], header={"kid": idp.keys[0].kid})


# -- tokens that are good


@pytest.mark.parametrize(
    "forge",
    [
        claims(),
        claims(aud=MOBILE),
        claims(aud=[CLIENT, "api"], azp=CLIENT),
        claims(aud=[CLIENT]),
        claims(azp=MOBILE),
        header(typ=ABSENT),
        header(typ="jwt"),
        signed_by(1),
        signed_by(2),
        at(iat=-500, exp=100),
        at(iat=20, exp=300),
        at(exp=-20, iat=-60),
        claims(sub="x" * 255),
        claims(iss_extra="x", groups=["a"], address={"country": "DE"}),
    ],
)
def test_o4_o5_good_tokens(scene: Scene, forge: Forge) -> None:
    answer = scene.site.ask("idp", id_token=forge(scene.idp))
    assert answer["result"] == "OK"
    assert answer["address"].startswith(("idp:ann-1", "idp:xxx"))


def test_a87_headers_that_lead_elsewhere_are_not_looked_at(scene: Scene) -> None:
    """With a good signature they do no harm."""
    elsewhere = scene.other.url + "/keys"
    scene.other.forget()
    names = {"jku": elsewhere, "x5u": elsewhere, "jwk": EVIL.jwk, "x5c": EVIL.x5c}
    assert scene.site.ask("idp", id_token=fresh(scene.idp, header=names))["result"] == "OK"
    assert scene.other.visits() == []


def test_token_finds_its_provider_by_itself(scene: Scene) -> None:
    """Asked for none, the gateway asks those that it could be of."""
    answer = scene.site.login(id_token=fresh(scene.other))
    assert answer["address"] == "other:ann-1"


# -- tokens that are not


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        *(
            pytest.param(
                lambda idp, alg=alg: fresh(idp, by=Unsigned(alg)), "signed", id=f"a85 {alg}"
            )
            for alg in ("none", "None", "NONE", "nOnE", "", "none ", "RS256")
        ),
        pytest.param(cut, "signed", id="a85 empty signature"),
        pytest.param(lambda idp: fresh(idp).rpartition(".")[0], "signed", id="a85 two parts"),
        pytest.param(bent, "signature", id="o4 other claims"),
        pytest.param(
            lambda idp: fresh(idp, by=Shared(idp.keys[0].public_pem)),
            "alg",
            id="a85 HS256 by the PEM",
        ),
        pytest.param(
            lambda idp: fresh(idp, by=Shared(CLIENT_SECRET.encode())), "alg", id="a85 HS256"
        ),
        pytest.param(header(alg="HS256"), "alg", id="o4 alg of another kind"),
        pytest.param(header(alg=["RS256"]), "alg", id="o4 alg a list"),
        pytest.param(header(alg=None), "alg", id="o4 alg null"),
        pytest.param(header(alg="ES256"), "key", id="o4 alg of another key"),
        pytest.param(header(alg="PS256"), "key", id="o4 RS256 as PS256"),
        pytest.param(kid_of_another_kind, "key", id="o4 kid of another kind of key"),
        pytest.param(header(crit=["exp"]), "crit", id="o4 crit"),
        pytest.param(header(b64=False), "b64", id="o4 b64"),
        pytest.param(by_evil(), "key", id="o4 unknown key"),
        pytest.param(by_evil(jwk=EVIL.jwk), "key", id="a87 jwk"),
        pytest.param(by_evil(jwk=EVIL.jwk, kid=ABSENT), "signature", id="a87 jwk without kid"),
        pytest.param(by_evil(x5c=EVIL.x5c), "key", id="a87 x5c"),
        pytest.param(by_evil(kid="../../../../dev/null"), "key", id="a87 kid a path"),
        pytest.param(by_evil(kid="' OR 1=1 --"), "key", id="a87 kid SQL"),
        pytest.param(by_evil(kid=None), "kid", id="a87 kid null"),
        pytest.param(by_evil(kid={"a": 1}), "kid", id="a87 kid an object"),
        pytest.param(by_evil(kid="k" * 300), "kid", id="a87 kid too long"),
        pytest.param(by_evil(kid="\x00\r\nkid"), "key", id="a87 kid of lines"),
        pytest.param(header(kid=ABSENT, alg="RS384"), "alg", id="o4 not in algorithms"),
        # O5, A89
        pytest.param(lambda idp: fresh(idp, {"iss": idp.issuer + "/"}), "iss", id="a89 slash"),
        pytest.param(claims(iss="https://evil.example"), "iss", id="a89 other issuer"),
        pytest.param(claims(iss=ABSENT), "iss", id="a89 no issuer"),
        pytest.param(lambda idp: fresh(idp, {"iss": [idp.issuer]}), "iss", id="a89 issuers"),
        pytest.param(
            lambda idp: fresh(idp, {"iss": idp.issuer.upper()}), "iss", id="a89 issuer in capitals"
        ),
        pytest.param(claims(aud="other-client"), "aud", id="a89 other client"),
        pytest.param(claims(aud=CLIENT.upper()), "aud", id="a89 client in capitals"),
        pytest.param(claims(aud=ABSENT), "aud", id="a89 for nobody"),
        pytest.param(claims(aud=[]), "aud", id="a89 for an empty list"),
        pytest.param(claims(aud={CLIENT: 1}), "aud", id="a89 for an object"),
        pytest.param(claims(aud=[CLIENT, "other"]), "azp", id="a89 for several"),
        pytest.param(claims(aud=[CLIENT, "other"], azp="other"), "azp", id="a89 several, azp"),
        pytest.param(claims(azp="other-client"), "azp", id="a89 azp"),
        pytest.param(claims(azp=[CLIENT]), "azp", id="a89 azp a list"),
        pytest.param(at(exp=-60, iat=-90), "expired", id="o5 expired"),
        pytest.param(at(iat=-700, exp=HOUR), "max_token_age", id="o5 old"),
        pytest.param(at(iat=90, exp=HOUR), "future", id="o5 iat to come"),
        pytest.param(at(nbf=90), "future", id="o5 nbf to come"),
        pytest.param(claims(exp=ABSENT), "exp", id="o5 no exp"),
        pytest.param(claims(exp="2999999999"), "exp", id="o5 exp a text"),
        pytest.param(claims(exp=True), "exp", id="o5 exp true"),
        pytest.param(claims(iat=ABSENT), "iat", id="o5 no iat"),
        pytest.param(claims(sub=ABSENT), "sub", id="o5 no sub"),
        pytest.param(claims(sub=""), "sub", id="o5 empty sub"),
        pytest.param(claims(sub=7), "sub", id="o5 sub a number"),
        pytest.param(claims(sub="x" * 256), "sub", id="o5 sub too long"),
        # O6, A93
        pytest.param(header(typ="at+jwt"), "typ", id="a93 access token"),
        pytest.param(header(typ="application/at+jwt"), "typ", id="a93 access token, in full"),
        pytest.param(header(typ="logout+jwt"), "typ", id="a93 logout token"),
        pytest.param(header(typ=7), "typ", id="a93 typ a number"),
        pytest.param(claims(events={}), "kind", id="a93 events"),
        pytest.param(claims(scp="openid"), "kind", id="a93 scp"),
        # no tokens
        pytest.param(lambda idp: "x", "token", id="word"),
        pytest.param(lambda idp: "a.b.c", "token", id="three letters"),
        pytest.param(lambda idp: "....", "token", id="dots"),
        pytest.param(lambda idp: fresh(idp) + ".x.y", "token", id="five parts"),
        pytest.param(lambda idp: f"Bearer {fresh(idp)}", "token", id="with its scheme"),
        pytest.param(lambda idp: f"{b64(b'[]')}.{b64(b'{}')}.{b64(b'x')}", "token", id="no object"),
        pytest.param(
            lambda idp: jwt(b'{"alg":"RS256"', b"{}", idp.keys[0]), "token", id="half a header"
        ),
        pytest.param(
            lambda idp: jwt(idp.keys[0].header, b'{"a":' * 900, idp.keys[0]), "token", id="deep"
        ),
    ],
)
def test_tokens_that_sign_nobody_in(scene: Scene, forge: Forge, why: str) -> None:
    for each in (scene.idp, scene.other):
        each.forget()
    token = forge(scene.idp)
    word, detail = scene.site.refused("idp", id_token=token)
    assert (word, why in detail) == ("BADLOGIN", True), detail
    assert scene.other.visits() == []


@pytest.mark.parametrize("size", [9_000, 1_000_000])
def test_a87_tokens_that_are_too_large(scene: Scene, size: int) -> None:
    from tests.servers.gateway import post

    body = {"op": "login", "appid": "com.example.messenger", "provider": "idp", "dt": 1}
    token = fresh(scene.idp, header={"kid": "k" * size})
    reply = post(scene.site.next_url(), {**body, "id_token": token}, tls=scene.site.trust)
    assert (reply.status, reply.json["error"]) in ((200, "BADREQUEST"), (413, "BADREQUEST"))


def test_a87_no_header_makes_the_gateway_ask_somebody(scene: Scene) -> None:
    closed = f"https://localhost:{free_port()}/keys"
    for name in "jku", "x5u":
        for url in (scene.other.url + "/keys", closed, "file:///etc/passwd"):
            scene.other.forget()
            token = fresh(scene.idp, by=EVIL, header={name: url})
            assert scene.site.refused("idp", id_token=token)[0] == "BADLOGIN"
            assert scene.other.visits() == []


def test_token_of_one_provider_is_not_anothers(scene: Scene) -> None:
    assert scene.site.refused("other", id_token=fresh(scene.idp))[0] == "BADLOGIN"
    forged = fresh(scene.other, {"iss": scene.idp.issuer})
    assert scene.site.refused("idp", id_token=forged)[0] == "BADLOGIN"


def test_o4_algorithms_are_those_of_the_configuration(scene: Scene) -> None:
    for index in (1, 2):
        token = fresh(scene.idp, by=scene.idp.keys[index])
        assert scene.site.refused("rs256", id_token=token)[0] == "BADLOGIN"
    assert scene.site.ask("rs256", id_token=fresh(scene.idp))["result"] == "OK"


# -- O3, A91: nonce


@pytest.mark.parametrize(
    "told",
    [
        NONCE,
        hashlib.sha256(NONCE.encode()).hexdigest(),
        b64(hashlib.sha256(NONCE.encode()).digest()),
    ],
    ids=["raw", "sha256 in hexadecimal", "sha256 in base64url"],
)
def test_a91_nonce(scene: Scene, told: str) -> None:
    token = fresh(scene.idp, {"nonce": told})
    for provider in ("idp", "bound"):
        for wrong in (None, "", "other", NONCE + "x", NONCE.lower()):
            word, detail = scene.site.refused(provider, id_token=token, nonce=wrong)
            assert (word, "nonce" in detail) == ("BADLOGIN", True)
            token = fresh(scene.idp, {"nonce": told})
        assert scene.site.ask(provider, id_token=token, nonce=NONCE)["result"] == "OK"
        token = fresh(scene.idp, {"nonce": told})


def test_o7_a91_token_signs_in_once_at_all_providers_together(scene: Scene) -> None:
    token = fresh(scene.idp)
    assert scene.site.ask("idp", id_token=token)["result"] == "OK"
    word, detail = scene.site.refused("staff", id_token=token)
    assert (word, "already" in detail) == ("BADLOGIN", True)


def test_a91_hash_of_the_nonce_shows_nothing(scene: Scene) -> None:
    """It is in the token, which may have been stolen."""
    told = hashlib.sha256(NONCE.encode()).hexdigest()
    token = fresh(scene.idp, {"nonce": told})
    assert scene.site.ask("idp", id_token=token, nonce=told)["result"] == "OK"  # as a raw one
    other = fresh(scene.idp, {"nonce": NONCE})
    assert scene.site.refused("idp", id_token=other, nonce=told)[0] == "BADLOGIN"


@pytest.mark.parametrize("told", [ABSENT, None, "", 7, [NONCE], {"nonce": NONCE}])
def test_a91_token_with_a_nonce_that_is_none(scene: Scene, told: object) -> None:
    token = fresh(scene.idp, {"nonce": told})
    word, detail = scene.site.refused("idp", id_token=token, nonce=NONCE)
    assert (word, "nonce" in detail) == ("BADLOGIN", True)


def test_o3_nonce_that_the_configuration_asks_for(scene: Scene) -> None:
    assert scene.site.refused("bound", id_token=fresh(scene.idp))[0] == "BADLOGIN"


# -- O9, A95: addresses


@pytest.mark.parametrize("verified", [False, "false", "False", 0, 1, None, "yes", [], ABSENT])
def test_a95_address_that_is_not_verified(scene: Scene, verified: object) -> None:
    changes = {"email_verified": verified}
    signed_in = scene.site.ask("idp", id_token=fresh(scene.idp, changes))
    assert signed_in["address"] == "idp:ann-1"  # who somebody is does not hang on it
    assert "example.test" not in str(signed_in)
    word, _ = scene.site.refused("mail", id_token=fresh(scene.idp, changes))
    assert word == "UNAVAILABLE"
    word, detail = scene.site.refused("staff", id_token=fresh(scene.idp, changes))
    assert (word, "require" in detail) == ("BADLOGIN", True)


@pytest.mark.parametrize("verified", [True, "true"])
def test_a95_address_that_is_verified(scene: Scene, verified: object) -> None:
    for provider, address in ("mail", "ann@example.test"), ("staff", "staff:ann-1"):
        token = fresh(scene.idp, {"email_verified": verified})
        assert scene.site.ask(provider, id_token=token)["address"] == address


def test_c2_o9_subject_is_the_tokens_whatever_the_request_says(scene: Scene) -> None:
    said = dict.fromkeys(("phone", "email", "username", "name", "sub", "subject"), "18005551234")
    answer = scene.site.ask("idp", id_token=fresh(scene.idp), **said)
    assert answer["address"] == answer["phone"] == "idp:ann-1"
    assert [user["address"] for user in scene.site.useradds("18005551234")] == []


def test_o9_people_of_two_issuers_are_two_people(scene: Scene) -> None:
    one = scene.site.ask("idp", id_token=fresh(scene.idp))
    other = scene.site.ask("other", id_token=fresh(scene.other))
    assert one["address"] != other["address"]


def test_access_token_of_somebody_else(scene: Scene) -> None:
    """OpenID Connect Core 3.1.3.8."""
    half = hashlib.sha256(b"hers").digest()[:16]
    token = fresh(scene.idp, {"at_hash": b64(half)})
    word, detail = scene.site.refused("idp", id_token=token, access_token="another")
    assert (word, "at_hash" in detail) == ("BADLOGIN", True)
    assert scene.site.ask("idp", id_token=token, access_token="hers")["result"] == "OK"


# -- A99: keys that are none


def test_a99_symmetric_and_broken_keys_in_the_set_are_not_used(scene: Scene) -> None:
    secret = b"s" * 32
    oct_key = {"kty": "oct", "k": b64(secret), "kid": "oct", "alg": "RS256"}
    junk = [oct_key, {}, 7, {"kty": "RSA", "kid": "half"}, {**EVIL.jwk, "use": "enc"}]
    scene.idp.script(JWKS, Reply({"keys": [*junk, scene.idp.keys[0].jwk]}))
    try:
        forged = fresh(scene.idp, by=Shared(secret), header={"kid": "oct"})
        assert scene.site.refused("keys", id_token=forged)[0] == "BADLOGIN"
        for_encryption = fresh(scene.idp, by=EVIL)
        assert scene.site.refused("keys", id_token=for_encryption)[0] == "BADLOGIN"
        assert scene.site.ask("keys", id_token=fresh(scene.idp))["result"] == "OK"
    finally:
        scene.idp.sound()
