from __future__ import annotations

from pathlib import Path

import pytest

from config import Issuer, MesiboIssuer, Model, SandboxIssuer
from tests.config.reading import parse, the_problem

YEAR = 31_536_000.0


class Issuing(Model):
    issuer: Issuer


def test_mesibo_has_the_defaults_of_the_hosted_service() -> None:
    issuer = parse(Issuing, "issuer: {type: mesibo, app_token: hunter2}").issuer
    assert isinstance(issuer, MesiboIssuer)
    assert issuer.url == "https://api.mesibo.com/backend/"
    assert issuer.token_lifetime == YEAR
    assert issuer.ca_file is None
    assert issuer.app_token.get_secret_value() == "hunter2"


def test_mesibo_on_premise() -> None:
    text = (
        "issuer: {type: mesibo, app_token: x, url: http://10.0.0.7/mesiboapi, "
        "token_lifetime: 1m, ca_file: /etc/gw/ca.pem}"
    )
    issuer = parse(Issuing, text).issuer
    assert isinstance(issuer, MesiboIssuer)
    assert issuer.url == "http://10.0.0.7/mesiboapi"
    assert issuer.token_lifetime == 60.0
    assert issuer.ca_file == Path("/etc/gw/ca.pem")


def test_sandbox() -> None:
    issuer = parse(Issuing, "issuer: {type: sandbox}").issuer
    assert isinstance(issuer, SandboxIssuer)
    assert issuer.token_lifetime == YEAR


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{type: mesibo}", "issuer.app_token: required key is missing"),
        ("{type: mesibo, app_token: ''}", "issuer.app_token: must not be empty"),
        ("{type: sandbox, app_token: x}", "issuer.app_token: unknown key"),
        (
            "{type: sandbox, token_lifetime: 59s}",
            "issuer.token_lifetime: must be at least 1m",
        ),
        ("{type: prod}", "issuer.type: must be one of 'mesibo', 'sandbox'"),
        ("{}", "issuer.type: required key is missing"),
        ("sandbox", "issuer: must be a mapping of keys to values"),
        (
            "{type: mesibo, app_token: x, url: http://api.mesibo.com/backend/}",
            "issuer.url: must be https: plain http is for loopback and private networks only",
        ),
    ],
)
def test_issuer_refused_c20(text: str, problem: str) -> None:
    assert the_problem(Issuing, f"issuer: {text}") == problem
