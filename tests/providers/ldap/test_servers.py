"""Several servers of one directory, by a driver whose servers do what the test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers import Rejected, Unavailable
from providers.ldap.client import Connection
from providers.ldap.servers import PATIENCE, Servers
from providers.ldap.settings import LdapConfig
from providers.ldap.site import Site
from tests.config.reading import parse
from tests.providers.ldap.scripted import SERVICE, Host, ScriptedDriver
from tests.providers.ldap.serving import (
    PROBE_EVERY,
    SHARE,
    SLACK,
    WHO,
    Meter,
    Serve,
    fails,
    look_up,
    serving,
    timed,
    until,
)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
async def serve(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    async with serving(meter, monkeypatch) as new:
        yield new


# Failover


async def test_first_server_does_all_while_it_answers(serve: Serve, meter: Meter) -> None:
    one, two = Host(), Host()
    servers = serve(one, two)
    for _ in range(3):
        assert await servers.run(look_up) == "dc1"
    assert (one.tried, one.binds, len(one.searches)) == (1, [SERVICE], 3)
    assert two.tried == 0
    assert meter.outcomes == ["answered"] * 3


@pytest.mark.parametrize("state", ["refusing", "silent", "mute", "busy"])
async def test_l9_dead_server_costs_one_login_its_share_and_later_ones_nothing(
    serve: Serve, meter: Meter, state: Any
) -> None:
    one, two = Host(state), Host()
    servers = serve(one, two)
    host, took = await timed(servers.run(look_up))
    assert (host, took <= SHARE + SLACK) == ("dc2", True)
    assert meter.outcomes == ["failed", "answered"]
    for _ in range(3):
        host, took = await timed(servers.run(look_up))
        assert (host, took <= SLACK) == ("dc2", True)


@pytest.mark.parametrize("state", ["mute", "busy"])
async def test_l9_server_that_dies_with_connections_kept(serve: Serve, state: Any) -> None:
    one, two = Host(), Host()
    servers = serve(one, two)
    assert await servers.run(look_up) == "dc1"
    one.state = state
    host, took = await timed(servers.run(look_up))
    assert (host, took <= SHARE + SLACK) == ("dc2", True)


async def test_connection_that_ended_while_nobody_used_it_is_no_failure(serve: Serve) -> None:
    one, two = Host(), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    await one.connections[0].close()
    assert await servers.run(look_up) == "dc1"
    assert (one.tried, two.tried) == (2, 0)


async def test_c11_many_silent_servers_together_take_no_longer_than_one_may(serve: Serve) -> None:
    hosts = [Host("silent") for _ in range(6)]
    started = time.monotonic()
    error = await fails(serve(*hosts))
    assert time.monotonic() - started <= 1.0 + SLACK
    assert 0 not in [host.tried for host in hosts]
    assert error.detail.count("ldaps://dc") == 6
    assert error.retry_after == PROBE_EVERY


async def test_all_servers_down_is_told_at_once(serve: Serve) -> None:
    hosts = [Host("refusing"), Host("refusing")]
    servers = serve(*hosts)
    for _ in range(PATIENCE):
        await fails(servers)
    tried = hosts[0].tried
    error, took = await timed(fails(servers))
    assert "ldaps://dc1: left alone, it is down; ldaps://dc2: left alone" in error.detail
    assert took < SLACK
    assert hosts[0].tried - tried <= 1  # a probe, at most


# The way back


async def test_server_that_is_back_is_used_again_on_new_connections(serve: Serve) -> None:
    one, two = Host(), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    one.state = "mute"
    assert await servers.run(look_up) == "dc2"
    stale = len(one.connections)
    one.state = "up"
    await until(lambda: not servers.sites[0].down)
    assert await servers.run(look_up) == "dc1"
    used = [connection for connection in one.connections if WHO in connection.searches]
    assert one.connections.index(used[-1]) >= stale


async def test_connections_of_before_are_closed(serve: Serve) -> None:
    """A firewall may have forgotten them, and each would cost somebody a time-out."""
    one, two = Host(), Host()
    servers = serve(one, two)
    await asyncio.gather(*(servers.run(look_up) for _ in range(4)))
    before = one.open
    assert before > 1
    one.state = "busy"
    await servers.run(look_up)
    one.state = "up"
    await until(lambda: not servers.sites[0].down)
    assert one.open == 0


@pytest.mark.parametrize("state", ["silent", "mute", "refusing", "busy"])
async def test_no_login_is_tried_on_a_server_that_is_down(serve: Serve, state: Any) -> None:
    one, two = Host(state), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    tried = one.tried
    waits = []
    while one.tried < tried + 3:  # probes, each of which fails
        host, took = await timed(servers.run(look_up))
        assert host == "dc2"
        waits.append(took)
        await asyncio.sleep(0.01)
    assert max(waits) < SLACK
    assert len([query for query in one.searches if query == WHO]) <= 1


async def test_probe_does_what_logins_do(serve: Serve) -> None:
    one, two = Host("refusing"), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    one.state = "up"
    await until(lambda: not servers.sites[0].down)
    (probe,) = one.connections
    assert probe.binds == [SERVICE]
    assert [query.base for query in probe.searches] == ["ou=people,dc=test"]
    assert not probe.alive


async def test_probe_goes_on_whatever_comes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Host("refusing"), Host()
    servers = serve(one, two)
    site = servers.sites[0]
    probe, failures = site.probe, iter([OSError(), ValueError(), TimeoutError()])

    async def failing() -> None:
        for failure in failures:
            raise failure
        await probe()

    monkeypatch.setattr(site, "probe", failing)
    await servers.run(look_up)
    one.state = "up"
    await until(lambda: not site.down)
    assert await servers.run(look_up) == "dc1"


async def test_server_that_refuses_the_service_account_is_not_down(serve: Serve) -> None:
    one, two = Host("refusing"), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    one.accounts = {}
    one.state = "up"
    await until(lambda: not servers.sites[0].down)
    assert "refuses bind_dn and bind_password" in (await fails(servers)).detail


# The only server, or the last


async def test_only_server_is_given_up_after_failures_in_a_row(serve: Serve) -> None:
    host = Host("refusing")
    servers = serve(host)
    for number in range(1, PATIENCE + 1):
        assert "Connection refused" in (await fails(servers)).detail
        assert (host.tried, servers.sites[0].down) == (number, number == PATIENCE)
    assert "it is down" in (await fails(servers)).detail
    host.state = "up"
    await until(lambda: not servers.sites[0].down)
    assert await servers.run(look_up) == "dc1"


async def test_answer_between_failures_ends_the_row(serve: Serve) -> None:
    async def refused(site: Site, deadline: float) -> None:
        await look_up(site, deadline)
        raise Rejected("wrong password")

    host = Host()
    servers = serve(host)
    for _ in range(PATIENCE):
        host.state = "refusing"
        for connection in host.connections:
            await connection.close()
        for _ in range(PATIENCE - 1):
            await fails(servers)
        host.state = "up"
        with pytest.raises(Rejected):
            await servers.run(refused)
    assert not servers.sites[0].down


async def test_last_server_of_several_is_not_given_up_so_soon(serve: Serve) -> None:
    one, two = Host("refusing"), Host()
    servers = serve(one, two)
    await servers.run(look_up)
    for connection in two.connections:
        await connection.close()
    two.state = "refusing"
    await fails(servers)
    two.state = "up"
    assert await servers.run(look_up) == "dc2"


async def test_slow_server_is_a_failure_of_its_own(serve: Serve) -> None:
    async def dawdle(site: Site, deadline: float) -> None:
        await asyncio.sleep(10)

    servers = serve(Host())
    error, took = await timed(fails(servers, dawdle))
    assert error.detail == "ldaps://dc1: no answer in time"
    assert took <= 1.0 + SLACK


# What is no failure of a server


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Rejected("wrong password"), "answered"), (Unavailable("staff", "too many wait"), "failed")],
)
async def test_no_other_server_is_asked_for_another_answer(
    serve: Serve, meter: Meter, error: Exception, outcome: str
) -> None:
    async def refuse(site: Site, deadline: float) -> None:
        raise error

    two = Host()
    servers = serve(Host(), two)
    for _ in range(PATIENCE + 1):
        with pytest.raises(type(error)):
            await servers.run(refuse)
    assert meter.outcomes == [outcome] * (PATIENCE + 1)
    assert two.tried == 0
    assert not servers.sites[0].down


async def test_server_that_answers_others_meanwhile_is_slow_and_not_down(serve: Serve) -> None:
    async def wait_in_vain(site: Site, deadline: float) -> None:
        await asyncio.sleep(10)

    servers = serve(Host())
    waiting = [asyncio.create_task(fails(servers, wait_in_vain)) for _ in range(PATIENCE + 1)]
    await asyncio.sleep(0)
    await servers.run(look_up)
    await asyncio.gather(*waiting)
    assert not servers.sites[0].down


async def test_login_that_is_cut_off_is_no_failure(serve: Serve) -> None:
    servers = serve(Host("silent"), Host())
    task = asyncio.create_task(servers.run(look_up))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not servers.sites[0].down


async def test_login_that_waits_while_others_are_answered_is_no_failure(serve: Serve) -> None:
    """A crowd is at a server that is slow, not dead."""

    async def dawdle(site: Site, deadline: float) -> None:
        await asyncio.sleep(10)

    one, two = Host(), Host()
    servers = serve(one, two)
    waiting = asyncio.create_task(fails(servers, dawdle))
    await asyncio.sleep(0.01)
    assert await servers.run(look_up) == "dc1"
    await waiting
    assert not servers.sites[0].down


# Persons and the service account


async def test_l4_nobody_is_bound_on_a_connection_of_the_service_account(serve: Serve) -> None:
    async def sign_in(site: Site, deadline: float) -> None:
        async def prove(connection: Connection, deadline: float) -> None:
            await connection.bind("uid=ann", "secret", site.within(deadline))

        await site.reader(deadline)(WHO)
        await site.people.run(prove, deadline)

    host = Host()
    servers = serve(host)
    for _ in range(10):
        await asyncio.gather(*(servers.run(sign_in) for _ in range(5)))
    for connection in host.connections:
        assert connection.binds == [SERVICE] or SERVICE not in connection.binds
        assert SERVICE in connection.binds or not connection.searches


async def test_operation_ends_with_the_deadline_of_the_login(serve: Serve) -> None:
    host = Host("mute")
    servers = serve(host, timeout="{connect: 5s, operation: 5s, total: 200ms}")
    error, took = await timed(fails(servers))
    assert took <= 0.2 + SLACK
    assert error.detail.startswith("ldaps://dc1: no answer in time")


async def test_without_a_service_account_nobody_binds_to_search(serve: Serve) -> None:
    host = Host()
    servers = serve(host, bind_dn="null", bind_password="null")
    await servers.run(look_up)
    assert (host.binds, host.searches) == ([], [WHO])


async def test_close_ends_probes_and_connections(meter: Meter) -> None:
    one, two = Host("refusing"), Host()
    config = parse(LdapConfig, "urls: [ldaps://dc1, ldaps://dc2]\nuser_search: {base_dn: dc=test}")
    driver = ScriptedDriver({"dc1": one, "dc2": two})
    servers = Servers("staff", config, driver, meter)
    await servers.run(look_up)
    assert two.open == 1
    await servers.close()
    assert (two.open, driver.closed) == (0, True)
    one.state = "up"
    await asyncio.sleep(3 * PROBE_EVERY)
    assert one.connections == []
