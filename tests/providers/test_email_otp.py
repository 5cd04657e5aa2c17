"""Email login by itself: its configuration, addresses, mails, budgets and senders."""

from __future__ import annotations

import hashlib
from typing import cast

import pytest

from config import Limit
from gateway.addresses import AddressTemplate
from providers import (
    Attempt,
    Budget,
    CodeChallenge,
    Context,
    Fields,
    Identity,
    Reason,
    Rejected,
    Unavailable,
    UnknownIdentity,
    _icons,
    load,
)
from providers._email_otp_config import EmailOtpConfig
from providers._senders import Ladder, Mail, Message, Refused
from providers.email_otp import EmailOtp
from tests.config.reading import document
from tests.providers.sending import Recorder
from tests.servers.gateway import ROOT

ANN = "ann@example.com"
CODE = "042137"
SENDERS = "senders: [{type: console}]\n"


class Outbox:
    """A sender that keeps what it is to send."""

    name = "outbox"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.failure: Exception | None = None
        self.closed = False

    async def send(self, message: Message, within: float) -> str | None:
        if self.failure is not None:
            raise self.failure
        self.messages.append(message)
        return f"m{len(self.messages)}"

    async def close(self) -> None:
        self.closed = True

    async def check(self) -> list[str]:
        return [str(self.failure)] if self.failure else []


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def provider(text: str = "", outbox: Outbox | None = None) -> EmailOtp:
    config = document(SENDERS + text).parse(EmailOtpConfig)
    meter = Recorder()
    made = EmailOtp("mail", config, Context(meter))
    if outbox is not None:
        made._ladder = Ladder([outbox], Reason.EMAIL, meter)
    return made


async def begin(mail: EmailOtp, address: str = ANN, **fields: str) -> CodeChallenge:
    typed = cast(Fields, {"email": address, **fields})
    identity = mail.identify(typed)
    assert identity is not None
    return await mail.begin(attempt(identity), typed)


def attempt(identity: str) -> Attempt:
    return Attempt("com.example.app", "Example Chat", "mail", identity, "192.0.2.1", "r")


def test_it_is_the_type_of_its_name() -> None:
    assert load("email_otp") is EmailOtp


def test_form_asks_for_the_address() -> None:
    assert EmailOtp.asks == ("email",)
    assert provider().icon == _icons.ENVELOPE


# Who it is


@pytest.mark.parametrize("fields", [{}, {"username": ANN}, {"phone": "18005551234"}])
def test_no_address_is_not_asked(fields: Fields) -> None:
    assert provider().identify(fields) is None


@pytest.mark.parametrize("typed", [ANN, " Ann@EXAMPLE.com ", "ann@\uff45xample\u3002com"])
def test_spellings_are_one_identity(typed: str) -> None:
    assert provider().identify({"email": typed}) == ANN


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("ann", id="no address"),
        pytest.param("18005551234", id="number"),
        pytest.param("ann@example.com\r\nbob@example.com", id="e2 second line"),
        pytest.param("ann@example.com,bob@example.com", id="e2 comma"),
        pytest.param("ann@bob@example.com", id="e2 second at"),
        pytest.param('"a nn"@example.com', id="e2 quoted"),
        pytest.param("ann(x)@example.com", id="e2 comment"),
        pytest.param("a@b.co>\r\nRCPT TO:<x@y.example", id="a29"),
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Rejected) as caught:
        provider().identify({"email": typed})
    assert not isinstance(caught.value, UnknownIdentity)
    assert caught.value.reason is Reason.EMAIL
    assert typed not in str(caught.value)


ALLOWED, REFUSED, ELSEWHERE = "allowed", "refused", "another provider's"


@pytest.mark.parametrize(
    ("text", "address", "outcome"),
    [
        ("", ANN, ALLOWED),
        ("deny_domains: [example.com]", ANN, REFUSED),
        ("deny_domains: [Example.COM]", ANN, REFUSED),
        ("deny_domains: [example.com]", "ann@mail.example.com", ALLOWED),
        ("deny_domains: ['*.example.com']", "ann@mail.example.com", REFUSED),
        ("deny_domains: [b\u00fccher.example]", "ann@xn--bcher-kva.example", REFUSED),
        ("allow_domains: [example.com, '*.example.org']", ANN, ALLOWED),
        ("allow_domains: [example.com, '*.example.org']", "ann@x.example.org", ALLOWED),
        ("allow_domains: [example.com, '*.example.org']", "ann@example.org", ELSEWHERE),
        ("allow_domains: [xn--bcher-kva.example]", "ann@B\u00dcCHER.example", ALLOWED),
        ("allow_domains: ['*.example.com']\ndeny_domains: [x.example.com]", ANN, ELSEWHERE),
        (
            "allow_domains: ['*.example.com']\ndeny_domains: [x.example.com]",
            "a@x.example.com",
            REFUSED,
        ),
    ],
)
def test_domains(text: str, address: str, outcome: str) -> None:
    mail = provider(text)
    if outcome == ALLOWED:
        assert mail.identify({"email": address}) is not None
        return
    with pytest.raises(Rejected) as caught:
        mail.identify({"email": address})
    assert isinstance(caught.value, UnknownIdentity) is (outcome == ELSEWHERE)
    assert caught.value.reason is Reason.EMAIL


