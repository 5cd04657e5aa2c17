from __future__ import annotations

from pathlib import Path

import pytest

from config import Tracing
from tests.config.reading import parse, the_problem

HERE = "endpoint: http://127.0.0.1:4318/v1/traces\n"


def test_defaults() -> None:
    tracing = parse(Tracing, HERE)
    assert tracing.endpoint == "http://127.0.0.1:4318/v1/traces"
    assert tracing.sample == 1.0
    assert tracing.headers == {}
    assert tracing.service == "messenger-auth-gateway"
    assert tracing.ca_file is None


def test_every_key_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OTLP_TOKEN", "Bearer secret")
    text = f"""\
endpoint: https://collector.example.com/v1/traces
sample: 0.01
headers: {{authorization: {{env: OTLP_TOKEN}}, x-team: chat}}
service: sign-in
ca_file: {tmp_path}/ca.pem
"""
    tracing = parse(Tracing, text)
    assert tracing.sample == 0.01
    assert tracing.headers["authorization"].get_secret_value() == "Bearer secret"
    assert "Bearer" not in repr(tracing)
    assert tracing.service == "sign-in"
    assert tracing.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize("sample", ["0", "1", "0.5"])
def test_any_part_can_be_recorded(sample: str) -> None:
    assert parse(Tracing, f"{HERE}sample: {sample}").sample == float(sample)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sample: 1", "endpoint: required key is missing"),
        ("endpoint: http://collector.example.com/v1/traces", "must be https"),
        ("endpoint: http://user:secret@127.0.0.1/v1/traces", "user name"),
        ("endpoint: collector:4317", "must be a URL"),
        (f"{HERE}sample: 1.01", "sample"),
        (f"{HERE}sample: -0.01", "sample"),
        (f"{HERE}sample: .nan", "sample"),
        (f"{HERE}sample: '1'", "sample"),
        (f"{HERE}headers: {{'a b': secret}}", "is no name of an HTTP header"),
        (f'{HERE}headers: {{a: "secret\\r\\nb: c"}}', "must be one line of printable ASCII"),
        (f"{HERE}headers: {{a: {{env: GATEWAY_TEST_NOT_SET}}}}", "is not set"),
        (f"{HERE}service: ''", "service"),
        (f"{HERE}exporter: grpc", "exporter"),
    ],
)
def test_refused(text: str, told: str) -> None:
    problem = the_problem(Tracing, text)
    assert told in problem
    assert "secret" not in problem
