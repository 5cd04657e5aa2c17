"""The op API without HTTP: what is read from bytes, and what is written."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, wire
from gateway.outcomes import CodeSent, GoTo, HandedOver, Outcome, Refused, SignedIn

LOGIN = {"op": "login", "appid": "com.example.app", "phone": "18005551234"}


def parse(**fields: object) -> wire.Call:
    return wire.parse(json.dumps({**LOGIN, **fields}).encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"op":"login","appid":"a","phone":"1"}', id="strict"),
        pytest.param(b'{op: "login", appid: "a", phone: "1"}', id="relaxed"),
        pytest.param(b"{op: 'login', /* c: */ appid: 'a', phone: '1',} // x: y", id="json5"),
        pytest.param(b"op=login&appid=a&phone=1", id="form"),
        pytest.param(b'\xef\xbb\xbf {"op":"login","appid":"a","phone":"1"}\n', id="bom"),
        pytest.param(b'{"op":" LoGin ","appid":" a ","phone":" 1 "}', id="padded"),
        pytest.param(b'{"op":"login","appid":"a","phone":1}', id="number"),
        pytest.param(b'{"op":"login","appid":"a","phone":"1","dt":5,"x":{"y":[1]}}', id="more"),
    ],
)
def test_every_spelling_of_a_login_is_one_login(body: bytes) -> None:
    call = wire.parse(body)
    assert call.op == "login"
    assert call.login.app == "a"
    assert call.login.fields == {"phone": "1"}


def test_the_query_string_is_read_when_asked() -> None:
    call = wire.parse(b"", "op=login&appid=a&phone=%2B1&code=123456")
    assert call.login.fields == {"phone": "+1", "otp": "123456"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="array"),
        pytest.param(b'"abc"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"hello", id="text"),
        pytest.param(b"\xff\xfe{}", id="bytes"),
        pytest.param(b'{"op":"login","name":"\xc3"}', id="bad-utf8"),
        pytest.param(b'{"appid":"a"}', id="no-op"),
        pytest.param(b'{"op":["login"]}', id="op-array"),
        pytest.param(b'{"op":"login","op":"logout"}', id="C9-duplicate"),
        pytest.param(b'{op:"login",op:"logout"}', id="C9-duplicate-relaxed"),
        pytest.param(b"op=login&op=logout", id="C9-duplicate-form"),
        pytest.param(b'{"op":"login","x":NaN}', id="A39-nan"),
        pytest.param(b'{"op":"login","x":-Infinity}', id="A39-infinity"),
        pytest.param(b'{"op":"login","phone":1e999}', id="A39-huge-float"),
        pytest.param(b'{"op":"login","phone":' + b"1" * 10_000 + b"}", id="A39-huge-integer"),
        pytest.param(b"{op:'login',phone:0x" + b"f" * 16_000 + b"}", id="A39-huge-hexadecimal"),
        pytest.param(b"[" * 16_000, id="A37-deep-array"),
        pytest.param(b'{"a":' * 3_000, id="A37-deep-object"),
        pytest.param(b'{"op":"login","x":' + b"[" * 21 + b"]" * 21 + b"}", id="A37-depth-22"),
        pytest.param(b"{op:'login',x:" + b"[" * 5_000, id="A37-deep-relaxed"),
        pytest.param(b'{op: "login", x: {y: 1}}', id="nested-relaxed"),
        pytest.param(b'{"op":"login","phone":["1"]}', id="A21-list"),
        pytest.param(b'{"op":"login","otp":{"$ne":""}}', id="A21-object"),
        pytest.param(b'{"op":"login","otp":true}', id="A21-bool"),
        pytest.param(b'{"op":"login","otp":1e5}', id="A21-float"),
        pytest.param(b'{"op":"login","otp":-1}', id="A21-negative"),
        pytest.param(b'{"op":"login","appid":1}', id="appid-number"),
        pytest.param(b'{"op":"login","name":"\\ud800"}', id="lone-surrogate"),
        pytest.param(b'{"op":"login","password":"' + b"x" * 8_193 + b'"}', id="C9-long-text"),
        pytest.param(
            json.dumps({"op": "login", **{f"k{i}": 1 for i in range(64)}}).encode(),
            id="C9-65-keys",
        ),
        pytest.param(b"&".join(b"k%d=1" % i for i in range(65)), id="C9-65-form-fields"),
    ],
)
def test_what_is_not_an_op_is_refused_without_repeating_it(body: bytes) -> None:
    with pytest.raises(wire.BadRequest) as caught:
        wire.parse(body)
    assert "login" not in str(caught.value)
    assert len(str(caught.value)) < 80


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with contextlib.suppress(wire.BadRequest):
        wire.parse(body)


@given(st.dictionaries(st.sampled_from(["op", "phone", "otp", "name", "dt"]), st.text()))
def test_no_text_raises_anything_else(values: dict[str, str]) -> None:
    try:
        call = wire.parse(json.dumps(values).encode())
    except wire.BadRequest:
        return
    assert all(call.login.fields.values()) or call.login.fields.get("phone") == ""


@pytest.mark.parametrize("otp", [None, "", "   "])
def test_a_blank_code_is_the_first_step(otp: str | None) -> None:
    call = parse(otp=otp)
    assert "otp" not in call.login.fields
    assert wire.first_step(call.login)


def test_a_code_by_number_or_with_spaces_is_a_code() -> None:
    assert parse(otp=123456).login.fields["otp"] == "123456"
    assert parse(otp=" 123456 ").login.fields["otp"] == "123456"
    assert not wire.first_step(parse(otp=0).login)


def test_code_is_an_old_name_of_otp_unless_it_belongs_to_oauth() -> None:
    assert parse(code="123456").login.fields["otp"] == "123456"
    oauth = parse(code="abc", code_verifier="v", redirect_uri="app:/x").login.fields
    assert oauth["code"] == "abc"
    assert "otp" not in oauth


@pytest.mark.parametrize(
    "oauth",
    [
        pytest.param({"code_verifier": "v"}, id="verifier"),
        pytest.param({"redirect_uri": "app:/x"}, id="redirect-uri"),
        pytest.param({"code_verifier": "v", "redirect_uri": "app:/x"}, id="both"),
    ],
)
def test_beside_the_fields_of_oauth_code_is_a_code_of_oauth(oauth: dict[str, str]) -> None:
    fields = parse(code="abc", **oauth).login.fields
    assert fields["code"] == "abc"
    assert "otp" not in fields


@pytest.mark.parametrize("more", [{}, {"code_verifier": "v"}, {"redirect_uri": "app:/x"}])
def test_code_is_an_old_name_of_otp_where_a_challenge_is_answered(more: dict[str, str]) -> None:
    call = parse(challenge="x" * 22, code="12345678", **more)
    assert call.login.fields["otp"] == "12345678"
    assert "code" not in call.login.fields
    assert call.login.challenge == "x" * 22


def test_otp_stands_before_its_old_name() -> None:
    fields = parse(challenge="x" * 22, otp="1", code="2").login.fields
    assert fields["otp"] == "1"


@pytest.mark.parametrize("challenge", [None, "", "  "])
def test_a_blank_challenge_is_none(challenge: str | None) -> None:
    call = parse(challenge=challenge, code="abc", code_verifier="v")
    assert call.login.challenge is None
    assert call.login.fields["code"] == "abc"


@pytest.mark.parametrize(
    "field", ["challenge", "return_url", "code_challenge", "code_challenge_method", "redirect_uri"]
)
@pytest.mark.parametrize("value", [1, True, ["x"], {"x": 1}, "x" * 8_193, "\ud800"])
def test_a21_what_concerns_a_browser_is_text(field: str, value: object) -> None:
    with pytest.raises(wire.BadRequest):
        parse(**{field: value})


def test_what_concerns_a_browser_is_read_as_it_is_meant() -> None:
    wish = {
        "return_url": "com.example.app:/signed-in?a=%20b",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "plain",
    }
    fields = parse(**wish).login.fields
    assert wish.items() <= fields.items()
    assert parse(code_verifier=" v ").login.fields["code_verifier"] == " v "


def test_a109_what_a_provider_is_configured_with_is_not_read_from_requests() -> None:
    told = {"issuer": "https://evil.test", "jwks_uri": "https://evil.test/keys", "state": "x"}
    assert parse(**told).login.fields == parse().login.fields


def test_no_client_says_how_a_sign_in_of_ours_ends() -> None:
    assert parse(hand_over="x", request_id="x", client="x").login == parse().login


def test_a_login_name_in_the_only_field_becomes_what_it_looks_like() -> None:
    fields = parse(phone="ann@example.com").login.fields
    assert fields == {"email": "ann@example.com"}
    assert parse(user="ann").login.fields["username"] == "ann"
    assert parse(phone="").login.fields == {"phone": ""}


def test_case_25_values_arrive_as_they_were_meant() -> None:
    password = ' "a\\b/c\u00e9\U0001f600 '
    assert parse(password=password, name=password).login.fields["password"] == password


REFUSED = Refused(errors.RATELIMIT, 0.2)
ANSWERS: list[Outcome] = [
    CodeSent("phone", 59.2, 599.9),
    GoTo("site", "x" * 22, "https://auth.example.test/signin/xxx", 599.9),
    SignedIn("t" * 48, "18005551234", "Ann"),
    REFUSED,
]


@pytest.mark.parametrize("outcome", ANSWERS)
@pytest.mark.parametrize("boolean", [True, False])
def test_every_answer_has_what_clients_need(outcome: Outcome, boolean: bool) -> None:
    answer = json.loads(wire.encode(parse(), outcome, {"invite": "x"}, boolean=boolean))
    assert answer["op"] == "login"
    assert abs(answer["ts"] - time.time()) < 5
    assert isinstance(answer["ts"], int)
    good = not isinstance(outcome, Refused)
    assert answer["result"] is good if boolean else answer["result"] == ("OK" if good else "FAIL")


def test_a_code_sent_is_told_in_whole_seconds() -> None:
    answer = json.loads(wire.encode(parse(), ANSWERS[0], {}, boolean=False))
    assert answer["challenge"] == {
        "kind": "code",
        "provider": "phone",
        "resend_after": 60,
        "expires_in": 599,
    }
    assert "token" not in answer


def test_a_sign_in_in_a_browser_is_told_with_its_url() -> None:
    answer = json.loads(wire.encode(parse(), ANSWERS[1], {"invite": "x"}, boolean=False))
    assert answer["challenge"] == {
        "kind": "redirect",
        "provider": "site",
        "id": "x" * 22,
        "url": "https://auth.example.test/signin/xxx",
        "expires_in": 599,
    }
    assert answer.keys() == {"op", "ts", "result", "challenge"}


@pytest.mark.parametrize(
    "outcome",
    [HandedOver("site", "x" * 22, "secret", 60, None), object()],
    ids=["browser", "other"],
)
def test_an_outcome_that_is_not_for_apps_is_no_answer(outcome: object) -> None:
    with pytest.raises(TypeError, match="is for browsers") as caught:
        wire.encode(parse(), outcome, {}, boolean=False)  # type: ignore[arg-type]  # on purpose
    assert "secret" not in str(caught.value)


def test_a_refusal_explains_itself_on_the_first_step_only() -> None:
    first = json.loads(wire.encode(parse(), REFUSED, {}, boolean=False))
    challenged = json.loads(wire.encode(parse(challenge="x"), REFUSED, {}, boolean=False))
    second = json.loads(wire.encode(parse(otp="1"), REFUSED, {}, boolean=False))
    assert first["errtitle"]
    assert first["errmsg"]
    assert first["retry_after"] == 1
    assert second.keys() == {"op", "ts", "result", "error", "retry_after"} == challenged.keys()


def test_a53_an_unknown_op_is_echoed_shortly() -> None:
    answer = json.loads(wire.encode_error("x" * 10_000, errors.BADOP, boolean=False))
    assert answer["op"] == "x" * wire.MAX_OP_ECHO


def test_the_documented_answer_is_printed_as_documented() -> None:
    assert b'"result": true' in wire.encode_ok("logout", boolean=True)


def test_every_public_word_has_a_text() -> None:
    words = {v for k, v in vars(errors).items() if k.isupper() and isinstance(v, str)}
    assert words == errors.TEXTS.keys()
