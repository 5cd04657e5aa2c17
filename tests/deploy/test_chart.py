"""What the Helm chart makes."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

import config
from gateway.app import DRAIN
from gateway.cli import main
from gateway.plan import plan
from tests.deploy.charts import (
    CHART,
    EXAMPLES,
    KUBERNETES,
    fits_kubernetes,
    helm,
    manifests,
    template,
)
from tests.dockerfile import only
from tests.servers.gateway import ROOT
from tests.servers.tls import Authority

PHONE, EVERYTHING = CHART / "ci" / "phone-values.yaml", CHART / "ci" / "everything-values.yaml"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())

each_example = pytest.mark.parametrize("values", EXAMPLES, ids=lambda file: file.stem)


def test_schema_of_values_has_that_of_the_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    """If not: ``python -m gateway schema | python deploy/helm/values_schema.py``."""
    main(["schema"])
    gateway = json.loads(capsys.readouterr().out)
    merged = runpy.run_path(str(CHART.parent / "values_schema.py"))["merged"]
    assert merged(SCHEMA, gateway) == SCHEMA


def test_schema_names_every_value_of_the_chart() -> None:
    def check(values: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        assert values.keys() <= schema["properties"].keys(), path
        for key, value in values.items():
            inner = schema["properties"][key]
            if isinstance(value, dict) and "properties" in inner:
                check(value, inner, f"{path}.{key}")

    check(yaml.safe_load((CHART / "values.yaml").read_text()), SCHEMA, "")


def test_version_is_the_project_s() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{chart["appVersion"]}"\n' in project


@each_example
def test_helm_finds_nothing_to_complain_about(values: Path) -> None:
    done = helm("lint", "--strict", CHART, "--values", values, "--kube-version", "1.30")
    assert done.returncode == 0, done.stdout


@each_example
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_key(values: Path, version: str, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    kinds = manifests(template(values))
    kinds.pop("PodMonitor", None)  # of the Prometheus operator
    file.write_text(yaml.safe_dump_all(kinds.values()))
    assert fits_kubernetes(version, file)
    kinds["Deployment"]["spec"]["template"]["spec"]["terminationGrace"] = 40
    file.write_text(yaml.safe_dump_all(kinds.values()))
    assert not fits_kubernetes(version, file)


def test_kinds() -> None:
    few = {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"}
    assert manifests(template(PHONE)).keys() == few
    more = {"HorizontalPodAutoscaler", "Ingress", "PodMonitor"}
    assert manifests(template(EVERYTHING)).keys() == few | more


@each_example
def test_gateway_reads_the_configuration_that_is_rendered(values: Path, tmp_path: Path) -> None:
    text = manifests(template(values))["ConfigMap"]["data"]["gateway.yaml"]
    for name in ("secret", "app_token", "twilio_auth_token", "smtp"):
        (tmp_path / name).write_text("x" * 32)
    (tmp_path / "redis_url").write_text("redis://:password@redis/0")
    tls = Authority(tmp_path).files()
    text = text.replace("/run/secrets", str(tmp_path))
    text = text.replace("/etc/gateway-tls/tls.crt", str(tls.certificate))
    text = text.replace("/etc/gateway-tls/tls.key", str(tls.private_key))
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    settings = plan(config.load(file)).loaded.settings
    assert settings.store.url.get_secret_value().startswith("redis://")
    assert settings.logging.format == "json"


@each_example
def test_values_arrive_as_they_are_written(values: Path) -> None:
    given = yaml.safe_load(values.read_text())["config"]
    rendered = yaml.safe_load(manifests(template(values))["ConfigMap"]["data"]["gateway.yaml"])
    assert {key: rendered[key] for key in given} == given


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("config.issuer=null", "issuer"),
        ("config.providers.phone.type=carrier_pigeon", "config.providers.phone.type"),
        ("config.limits.per_ipp=3", "per_ipp"),
        ("replica=3", "replica"),
        ("redisUrl=memory://", "redisUrl"),
        ("service.type=Internet", "service.type"),
        ("networkPolicy.egressPorts={443,http}", "networkPolicy.egressPorts.1"),
    ],
)
def test_wrong_values_are_refused(setting: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="schema") as refused:
        template(PHONE, setting)
    assert complaint in str(refused.value).replace("/", ".")  # as versions of Helm write paths


def test_secret_of_another_form_takes_the_place_of_the_default() -> None:
    rendered = manifests(template(PHONE, "config.secret.env=GATEWAY_SECRET"))["ConfigMap"]
    assert yaml.safe_load(rendered["data"]["gateway.yaml"])["secret"] == {"env": "GATEWAY_SECRET"}


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifests(template(EVERYTHING))["Deployment"]["spec"]["template"]["spec"]
    return spec


def test_pod_has_few_rights(pod: dict[str, Any]) -> None:
    user, group = map(int, only("USER").split(":"))
    container = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == user
    assert pod["securityContext"]["runAsGroup"] == pod["securityContext"]["fsGroup"] == group
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["readOnlyRootFilesystem"] is True
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}


def test_pod_has_time_to_drain(pod: dict[str, Any]) -> None:
    (_, pause) = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] > int(pause) + DRAIN


def test_probes_ask_the_admin_listener(pod: dict[str, Any]) -> None:
    container = pod["containers"][0]
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert list(ports.values()) == only("EXPOSE").split()
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}
    assert asked == {
        "liveness": {"path": "/healthz", "port": "admin"},
        "readiness": {"path": "/readyz", "port": "admin"},
    }


def test_files_that_change_are_seen(pod: dict[str, Any]) -> None:
    """What is mounted by ``subPath`` never changes."""
    assert all("subPath" not in mount for mount in pod["containers"][0]["volumeMounts"])
    modes = [volume["secret"]["defaultMode"] for volume in pod["volumes"] if "secret" in volume]
    assert modes == [0o440, 0o440]  # not for every user: the gateway would warn


def test_admin_port_is_open_to_monitoring_only() -> None:
    kinds = manifests(template(EVERYTHING))
    (port,) = kinds["Service"]["spec"]["ports"]
    assert port["targetPort"] == "apps"
    rules = {rule["ports"][0]["port"]: rule for rule in kinds["NetworkPolicy"]["spec"]["ingress"]}
    assert (
        rules["admin"]["from"]
        == yaml.safe_load(EVERYTHING.read_text())["networkPolicy"]["monitoring"]
    )
    closed = manifests(template(PHONE))["NetworkPolicy"]["spec"]["ingress"]
    assert [rule["ports"] for rule in closed] == [[{"port": "apps"}]]


def test_job_of_the_pod_monitor_is_that_of_the_alerts() -> None:
    kinds = manifests(template(EVERYTHING))
    label = kinds["PodMonitor"]["spec"]["jobLabel"]
    job = kinds["Deployment"]["spec"]["template"]["metadata"]["labels"][label]
    assert f'job="{job}"' in (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text()


def test_operators_are_told_of_the_five_addresses() -> None:
    assert "more than five IP addresses" in (CHART / "templates" / "NOTES.txt").read_text()
