from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException

from tests.servers.browser import Browser
from tests.servers.gateway import ROOT
from tests.servers.http_scripted import HttpScripted, Reply, Visit, html
from tests.servers.oidc_clients import Client
from tests.servers.oidc_flow import Flow
from tests.servers.oidc_provider import OidcProvider
from tests.servers.tls import Authority, Kind

PAGE = """<!DOCTYPE html><title>Hello</title>
<p id="scripts">none</p><script>scripts.textContent = "some"</script>
<noscript><p>without scripts</p></noscript>
<p id="visits"></p><script>visits.textContent = document.cookie || "first"</script>
<form method="post" action="/posted"><input name="q" value="old"><button>Go on</button></form>
<a href="/linked">A link</a>"""


class Site(HttpScripted):
    def respond(self, visit: Visit) -> Reply | None:
        if visit.path == "/":
            headers = {"Content-Type": "text/html", "Set-Cookie": "seen=1; Secure; Path=/"}
            return Reply(PAGE.encode(), headers=headers)
        return html(f"<p>{visit.method} {visit.path}</p>")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def site(authority: Authority) -> Iterator[Site]:
    with Site(authority.server()) as site:
        yield site


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser"), authority) as browser:
        yield browser


def says(browser: Browser, script: str) -> object:
    found: object = browser.driver.execute_script(f"return {script}")
    return found


DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
SIZE = "[innerWidth, innerHeight, devicePixelRatio]"


def test_a_page_is_shown(browser: Browser, site: Site, tmp_path: Path) -> None:
    browser.open(site.url + "/")
    assert (browser.url, browser.driver.title) == (site.url + "/", "Hello")
    assert browser.text.splitlines()[0] == "some"
    assert says(browser, DARK) is False
    assert says(browser, SIZE) == [1024, 768, 1]
    assert says(browser, "navigator.language") == "en-US"
    browser.screenshot(tmp_path / "page.png")
    picture = (tmp_path / "page.png").read_bytes()
    size = int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")
    assert (picture[:8], size) == (b"\x89PNG\r\n\x1a\n", (1024, 768))


def test_a_page_is_shown_as_the_test_wants(
    site: Site, authority: Authority, tmp_path: Path
) -> None:
    with Browser(
        tmp_path, authority, scheme="dark", size=(360, 640), scripts=False, language="de-DE"
    ) as browser:
        browser.open(site.url + "/")
        assert browser.text.splitlines()[:2] == ["none", "without scripts"]
        assert says(browser, DARK) is True
        assert says(browser, SIZE) == [360, 640, 1]
        assert says(browser, "navigator.language") == "de-DE"
        assert site.visits("/")[-1].header("Accept-Language") == "de-DE,de;q=0.9"


def test_a_form_is_filled_in_and_sent(browser: Browser, site: Site) -> None:
    browser.open(site.url + "/")
    browser.fill("q", "new & <old>")
    browser.press("Go on")
    browser.wait(lambda: browser.url.endswith("/posted"))
    assert browser.text == "POST /posted"
    assert site.visits("/posted")[-1].form == {"q": "new & <old>"}


def test_a_link_is_followed(browser: Browser, site: Site) -> None:
    browser.open(site.url + "/")
    browser.press("A link")
    assert browser.wait(lambda: browser.text == "GET /linked")


def test_what_does_not_come_is_not_waited_for_long(browser: Browser, site: Site) -> None:
    browser.open(site.url + "/linked")
    with pytest.raises(TimeoutError, match=r"not reached; at https://.*/linked: GET /linked"):
        browser.wait(lambda: browser.text == "other", timeout=0.2)


