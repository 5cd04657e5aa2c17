"""Signing in by email, from the app's request to the token."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import StartGateway
from tests.gateway.cli.command import Terminal
from tests.logins.site import Site, fresh_client, running, words, wrong
from tests.servers.configs import GENEROUS, Config, base_config, http_sender, phone_provider
from tests.servers.gateway import post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

# App ids, each named after its one provider, or after what is special about it.
MAIL = "mail"
SPARING = "sparing"  # as few mails as by default
PER_DOMAIN = "per-domain"
STAFF = "staff"  # one domain only, others by password
HASHED = "hashed"
EVERYTHING = "everything"  # by phone, then by email

NAME = "Example <Chat> & Co"
FAILURES = 8  # of one person in an hour
DOMAIN_BUDGET = 10
_NUMBERS = itertools.count(1)


def configuration(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
    def mail(limits: Config | None = None, **keys: Any) -> Config:
        generous = dict.fromkeys(("per_email", "per_ip", "per_domain", "per_app"), GENEROUS)
        config = {
            "from": "Example <no-reply@example.com>",
            "senders": [
                http_sender(
                    sms,
                    json={
                        "to": "{to}",
                        "text": "{text}",
                        "from": "{from}",
                        "subject": "{subject}",
                        "html": "{html}",
                    },
                    refused={"status": [400], "json": {"code": "invalid_number"}},
                )
            ],
            "limits": generous if limits is None else limits,
            **keys,
        }
        return {"type": "email_otp", "config": config, "shared_address": True}

    staff = {"type": "insecure_example", "config": {"users": {"u@other.example": "password"}}}
    apps = (MAIL, SPARING, PER_DOMAIN, HASHED)
    return base_config(
        mesibo,
        sms,
        apps={
            **{name: {"name": NAME, "providers": [name]} for name in apps},
            STAFF: {"providers": ["one-domain", "by-password"]},
            EVERYTHING: {"providers": ["phone", MAIL]},
        },
        providers={
            MAIL: mail(),
            SPARING: mail({}, resend_after="1ms"),
            PER_DOMAIN: mail({"per_domain": [f"{DOMAIN_BUDGET}/hour"]}),
            HASHED: {**mail(), "address": "hash-{claims[email_sha256]}"},
            "one-domain": mail(allow_domains=["example.com"]),
            "by-password": staff,
            "phone": phone_provider(sms),
        },
        trusted_proxies=["127.0.0.1/32"],
        limits={"per_ip": GENEROUS, "failures_per_identity": [f"{FAILURES}/hour"]},
        logging={"format": "json"},
    )


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("mail"), 1, configuration) as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    yield shared_site
    shared_site.sms.ok()


@pytest.fixture
def ann() -> str:
    """An address that no other test uses."""
    return fresh_address()


def fresh_address() -> str:
    return f"ann{next(_NUMBERS)}@example.com"


def code_for(site: Site, address: str, **fields: Any) -> str:
    """Take the first step in an app whose only provider sends mails; return the code."""
    return site.code_for(address, **{"appid": MAIL, **fields})


# Both steps


@pytest.mark.parametrize("field", ["email", "phone"])
def test_address_signs_in(site: Site, ann: str, field: str) -> None:
    request: dict[str, Any] = {"appid": MAIL, field: ann}
    sent = site.login(**request)
    assert sent["challenge"].items() >= {"kind": "code", "provider": MAIL}.items()
    code = site.sms.code_for(ann)
    answer = site.login(**request, otp=code)
    assert (answer["result"], answer["address"], answer["phone"]) == ("OK", ann, ann)
    assert site.tokens(ann) == [answer["token"]]


def test_mail_has_sender_subject_text_and_page(site: Site, ann: str) -> None:
    code = code_for(site, ann)
    mail = site.sms.calls[-1].json
    assert mail["to"] == ann
    assert mail["from"] == "Example <no-reply@example.com>"
    assert mail["subject"] == f"Your sign-in code for {NAME}"
    assert mail["text"].startswith(f"{code} is your sign-in code for {NAME}.\n")
    assert "Your sign-in code for Example &lt;Chat&gt; &amp; Co is" in mail["html"]
    assert f">{code}</p>" in mail["html"]


def test_spellings_of_an_address_are_one_person(site: Site) -> None:
    name = f"Ann{next(_NUMBERS)}"
    address = f"{name.lower()}@xn--bcher-kva.example"
    for spelling in (
        f"{name}@B\u00fccher.Example",
        f" {name.upper()}@b\u00fccher.example ",
        address,
    ):
        assert site.login(appid=MAIL, email=spelling)["result"] == "OK"
    assert site.sms.count(address) == 1
    code = site.sms.code_for(address)
    assert site.login(appid=MAIL, email=address, otp=code)["address"] == address


def test_address_of_the_messenger_may_hide_that_of_the_mail(site: Site, ann: str) -> None:
    code = code_for(site, ann, appid=HASHED)
    answer = site.login(appid=HASHED, email=ann.upper(), otp=code)
    address = f"hash-{hashlib.sha256(ann.encode()).hexdigest()}"
    assert (answer["address"], answer["phone"]) == (address, address)
    assert ann not in str(answer)


def test_sign_in_at_a_terminal(start_gateway: StartGateway, ann: str) -> None:
    gateway = start_gateway(
        {
            "issuer": {"type": "sandbox"},
            "apps": {"*": {}},
            "providers": {
                "mail": {"type": "email_otp", "config": {"senders": [{"type": "console"}]}}
            },
        }
    )
    with Terminal("login", "--url", gateway.url) as terminal:
        terminal.wait_for("Phone number, email address or user name: ")
        terminal.enter(ann.upper())
        terminal.wait_for("A code was sent. It is valid for 10 minutes.")
        terminal.wait_for("Code (empty to send it again): ")
        code = gateway.code_for(ann)
        terminal.enter(wrong(code)[0])
        terminal.wait_for("That was not the code. Code: ")
        terminal.enter(code)
        terminal.wait_for(f"Signed in as {ann}")
        assert terminal.end() == 0
        assert re.search("^token: [0-9a-f]{48}\r$", terminal.shown, re.MULTILINE)


# Codes


def test_p3_wrong_code_is_refused_and_the_right_one_works_after_it(site: Site, ann: str) -> None:
    code = code_for(site, ann)
    assert site.login(appid=MAIL, email=ann, otp=wrong(code)[0])["error"] == "BADOTP"
    assert site.login(appid=MAIL, email=ann, otp=code)["result"] == "OK"
    assert site.login(appid=MAIL, email=ann, otp=code)["error"] == "BADOTP"


def test_p4_one_code_gives_one_token(site: Site, ann: str) -> None:
    code = code_for(site, ann)
    answers = site.at_once([{"appid": MAIL, "email": ann, "otp": code}] * 20)
    assert words(answers).count("OK") == 1
    assert len(site.tokens(ann)) == 1


def test_p15_no_code_is_pending(site: Site, ann: str) -> None:
    assert site.login(appid=MAIL, email=ann, otp="123456")["error"] == "BADOTP"


def test_a9_code_of_another_address(site: Site, ann: str) -> None:
    bob = fresh_address()
    code = code_for(site, ann)
    code_for(site, bob)
    for _ in range(5):
        assert site.login(appid=MAIL, email=bob, otp=code)["error"] == "BADOTP"
    # They were Bob's tries, not Ann's.
    assert site.login(appid=MAIL, email=bob, otp=site.sms.code_for(bob))["error"] == "BADOTP"
    assert site.login(appid=MAIL, email=ann, otp=code)["result"] == "OK"


def test_a9_code_of_an_alias_is_no_code_of_the_address(site: Site, ann: str) -> None:
    alias = ann.replace("@", "+x@")
    code = code_for(site, alias)
    assert site.login(appid=MAIL, email=ann, otp=code)["error"] == "BADOTP"
    assert site.login(appid=MAIL, email=alias, otp=code)["address"] == alias


def test_a11_code_of_another_channel(site: Site, ann: str, number: str) -> None:
    by_text = site.code_for(number, appid=EVERYTHING)
    by_mail = site.code_for(ann, appid=EVERYTHING)
    assert site.login(appid=EVERYTHING, email=ann, otp=by_text)["error"] == "BADOTP"
    assert site.login(appid=EVERYTHING, phone=number, otp=by_mail)["error"] == "BADOTP"
    assert site.login(appid=EVERYTHING, email=ann, otp=by_mail)["address"] == ann
    assert site.login(appid=EVERYTHING, phone=number, otp=by_text)["address"] == number


def test_a5_aliases_give_no_new_tries(site: Site, ann: str) -> None:
    aliases = [ann.replace("@", f"+{i}@") for i in range(FAILURES)]
    code = code_for(site, ann)
    for alias in aliases:
        assert site.login(appid=MAIL, email=alias, otp="000000")["error"] == "BADOTP"
    for address in (ann, aliases[0], ann.replace("@", "+new@")):
        answer = site.login(appid=MAIL, email=address, otp=code)
        assert answer["error"] == "RATELIMIT"
        assert answer["retry_after"] > 0


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a33_scanners_of_mails_use_nothing_up(site: Site, ann: str, method: str) -> None:
    code = code_for(site, ann)
    assert "://" not in "".join(site.sms.calls[-1].json.values())
    gateway = site.gateways[0]
    for _ in range(2):
        post(gateway.url, path=f"/?op=login&appid={MAIL}&email={ann}&otp={code}", method=method)
    assert site.login(appid=MAIL, email=ann, otp=code)["result"] == "OK"


# Addresses


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("ann@localhost", id="one label"),
        pytest.param("a@b.co,c@d.example", id="e2 comma"),
        pytest.param("a@b.co;c@d.example", id="e2 semicolon"),
        pytest.param("a@b@c.example", id="e2 second at"),
        pytest.param('"a b"@c.example', id="e2 quoted"),
        pytest.param("a(x)@c.example", id="e2 comment"),
        pytest.param("a\x00@c.example", id="e2 NUL"),
        pytest.param("l" * 250 + "@c.example", id="e2 too long"),
        pytest.param("a@b.c>\r\nRCPT TO:<x@y.z", id="a29 second recipient"),
        pytest.param("a@b.co\nX: y", id="a29 bare LF"),
        pytest.param("a@b.co\r\n.\r\n", id="a29 end of a mail"),
        pytest.param("\u0430nn@example.com", id="a31 Cyrillic"),
    ],
)
@pytest.mark.parametrize("field", ["email", "phone"])
def test_what_is_no_address_is_refused_before_any_mail(site: Site, typed: str, field: str) -> None:
    calls = len(site.sms.calls)
    fields: dict[str, Any] = {field: typed}
    answer = site.login(appid=MAIL, **fields)
    assert answer["error"] == "BADEMAIL"
    assert answer["errtitle"] == "Invalid email address"
    assert len(site.sms.calls) == calls


def test_e7_a31_lookalike_of_the_allowed_domain(site: Site) -> None:
    answer = site.login(appid=STAFF, email="user@ex\u0430mple.com")
    assert answer["error"] == "BADEMAIL"
    assert code_for(site, fresh_address(), appid=STAFF)


def test_address_of_another_domain_is_for_the_next_provider(site: Site) -> None:
    answer = site.login(appid=STAFF, email="u@other.example", password="wrong")
    assert answer["error"] == "BADLOGIN"  # of the next one


def test_vendor_says_that_there_is_no_such_mailbox(site: Site, ann: str) -> None:
    site.sms.fail("bad_number", 1)
    assert site.login(appid=MAIL, email=ann)["error"] == "BADEMAIL"
    assert site.login(appid=MAIL, email=ann)["result"] == "OK"  # nothing is pending, none spent


# What gets into a mail, and into a log


@pytest.mark.parametrize("field", ["name", "lang", "dt", "device", "username", "user"])
def test_e3_a25_nothing_that_a_client_sends_gets_into_the_mail(
    site: Site, ann: str, field: str
) -> None:
    fields: dict[str, Any] = {
        field: "https://evil.example/\r\nBcc: bob@example.com {{ code }} {to}\u2028<b>"
    }
    plain_code = code_for(site, ann)
    plain = site.sms.calls[-1].json
    other = fresh_address()
    code = code_for(site, other, **fields)
    mail = site.sms.calls[-1].json
    same = {key: text.replace(code, plain_code) for key, text in mail.items()}
    assert {**same, "to": ann} == plain


def test_p11_neither_code_nor_address_is_logged(site: Site, ann: str) -> None:
    client = fresh_client()
    code = code_for(site, ann, client=client)
    site.login(appid=MAIL, email=ann, otp=wrong(code)[0], client=client)
    site.login(appid=MAIL, email=ann, otp=code, client=client)
    lines = site.audit(client, 3)
    assert [line["outcome"] for line in lines] == ["challenge", "rejected", "success"]
    name, _, domain = ann.partition("@")
    assert {line["identity"] for line in lines} == {f"a{'*' * (len(name) - 1)}@{domain}"}
    logged = "".join(gateway.stdout + gateway.stderr for gateway in site.gateways)
    assert ann not in logged
    assert code not in str(lines)


# Budgets


def test_p9_one_mailbox_gets_five_mails_in_an_hour_whatever_its_aliases(
    site: Site, ann: str
) -> None:
    addresses = [ann, *(ann.replace("@", f"+{i}@") for i in range(19))]
    answers = site.at_once([{"appid": SPARING, "email": address} for address in addresses])
    assert words(answers).count("OK") == 5
    assert words(answers).count("RATELIMIT") == 15
    assert sum(site.sms.count(address) for address in addresses) == 5
    assert site.login(appid=SPARING, email=fresh_address())["result"] == "OK"


def test_a17_parallel_starts_for_one_address_send_one_mail(site: Site, ann: str) -> None:
    assert set(words(site.at_once([{"appid": MAIL, "email": ann}] * 20))) == {"OK"}
    assert site.sms.count(ann) == 1


def test_p9_mails_to_one_domain(site: Site) -> None:
    def start(domain: str) -> dict[str, Any]:
        return {"appid": PER_DOMAIN, "email": f"ann{next(_NUMBERS)}@{domain}"}

    answers = site.at_once([start("full.example") for _ in range(2 * DOMAIN_BUDGET)])
    assert words(answers).count("OK") == DOMAIN_BUDGET
    assert words([site.login(**start("FULL.example"))]) == ["RATELIMIT"]
    assert words([site.login(**start("x.full.example"))]) == ["OK"]


def test_p9_one_network_gets_twenty_mails_in_an_hour(site: Site) -> None:
    client = fresh_client()
    requests = [{"appid": SPARING, "email": fresh_address()} for _ in range(30)]
    assert words(site.at_once(requests, client)).count("OK") == 20
