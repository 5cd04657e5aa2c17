"""Vendors as their documentation has them: what docs/senders/http.md must send, what they answer.

The addresses of the documentation are on that page, under the same headings.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from providers import Unavailable
from providers._senders import Mail, Message, Refused

SMS: Final = Message("18005551234", "123456 is your code & no other.", "123456")
MAIL: Final = Message(
    "ann@example.com",
    "123456 is your code & no other.",
    "123456",
    Mail("Example <no-reply@example.com>", "Your code", "<p>123456</p>"),
)
KEY: Final = "k3y"  # the value of every variable that the page names


class Said(NamedTuple):
    """An answer, and what it must be taken for: the message's id, or an error."""

    status: int
    body: Any  # a text as it is, everything else as JSON
    outcome: str | type[Refused | Unavailable]


class Recipe(NamedTuple):
    heading: str
    message: Message
    path: str
    headers: dict[str, str]
    body: bytes
    answers: dict[str, Said]


JSON: Final = {"Content-Type": "application/json"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def _infobip(group: str, group_id: int, number: int, name: str) -> dict[str, Any]:
    status = {"groupId": group_id, "groupName": group, "id": number, "name": name}
    message = {"messageId": "2250be2d4219", "status": status, "destination": "18005551234"}
    return {"bulkId": "2034072219640523072", "messages": [message]}


INFOBIP = Recipe(
    "Infobip",
    SMS,
    "/sms/3/messages",
    {**JSON, "Authorization": KEY, "Accept": "application/json"},
    b'{"messages":[{"sender":"Example","destinations":[{"to":"18005551234"}],'
    b'"content":{"text":"123456 is your code & no other."}}]}',
    {
        "success": Said(200, _infobip("PENDING", 1, 26, "PENDING_ACCEPTED"), "2250be2d4219"),
        "prefix": Said(200, _infobip("REJECTED", 5, 8, "REJECTED_PREFIX_MISSING"), Refused),
        "number": Said(200, _infobip("REJECTED", 5, 52, "REJECTED_DESTINATION"), Refused),
        "no credit": Said(
            200, _infobip("REJECTED", 5, 12, "REJECTED_NOT_ENOUGH_CREDITS"), Unavailable
        ),
        "credentials": Said(
            401, {"errorCode": "E401", "description": "Invalid credentials"}, Unavailable
        ),
        "throttled": Said(429, {"errorCode": "E429"}, Unavailable),
        "fault": Said(500, {"errorCode": "E500"}, Unavailable),
    },
)


def _africas_talking(code: int, status: str) -> dict[str, Any]:
    recipient = {"statusCode": code, "number": "+18005551234", "status": status, "cost": "KES 0.8"}
    recipient["messageId"] = "ATPid_1" if code < 400 else "None"
    return {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}


AFRICAS_TALKING = Recipe(
    "Africa's Talking",
    SMS,
    "/version1/messaging",
    {**FORM, "apiKey": KEY, "Accept": "application/json"},
    b"username=example&from=Example&to=%2B18005551234&message=123456+is+your+code+%26+no+other.",
    {
        "success": Said(201, _africas_talking(101, "Success"), "ATPid_1"),
        "queued": Said(201, _africas_talking(102, "Queued"), "ATPid_1"),
        "number": Said(201, _africas_talking(403, "InvalidPhoneNumber"), Refused),
        "landline": Said(201, _africas_talking(404, "UnsupportedNumberType"), Refused),
        "opted out": Said(201, _africas_talking(406, "UserInBlacklist"), Refused),
        "no credit": Said(201, _africas_talking(405, "InsufficientBalance"), Unavailable),
        "sender": Said(
            201, {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}}, Unavailable
        ),
        "credentials": Said(401, "The supplied authentication is invalid", Unavailable),
        "throttled": Said(429, "Too many requests", Unavailable),
        "fault": Said(500, "Internal Server Error", Unavailable),
    },
)


def _telnyx(code: str, title: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "detail": "about +18005551234"}]}


TELNYX = Recipe(
    "Telnyx",
    SMS,
    "/v2/messages",
    {**JSON, "Authorization": f"Bearer {KEY}"},
    b'{"from":"+15005550006","to":"+18005551234","text":"123456 is your code & no other."}',
    {
        "success": Said(
            200,
            {"data": {"record_type": "message", "id": "40385f64", "to": [{"status": "queued"}]}},
            "40385f64",
        ),
        "number": Said(400, _telnyx("40310", "Invalid 'to' address"), Refused),
        "sender": Said(400, _telnyx("40305", "Invalid 'from' address"), Unavailable),
        "credentials": Said(401, _telnyx("10009", "Authentication failed"), Unavailable),
        "throttled": Said(429, _telnyx("10011", "Too many requests"), Unavailable),
        "fault": Said(500, _telnyx("10007", "Unexpected error"), Unavailable),
    },
)


def _graph(code: int, message: str) -> dict[str, Any]:
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
    return {"error": {**error, "error_data": {"messaging_product": "whatsapp"}}}