@pytest.mark.parametrize(
    "lookalike",
    [
        "user@ex\u0430mple.com",  # Cyrillic a
        "user@xn--exmple-4nf.com",  # the same, as it travels
        "user@examp\u04cfe.com",  # Cyrillic palochka
        "user@example.com.evil.example",
        "user@examp1e.com",
    ],
)
def test_e7_a31_lookalike_of_an_allowed_domain_is_another_domain(lookalike: str) -> None:
    with pytest.raises(UnknownIdentity):
        provider("allow_domains: [example.com]").identify({"email": lookalike})


@pytest.mark.parametrize("allowed", ["ex\u0430mple.com", "xn--exmple-4nf.com"])
def test_e7_a31_domain_with_other_letters_may_be_listed(allowed: str) -> None:
    mail = provider(f"allow_domains: [{allowed}]")
    assert mail.identify({"email": "user@ex\u0430mple.com"}) == "user@xn--exmple-4nf.com"
    with pytest.raises(UnknownIdentity):
        mail.identify({"email": "user@example.com"})


@pytest.mark.parametrize("alias", ["ann@example.com", "ann+x@example.com", "ann+y+z@example.com"])
def test_aliases_are_counted_as_one(alias: str) -> None:
    assert provider().counted_as(alias) == ANN


# What is sent


async def test_mail_and_challenge_are_as_configured(outbox: Outbox) -> None:
    mail = provider(
        "code: {length: 8, lifetime: 5m, attempts: 3}\n"
        "resend_after: 30s\n"
        "from: Example <no-reply@example.com>\n"
        "subject: 'For {{ app }}'\n"
        "text: '{{ code }}, good for {{ minutes }} minutes'\n"
        "html: '<b>{{ code }}</b>'\n",
        outbox,
    )
    challenge = await begin(mail)
    receipt = await challenge.deliver(CODE, 0)
    assert outbox.messages == [
        Message(
            to=ANN,
            text=f"{CODE}, good for 5 minutes",
            code=CODE,
            mail=Mail(
                sender="Example <no-reply@example.com>",
                subject="For Example Chat",
                html=f"<b>{CODE}</b>",
            ),
        )
    ]
    assert receipt == ("outbox", "m1")
    assert (challenge.length, challenge.lifetime, challenge.tries) == (8, 300, 3)
    assert (challenge.resend_after, challenge.code) == (30, None)


async def test_defaults(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    await challenge.deliver(CODE, 0)
    (message,) = outbox.messages
    assert message.mail is not None
    assert message.text.startswith(f"{CODE} is your sign-in code for Example Chat.\n")
    assert (message.mail.sender, message.mail.html is None) == ("", False)
    assert (challenge.length, challenge.lifetime, challenge.tries) == (6, 600, 5)
    assert challenge.resend_after == 60


async def test_cool_down_is_not_longer_than_the_life_of_a_code(outbox: Outbox) -> None:
    challenge = await begin(provider("code: {lifetime: 30s}", outbox))
    assert challenge.resend_after == 30
    await challenge.deliver(CODE, 0)
    assert "good for 1 minute." in outbox.messages[0].text


@pytest.mark.parametrize(
    ("text", "has_page"),
    [
        ("", True),
        ("subject: Hello", True),
        ("html: null", False),
        ("text: '{{ code }}'", False),
        ("text: '{{ code }}'\nhtml: '<b>{{ code }}</b>'", True),
    ],
)
async def test_built_in_page_does_not_stand_beside_another_text(
    outbox: Outbox, text: str, has_page: bool
) -> None:
    await (await begin(provider(text, outbox))).deliver(CODE, 0)
    mail = outbox.messages[0].mail
    assert mail is not None
    assert (mail.html is not None) is has_page


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("Ann+News@Example.com", "ann+news@example.com"),
        ("a@B\u00fccher.example", "a@xn--bcher-kva.example"),
    ],
)
async def test_mail_goes_to_the_canonical_address_with_its_alias(
    outbox: Outbox, address: str, to: str
) -> None:
    await (await begin(provider("", outbox), address)).deliver(CODE, 0)
    assert outbox.messages[0].to == to


