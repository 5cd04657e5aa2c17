"""Alerts and dashboard, against a real Prometheus that scrapes a real gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.metrics import Metrics
from tests.deploy.conftest import LOGIN, configuration
from tests.deploy.prometheus import Prometheus, promtool, scraping
from tests.gateway.waiting import until
from tests.servers.gateway import ROOT, GatewayProcess, post
from tests.servers.process import free_port

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
UNIT_TESTS = Path(__file__).parent / "alerts_test.yaml"

RULES: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]
    for rule in group["rules"]
}
VARIABLES = {
    "$job": "messenger-auth-gateway",
    "$app": ".*",
    "$provider": ".*",
    "$__rate_interval": "1m",
}
SUFFIX = re.compile(r"_(bucket|count|sum)$")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def queries() -> list[str]:
    """The expressions of all panels, as Grafana sends them."""
    found = [
        target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())
    ]
    return [re.sub(r"\$\w+", lambda word: VARIABLES[word[0]], query) for query in found]


def variables() -> list[dict[str, Any]]:
    return [v for v in dashboard()["templating"]["list"] if v["type"] == "query"]


def named(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\bgateway_\w+", expression))


def existing() -> set[str]:
    types = re.findall(r"^# TYPE (\S+) (\S+)", Metrics().exposition().decode(), re.MULTILINE)
    return {
        name + suffix
        for name, kind in types
        for suffix in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))
    }


class Watched(NamedTuple):
    """A gateway, and a Prometheus that scrapes it."""

    gateway: GatewayProcess
    prometheus: Prometheus


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with GatewayProcess(folder, configuration(free_port())) as gateway:
        target = gateway.admin_url.removeprefix("http://")
        for body in (LOGIN, {**LOGIN, "password": "wrong"}, b"nothing"):
            post(gateway.url, body)
        with scraping(folder, target, ALERTS) as prometheus:
            until(lambda: prometheus.query("gateway_logins_total"), within=20)
            yield Watched(gateway, prometheus)


def test_promtool_finds_the_metrics_in_order(watched: Watched) -> None:
    page = post(watched.gateway.admin_url, path="/metrics", method="GET").body.decode()
    assert "gateway_logins_total{" in page
    done = promtool("check", "metrics", given=page)
    assert (done.returncode, done.stderr) == (0, "")


def test_promtool_finds_the_rules_in_order() -> None:
    done = promtool("check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stderr


def test_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    text = UNIT_TESTS.read_text()
    assert [alert for alert in RULES if f"alertname: {alert}\n" not in text] == []
    file = tmp_path / "alerts_test.yaml"
    file.write_text(text.replace("[ALERTS]", f"[{ALERTS}]"))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", RULES)
def test_alert_can_be_evaluated(watched: Watched, alert: str) -> None:
    assert named(RULES[alert]) <= existing()
    assert watched.prometheus.query(RULES[alert]) == []


@pytest.mark.parametrize("query", queries())
def test_panel_can_be_drawn(watched: Watched, query: str) -> None:
    assert named(query) <= existing()
    watched.prometheus.query(query)


def test_dashboard_shows_every_metric() -> None:
    shown = {SUFFIX.sub("", name) for query in queries() for name in named(query)}
    assert shown == {SUFFIX.sub("", name) for name in existing()}


@pytest.mark.parametrize("variable", variables(), ids=lambda variable: str(variable["name"]))
def test_variable_has_values_to_choose_from(watched: Watched, variable: dict[str, Any]) -> None:
    query = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert query is not None
    series = watched.prometheus.query(query[1].replace("$job", VARIABLES["$job"]))
    assert any(query[2] in one["metric"] for one in series)


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_an_alert_fires_in_earnest(watched: Watched) -> None:
    file = watched.gateway.config_file
    good = file.read_text()
    file.write_text("no: gateway")
    until(lambda: "GatewayConfigNotReloaded" in watched.prometheus.firing(), within=20)
    file.write_text(good)
    assert watched.prometheus.firing() == {"GatewayConfigNotReloaded"}