WHATSAPP = Recipe(
    "WhatsApp",
    SMS,
    "/v25.0/105954558954427/messages",
    {**JSON, "Authorization": f"Bearer {KEY}"},
    b'{"messaging_product":"whatsapp","recipient_type":"individual","to":"18005551234",'
    b'"type":"template","template":{"name":"verification_code","language":{"code":"en_US"},'
    b'"components":[{"type":"body","parameters":[{"type":"text","text":"123456"}]},'
    b'{"type":"button","sub_type":"url","index":"0",'
    b'"parameters":[{"type":"text","text":"123456"}]}]}}',
    {
        "success": Said(
            200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": "18005551234", "wa_id": "18005551234"}],
                "messages": [{"id": "wamid.HBgL", "message_status": "accepted"}],
            },
            "wamid.HBgL",
        ),
        # Nobody of that number on WhatsApp: another sender can reach it.
        "number": Said(400, _graph(131026, "Message undeliverable"), Unavailable),
        "credentials": Said(401, _graph(190, "Access token has expired"), Unavailable),
        "throttled": Said(400, _graph(130429, "Rate limit hit"), Unavailable),
        "fault": Said(500, _graph(131000, "Something went wrong"), Unavailable),
    },
)


def _twilio(status: int, code: int, message: str) -> dict[str, Any]:
    page = f"https://www.twilio.com/docs/errors/{code}"
    return {"code": code, "message": message, "more_info": page, "status": status}


CALL = Recipe(
    "A call by Twilio",
    SMS,
    "/2010-04-01/Accounts/AC00000000000000000000000000000000/Calls.json",
    # base64 of AC00000000000000000000000000000000:k3y
    {**FORM, "Authorization": "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDprM3k="},
    b"From=%2B15005550006&To=%2B18005551234&Twiml=%3CResponse%3E%3CSay+loop%3D%223%22%3EYour+code"
    b"+is+%3Csay-as+interpret-as%3D%22digits%22%3E123456%3C%2Fsay-as%3E.%3C%2FSay%3E%3C%2F"
    b"Response%3E",
    {
        "success": Said(201, {"sid": "CAca11", "status": "queued", "to": "+18005551234"}, "CAca11"),
        "number": Said(400, _twilio(400, 21211, "The 'To' number is not valid"), Refused),
        "sender": Said(400, _twilio(400, 21212, "The 'From' number is not valid"), Unavailable),
        "credentials": Said(401, _twilio(401, 20003, "Authenticate"), Unavailable),
        "throttled": Said(429, _twilio(429, 20429, "Too Many Requests"), Unavailable),
        "fault": Said(503, _twilio(503, 20503, "Service unavailable"), Unavailable),
    },
)


def _postmark(code: int, message: str) -> dict[str, Any]:
    return {"ErrorCode": code, "Message": message}


POSTMARK = Recipe(
    "Postmark",
    MAIL,
    "/email",
    {**JSON, "X-Postmark-Server-Token": KEY, "Accept": "application/json"},
    b'{"From":"Example <no-reply@example.com>","To":"ann@example.com","Subject":"Your code",'
    b'"TextBody":"123456 is your code & no other.","HtmlBody":"<p>123456</p>",'
    b'"Headers":[{"Name":"Auto-Submitted","Value":"auto-generated"}]}',
    {
        "success": Said(200, {**_postmark(0, "OK"), "MessageID": "0a129aee"}, "0a129aee"),
        "address": Said(422, _postmark(406, "Found inactive addresses"), Refused),
        "sender": Said(422, _postmark(300, "Invalid 'From' address"), Unavailable),
        "credentials": Said(401, _postmark(10, "No Account or Server API tokens"), Unavailable),
        "throttled": Said(429, _postmark(429, "Rate limit exceeded"), Unavailable),
        "fault": Said(500, "Internal Server Error", Unavailable),
    },
)


def _mailgun(parameter: str) -> dict[str, Any]:
    message = f"'{parameter}' parameter is not a valid address. please check documentation"
    return {"message": message}


MAILGUN = Recipe(
    "Mailgun",
    MAIL,
    "/v3/mg.example.com/messages",
    {**FORM, "Authorization": "Basic YXBpOmszeQ=="},  # base64 of api:k3y
    b"from=Example+%3Cno-reply%40example.com%3E&to=ann%40example.com&subject=Your+code"
    b"&text=123456+is+your+code+%26+no+other.&html=%3Cp%3E123456%3C%2Fp%3E"
    b"&h%3AAuto-Submitted=auto-generated",
    {
        "success": Said(
            200,
            {"id": "<2026.1@mg.example.com>", "message": "Queued. Thank you."},
            "<2026.1@mg.example.com>",
        ),
        "address": Said(400, _mailgun("to"), Refused),
        "sender": Said(400, _mailgun("from"), Unavailable),
        "credentials": Said(401, "Forbidden", Unavailable),
        "throttled": Said(429, {"message": "Too many requests"}, Unavailable),
        "fault": Said(500, {"message": "Internal Server Error"}, Unavailable),
    },
)

RECIPES: Final = (INFOBIP, AFRICAS_TALKING, TELNYX, WHATSAPP, CALL, POSTMARK, MAILGUN)
