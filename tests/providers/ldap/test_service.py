"""A service account that the directory refuses: loud, and never tried until it is locked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from providers import Unavailable
from providers.ldap import service
from providers.ldap.client import Bound, Found
from providers.ldap.site import Site
from tests.providers.ldap.scripted import PASSWORD, SERVICE, Host
from tests.providers.ldap.serving import (
    PAUSE,
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
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    async with serving(Meter(), monkeypatch) as new:
        yield new


async def test_refused_service_account_is_tried_once_and_all_others_fail_at_once(
    serve: Serve,
) -> None:
    one, two = Host(accounts={}, seconds=0.05), Host()
    servers = serve(one, two)
    errors, took = await timed(asyncio.gather(*(fails(servers) for _ in range(20))))
    assert took < 0.1 + SLACK
    assert (one.binds, two.tried) == ([SERVICE], 0)
    for error in errors:
        assert error.detail.startswith("ldaps://dc1 refuses bind_dn and bind_password: wrong")
        assert error.retry_after is not None
        assert 0 < error.retry_after <= PAUSE
    await fails(servers)
    assert one.binds == [SERVICE]
    assert one.open == 0


async def test_each_refusal_in_a_row_doubles_the_pause_up_to_its_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LONGEST_PAUSE", 0.5)
    host = Host(accounts={})
    servers = serve(host)
    waits = []
    for _ in range(4):
        error = await fails(servers)
        assert error.retry_after is not None
        waits.append(error.retry_after)
        await asyncio.sleep(error.retry_after)
    assert waits == pytest.approx([0.2, 0.4, 0.5, 0.5], abs=0.05)
    assert host.binds == [SERVICE] * 4


async def test_service_account_that_is_right_again_ends_the_pauses(serve: Serve) -> None:
    host = Host(accounts={})
    servers = serve(host)
    for _ in range(2):
        await fails(servers)
        host.accounts = {SERVICE: PASSWORD}
        await asyncio.sleep(PAUSE)
        assert await servers.run(look_up) == "dc1"
        assert host.binds[-1] == SERVICE
        host.accounts = {}
        for connection in host.connections:
            await connection.close()


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        (Bound(49, "80090308: LdapErr: DSID-0, data 775, v1", None), "account locked"),
        (Bound(0, "", bytes.fromhex("3003810102")), "must change the password"),
    ],
)
async def test_operator_is_told_why_the_service_account_is_refused(
    serve: Serve, bound: Bound, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = serve(Host(bound=bound))
    error = await fails(servers)
    assert error.detail.startswith("ldaps://dc1 refuses bind_dn and bind_password: ")
    assert told in error.detail
    logged = capsys.readouterr().out
    assert "service account refused" in logged
    assert told in logged
    assert SERVICE not in logged + error.detail
    assert PASSWORD not in logged + error.detail


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param(8, "the server wants TLS or signing before passwords", id="l15 8"),
        pytest.param(13, "the server wants TLS before passwords", id="l15 13"),
    ],
)
async def test_l15_clear_text_is_no_failure_of_the_service_account(
    serve: Serve, code: int, told: str
) -> None:
    error = await fails(serve(Host(bound=Bound(code, "", None))))
    remedy = "use ldaps:// or tls.start_tls: true"
    assert error.detail == f"ldaps://dc1: {told} (result code {code}); {remedy}"


async def test_quiet_service_account_is_refused_and_not_logged(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = serve(Host(accounts={}))
    with servers.account.quietly():
        told = (await fails(servers)).detail
    assert "refuses bind_dn and bind_password" in told
    assert capsys.readouterr().out == ""
    await asyncio.sleep(PAUSE)
    await fails(servers)
    assert "service account refused" in capsys.readouterr().out


async def test_first_logins_do_not_wait_for_each_others_binds(serve: Serve) -> None:
    """One shows that the password is right, then all others bind together."""
    host = Host(seconds=0.1)
    servers = serve(host)
    _, took = await timed(asyncio.gather(*(servers.run(look_up) for _ in range(8))))
    assert took < 0.2 + SLACK
    assert host.binds == [SERVICE] * 8


async def test_logins_that_come_later_wait_for_one_bind_again(serve: Serve) -> None:
    host = Host(seconds=0.05)
    servers = serve(host)
    await servers.run(look_up)
    host.accounts = {}
    await host.connections[0].close()
    await asyncio.gather(*(fails(servers) for _ in range(8)))
    assert host.binds == [SERVICE] * 2


async def test_password_that_changes_while_they_bind_together_makes_one_pause(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(seconds=0.1)
    servers = serve(host)
    first, *others = [asyncio.create_task(servers.run(look_up)) for _ in range(8)]
    await first
    host.accounts = {}
    errors = await asyncio.gather(*others, return_exceptions=True)
    waits = [error.retry_after for error in errors if isinstance(error, Unavailable)]
    assert len(waits) == 7
    assert all(wait is not None and wait <= PAUSE for wait in waits)
    assert capsys.readouterr().out.count("service account refused") == 1


async def test_busy_server_has_not_refused_the_service_account(serve: Serve) -> None:
    one, two = Host("busy"), Host()
    servers = serve(one, two)
    assert await servers.run(look_up) == "dc2"
    one.state = "up"
    await until(lambda: not servers.sites[0].down)
    assert await servers.run(look_up) == "dc1"


async def test_searches_go_on_while_the_service_account_is_refused(serve: Serve) -> None:
    """A connection from before the password was changed is as good as ever."""
    host = Host()
    servers = serve(host)
    await servers.run(look_up)
    host.accounts = {}

    async def two_at_once(
        site: Site, deadline: float
    ) -> tuple[Found | BaseException, Found | BaseException]:
        read = site.reader(deadline)
        return await asyncio.gather(read(WHO), read(WHO), return_exceptions=True)

    results = await servers.run(two_at_once)
    assert [isinstance(result, Unavailable) for result in results] == [False, True]
    assert await servers.run(look_up) == "dc1"
