"""The sender for any vendor: what goes out, and what each answer means."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from providers import NotSent, Unavailable
from providers._senders import Ambiguous, Declined, Mail, Message, Refused
from providers._senders.http import HttpConfig
from tests.config.reading import parse, refused
from tests.providers.senders.ladders import REFUSED, SUCCESS
from tests.providers.sending import MESSAGE, NewSender
from tests.servers.sms import SmsVendor

JSON = {"json": {"to": "{to}", "text": "{text}"}}


# What goes out

XML = {"Content-Type": "text/xml; charset=utf-8"}
KINDS: dict[str, dict[str, Any]] = {
    "json": JSON,
    "form": {"form": {"to": "{to}", "text": "{text}"}},
    "query": {"method": "GET", "url": "?to={to}&text={text}"},
    "json_body": {
        "headers": {"Content-Type": "Application/JSON"},
        "body": '{"to": "{to}", "text": "{text}"}',
    },
    "form_body": {
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "body": "to={to}&text={text}",
    },
    "xml_body": {"headers": XML, "body": "<sms><to>{to}</to><text>{text}</text></sms>"},
}
TEXTS = [
    'quotes " and \' and \\ and \\" and \\u0022',
    '","to":"18885550000',
    "&to=18885550000&text=x#y?z",
    "100 % + 5%20 = ;/:@",
    "</text><to>18885550000</to><!-- & &amp; ]]> <?x?>",
    "{to} {code} {text} {{code}} {0} %s $to",
    "lines\nand\ttabs and  spaces",
    "né 日本 \U0001f511 \u2028 \u200f",
    "x" * 3000,
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_p12_hostile_text_arrives_as_it_is(
    sms: SmsVendor, new_sender: NewSender, kind: str, text: str
) -> None:
    keys = KINDS[kind]
    sender = new_sender(
        HttpConfig, success=SUCCESS, **{**keys, "url": sms.url + keys.get("url", "")}
    )
    await sender.send(Message("18005551234", text, "123456"), 5.0)
    assert sms.messages == [("18005551234", text)]


@pytest.mark.parametrize("kind", ["json", "form", "json_body"])
@pytest.mark.parametrize("text", ["\r\n", "\x00\x01\x1b\x7f"], ids=["line_ends", "controls"])
async def test_p12_controls_arrive_where_they_can_be_written(
    sms: SmsVendor, new_sender: NewSender, kind: str, text: str
) -> None:
    sender = new_sender(HttpConfig, url=sms.url, success=SUCCESS, **KINDS[kind])
    await sender.send(Message("18005551234", f"a{text}b", "123456"), 5.0)
    assert sms.messages == [("18005551234", f"a{text}b")]


async def test_p12_white_space_in_an_xml_attribute_arrives(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    sender = new_sender(HttpConfig, url=sms.url, headers=XML, body='<sms text="{text}"/>')
    with pytest.raises(Unavailable):  # this vendor reads elements only
        await sender.send(Message("1", 'a\r\n\t"b"<', "2"), 5.0)
    assert sms.calls[0].body == b'<sms text="a&#13;&#10;&#9;&quot;b&quot;&lt;"/>'


async def test_p12_placeholders_are_filled_at_any_depth_and_once(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    document = {"list": [{"deep": "+{to}: {text}"}, 7, None, True], "code": "{code}", "to": "x"}
    sender = new_sender(HttpConfig, url=sms.url, json=document)
    with pytest.raises(Unavailable):  # no such message for this vendor
        await sender.send(Message("18005551234", "{code} {to}", "123456"), 5.0)
    assert sms.calls[0].json == {
        "list": [{"deep": "+18005551234: {code} {to}"}, 7, None, True],
        "code": "123456",
        "to": "x",
    }


def test_p12_values_cannot_leave_their_place_in_the_url(new_sender: NewSender) -> None:
    url = "https://sms.example.com/{to}/x?text={text}"
    sender = new_sender(HttpConfig, method="GET", url=url)
    request = sender.request(Message("../../admin?a=b#", "a b&c=d\r\nX: y", "1"))
    assert request.target == "/..%2F..%2Fadmin%3Fa%3Db%23/x?text=a%20b%26c%3Dd%0D%0AX%3A%20y"


@pytest.mark.parametrize(
    ("keys", "header", "value"),
    [
        ({"bearer": "t0ken"}, "Authorization", "Bearer t0ken"),
        (
            {"basic_auth": {"username": "usér", "password": "p:w"}},
            "Authorization",
            "Basic dXPDqXI6cDp3",
        ),
        ({"headers": {"X-Api-Key": "k3y"}}, "X-Api-Key", "k3y"),
    ],
    ids=["bearer", "basic", "header"],
)
async def test_p12_credentials_come_from_the_configuration(
    sms: SmsVendor, new_sender: NewSender, keys: dict[str, Any], header: str, value: str
) -> None:
    sender = new_sender(HttpConfig, url=sms.url, **JSON, **keys)
    await sender.send(MESSAGE, 5.0)
    assert sms.calls[0].header(header) == value


# What answers mean


FAILURES: dict[str, type[Exception]] = {
    **dict.fromkeys(("http400", "json400", "http401", "http404", "http429", "http302"), Declined),
    **dict.fromkeys(
        ("rejected", "redirect", "html", "empty", "not_utf8", "null", "array"), Declined
    ),
    **dict.fromkeys(("http500", "json500", "http503"), Unavailable),
    **dict.fromkeys(("cut", "truncated_json", "huge", "deep", "hang", "drip"), Ambiguous),
    "bad_number": Refused,
}


@pytest.mark.parametrize(("failure", "kind"), FAILURES.items())
async def test_each_failure_is_of_one_kind(
    sms: SmsVendor, new_sender: NewSender, failure: str, kind: type[Exception]
) -> None:
    sms.fail(failure)
    sender = new_sender(HttpConfig, url=sms.url, success=SUCCESS, refused=REFUSED, **JSON)
    with pytest.raises(kind) as caught:
        await sender.send(MESSAGE, 0.5)
    assert caught.type is kind
    assert (len(sms.calls), sms.redirected) == (1, 0)


async def test_nothing_was_sent_without_a_connection(sms: SmsVendor, new_sender: NewSender) -> None:
    sms.stop()
    with pytest.raises(NotSent):
        await new_sender(HttpConfig, url=sms.url, **JSON).send(MESSAGE, 5.0)


async def test_a_refusal_is_the_vendors_failure_unless_it_is_configured(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    sms.fail("bad_number")
    with pytest.raises(Declined):
        await new_sender(HttpConfig, url=sms.url, **JSON).send(MESSAGE, 5.0)


@pytest.mark.parametrize(("failure", "wait"), [("http429", 30), ("http401", None)])
async def test_how_long_a_vendor_wants_to_be_left_alone(
    sms: SmsVendor, new_sender: NewSender, failure: str, wait: float | None
) -> None:
    sms.fail(failure)
    with pytest.raises(Unavailable) as caught:
        await new_sender(HttpConfig, url=sms.url, **JSON).send(MESSAGE, 5.0)
    assert caught.value.retry_after == wait


@pytest.mark.parametrize(
    ("success", "failure", "accepted"),
    [
        ({}, None, True),
        ({}, "json200", True),
        ({}, "html", True),  # any 2xx, if nothing more is asked for
        ({}, "http302", False),
        ({"status": [200]}, None, False),
        ({"json": {"id": "m1", "to": ["x", "18005551234"]}}, None, True),
        ({"json": {"id": ["m2", "m3"]}}, None, False),
        ({"json": {"id.deeper": "m1"}}, None, False),
        ({"json": {"0.status": "accepted"}}, "array", True),
        ({"json": {"1.status": "accepted"}}, "array", False),
        ({"json": {"status": "accepted"}}, "array", False),
        ({"json": {"status": "accepted"}}, "html", False),
    ],
)
async def test_success_is_what_the_configuration_says(
    sms: SmsVendor,
    new_sender: NewSender,
    success: dict[str, Any],
    failure: str | None,
    accepted: bool,
) -> None:
    if failure is not None:
        sms.fail(failure)
    sending = new_sender(HttpConfig, url=sms.url, success=success, **JSON).send(MESSAGE, 5.0)
    with contextlib.nullcontext() if accepted else pytest.raises(Unavailable):
        await sending


@pytest.mark.parametrize(
    ("path", "failure", "expected"),
    [
        (None, None, None),
        ("id", None, "m1"),
        ("to", None, "18005551234"),
        ("0.id", "array", "m1"),
        ("1.id", "array", None),
        ("x.id", "array", None),
        ("no.such", None, None),
        ("id.deeper", None, None),
        ("id", "html", None),
        ("id", "empty", None),
        ("id", "null", None),
    ],
)
async def test_the_vendors_id_of_a_message(
    sms: SmsVendor, new_sender: NewSender, path: str | None, failure: str | None, expected: str
) -> None:
    if failure is not None:
        sms.fail(failure)
    keys = {"message_id": path} if path else {}
    assert await new_sender(HttpConfig, url=sms.url, **JSON, **keys).send(MESSAGE, 5.0) == expected


# Emails

MAIL = Message("a@b.example", "plain", "1", Mail("Ex <no@ex.org>", "It's 1 & 2", "<p>1</p>"))


async def test_an_email_has_placeholders_of_its_own(sms: SmsVendor, new_sender: NewSender) -> None:
    template = {"text": "{text}", "to": "{to}", "head": ["{from}", "{subject}"], "html": "{html}"}
    await new_sender(HttpConfig, url=sms.url, json=template).send(MAIL, 5.0)
    assert sms.calls[0].json == {
        "text": "plain",
        "to": "a@b.example",
        "head": ["Ex <no@ex.org>", "It's 1 & 2"],
        "html": "<p>1</p>",
    }


async def test_p12_parts_of_an_email_are_escaped_like_any_value(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    body = "<sms><to>{to}</to><text>{from} {subject} {html}</text></sms>"
    await new_sender(HttpConfig, url=sms.url, headers=XML, body=body).send(MAIL, 5.0)
    assert sms.messages == [("a@b.example", "Ex <no@ex.org> It's 1 & 2 <p>1</p>")]


async def test_an_email_without_html_has_an_empty_one(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    mail = MAIL._replace(mail=Mail("a", "b", None))
    template = {"to": "x", "text": "[{html}]"}
    await new_sender(HttpConfig, url=sms.url, json=template).send(mail, 5.0)
    assert sms.messages == [("x", "[]")]


async def test_a_text_message_leaves_the_placeholders_of_emails_alone(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    await new_sender(HttpConfig, url=sms.url, json={"to": "x", "text": "{from} {code}"}).send(
        MESSAGE, 5.0
    )
    assert sms.messages == [("x", "{from} 123456")]


# Credentials


def test_p12_credentials_may_stand_elsewhere_and_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMS_USER", "us3r")
    (tmp_path / "password").write_text("p4ss\n")
    config = parse(
        HttpConfig,
        "{type: http, url: 'https://a/', headers: {X-Key: k3y}, "
        f"basic_auth: {{username: {{env: SMS_USER}}, password: {{file: {tmp_path}/password}}}}}}",
    )
    assert config.basic_auth is not None
    assert config.basic_auth.username.get_secret_value() == "us3r"
    assert config.basic_auth.password.get_secret_value() == "p4ss"
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert not any(secret in shown for secret in ("us3r", "p4ss", "k3y"))


async def test_a_header_of_the_configuration_stands_above_our_own(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    keys = {"bearer": "ours", "headers": {"authorization": "Key theirs"}, **JSON}
    await new_sender(HttpConfig, url=sms.url, **keys).send(MESSAGE, 5.0)
    given = [v for k, v in sms.calls[0].headers if k.lower() == "authorization"]
    assert given == ["Key theirs"]


# Refused configurations

URL = "url: 'https://a/'"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("type: http", "url: required key is missing"),
        ("url: ftp://sms.example.com/", "url: must be a URL such as"),
        ("url: 'https://{to}.example.com/'", "url: must be a URL such as"),
        ("url: 'https://a.{to}.example.com/'", "url: must be a URL such as"),
        ("url: 'https://u:p@sms.example.com/'", "url: must not hold a user name"),
        ("url: 'http://sms.example.com/'", "url: must be https"),
        (f"{URL}, json: {{}}, form: {{}}", "give one of json, form and body"),
        (f"{URL}, body: x, form: {{}}", "give one of json, form and body"),
        (
            f"{URL}, bearer: t, basic_auth: {{username: u, password: p}}",
            "give one of basic_auth and bearer",
        ),
        (f"{URL}, basic_auth: {{username: u}}", "basic_auth.password: required key is missing"),
        (f"{URL}, method: DELETE", "method: must be 'GET', 'POST' or 'PUT'"),
        (f"{URL}, success: {{status: [99]}}", "success.status.0: must be at least 100"),
        (f"{URL}, succes: {{}}", 'succes: unknown key; did you mean "success"?'),
        (f"{URL}, headers: {{A b: x}}", "headers.A b: is no name of an HTTP header"),
        (f'{URL}, headers: {{A: "x\\ny"}}', "headers.A: must be one line of"),
        (f'{URL}, bearer: "x\\r\\ny"', "bearer: must be one line of"),
    ],
)
def test_refused_configuration(keys: str, problem: str) -> None:
    text = keys if keys.startswith("type") else f"{{type: http, {keys}}}"
    (found,) = refused(HttpConfig, text)
    assert problem in found


# Trying it out


async def test_check_reaches_the_vendor_without_a_message(
    sms: SmsVendor, new_sender: NewSender
) -> None:
    keys = {"name": "vendor", "url": f"{sms.url}?key=credential", **JSON}
    assert await new_sender(HttpConfig, **keys).check() == []
    assert sms.messages == []
    assert "credential" not in sms.calls[0].path + sms.calls[0].query
    sms.stop()
    (problem,) = await new_sender(HttpConfig, **keys).check()
    assert problem.startswith("vendor: no connection")
    assert "credential" not in problem
