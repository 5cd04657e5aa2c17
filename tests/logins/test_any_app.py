"""A gateway that admits any app id: what clients make up must neither lift limits nor be sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.logins.configuration import PHONE, configuration
from tests.logins.site import Site, running, words
from tests.servers.configs import GENEROUS, Config, phone_provider
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

BUDGET = 5


def any_app(mesibo: MesiboCloud, sms: SmsVendor) -> Config:
    limits = {"per_phone": GENEROUS, "per_ip": GENEROUS, "per_prefix": GENEROUS}
    limits["per_app"] = [f"{BUDGET}/hour"]
    phone = phone_provider(sms, limits=limits, template="{code} for {app}")
    return configuration(mesibo, sms, "memory://", apps={"*": {}}, providers={PHONE: phone})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("any"), 1, any_app) as site:
        yield site


def test_a5_p9_made_up_app_ids_share_one_budget(
    site: Site, numbers: Callable[[int], list[str]]
) -> None:
    starts = [{"phone": number, "appid": f"app.{number}"} for number in numbers(3 * BUDGET)]
    answers = Counter(words(site.at_once(starts)))
    assert answers == {"OK": BUDGET, "RATELIMIT": 2 * BUDGET}


@pytest.mark.parametrize(
    "app", ["x\r\nhttps://evil.example/", "https://evil.example/", "call 1900 555 1234", "x" * 500]
)
def test_a25_made_up_app_ids_stay_out_of_the_message(site: Site, number: str, app: str) -> None:
    site.login(phone=number, appid=app)
    assert [message for message in site.sms.messages if app[:20] in message.text] == []
