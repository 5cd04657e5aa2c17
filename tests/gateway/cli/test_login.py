"""``login``, at a terminal and in a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.gateway.cli.command import Terminal, run
from tests.gateway.conftest import PASSWORD, USER, Site, phone_login
from tests.servers.gateway import ROOT, GatewayProcess
from tests.servers.numbers import fresh_number

WRONG = "000000"


@pytest.fixture(scope="module")
def default_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway on the configuration that comes with the project, but on free ports."""
    config = yaml.safe_load((ROOT / "gateway.yaml").read_text())
    del config["listen"], config["admin"]
    with GatewayProcess(tmp_path_factory.mktemp("default"), config) as gateway:
        yield gateway


def test_phone_login_against_the_default_configuration(default_gateway: GatewayProcess) -> None:
    number = fresh_number()
    with Terminal("login", "--url", default_gateway.url) as terminal:
        terminal.wait_for("Phone number, email address or user name: ")
        terminal.enter(f"+{number[0]} {number[1:4]}-{number[4:]}")
        terminal.wait_for("A code was sent. It is valid for 10 minutes.")
        terminal.wait_for("Code (empty to send it again): ")
        terminal.enter("")
        terminal.wait_for("Code (empty to send it again): ")
        code = default_gateway.code_for(number)
        terminal.enter(WRONG if code != WRONG else "000001")
        terminal.wait_for("That was not the code. Code: ")
        terminal.enter(code)
        terminal.wait_for(f"Signed in as {number}")
        assert terminal.end() == 0
        assert re.search("^token: [0-9a-f]{48}\r$", terminal.shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "options", "refusal"),
    [
        pytest.param("12345678", [], "Refused: BADPHONE", id="number"),
        pytest.param("18005551234", ["--appid", "other"], "Refused: BADAPP", id="app"),
        pytest.param("18005551234", ["--provider", "x"], "Refused: BADPROVIDER", id="provider"),
    ],
)
def test_refusal_is_told_with_its_text(
    site: Site, name: str, options: list[str], refusal: str
) -> None:
    ended = run("login", "--url", site.url, *options, typed=f"{name}\n")
    lines = ended.stdout.splitlines()
    assert lines[-2].endswith(refusal)
    assert lines[-1].endswith(".")
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize(
    ("options", "password", "status", "outcome"),
    [
        pytest.param([], PASSWORD, 0, "Signed in as staff:ann", id="right"),
        pytest.param([], "wrong", 1, "Refused: BADLOGIN", id="wrong"),
        pytest.param(["--provider", "staff"], PASSWORD, 0, "Signed in as", id="named"),
    ],
)
def test_password_is_asked_for_where_it_is_needed_and_not_shown(
    site: Site, options: list[str], password: str, status: int, outcome: str
) -> None:
    with Terminal("login", "--url", site.url, *options) as terminal:
        terminal.wait_for("user name: ")
        terminal.enter(USER)
        terminal.wait_for("Password: ")
        terminal.enter(password)
        terminal.wait_for(outcome)
        assert terminal.end() == status
        assert password not in terminal.shown


def test_code_may_come_through_a_pipe(site: Site) -> None:
    number = fresh_number()
    site.post(phone_login(number))
    code = site.sms.code_for(number)
    ended = run("login", "--url", site.url, typed=f"{number}\n{code}\n")
    assert f"Signed in as {number}" in ended.stdout
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("typed", ["", "18885550000\n"])
def test_end_of_the_input_ends_the_sign_in(site: Site, typed: str) -> None:
    ended = run("login", "--url", site.url, typed=typed)
    assert ended.stdout.endswith("\nthe input ended before the sign-in did\n")
    assert (ended.returncode, ended.stderr) == (1, "")


def test_interrupt_ends_it_quietly(site: Site) -> None:
    with Terminal("login", "--url", site.url) as terminal:
        terminal.wait_for("user name: ")
        assert terminal.interrupt() == 130
        terminal.end()
        assert "Traceback" not in terminal.shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/", "the URL must start with http:// or https://"),
        ("http://127.0.0.1:1/", "no answer from http://127.0.0.1:1/: "),
    ],
)
def test_url_that_is_no_gateways(url: str, message: str) -> None:
    ended = run("login", "--url", url, typed="18005551234\n")
    assert message in ended.stdout
    assert (ended.returncode, ended.stderr) == (1, "")


def test_server_that_is_no_gateway(site: Site) -> None:
    site.mesibo.fail("html")
    ended = run("login", "--url", site.mesibo.url, typed="18005551234\n")
    assert ended.stdout.endswith(f"{site.mesibo.url} does not answer as a gateway\n")
    assert (ended.returncode, ended.stderr) == (1, "")
