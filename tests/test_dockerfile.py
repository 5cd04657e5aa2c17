"""What can be told of the image from the Dockerfile's text alone."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from tests.dockerfile import FINAL, ROOT, STEPS, copied, only

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_two_stages_on_one_slim_base_with_a_version() -> None:
    assert [step.rest for step in STEPS if step.word == "FROM"] == ["${BASE} AS builder", "${BASE}"]
    base = next(step.rest for step in STEPS if step.word == "ARG")
    assert re.fullmatch(r"BASE=python:3\.\d+(\.\d+)?-slim-[a-z]+", base)


def test_packages_are_the_locked_ones() -> None:
    (install,) = (step.rest for step in STEPS if step.word == "RUN" and " install " in step.rest)
    assert "--require-hashes" in install
    assert ("requirements/all.txt", "/venv/requirements.txt") in copied()
    assert install.endswith("--requirement /venv/requirements.txt")


def test_final_stage_runs_nothing_and_copies_from_the_builder_only() -> None:
    copies = [step.rest for step in FINAL if step.word == "COPY"]
    assert copies == ["--from=builder /venv /venv", "--from=builder /app /app"]
    assert "RUN" not in {step.word for step in FINAL}


def test_build_context_is_what_is_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {
        source for source, _ in copied()
    }
    assert "**/__pycache__" in rules


def test_user_is_a_number_and_not_root() -> None:
    user, group = map(int, only("USER").split(":"))
    assert user > 0
    assert group > 0


def test_signal_and_ports() -> None:
    assert only("STOPSIGNAL") == "SIGTERM"
    assert only("EXPOSE").split() == ["8080", "9090"]


def test_command_serves_on_every_address_so_that_apps_and_probes_reach_it() -> None:
    assert json.loads(only("ENTRYPOINT")) == ["python", "-m", "gateway"]
    command = json.loads(only("CMD"))
    assert command == ["serve", "--listen", "0.0.0.0:8080", "--admin", "0.0.0.0:9090"]


@pytest.mark.parametrize(
    "setting",
    [
        "PATH=/venv/bin:$PATH",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONUNBUFFERED=1",
        "GATEWAY_CONFIG=/app/gateway.yaml",
    ],
)
def test_environment(setting: str) -> None:
    assert setting in only("ENV").split()


def test_health_check_asks_the_admin_listener() -> None:
    assert "http://127.0.0.1:9090/healthz" in only("HEALTHCHECK")


def test_labels_are_the_project_s() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', only("LABEL")))
    assert labels["title"] == PROJECT["name"]
    assert labels["version"] == PROJECT["version"]
    assert labels.keys() >= {"description", "revision"}
