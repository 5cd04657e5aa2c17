"""A gateway that admits any app id: what clients make up must neither lift limits nor be sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.logins.configuration import PHONE, configuration
from tests.logins.site import Site, running, words
from tests.servers.configs import GENEROUS, Config, phone_provider
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

BUDGET = 5
NAMED, UNNAMED = "com.example.named", "com.example.unnamed"
APPS = {"*": {}, NAMED: {"name": "Example & Söhne"}, UNNAMED: {}}


def any_app(per_app: list[str], mesibo: MesiboCloud, sms: SmsVendor) -> Config:
    limits = {"per_phone": GENEROUS, "per_ip": GENEROUS, "per_prefix": GENEROUS, "per_app": per_app}
    phone = phone_provider(sms, limits=limits, template="{code} for {app}")
    return configuration(mesibo, sms, "memory://", apps=APPS, providers={PHONE: phone})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("any"), 1, partial(any_app, GENEROUS)) as site:
        yield site


@pytest.fixture
def budgeted_site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path, 1, partial(any_app, [f"{BUDGET}/hour"])) as site:
        yield site


def test_a5_p9_made_up_app_ids_share_one_budget(
    budgeted_site: Site, numbers: Callable[[int], list[str]]
) -> None:
    starts = [{"phone": number, "appid": f"app.{number}"} for number in numbers(3 * BUDGET)]
    answers = Counter(words(budgeted_site.at_once(starts)))
    assert answers == {"OK": BUDGET, "RATELIMIT": 2 * BUDGET}


@pytest.mark.parametrize(
    "app", ["x\r\nhttps://evil.example/", "https://evil.example/", "call 1900 555 1234", "x" * 500]
)
def test_a25_made_up_app_ids_stay_out_of_the_message(site: Site, number: str, app: str) -> None:
    code = site.code_for(number, appid=app)
    assert site.sms.messages[-1].text == f"{code} for the app"


@pytest.mark.parametrize(("app", "name"), [(NAMED, "Example & Söhne"), (UNNAMED, UNNAMED)])
def test_a_message_names_the_app_as_the_configuration_does(
    site: Site, number: str, app: str, name: str
) -> None:
    code = site.code_for(number, appid=app)
    assert site.sms.messages[-1].text == f"{code} for {name}"
