"""Configurations for a gateway under test: everything real, every upstream one of our servers."""

from __future__ import annotations

from typing import Any

from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

Config = dict[str, Any]  # the content of gateway.yaml, or of one key in it

GENEROUS = ["1000000/hour"]  # a limit that no test reaches


def http_sender(sms: SmsVendor, **keys: Any) -> Config:
    """Return a sender that texts through ``sms``; ``keys`` add to its own."""
    return {
        "type": "http",
        "url": sms.url,
        "json": {"to": "{to}", "text": "{text}"},
        "success": {"status": [202], "json": {"status": "accepted"}},
        **keys,
    }


def phone_provider(sms: SmsVendor, **keys: Any) -> Config:
    """Return a provider that texts codes through ``sms``; ``keys`` add to its ``config``."""
    limits = dict.fromkeys(("per_phone", "per_ip", "per_prefix", "per_app"), GENEROUS)
    senders = [http_sender(sms)]
    return {"type": "phone_otp", "config": {"senders": senders, "limits": limits, **keys}}


def base_config(mesibo: MesiboCloud, sms: SmsVendor, **keys: Any) -> Config:
    """Return a configuration that signs anybody in by phone; ``keys`` replace top-level keys."""
    return {
        "store": {"url": "memory://"},
        "issuer": {"type": "mesibo", "url": mesibo.url, "app_token": mesibo.app_token},
        "apps": {"*": {}},
        "providers": {"phone": phone_provider(sms)},
        "limits": {"per_ip": GENEROUS, "failures_per_identity": GENEROUS},
        **keys,
    }
