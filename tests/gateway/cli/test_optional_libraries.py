"""The command line where the libraries of email are not installed, and where they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import StartGateway
from tests.gateway.cli.command import run
from tests.logins.delivery import by_mail, by_phone
from tests.servers.configs import Config, base_config, http_sender
from tests.servers.gateway import post
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

LIBRARIES = ("aiosmtplib", "jinja2")
SMTP = {"type": "smtp", "host": "mail.example.com"}
HTTP = {"type": "http", "url": "https://mail.example.com/", "json": {"to": "{to}"}}
# Python imports this at its start. What is hidden is found by nobody, as if it were not there.
HIDING = """\
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in {names!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def without(folder: Path, *names: str) -> dict[str, str]:
    """Return an environment in which Python does not find these modules."""
    folder.joinpath("sitecustomize.py").write_text(HIDING.format(names=names))
    return {"PYTHONPATH": str(folder)}


def check(folder: Path, provider: Config, *hidden: str) -> tuple[int, str]:
    """Run ``check`` on a provider; return its exit status and its one line, without the file."""
    config = {"issuer": {"type": "sandbox"}, "apps": {"*": {}}, "providers": {"mail": provider}}
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    ended = run("check", "--config", str(file), env=without(folder, *hidden))
    assert ended.stderr == ""
    (line,) = ended.stdout.splitlines()
    return ended.returncode, line.removeprefix(f"{file}:").lstrip("0123456789:").lstrip()


@pytest.mark.parametrize(
    ("hidden", "state"),
    [
        ((), "installed"),
        (LIBRARIES, "not installed: jinja2"),
        (("aiosmtplib",), "installed"),  # a sender may be another
    ],
)
def test_providers_tells_what_is_not_installed(
    tmp_path: Path, hidden: tuple[str, ...], state: str
) -> None:
    ended = run("providers", env=without(tmp_path, *hidden))
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = {line.split()[0]: line for line in ended.stdout.splitlines()}
    assert lines["email_otp"].endswith(f"a one-time code by email ({state})")
    assert lines["phone_otp"].endswith("(installed)")


def test_schema_is_the_same_without_the_libraries(tmp_path: Path) -> None:
    whole = run("schema", env=without(tmp_path))
    ended = run("schema", env=without(tmp_path, *LIBRARIES))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == whole.stdout
    assert {"email_otp", "email_otp.SmtpConfig"} <= json.loads(ended.stdout)["$defs"].keys()


NO_JINJA2 = (
    'providers.mail.type: needs libraries that are not installed: jinja2: pip install ".[all]"'
)


@pytest.mark.parametrize(
    ("sender", "hidden", "problem"),
    [
        pytest.param(SMTP, (), "", id="smtp"),
        pytest.param(HTTP, ("aiosmtplib",), "", id="http-without-aiosmtplib"),
        pytest.param(
            SMTP,
            ("aiosmtplib",),
            'providers.mail.config.senders.0: needs the library aiosmtplib: pip install ".[email]"',
            id="smtp-without-aiosmtplib",
        ),
        pytest.param(
            SMTP,
            LIBRARIES,
            NO_JINJA2,
            id="smtp-without-both",
        ),
        pytest.param(
            HTTP,
            LIBRARIES,
            NO_JINJA2,
            id="http-without-both",
        ),
    ],
)
def test_check_tells_what_a_configuration_lacks(
    tmp_path: Path, sender: Config, hidden: tuple[str, ...], problem: str
) -> None:
    status, line = check(tmp_path, by_mail(sender), *hidden)
    assert (status, line) == ((1, problem) if problem else (0, "fine"))


def test_phone_login_needs_none_of_them(
    start_gateway: StartGateway, mesibo: MesiboCloud, sms: SmsVendor, number: str, tmp_path: Path
) -> None:
    config = base_config(mesibo, sms, providers={"phone": by_phone(http_sender(sms))})
    gateway = start_gateway(config, env=without(tmp_path, *LIBRARIES))
    request = {"op": "login", "appid": "x", "dt": "1", "phone": number}
    assert post(gateway.url, request).json["result"] == "OK"
    signed_in = post(gateway.url, {**request, "otp": sms.code_for(number)}).json
    assert signed_in["token"] == mesibo.minted[-1].token
