import json
from typing import Any

import pytest

from tests.servers.stock_clients import check_reply

Reply = dict[str, Any]
SENT: Reply = {
    "op": "login",
    "ts": 1592890269,
    "result": "OK",
    "challenge": {"kind": "code", "provider": "phone", "resend_after": 60, "expires_in": 600},
}
WRONG: Reply = {"op": "login", "ts": 1592890269, "result": "FAIL", "error": "BADOTP"}
REFUSED: Reply = {**WRONG, "error": "BADPHONE", "errmsg": "Is it yours?", "errtitle": "Sorry"}
SIGNED_IN: Reply = {
    "op": "login",
    "ts": 1592890269,
    "result": "OK",
    "token": "0123456789abcdef0",
    "phone": "18005551234",
    "address": "18005551234",
    "urls": {"upload": "https://x/up", "download": "https://x/"},
    "share": {"text": "t", "subject": "s", "title": "t"},
    "invite": "Come!",
}
LOGOUT: Reply = {"op": "logout", "ts": 1592890269, "result": "OK"}
BAD_OP: Reply = {"op": "foo", "ts": 1592890269, "result": "FAIL", "error": "BADOP"}


def check(reply: object, *, op_login: bool = True, **flags: bool) -> list[str]:
    return check_reply(json.dumps(reply).encode(), op_login=op_login, **flags)


@pytest.mark.parametrize("reply", [SENT, REFUSED, SIGNED_IN], ids=["sent", "refused", "signed_in"])
def test_sound_replies_to_a_login_pass(reply: Reply) -> None:
    assert check(reply) == []


@pytest.mark.parametrize("reply", [WRONG, SIGNED_IN], ids=["wrong", "signed_in"])
def test_sound_replies_to_a_second_step_pass(reply: Reply) -> None:
    assert check(reply, second_step=True) == []


@pytest.mark.parametrize("reply", [LOGOUT, BAD_OP], ids=["logout", "bad_op"])
def test_sound_replies_to_other_ops_pass(reply: Reply) -> None:
    assert check(reply, op_login=False) == []


@pytest.mark.parametrize(("reply", "result"), [(SIGNED_IN, True), (WRONG, False)])
def test_a_boolean_passes_where_it_is_expected_and_only_there(reply: Reply, result: bool) -> None:
    boolean = {**reply, "result": result}
    assert check(boolean, boolean_expected=True) == []
    assert check(reply, boolean_expected=True) == [
        f"caller: result is {reply['result']!r}, not a boolean"
    ]
    assert any("ios-objc" in complaint for complaint in check(boolean))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"null",
        b"true",
        b'"OK"',
        b"[]",
        b'{op: "login"}',
        b'\xef\xbb\xbf{"op":"login"}',
        b'{"op":"login"}<br>',
        b'{"ts":NaN}',
        b'{"op":"\xff"}',
    ],
)
def test_what_is_no_strict_json_object_is_unreadable(body: bytes) -> None:
    (complaint,) = check_reply(body, op_login=True)
    assert complaint.startswith("every app: ")


def test_a_reply_larger_than_the_buffer_is_cut_off() -> None:
    (complaint,) = check({**SIGNED_IN, "address": "x" * 65536})
    assert complaint.startswith("native apps: ")


