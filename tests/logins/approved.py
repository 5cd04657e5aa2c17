"""A service whose codes go only to the people of a directory, which a test fills and empties."""

from __future__ import annotations

import itertools
import json
import secrets
from pathlib import Path
from typing import Any

from tests.logins.site import Site, until
from tests.servers.configs import GENEROUS, Config, base_config, http_sender
from tests.servers.mesibo import MesiboCloud
from tests.servers.sms import SmsVendor

# App ids, each named after its one provider.
PHONE, MAIL, STAFF = "phone", "mail", "people"
SCARCE = "scarce"  # as PHONE, with BUDGET messages to one number
RESENT = "resent"  # as PHONE, with no cool-down to speak of

BUDGET = 3
FAILURES = 5  # of one person in an hour
PASSWORD = "correct horse battery"
_COUNT = itertools.count()


def fresh_number() -> str:
    """Return a number that nobody else has: 12 digits, British and kept for fiction."""
    return f"4477009{next(_COUNT):05}"


class PeopleFile:
    """Who is in the directory, and how it is. Each change is written at once."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "people.json"
        self.tried = folder / "tried.txt"
        self.tried.touch()
        self._people: dict[str, dict[str, Any]] = {}
        self._state: dict[str, Any] = {}
        self._write()

    def add(self, **fields: Any) -> dict[str, Any]:
        """Add somebody who may sign in; return what the directory knows of them."""
        name, number = f"ann{next(_COUNT)}", fresh_number()
        person = {
            "subject": secrets.token_hex(8),
            "names": [name, f"{name}@corp.example", f"corp\\{name}"],
            "password": PASSWORD,
            "phones": [number],
            "phone": number,
            "email": f"{name}@example.com",
            "name": "Ann Example",
            "approved": True,
            **fields,
        }
        self._people[person["subject"]] = person
        self._write()
        return person

    def change(self, person: dict[str, Any], **fields: Any) -> None:
        """Change what the directory knows of somebody."""
        person |= fields
        self._write()

    def be(self, **state: Any) -> None:
        """Be ``down=True``, or let everybody wait for ``delay=0.5`` seconds."""
        self._state = state
        self._write()

    def tries(self, person: dict[str, Any]) -> int:
        """Return how many passwords the directory has compared."""
        return self.tried.read_text().split().count(person["subject"])

    def _write(self) -> None:
        content = {"people": list(self._people.values()), "log": str(self.tried), **self._state}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(content))
        fresh.replace(self.path)


def configuration(mesibo: MesiboCloud, sms: SmsVendor, people: PeopleFile, **keys: Any) -> Config:
    """Return the configuration; ``keys`` replace top-level keys."""

    sender = http_sender(
        sms,
        name="vendor",
        message_id="id",
        refused={"status": [400], "json": {"code": "invalid_number"}},
    )

    def phone(limits: Config, **more: Any) -> Config:
        generous = dict.fromkeys(("per_phone", "per_ip", "per_prefix", "per_app"), GENEROUS)
        config = {
            "directory": STAFF,
            "limits": {**generous, **limits},
            "senders": [sender],
            **more,
        }
        return {
            "type": "phone_otp",
            "address": "staff-{subject}",
            "shared_address": True,
            "config": config,
        }

    mail = {
        "from": "Example <no-reply@example.com>",
        "directory": STAFF,
        "limits": dict.fromkeys(("per_email", "per_ip", "per_domain", "per_app"), GENEROUS),
        "senders": [http_sender(sms)],
    }
    apps = (PHONE, MAIL, STAFF, SCARCE, RESENT)
    return base_config(
        mesibo,
        sms,
        **{
            "apps": {name: {"providers": [name]} for name in apps},
            # Some ask the directory that comes before them, some the one that comes after them.
            "providers": {
                PHONE: phone({}),
                STAFF: {
                    "type": "tests.logins.people",
                    "address": "staff-{subject}",
                    "shared_address": True,
                    "config": {"file": str(people.path)},
                },
                MAIL: {"type": "email_otp", "config": mail},
                SCARCE: phone({"per_phone": [f"{BUDGET}/hour"]}, resend_after="1ms"),
                RESENT: phone({}, resend_after="1ms"),
            },
            "limits": {"per_ip": GENEROUS, "failures_per_identity": [f"{FAILURES}/hour"]},
            "trusted_proxies": ["127.0.0.1/32"],
            "logging": {"format": "json"},
            **keys,
        },
    )


def messages(site: Site, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Wait for so many lines about messages with these fields; return all of them."""

    def lines() -> list[dict[str, Any]]:
        complete = [gateway.stderr.split("\n")[:-1] for gateway in site.gateways]
        events = [json.loads(line) for line in itertools.chain(*complete)]
        return [
            event
            for event in events
            if event["event"] == "message" and event.items() >= fields.items()
        ]

    until(lambda: len(lines()) >= count)
    return lines()
