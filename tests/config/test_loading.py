from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from config import ConfigError, Limit, Loaded, MesiboIssuer, load

EXAMPLE = """\
listen: 127.0.0.1:8080
admin: 127.0.0.1:9090              # health and metrics; null turns it off
public_url: https://auth.example.com   # where browsers reach the gateway
workers: 1                         # processes; more than one needs a shared store
tls: {certificate: /etc/gw/tls.crt, private_key: /etc/gw/tls.key}   # optional
trusted_proxies: []
cors_origins: ["*"]
allow_get: false                   # the query-string clients of 2020
secret: {env: GATEWAY_SECRET}      # >= 32 bytes; keys the stored digests
store: {url: "memory://"}
issuer:
  type: mesibo                     # mesibo | sandbox
  url: https://api.mesibo.com/backend/
  app_token: {env: MESIBO_APP_TOKEN}
  token_lifetime: 365d
apps:                              # the app ids that may log in; "*" admits any
  com.example.messenger:
    providers: [phone, staff]
    result: auto                   # auto | string | boolean
    return_urls: ["com.example.messenger:/signed-in"]
    urls: {upload: https://files.example.com/up, download: https://files.example.com/}
    share: {text: …, subject: …, title: …}
    invite: …
providers:
  phone:
    type: phone_otp
    label: Text message
    address: "{phone}"
    config: {…}
  staff:
    type: ldap
    address: "{username}"
    config: {…}
limits: {per_ip: [60/5m], failures_per_identity: [5/15m]}
logging: {level: info, format: console}
"""
LEAST = """\
issuer: {type: sandbox}
apps: {com.example.app: {}}
providers: {phone: {type: phone_otp}}
"""
SECRET = "0123456789abcdef" * 2


def load_text(folder: Path, text: str) -> Loaded:
    (folder / "gateway.yaml").write_text(text)
    return load(folder / "gateway.yaml")


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text)
    name = f"{folder}/gateway.yaml:"
    return [str(problem).removeprefix(name) for problem in caught.value.problems]


def test_documented_example_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SECRET", SECRET)
    monkeypatch.setenv("MESIBO_APP_TOKEN", "hunter2")
    loaded = load_text(tmp_path, EXAMPLE)
    settings = loaded.settings
    assert isinstance(settings.issuer, MesiboIssuer)
    assert settings.issuer.app_token.get_secret_value() == "hunter2"
    assert settings.apps["com.example.messenger"].providers == ["phone", "staff"]
    assert settings.limits.per_ip == [Limit(60, 300.0)]
    assert loaded.document.warnings == []


def test_example_without_its_environment_names_both_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATEWAY_SECRET", raising=False)
    monkeypatch.delenv("MESIBO_APP_TOKEN", raising=False)
    assert refused(tmp_path, EXAMPLE) == [
        "9:9: secret: environment variable GATEWAY_SECRET is not set",
        "14:14: issuer.app_token: environment variable MESIBO_APP_TOKEN is not set",
    ]


def test_the_checkouts_own_file_loads() -> None:
    root = Path(__file__).resolve().parents[2]
    assert load(root / "gateway.yaml").settings.store.in_memory


def test_loaded_cannot_be_changed(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, LEAST)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.settings = loaded.settings  # type: ignore[misc]  # the point of the test


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the file: No such file or directory"):
        load(tmp_path / "gateway.yaml")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "store: {url: redis://h}\n",
            ["1:1: secret: required key is missing: only memory:// works without a secret"],
        ),
        (
            "secret:\nstore: {url: redis://h}\n",
            ["1:8: secret: required key is missing: only memory:// works without a secret"],
        ),
        (
            "listen: 127.0.0.1:80\nadmin: 127.0.0.1:80\n",
            ["2:8: admin: is the address of listen; it needs one of its own"],
        ),
        (
            "listen: 0.0.0.0:9090\n",
            ["1:1: admin: is the address of listen; it needs one of its own"],
        ),
        (
            "workers: 2\n",
            [
                "1:10: workers: must be 1: memory:// keeps its state in one process; several need redis://"
            ],
        ),
        (
            "apps: {a: {providers: [phone, phnoe, zzz]}, b: {providers: [phone]}}\n",
            [
                '1:31: apps.a.providers.1: there is no such provider; did you mean "phone"?',
                "1:38: apps.a.providers.2: there is no such provider",
            ],
        ),
        (
            "workers: 3\nstore: {url: redis://h}\napps: {a: {providers: [x]}}\n",
            [
                "1:1: secret: required key is missing: only memory:// works without a secret",
                "3:24: apps.a.providers.0: there is no such provider",
            ],
        ),
    ],
)
def test_keys_that_do_not_go_together_are_refused_c20(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    least = (
        "\n".join(LEAST.splitlines()[1:]) if "apps" not in text else "providers: {phone: {type: t}}"
    )
    assert refused(tmp_path, f"{text}issuer: {{type: sandbox}}\n{least}\n") == problems


@pytest.mark.parametrize(
    "text",
    [
        f"secret: {SECRET}\nstore: {{url: redis://h}}\n",
        f"secret: {SECRET}\n",
        "workers: 1\n",
    ],
)
def test_keys_that_go_together(tmp_path: Path, text: str) -> None:
    assert load_text(tmp_path, f"{text}{LEAST}").settings.workers == 1


def test_several_workers_on_one_redis(tmp_path: Path) -> None:
    text = f"workers: 2\nsecret: {SECRET}\nstore: {{url: redis://h}}\n{LEAST}"
    assert load_text(tmp_path, text).settings.workers == 2


def test_500_providers_load_well_under_a_second(tmp_path: Path) -> None:
    entry = """\
  staff{n}:
    type: ldap
    label: Staff {n}
    address: "{{username}}"
    config:
      urls: [ldaps://dc1.example.com, ldaps://dc2.example.com]
      bind_dn: cn=gateway,dc=example,dc=com
      bind_password: hunter{n}
      user_search: {{base_dn: "ou=people,dc=example,dc=com", filter: "(uid={{username}})"}}
      attributes: {{username: uid, email: mail, phone: mobile, name: displayName}}
      timeout: {{connect: 3s, operation: 5s, total: 10s}}
"""
    providers = "".join(entry.format(n=n) for n in range(500))
    text = f"issuer: {{type: sandbox}}\napps: {{'*': {{}}}}\nproviders:\n{providers}"
    started = time.perf_counter()
    loaded = load_text(tmp_path, text)
    assert time.perf_counter() - started < 1
    assert len(loaded.settings.providers) == 500
