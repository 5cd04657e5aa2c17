"""What the gateways of these tests are configured with: an app for each situation."""

from __future__ import annotations

from typing import Any

from tests.servers.configs import GENEROUS, Config, base_config, http_sender, phone_provider
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

# App ids. An app is named after the one provider that it has, or says what is special about it.
PHONE = "phone"  # everything as it is by default, but for generous budgets
ALIKE = ("alike", "just-alike")  # other apps with the provider of PHONE
PAIR = "pair"  # two providers that send codes, PHONE and "second"
MIXED = "mixed"  # PHONE, then "staff"
WITHIN_3_TRIES = "within-3-tries"
BRIEF = "brief"  # codes live for a second
LONG = "long"  # codes of ten digits: none is in a text by chance
WORDED = "worded"  # texts by language
PER_PHONE, PER_IP, PER_PREFIX, PER_APP = "per-phone", "per-ip", "per-prefix", "per-app"
PER_APP_TOO = "per-app-too"  # another app with the provider of PER_APP
SCARCE = "scarce"  # every budget is as small as PHONE_BUDGET
GUARDED = "guarded"  # CONVERSION watches its number ranges
STAFF = "staff"  # names and passwords

ATTEMPTS = 5  # tries for a code
FAILURES = 8  # of one identity in an hour
REQUESTS = 40  # from one address in five minutes
PHONE_BUDGET = 5
OTHER_BUDGET = 10
CONVERSION = {"min_sends": OTHER_BUDGET, "min_rate": 0.5, "pause": "1h"}
TOKEN_DAYS = 30

SECRET = "a secret of all processes on one store"
TEXTS = {"en": "{code} is your code.", "de": "{code} ist dein Code."}
PASSWORD = "correct horse battery"
NUMBER_OF_STAFF = "18885550001"  # a user name in the shape of a phone number
USERS = dict.fromkeys([*(f"u{i}" for i in range(100)), NUMBER_OF_STAFF], PASSWORD)


def configuration(mesibo: MesiboCloud, sms: SmsVendor, store: str, **keys: Any) -> Config:
    """Return the configuration; ``keys`` replace top-level keys.

    The tests' own address is a trusted proxy, so that a test can be many clients.
    """
    return base_config(
        mesibo,
        sms,
        **{
            "secret": SECRET,
            "store": {"url": store},
            "issuer": {
                "type": "mesibo",
                "url": mesibo.url,
                "app_token": mesibo.app_token,
                "token_lifetime": f"{TOKEN_DAYS}d",
            },
            "apps": _apps(),
            "providers": providers(sms),
            "trusted_proxies": ["127.0.0.1/32"],
            "limits": {
                "per_ip": [f"{REQUESTS}/5m"],
                "failures_per_identity": [f"{FAILURES}/hour"],
            },
            "logging": {"format": "json"},
            **keys,
        },
    )


def _apps() -> Config:
    senders = (WITHIN_3_TRIES, BRIEF, LONG, WORDED)
    limited = (PER_PHONE, PER_IP, PER_PREFIX, PER_APP, SCARCE, GUARDED)
    return {
        **{name: {"providers": [name]} for name in (PHONE, *senders, *limited, STAFF)},
        **{name: {"providers": [PHONE]} for name in ALIKE},
        PAIR: {"providers": [PHONE, "second"]},
        MIXED: {"providers": [PHONE, STAFF]},
        PER_APP_TOO: {"providers": [PER_APP]},
    }


def providers(sms: SmsVendor) -> Config:
    """Return the providers, all of which send through ``sms``."""

    def phone(limits: Config | None = None, **keys: Any) -> Config:
        budgets = dict.fromkeys(("per_phone", "per_ip", "per_prefix", "per_app"), GENEROUS)
        entry = phone_provider(sms, limits={**budgets, **(limits or {})}, **keys)
        return entry | {"shared_address": True}

    few, some = [f"{PHONE_BUDGET}/hour"], [f"{OTHER_BUDGET}/hour"]
    scarce = dict.fromkeys(("per_phone", "per_ip", "per_prefix", "per_app"), few)
    return {
        PHONE: phone(senders=[http_sender(sms, name="vendor", message_id="id")]),
        "second": phone(),
        WITHIN_3_TRIES: phone(code={"attempts": 3}),
        BRIEF: phone(code={"lifetime": "1s"}),
        LONG: phone(code={"length": 10}, senders=[http_sender(sms)]),
        WORDED: phone(template=TEXTS),
        PER_PHONE: phone({"per_phone": few}, resend_after="1ms"),
        PER_IP: phone({"per_ip": some}),
        PER_PREFIX: phone({"per_prefix": some}),
        PER_APP: phone({"per_app": some}),
        SCARCE: phone(scarce, resend_after="1ms"),
        GUARDED: phone(conversion_guard=CONVERSION),
        STAFF: {"type": "insecure_example", "config": {"users": USERS}},
    }
