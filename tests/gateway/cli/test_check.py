"""``check``: one line per problem, with its place and without any value (C20)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from gateway.cli import main
from tests.gateway.cli.command import Terminal
from tests.servers.gateway import ROOT
from tests.servers.tls import Authority

APP_TOKEN = "app-token-of-the-console"
SECRET = "0123456789abcdef0123456789abcdef"
HTTP_SENDER = '{type: http, url: "https://sms.example.com/", json: {to: "{to}", text: "{text}"}}'
GOOD = f"""\
issuer: {{type: mesibo, app_token: {APP_TOKEN}}}
store: {{url: "redis://:{SECRET}@127.0.0.1:1/0"}}
secret: {SECRET}
apps: {{"*": {{}}}}
providers:
  phone:
    type: phone_otp
    config:
      code: {{length: 6}}
      senders: [{HTTP_SENDER}]
"""

Check = tuple[int, list[str]]


def check(file: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    status = main(["check", "--config", str(file)])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert APP_TOKEN not in printed.out
    assert SECRET not in printed.out
    return status, printed.out.splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.yaml"
    file.write_text(GOOD)
    return file


def test_good_file_is_fine(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(file, capsys) == (0, [f"{file}: fine"])


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        pytest.param("secret:", "sceret:", "3:1: sceret: unknown key", id="unknown-key"),
        pytest.param("apps:", "workers: x\napps:", "4:10: workers: ", id="wrong-type"),
        pytest.param("apps:", "secret: x\napps:", "4:1: secret: duplicate key", id="duplicate"),
        pytest.param(SECRET + "\n", "short\n", "3:9: secret: must have at least 32", id="secret"),
        pytest.param(f"secret: {SECRET}\n", "", "1:1: secret: required", id="no-secret"),
        pytest.param(
            "type: mesibo",
            'type: mesibo, url: "http://api.example.com/"',
            "1:29: issuer.url: must be https",
            id="http-upstream",
        ),
        pytest.param(
            "type: mesibo",
            "type: mesibo, verify: false",
            "1:24: issuer.verify: unknown key",
            id="no-tls-verification",
        ),
        pytest.param(
            "https://sms",
            "http://sms",
            "10:35: providers.phone.config.senders.0.url: must be https",
            id="http-sender",
        ),
        pytest.param(
            "{length: 6}",
            "{lifetime: 11m}",
            "9:24: providers.phone.config.code.lifetime: ",
            id="code-lifetime",
        ),
        pytest.param(
            "{length: 6}", "{length: 3}", "9:22: providers.phone.config.code.length: ", id="length"
        ),
        pytest.param(
            "type: mesibo",
            "type: mesibo, token_lifetime: 1s",
            "1:40: issuer.token_lifetime: ",
            id="token-lifetime",
        ),
        pytest.param(
            HTTP_SENDER,
            "{type: console}",
            "10:17: providers.phone.config.senders.0: codes would be printed in production",
            id="console-with-real-tokens",
        ),
        pytest.param(
            HTTP_SENDER, "", "10:16: providers.phone.config.senders: must not be empty", id="empty"
        ),
        pytest.param("phone_otp", "phone_otb", "7:11: providers.phone.type: ", id="unknown-type"),
        pytest.param(
            "{}}",
            "{providers: [fone]}}",
            '4:26: apps.*.providers.0: there is no such provider; did you mean "phone"?',
            id="unknown-provider",
        ),
        pytest.param(
            "    type: phone_otp",
            '    address: "{fone}"\n    type: phone_otp',
            "7:14: providers.phone.address: may name ",
            id="address",
        ),
        pytest.param(
            SECRET + "\n",
            "{env: GATEWAY_NO_SUCH}\n",
            "3:9: secret: environment variable GATEWAY_NO_SUCH is not set",
            id="variable",
        ),
        pytest.param(SECRET + "\n", "{file: nowhere}\n", "3:9: secret: ", id="file"),
        pytest.param("redis://", "rediz://", "2:14: store.url: ", id="store"),
        pytest.param("apps:", "\tapps:", "4:1: not valid YAML: ", id="yaml"),
    ],
)
def test_c20_problem_is_told_with_its_place(
    file: Path, capsys: pytest.CaptureFixture[str], good: str, bad: str, problem: str
) -> None:
    assert good in GOOD
    file.write_text(GOOD.replace(good, bad, 1))
    status, lines = check(file, capsys)
    assert status == 1
    assert lines[0].startswith(f"{file}:{problem}"), lines
    assert len(lines) == 1


def test_all_problems_are_told_in_the_order_of_the_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = GOOD.replace(SECRET + "\n", "short\n").replace("{length: 6}", "{length: x}")
    file.write_text("listn: 1\n" + bad + "workers: many\n")
    status, lines = check(file, capsys)
    assert status == 1
    assert [line.split(": ")[1] for line in lines] == ["listn", "secret", "workers"]


@pytest.mark.parametrize("sender", ["{type: console, allow_in_production: true}", HTTP_SENDER])
def test_console_sender_can_be_allowed(
    file: Path, capsys: pytest.CaptureFixture[str], sender: str
) -> None:
    file.write_text(GOOD.replace(HTTP_SENDER, sender))
    assert check(file, capsys)[0] == 0


def test_two_providers_with_one_address_are_refused(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = yaml.safe_load(GOOD)
    good["providers"]["text"] = good["providers"]["phone"]
    file.write_text(yaml.safe_dump(good))
    status, lines = check(file, capsys)
    assert (status, len(lines)) == (1, 1)
    assert "providers.text.address: can give the same address as provider phone" in lines[0]


def test_a155_secret_that_everybody_can_read_is_a_warning(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = file.with_name("secret")
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o644)
    file.write_text(GOOD.replace(f"secret: {SECRET}", "secret: {file: secret}"))
    status, lines = check(file, capsys)
    assert (status, len(lines)) == (0, 2)
    assert lines[0].startswith("warning: ")
    assert "secret" in lines[0]
    secret.chmod(0o600)
    assert check(file, capsys) == (0, [f"{file}: fine"])


def encrypt(key: Path, encrypted: Path) -> None:
    encryption = serialization.BestAvailableEncryption(b"a password that nobody is asked for")
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    encrypted.write_bytes(loaded.private_bytes(serialization.Encoding.PEM, form, encryption))


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        pytest.param("a.pem b.pem", ["tls.certificate: cannot read", "tls.private_key: cannot"]),
        pytest.param("good.pem b.pem", ["tls.private_key: cannot read the file: No such file"]),
        pytest.param("junk good.key", ["tls: cannot be used as PEM: "]),
        pytest.param("good.pem other_name.key", ["tls: cannot be used as PEM: KEY_VALUES_MISM"]),
        pytest.param("good.pem good.key", []),
    ],
)
def test_certificate_files_have_to_be_usable(
    file: Path, capsys: pytest.CaptureFixture[str], keys: str, problems: list[str]
) -> None:
    authority = Authority(file.parent)
    authority.files("good")
    authority.files("other_name")
    file.with_name("junk").write_text("junk")
    certificate, key = keys.split()
    file.write_text(GOOD + f"tls: {{certificate: {certificate}, private_key: {key}}}\n")
    status, lines = check(file, capsys)
    if problems:
        assert (status, len(lines)) == (1, len(problems))
        assert all(problem in line for problem, line in zip(problems, lines, strict=True))
    else:
        assert status == 0


def test_files_of_the_store_have_to_be_there(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"rediss://:{SECRET}@127.0.0.1:1/0?ssl_ca_certs=ca.pem"
    file.write_text(GOOD.replace(f"redis://:{SECRET}@127.0.0.1:1/0", url))
    status, (line,) = check(file, capsys)
    missing = file.with_name("ca.pem")
    assert status == 1
    assert f"store.url: cannot read the file {missing}: No such file or directory" in line
    Authority(file.parent)
    assert check(file, capsys)[0] == 0


def test_nobody_is_asked_for_the_password_of_a_private_key(file: Path) -> None:
    files = Authority(file.parent).files()
    encrypt(files.private_key, file.with_name("encrypted.key"))
    file.write_text(GOOD + "tls: {certificate: good.pem, private_key: encrypted.key}\n")
    with Terminal("check", "--config", str(file)) as terminal:
        terminal.wait_for(f"{file}:11:6: tls: cannot be used as PEM: ")
        assert terminal.end() == 1
        assert "Enter" not in terminal.shown


def test_authorities_have_to_be_usable(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("type: mesibo", "type: mesibo, ca_file: ca.pem"))
    status, lines = check(file, capsys)
    assert (status, lines) == (
        1,
        [f"{file}:1:33: issuer.ca_file: cannot read the file: No such file or directory"],
    )
    file.with_name("ca.pem").write_text("junk")
    assert "issuer.ca_file: cannot be used as PEM: " in check(file, capsys)[1][0]
    Authority(file.parent)
    assert check(file, capsys)[0] == 0


def test_file_of_the_environment_is_the_default_and_the_option_is_stronger(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", str(file))
    assert main(["check"]) == 0
    assert capsys.readouterr().out == f"{file}: fine\n"
    status, lines = check(file.with_name("other"), capsys)
    assert (status, len(lines)) == (1, 1)


def test_default_is_the_file_that_comes_with_the_project(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "gateway.yaml: fine\n"


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_file_that_cannot_be_read(
    file: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, lines = check(file.with_name(name) if name != "." else file.parent, capsys)
    assert (status, len(lines)) == (1, 1)
    assert ":1:1: cannot read the file: " in lines[0]
