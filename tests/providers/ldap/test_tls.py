"""Passwords travel in TLS to the right server, or not at all (L6)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from providers.ldap.client import SUCCESS, Server, TlsSettings
from tests.providers.ldap.asking import Asking, plain, secure, starting
from tests.servers.fault_proxy import FaultProxy
from tests.servers.ldap_fake import LdapFake, Talk, message, result, say_yes
from tests.servers.process import HOST
from tests.servers.slapd import Person, Slapd
from tests.servers.tls import Authority, Kind

ANN = Person("ann")
PASSWORD = b"secret-of-ann"  # as ``Asking.fails`` sends it

Kinds = Callable[[int, Authority | None, str], Server]
HOW = pytest.mark.parametrize("how", [secure, starting], ids=["ldaps", "StartTLS"])


def port_of(directory: Slapd, how: Kinds) -> int:
    return directory.tls_port if how is secure else directory.port


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def showing(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Callable[[Kind], Slapd]]:
    """Directories that show other certificates."""
    running: dict[Kind, Slapd] = {}

    def start(kind: Kind) -> Slapd:
        if kind not in running:
            folder = tmp_path_factory.mktemp("slapd")
            running[kind] = Slapd(folder, authority, people=[ANN], certificate=kind).start()
        return running[kind]

    yield start
    for directory in running.values():
        directory.stop()


@HOW
@pytest.mark.parametrize("host", ["localhost", HOST])
def test_a_good_certificate_is_good_for_name_and_address(
    asking: Asking, directory: Slapd, authority: Authority, how: Kinds, host: str
) -> None:
    with FaultProxy(port_of(directory, how), record=True) as proxy:
        server = how(proxy.port, authority, host)
        assert asking.bind(server, ANN.dn, ANN.password).code == SUCCESS
        assert proxy.recorded
        assert ANN.password.encode() not in proxy.recorded


def last_day() -> str:
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)).strftime("%Y-%m-%d")


@HOW
@pytest.mark.parametrize(
    ("kind", "host", "why"),
    [
        ("expired", HOST, "certificate has expired (the certificate of trustme "),
        ("expired", "localhost", "certificate has expired (the certificate of trustme "),
        ("other_name", HOST, "IP address mismatch, certificate is not valid for '127.0.0.1' ("),
        (
            "other_name",
            "localhost",
            "Hostname mismatch, certificate is not valid for 'localhost' (",
        ),
    ],
)
def test_a_bad_certificate_is_refused_with_the_reason(
    asking: Asking,
    showing: Callable[[Kind], Slapd],
    authority: Authority,
    how: Kinds,
    kind: Kind,
    host: str,
    why: str,
) -> None:
    with FaultProxy(port_of(showing(kind), how), record=True) as proxy:
        text = asking.fails(how(proxy.port, authority, host))
        assert text.startswith(f"certificate refused: {why}")
        assert f"valid until {last_day()}" in text or kind == "other_name"
        assert PASSWORD not in proxy.recorded
    assert showing(kind).binds() == []


@HOW
def test_a_certificate_of_an_unknown_authority_is_refused(
    asking: Asking, directory: Slapd, stranger: Authority, how: Kinds
) -> None:
    with FaultProxy(port_of(directory, how), record=True) as proxy:
        text = asking.fails(how(proxy.port, stranger, HOST))
        assert text.startswith("certificate refused: unable to get local issuer certificate (")
        assert PASSWORD not in proxy.recorded


@HOW
def test_the_systems_authorities_are_believed_by_default(
    asking: Asking, directory: Slapd, how: Kinds
) -> None:
    server = how(port_of(directory, how), None, HOST)._replace(tls=TlsSettings(None, verify=True))
    assert asking.fails(server).startswith("certificate refused: ")


@HOW
@pytest.mark.parametrize("kind", ["good", "expired", "other_name"])
def test_verification_can_be_switched_off(
    asking: Asking, showing: Callable[[Kind], Slapd], how: Kinds, kind: Kind
) -> None:
    server = how(port_of(showing(kind), how), None, "localhost")
    assert asking.bind(server, ANN.dn, ANN.password).code == SUCCESS


def test_an_authority_that_cannot_be_read_is_named(
    asking: Asking, directory: Slapd, tmp_path: Path
) -> None:
    server = secure(directory.tls_port, None)
    missing = server._replace(tls=TlsSettings(tmp_path / "missing.pem", verify=True))
    assert asking.fails(missing) == "No such file or directory"
    (tmp_path / "bad.pem").write_text("no certificate")
    bad = server._replace(tls=TlsSettings(tmp_path / "bad.pem", verify=True))
    assert asking.fails(bad).startswith("no TLS: ")


# -- servers without TLS, or that pretend to have it


def test_tls_with_a_server_that_has_none_is_refused(
    asking: Asking, directory: Slapd, authority: Authority
) -> None:
    with FaultProxy(directory.port, record=True) as proxy:
        told = "no TLS: the server closed the connection"
        assert asking.fails(secure(proxy.port, authority)) == told
        assert PASSWORD not in proxy.recorded


@pytest.mark.parametrize("code", [1, 2, 8, 10, 12, 52, 53, 80])
def test_start_tls_that_is_refused_ends_the_connection(
    asking: Asking, authority: Authority, code: int
) -> None:
    async def refuse(talk: Talk) -> None:
        await talk.send((await talk.request()).answer(code))
        await talk.silence()

    with LdapFake(refuse) as fake:
        assert f"(result code {code})" in asking.fails(starting(fake.port, authority))
        assert PASSWORD not in fake.received


def test_start_tls_is_asked_for_whatever_the_server_says(
    asking: Asking, authority: Authority
) -> None:
    with LdapFake(say_yes) as fake:
        asking.fails(starting(fake.port, authority), within=0.5)
        assert b"1.3.6.1.4.1.1466.20037" in fake.talks[0].received
        assert PASSWORD not in fake.received


def test_nothing_is_said_in_clear_text_after_start_tls(
    asking: Asking, authority: Authority
) -> None:
    async def stay_in_clear_text(talk: Talk) -> None:
        request = await talk.request()
        await talk.send(request.answer())
        await talk.send(message(request.id + 1, result(0x61)))
        await talk.silence()

    with LdapFake(stay_in_clear_text) as fake:
        asking.fails(starting(fake.port, authority))
        assert PASSWORD not in fake.received


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "any"])
def test_words_put_in_before_tls_are_not_believed(
    asking: Asking, authority: Authority, trusted: bool
) -> None:
    """A success for the bind that is going to follow, sent along with the answer to StartTLS."""
    context = authority.server()

    async def inject(talk: Talk) -> None:
        request = await talk.request()
        await talk.send(request.answer(), message(request.id + 1, result(0x61)))
        await talk.start_tls(context)
        await talk.request()
        await talk.silence()

    with LdapFake(inject) as fake:
        text = asking.fails(starting(fake.port, authority if trusted else None))
        assert text == "the answer has more after its end"
        assert PASSWORD not in fake.received


def test_half_a_word_put_in_before_tls_is_not_believed(
    asking: Asking, authority: Authority
) -> None:
    context = authority.server()

    async def inject(talk: Talk) -> None:
        request = await talk.request()
        await talk.send(request.answer(), message(request.id + 1, result(0x61))[:4])
        await talk.start_tls(context)
        await talk.silence()

    with LdapFake(inject) as fake:
        asking.fails(starting(fake.port, authority))
        assert PASSWORD not in fake.received


def test_start_tls_without_knowing_whom_to_believe_is_refused(
    asking: Asking, directory: Slapd
) -> None:
    with FaultProxy(directory.port, record=True) as proxy:
        text = asking.fails(plain(proxy.port)._replace(start_tls=True))
        assert "which certificates are believed" in text
        assert proxy.recorded == b""


def test_a_certificate_is_read_again_on_every_connection(
    asking: Asking, authority: Authority, stranger: Authority
) -> None:
    """A server that was good once is not good for ever."""
    with LdapFake(say_yes, authority.server()) as good:
        assert asking.bind(secure(good.port, authority), ANN.dn, "x").code == SUCCESS
    with LdapFake(say_yes, stranger.server()) as other:
        asking.fails(secure(other.port, authority))
        assert PASSWORD not in other.received