WRONG_TYPES: list[tuple[Reply, str]] = [
    ({"result": True}, "ios-objc: result"),
    ({"result": "ok"}, "every app: result"),
    ({"result": 1}, "every app: result"),
    ({"result": None}, "android: no result"),
    ({"op": None}, "android: no op"),
    ({"op": ""}, "ios-objc: no op"),
    ({"op": "LOGIN"}, "ios-swift: op"),
    ({"op": ["login"]}, "android: op"),
    ({"ts": None}, "android: ts"),
    ({"ts": 1.5}, "android: ts"),
    ({"ts": "2020-06-23"}, "android: ts"),
    ({"ts": True}, "android: ts"),
    ({"ts": 2**63}, "android: ts"),
    ({"error": {"code": 1}}, "android: error"),
    ({"error": 7}, "ios-objc: error"),
    ({"errmsg": ["x"]}, "android: errmsg"),
    ({"errmsg": ""}, "android: an empty errmsg"),
    ({"errtitle": False}, "ios-objc: errtitle"),
    ({"token": 12345678901234567890}, "ios-objc: token"),
    ({"token": "0123456789abcdef"}, "javascript: token"),
    ({"phone": 18005551234}, "ios-objc: phone"),
    ({"phone": None}, "android: signed in without phone"),
    ({"urls": "https://x"}, "ios-objc: urls"),
    ({"urls": {"upload": ["x"]}}, "android: urls"),
    ({"urls": {"upload": 1, "download": "x"}}, "ios-objc: urls"),
    ({"urls": None}, "android: signed in without urls"),
    ({"share": "text"}, "android: share"),
    ({"share": None}, "android: signed in without share"),
    ({"share": {"text": "t"}}, "android: signed in without share"),
    ({"invite": {"text": "t"}}, "ios-objc: invite"),
    ({"invite": None}, "ios-objc: signed in without invite"),
    ({"name": {"first": "x"}}, "android: name"),
    ({"status": []}, "android: status"),
    ({"photo": {}}, "android: photo"),
    ({"title": {}}, "android: title"),
    ({"type": "bearer"}, "android: type"),
    ({"type": 2**31}, "android: type"),
    ({"profile": {}}, "android: profile"),
    ({"gid": "abc"}, "android: gid"),
    ({"contacts": {}}, "android: contacts"),
    ({"notice": "x"}, "ios-objc: notice"),
    ({"message": "<b>hi</b>"}, "conferencing: message"),
    ({"delay": "2000"}, "conferencing: delay"),
]


@pytest.mark.parametrize(
    ("change", "complaint"), WRONG_TYPES, ids=[f"{change}"[:40] for change, _ in WRONG_TYPES]
)
def test_case_34_a_wrong_type_is_complained_of(change: Reply, complaint: str) -> None:
    assert any(line.startswith(complaint) for line in check({**SIGNED_IN, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"status": 200},
        {"gid": "12"},
        {"type": 1.0},
        {"contacts": []},
        {"contacts": None},
        {"delay": 2000},
        {"access_token": {"anything": ["goes"]}},
    ],
)
def test_case_34_what_the_apps_coerce_or_ignore_passes(change: Reply) -> None:
    assert check({**SIGNED_IN, **change}) == []


@pytest.mark.parametrize(
    ("reply", "key", "complaint"),
    [
        (SIGNED_IN, "op", "android: no op"),
        (SIGNED_IN, "ts", "ios-swift 2021: no ts"),
        (SIGNED_IN, "result", "every app: result"),
        (SIGNED_IN, "phone", "android: signed in without phone"),
        (SIGNED_IN, "urls", "android: signed in without urls"),
        (SIGNED_IN, "share", "android: signed in without share"),
        (SIGNED_IN, "invite", "ios-objc: signed in without invite"),
        (WRONG, "error", "android 2019-2020: FAIL without error"),
    ],
)
def test_a_missing_key_is_complained_of(reply: Reply, key: str, complaint: str) -> None:
    lines = check({name: reply[name] for name in reply if name != key})
    assert any(line.startswith(complaint) for line in lines)


def test_authfail_on_a_login_is_complained_of() -> None:
    assert check({**WRONG, "error": "authfail"}) == ["android: AUTHFAIL on the login screen: crash"]
    assert check({**WRONG, "error": "AUTHFAIL"}) == [
        "android: AUTHFAIL on the login screen: crash",
        "ios-objc: AUTHFAIL throws the person back to the first screen",
        "ios-swift: AUTHFAIL: crash",
    ]


def test_authfail_logs_the_swift_app_out_at_any_op() -> None:
    assert check({**BAD_OP, "error": "AUTHFAIL"}, op_login=False) == ["ios-swift: AUTHFAIL: crash"]


def test_a_refused_logout_is_complained_of() -> None:
    refused = {**LOGOUT, "result": "FAIL", "error": "BADTOKEN"}
    assert any("stays signed in" in line for line in check(refused, op_login=False))


def test_the_second_step_has_rules_of_its_own() -> None:
    assert any("errmsg" in line for line in check({**WRONG, "errmsg": "no"}, second_step=True))
    assert any("no token" in line for line in check(SENT, second_step=True))


def test_a_refusal_never_has_a_token() -> None:
    assert any("refusal" in line for line in check({**SIGNED_IN, "result": "FAIL", "error": "X"}))
