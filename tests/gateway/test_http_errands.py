"""Stopping with messages on their way: they still go out, and all of it ends in time (A151)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import APP, Site, StartSite
from tests.gateway.waiting import until
from tests.logins.approved import PeopleFile
from tests.servers.configs import http_sender
from tests.servers.fault_proxy import FaultProxy, Faults


@pytest.fixture
def network(site: Site) -> Iterator[FaultProxy]:
    """The way to the vendor, on which everything stands still until it is healed."""
    with FaultProxy(site.sms.port) as proxy:
        proxy.set(Faults(black_hole=True))
        yield proxy


def approving(site: Site, people: PeopleFile, url: str) -> dict[str, Any]:
    """Return keys of a configuration that texts the people of a directory by way of ``url``."""
    phone = {"directory": "people", "senders": [http_sender(site.sms, url=url, message_id="id")]}
    return {
        "logging": {"format": "json"},
        "apps": {APP: {"providers": ["phone"]}},
        "providers": {
            "phone": {"type": "phone_otp", "config": phone},
            "people": {"type": "tests.logins.people", "config": {"file": str(people.path)}},
        },
    }


def start(site: Site, number: str) -> None:
    answer = site.post({"op": "login", "appid": APP, "phone": number, "dt": "1"}).json
    assert answer["result"] == "OK"


def lines(site: Site, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in site.gateway.stderr.splitlines()]
    return [line for line in found if line["event"] == event]


def test_a151_message_that_was_answered_for_still_goes_out(
    site: Site, start_site: StartSite, network: FaultProxy, tmp_path: Path
) -> None:
    people = PeopleFile(tmp_path)
    number = people.add()["phone"]
    url = site.sms.url.replace(str(site.sms.port), str(network.port))
    ending = start_site(**approving(site, people, url))
    start(ending, number)
    until(lambda: network.accepted == 1)
    os.kill(ending.gateway.pid, signal.SIGTERM)
    until(lambda: ending.admin("/readyz").status == 503)
    until(lambda: refuses(ending))
    assert ending.admin("/healthz").status == 200
    assert site.sms.count(number) == 0
    network.heal()
    assert ending.gateway.stop() == 0
    assert site.sms.count(number) == 1
    (line,) = lines(ending, "message")
    assert line["outcome"] == "sent"
    assert line["message"].startswith("m")


def refuses(site: Site) -> bool:
    try:
        site.connect().socket.close()
    except ConnectionRefusedError:
        return True
    return False


def test_a151_message_that_has_not_even_begun_still_goes_out(
    site: Site, start_site: StartSite, tmp_path: Path
) -> None:
    people = PeopleFile(tmp_path)
    number = people.add()["phone"]
    ending = start_site(**approving(site, people, site.sms.url))
    start(ending, number)
    assert ending.gateway.stop() == 0
    assert site.sms.count(number) == 1


def test_a151_vendor_that_says_nothing_holds_nobody_up(
    site: Site, start_site: StartSite, tmp_path: Path
) -> None:
    people = PeopleFile(tmp_path)
    number = people.add()["phone"]
    ending = start_site({"gateway.app.DRAIN": 0.3}, **approving(site, people, site.sms.url))
    site.sms.fail("hang")
    calls = len(site.sms.calls)
    start(ending, number)
    site.sms.wait_calls(calls + 1)
    started = time.monotonic()
    assert ending.gateway.stop() == 0
    assert time.monotonic() - started < 2
    (line,) = lines(ending, "message")
    assert (line["level"], line["outcome"]) == ("warning", "failed")
    assert "end of the gateway" in line["detail"]
    assert number not in ending.gateway.stderr
