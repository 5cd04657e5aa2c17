"""After a run of everything that goes well or wrong, no secret is anywhere (C13, case 41)."""

from __future__ import annotations

import re

import pytest

from tests.gateway.conftest import APP, PASSWORD, USER, Site, StartSite, password_login, phone_login
from tests.gateway.waiting import until
from tests.servers.gateway import post

TYPED = "what-somebody-typed"
LAST = "the.last.one"
TEST_NUMBER, TEST_CODE = "18005550100", "424242"


@pytest.fixture(scope="module")
def talkative(start_site: StartSite) -> Site:
    """Logs all there is to log, and prints its codes."""
    sender = {"type": "console", "allow_in_production": True}
    phone = {"senders": [sender], "test_numbers": {f"+{TEST_NUMBER}": TEST_CODE}}
    staff = {"users": {USER: PASSWORD}}
    return start_site(
        logging={"level": "debug"},
        allow_get=True,
        providers={
            "phone": {"type": "phone_otp", "config": phone},
            "staff": {"type": "insecure_example", "config": staff},
        },
    )


def told(secret: str, text: str) -> bool:
    """Whether a text has a secret in it; the digits of a code may be among those of a number."""
    return re.search(rf"(?<!\d)(?<!\d\.){re.escape(secret)}(?!\d)", text) is not None


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("code=424242", True),
        ("'424242'", True),
        ("x424242.", True),
        ("sum 0.0424242", False),
        ("sum 0.424242", False),
        ("18424242007", False),
    ],
)
def test_code_is_told_from_the_digits_of_a_number(text: str, is_told: bool) -> None:
    assert told(TEST_CODE, text) is is_told


def run_all(site: Site) -> set[str]:
    """Sign in, fail to, and break everything; return all secrets there were."""
    login = phone_login()
    site.post(login)
    code = site.gateway.code_for(login["phone"])
    secrets = {code, TEST_CODE, PASSWORD, TYPED, site.mesibo.app_token}
    typed = {"id_token": TYPED, "access_token": TYPED, "code_verifier": TYPED, "nonce": TYPED}
    site.post(password_login(password=TYPED, **typed))
    site.post({**login, "otp": TYPED}, second_step=True)
    for failure in ("hang", "false", "false_token", "html", "http500", "cut", "huge", "null"):
        site.mesibo.fail(failure, times=2)
        if failure != "hang":  # which takes its time
            site.post({**login, "otp": code}, second_step=True)
            site.post(password_login())
        site.mesibo.ok()
    site.mesibo.stop()
    site.post({**login, "otp": code}, second_step=True)
    site.mesibo.start()
    secrets.add(site.post({**login, "otp": code}, second_step=True).json["token"])
    secrets.add(site.post(password_login()).json["token"])
    site.post({"op": "logout", "token": TYPED, "dt": "1"}, op_login=False)
    site.post(f'{{op: "login", otp: "{code}" "{TYPED}"')
    site.raw(f"POST /{code} HTTP/9\r\n{TYPED}\r\n\r\n".encode(), 400)
    path = f"/?op=login&appid={APP}&dt=1&phone={TEST_NUMBER}&code={TEST_CODE}&password={TYPED}"
    post(site.url, path=path, method="GET")
    site.post(phone_login(appid=LAST))
    return secrets


def test_c13_no_secret_in_output_or_metrics(talkative: Site) -> None:
    try:
        secrets = run_all(talkative)
    finally:
        talkative.mesibo.ok()
    secrets |= {minted.token for minted in talkative.mesibo.minted}
    metrics = post(talkative.gateway.admin_url, path="/metrics", method="GET").body.decode()
    until(lambda: talkative.gateway.stderr.count(LAST))
    own_lines = re.compile(r"^code for \d+: \d+$", re.MULTILINE)
    printed = own_lines.sub("", talkative.gateway.stdout)
    assert own_lines.search(talkative.gateway.stdout)
    for text in (printed, talkative.gateway.stderr, metrics):
        assert text
        assert [secret for secret in secrets if told(secret, text)] == []
