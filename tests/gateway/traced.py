"""Gateways that are traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.gateway.conftest import Site, StartSite, phone_login
from tests.servers.gateway import post
from tests.servers.otlp import Collector, Recorded

SOON = {"gateway.span_export.INTERVAL": 0.05}
PARENT = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
TRACE, SPAN = PARENT.split("-")
TRUSTING = {"trusted_proxies": ["127.0.0.1"]}


def traced(start_site: StartSite, collector: Collector, **keys: Any) -> Site:
    """Start a gateway that sends its traces at once; ``keys`` replace top-level keys."""
    tracing = {"endpoint": collector.url, **keys.pop("tracing", {})}
    return start_site({**SOON, **keys.pop("tuned", {})}, tracing=tracing, **keys)


def sign_in(site: Site, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Sign somebody in by phone; return what nobody else may learn."""
    login = phone_login()
    assert post(site.url, login, headers).json["result"] == "OK"
    code = site.sms.code_for(login["phone"])
    answer = post(site.url, {**login, "otp": code}, headers).json
    return {"phone": login["phone"], "code": code, "token": answer["token"]}


def one_trace(spans: list[Recorded]) -> dict[str, Recorded]:
    """Return the spans of the one trace that there is, by name."""
    assert len({span.trace for span in spans}) == 1
    return {span.name: span for span in spans}
