"""What the one gateway of all cases is configured with: an app for each situation."""

from __future__ import annotations

from typing import Any

from tests.servers.configs import Config, base_config, phone_provider
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

ANDROID = "org.mesibo.messenger"
OTHER = "com.example.other"
WEB = "com.mesibo.jsdemo"
DOCUMENTED = "com.messenger.appid"  # of the documentation's curl
PHONE_APPS = (ANDROID, OTHER, WEB, DOCUMENTED)

TEST_NUMBER, TEST_CODE = "18005550100", "123456"
PASSWORD = 'p"a\\s/s é 🔑'
PLAIN_PASSWORD = "correct-horse-battery"
STAFF = {"ann": PASSWORD, "bob": PLAIN_PASSWORD}


def configuration(mesibo: MesiboCloud, sms: SmsVendor, **keys: Any) -> Config:
    """Return the configuration; ``keys`` replace top-level keys."""
    return base_config(mesibo, sms, apps=_apps(), providers=_providers(sms), **keys)


def _apps() -> Config:
    others = {name: {"providers": [name]} for name in _OTHER_PROVIDERS}
    phone = {"providers": ["phone"]}
    return {
        **dict.fromkeys(PHONE_APPS, phone),
        **others,
        "string": {**phone, "result": "string"},
        "boolean": {**phone, "result": "boolean"},
    }


_OTHER_PROVIDERS = ("brief", "repeating", "budgeted", "staff", "raising")


def _providers(sms: SmsVendor) -> Config:
    def phone(**keys: Any) -> Config:
        return phone_provider(sms, **keys) | {"shared_address": True}

    return {
        "phone": phone(test_numbers={f"+{TEST_NUMBER}": TEST_CODE}),
        "brief": phone(code={"lifetime": "2s"}),
        "repeating": phone(resend_after="1ms"),
        "budgeted": phone(resend_after="1ms", limits={"per_phone": ["2/hour"]}),
        "staff": {"type": "insecure_example", "config": {"users": STAFF}},
        "raising": {"type": "tests.cases.raising_provider", "config": {}},
    }