async def test_a_mail_sent_again_is_the_same(outbox: Outbox) -> None:
    mail = provider("", outbox)
    for turn in range(2):
        await (await begin(mail)).deliver(CODE, turn)
    first, second = outbox.messages
    assert first == second


async def test_a_mail_asked_for_again_begins_with_the_next_sender(outbox: Outbox) -> None:
    mail, second = provider(), Outbox()
    mail._ladder = Ladder([outbox, second], Reason.EMAIL, Recorder())
    for turn in range(3):
        await (await begin(mail)).deliver(CODE, turn)
    assert (len(outbox.messages), len(second.messages)) == (2, 1)


TEMPLATES = "{en: 'EN {{ code }}', de: 'DE {{ code }}'}"


@pytest.mark.parametrize(("lang", "chosen"), [("de-AT", "DE"), ("xx", "EN"), ("<b>", "EN")])
async def test_a25_language_of_the_mail(outbox: Outbox, lang: str, chosen: str) -> None:
    mail = provider(f"subject: {TEMPLATES}\ntext: {TEMPLATES}\nhtml: {TEMPLATES}", outbox)
    await (await begin(mail, lang=lang)).deliver(CODE, 0)
    text = f"{chosen} {CODE}"
    assert outbox.messages == [Message(ANN, text, CODE, Mail("", text, text))]


async def test_e3_a25_what_is_typed_stays_out_of_the_mail(outbox: Outbox) -> None:
    evil = "https://evil.example/\r\n{{ code }}"
    for typed in ({}, dict.fromkeys(("name", "lang", "username", "phone", "return_url"), evil)):
        await (await begin(provider("", outbox), **typed)).deliver(CODE, 0)
    plain, attacked = outbox.messages
    assert plain == attacked


# When it cannot be sent


async def test_all_senders_failing_is_an_outage(outbox: Outbox) -> None:
    outbox.failure = Unavailable("outbox", "down")
    challenge = await begin(provider("", outbox))
    with pytest.raises(Unavailable):
        await challenge.deliver(CODE, 0)


async def test_recipient_refused_for_good_is_a_bad_address(outbox: Outbox) -> None:
    outbox.failure = Refused("550 no such user")
    challenge = await begin(provider("", outbox))
    with pytest.raises(Rejected) as caught:
        await challenge.deliver(CODE, 0)
    assert caught.value.reason is Reason.EMAIL


async def test_check_and_close_reach_every_sender(outbox: Outbox) -> None:
    mail = provider("", outbox)
    assert await mail.check() == []
    outbox.failure = Unavailable("outbox", "down")
    assert await mail.check() == ["outbox: down"]
    await mail.close()
    assert outbox.closed


def test_nothing_to_warn_of() -> None:
    assert provider().warnings() == []


# Who it was


async def test_resume_vouches_for_the_address_of_the_attempt() -> None:
    identity = await provider().resume(attempt(ANN), b"", {"email": "bob@example.com", "otp": CODE})
    digest = hashlib.sha256(ANN.encode()).hexdigest()
    assert identity == Identity(ANN, email=ANN, claims={"email_sha256": digest})


@pytest.mark.parametrize(
    ("template", "address"),
    [
        (EmailOtp.address, ANN),
        ("{provider}:{subject}", f"mail:{ANN}"),
        (
            "{claims[email_sha256]}",
            "71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476",
        ),
    ],
)
async def test_addresses_that_can_be_made_of_it(template: str, address: str) -> None:
    identity = await provider().resume(attempt(ANN), b"", {})
    assert AddressTemplate.parse(template, "mail").render(identity) == address


# Budgets


async def test_p9_what_a_mail_costs(outbox: Outbox) -> None:
    text = (
        "limits: {per_email: [2/hour, 3/day], per_ip: [4/hour], per_domain: [], per_app: [5/day]}"
    )
    challenge = await begin(provider(text, outbox), "Ann+x@Mail.Example.com")
    hour, day = 3600, 86_400
    assert challenge.budgets == (
        Budget("email", "ann@mail.example.com", (Limit(2, hour), Limit(3, day))),
        Budget("ip", "192.0.2.1", (Limit(4, hour),)),
        Budget("domain", "mail.example.com", ()),
        Budget("app", "com.example.app", (Limit(5, day),)),
    )


async def test_p9_default_budgets(outbox: Outbox) -> None:
    challenge = await begin(provider("", outbox))
    limits = {budget.scope: [str(limit) for limit in budget.limits] for budget in challenge.budgets}
    assert limits == {
        "email": ["5/hour", "20/day"],
        "ip": ["20/hour"],
        "domain": ["500/hour"],
        "app": ["5000/day"],
    }


# What operators are told


def test_e5_operators_are_told_what_a_mail_is_worth() -> None:
    page = (ROOT / "docs/providers/email_otp.md").read_text()
    assert "SP 800-63B" in page
    assert "ASVS" in page
