"""Signing in by email over a real Postfix, which delivers into a mailbox."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from typing import NamedTuple

import pytest

from tests.logins.delivery import by_mail, delivering
from tests.logins.site import Site, fresh_client
from tests.servers.postfix import PASSWORD, SENDER, USER, Postfix
from tests.servers.sms import SmsVendor
from tests.servers.tls import Authority

NAME = "Sch\u00f6ne App"


class Post(NamedTuple):
    site: Site
    postfix: Postfix


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with Postfix(authority.files()) as postfix, SmsVendor() as sms:
        sender = {
            "type": "smtp",
            "host": "localhost",
            "port": postfix.port,
            "ca_file": str(authority.ca_file),
            "username": USER,
            "password": PASSWORD,
        }
        mail = by_mail(sender, **{"from": f"{NAME} <{SENDER}>"})
        apps = {"mail": {"name": NAME}}
        with delivering(tmp_path_factory.mktemp("postfix"), sms, {"mail": mail}, apps=apps) as site:
            yield Post(site, postfix)


def test_address_signs_in_with_the_code_from_its_mailbox(post: Post) -> None:
    site, postfix = post
    client, ann = fresh_client(), "ann@example.test"
    answer = site.login(appid="mail", phone="Ann@Example.Test", client=client)
    assert answer["challenge"]["kind"] == "code"
    (line,) = site.audit(client)
    raw = postfix.mail("ann", line["message"]).as_bytes()
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    assert (mail["From"], mail["To"]) == (f"{NAME} <{SENDER}>", ann)
    assert (mail["Subject"], mail["Auto-Submitted"]) == (
        f"Your sign-in code for {NAME}",
        "auto-generated",
    )
    plain, page = (mail.get_body([kind]) for kind in ("plain", "html"))
    assert plain is not None
    assert page is not None
    code = re.match("[0-9]{6}", plain.get_content())
    assert code is not None
    assert f">{code[0]}</p>" in page.get_content()
    signed_in = site.login(appid="mail", email=ann, otp=code[0])
    assert (signed_in["result"], signed_in["address"]) == ("OK", ann)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        pytest.param("nobody@example.test", "BADEMAIL", id="no-such-person"),
        pytest.param("later@example.test", "UNAVAILABLE", id="greylisted"),
    ],
)
def test_what_postfix_refuses(post: Post, address: str, error: str) -> None:
    answer = post.site.login(appid="mail", email=address)
    assert answer["error"] == error
    assert answer["errmsg"]
