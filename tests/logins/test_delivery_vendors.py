"""Every vendor of text messages as the only sender, and as the first of two when it fails."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.logins.delivery import (
    ACCEPTED,
    PER_PHONE,
    REFUSED,
    UNAVAILABLE,
    by_phone,
    delivering,
    messages,
)
from tests.logins.site import Site, fresh_client
from tests.logins.vendors import KINDS, Vendors, all_vendors, sender
from tests.servers.sms import SmsVendor

TEXT = {"en": "{code} is your code.", "uk": "{code} \u2013 \u0432\u0430\u0448 \u043a\u043e\u0434."}
ONCE = {limit: ["1/hour"] for limit in PER_PHONE}


@pytest.fixture(scope="module")
def shared_vendors() -> Iterator[Vendors]:
    with all_vendors() as vendors:
        yield vendors


@pytest.fixture(scope="module")
def shared_site(
    shared_vendors: Vendors, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with SmsVendor() as second:
        spare = sender("http", second, name="second", bearer=None)
        providers = {}
        for kind, vendor in shared_vendors.items():
            first = sender(kind, vendor, name=kind)
            wrong = sender(kind, vendor, name=f"{kind}-wrong", **KINDS[kind].wrong)
            providers[kind] = by_phone(first, template=TEXT)
            providers[f"{kind}-scarce"] = by_phone(first, spare, limits=ONCE)
            providers[f"{kind}-first"] = by_phone(first, spare)
            providers[f"{kind}-wrong"] = by_phone(wrong, spare)
        with delivering(tmp_path_factory.mktemp("vendors"), second, providers) as site:
            yield site


@pytest.fixture
def vendors(shared_vendors: Vendors) -> Iterator[Vendors]:
    yield shared_vendors
    for vendor in shared_vendors.values():
        vendor.ok()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def start(site: Site, app: str, number: str, **fields: Any) -> dict[str, Any]:
    """Take the first step, and be told that a code is on its way."""
    answer = site.login(appid=app, phone=number, **fields)
    assert answer["challenge"].items() >= {"kind": "code", "provider": app}.items(), answer
    return answer


@pytest.fixture
def site(shared_site: Site, vendors: Vendors) -> Site:
    return shared_site


def test_signs_people_in_as_the_only_sender(
    site: Site, vendors: Vendors, kind: str, number: str
) -> None:
    client = fresh_client()
    before = messages(site)
    start(site, kind, number, client=client)
    code = vendors[kind].code_for(number)
    assert vendors[kind].messages[-1].text == f"{code} is your code."
    answer = site.login(appid=kind, phone=number, otp=code)
    assert (answer["result"], answer["phone"]) == ("OK", number)
    assert site.tokens(number) == [answer["token"]]
    assert messages(site) - before == {(kind, ACCEPTED): 1}
    (line,) = site.audit(client)
    assert line["sender"] == kind
    assert re.fullmatch(KINDS[kind].message_id, line["message"])
    assert vendors[kind].count(number) == 1


def test_text_of_another_alphabet_arrives_whole(
    site: Site, vendors: Vendors, kind: str, number: str
) -> None:
    start(site, kind, number, lang="uk_UA")
    code = vendors[kind].code_for(number)
    assert vendors[kind].messages[-1].text == TEXT["uk"].format(code=code)


def test_number_that_the_vendor_refuses_is_the_persons_mistake(
    site: Site, vendors: Vendors, kind: str, number: str
) -> None:
    """Nobody else is asked, nothing is spent, nothing is pending."""
    app, before = f"{kind}-scarce", messages(site)
    client = fresh_client()
    vendors[kind].fail(KINDS[kind].bad_number)
    for _ in range(3):
        answer = site.login(appid=app, phone=number, client=client)
        assert answer["error"] == "BADPHONE"
        assert answer["errtitle"] == "Invalid phone number"
        assert answer["errmsg"]
    assert site.login(appid=app, phone=number, otp="123456")["error"] == "BADOTP"
    assert site.sms.count(number) == 0
    assert messages(site) - before == {(kind, REFUSED): 3}
    vendors[kind].ok()
    start(site, app, number, client=client)  # by the one message that the budgets allow
    assert vendors[kind].count(number) == 1


@pytest.mark.parametrize("fault", ["outage", "busy", "page", "stopped", "wrong credentials"])
def test_failover_to_the_second_sender(
    site: Site, vendors: Vendors, kind: str, number: str, fault: str
) -> None:
    app, first = f"{kind}-first", kind
    before, started = messages(site), time.monotonic()
    client = fresh_client()
    if fault == "stopped":
        vendors[kind].stop()
    elif fault == "wrong credentials":
        app = first = f"{kind}-wrong"
    else:
        vendors[kind].fail({"page": "http503"}.get(fault) or getattr(KINDS[kind], fault))
    try:
        start(site, app, number, client=client)
    finally:
        if fault == "stopped":
            vendors[kind].start()
    assert time.monotonic() - started < 1.0
    assert (vendors[kind].count(number), site.sms.count(number)) == (0, 1)
    assert messages(site) - before == {(first, UNAVAILABLE): 1, ("second", ACCEPTED): 1}
    (line,) = site.audit(client)
    assert line["sender"] == "second"
    answer = site.login(appid=app, phone=number, otp=site.sms.code_for(number))
    assert answer["result"] == "OK"