def test_each_browser_has_cookies_of_its_own(
    site: Site, authority: Authority, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        with Browser(tmp_path / name, authority) as browser:
            shown = []
            for _ in range(2):
                browser.open(site.url + "/")
                shown.append(browser.text.splitlines()[1])
        assert shown == ["seen=1", "seen=1"]
        assert site.visits("/")[-2].header("Cookie") is None
        assert site.visits("/")[-1].header("Cookie") == "seen=1"


@pytest.mark.parametrize(
    ("kind", "trusted", "complaint"),
    [
        ("expired", True, "NET::ERR_CERT_DATE_INVALID"),
        ("other_name", True, "NET::ERR_CERT_COMMON_NAME_INVALID"),
        ("good", False, "NET::ERR_CERT_AUTHORITY_INVALID"),
    ],
)
def test_a_bad_certificate_is_refused(
    browser: Browser,
    authority: Authority,
    tmp_path: Path,
    kind: Kind,
    trusted: bool,
    complaint: str,
) -> None:
    with Site((authority if trusted else Authority(tmp_path)).server(kind)) as site:
        browser.open(site.url + "/")
        assert complaint in browser.text
        assert site.visits() == []


@pytest.mark.parametrize("name", ["example.com", socket.gethostname()], ids=["far", "near"])
def test_no_other_name_is_looked_up(browser: Browser, name: str) -> None:
    with pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
        browser.open(f"http://{name}/")


# -- with a real provider


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_people_sign_in_at_a_real_provider(
    browser: Browser, site: Site, authority: Authority, tmp_path: Path, mode: str
) -> None:
    uri = f"{site.url}/callback"
    with OidcProvider(tmp_path, authority, Client("app", (uri,), "none")) as provider:
        flow = Flow("app", uri)
        browser.open(flow.start(provider.issuer + "/auth", {"response_mode": mode}))
        browser.fill("login", "alice")
        browser.fill("password", "wrong")
        browser.press("Sign in")
        browser.wait(lambda: "Wrong user name or password." in browser.text)
        browser.fill("login", "alice")
        browser.fill("password", "alice-pw")
        browser.press("Sign in")
        browser.wait(lambda: browser.text.endswith("/callback"))
    visit = site.visits("/callback")[-1]
    brought = visit.form if mode == "form_post" else visit.parameters
    assert (brought["state"], brought["iss"]) == (flow.state, provider.issuer)
    assert visit.method == ("POST" if mode == "form_post" else "GET")


def test_people_turn_back_at_a_real_provider(
    browser: Browser, site: Site, authority: Authority, tmp_path: Path
) -> None:
    uri = f"{site.url}/callback"
    with OidcProvider(tmp_path, authority, Client("app", (uri,), "none")) as provider:
        browser.open(Flow("app", uri).start(provider.issuer + "/auth"))
        browser.press("Cancel")
        browser.wait(lambda: "/callback?" in browser.url)
    assert site.visits("/callback")[-1].parameters["error"] == "access_denied"


# -- the end


def gone(pid: int) -> bool:
    """Whether a process has ended. What nobody has waited for goes on as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_is_closed_when_the_test_fails(authority: Authority, tmp_path: Path) -> None:
    browser = Browser(tmp_path, authority)
    with contextlib.suppress(ZeroDivisionError), browser:
        pid = browser.process.child.pid
        assert not gone(pid)
        raise ZeroDivisionError
    assert gone(pid)


def test_it_is_closed_when_it_has_crashed(authority: Authority, tmp_path: Path) -> None:
    with Browser(tmp_path, authority) as browser:
        browser.process.kill()
    assert gone(browser.process.child.pid)


RUN = """
import sys, time
from pathlib import Path
from tests.servers.browser import Browser
from tests.servers.tls import Authority
folder = Path(sys.argv[1])
with Browser(folder, Authority(folder)) as browser:
    print(browser.process.child.pid, browser.driver_process.child.pid, flush=True)
    time.sleep(60)
"""


def test_it_is_closed_when_the_test_run_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pids = [int(pid) for pid in run.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(map(gone, pids))
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not all(map(gone, pids)):
        assert time.monotonic() < deadline


def test_a_missing_program_is_named(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="certutil is not installed; `make servers`"):
        Browser(tmp_path, authority)
