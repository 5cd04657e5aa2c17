"""Prometheus and its tool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.servers.gateway import post
from tests.servers.process import HOST, Process, free_port

JOB = "messenger-auth-gateway"


class Prometheus:
    """``start`` it to scrape a target each second, and to evaluate rules as often."""

    def __init__(self, folder: Path, target: str, rules: Path) -> None:
        self.url = f"http://{HOST}:{free_port()}"
        settings = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": [target]}]}],
        }
        file = folder / "prometheus.yml"
        file.write_text(json.dumps(settings))  # JSON is YAML
        self.process = Process(
            "prometheus",
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            folder,
        )

    def get(self, path: str, **parameters: str) -> Any:
        """Ask its HTTP API; return ``data``. Raises ``ValueError`` if it complains."""
        reply = post(self.url, path=f"/api/v1/{path}?{urlencode(parameters)}", method="GET")
        if reply.status != 200:
            raise ValueError(reply.body.decode())
        return reply.json["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now. Raises ``ValueError``."""
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        alerts = self.get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


@contextmanager
def scraping(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """Run Prometheus until it is no longer needed."""
    prometheus = Prometheus(folder, target, rules)
    prometheus.process.start()
    try:
        prometheus.process.wait(
            lambda: post(prometheus.url, path="/-/ready", method="GET").status == 200
        )
        yield prometheus
    finally:
        prometheus.process.stop()


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool on some input."""
    return subprocess.run(
        ["promtool", *arguments], input=given, check=False, capture_output=True, text=True
    )
