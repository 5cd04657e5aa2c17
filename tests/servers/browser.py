"""Debian's Chromium, headless, with a profile of its own: a person at a browser.

It trusts the authority that it is given, and looks no name up but localhost.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ChromeOptions, Remote
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers.process import HOST, Process, free_port
from tests.servers.tls import Authority

FLAGS: Final = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--password-store=basic",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
COLOURS: Final = {"dark": 0, "light": 1}  # of Blink's setting preferredColorScheme
SWITCH: Final = {True: "true", False: "false"}
POLL: Final = 0.02  # seconds
LOGS: Final = {"browser": "ALL", "performance": "ALL"}

T = TypeVar("T")


class Browser:
    """``with Browser(folder, authority) as browser``; ``folder`` is for this one alone.

    ``size`` is that of the page, in CSS pixels. ``driver`` is Selenium's, for what is not here.
    """

    driver: Remote

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        scheme: Literal["light", "dark"] = "light",
        size: tuple[int, int] = (1024, 768),
        scripts: bool = True,
        language: str = "en-US",
    ) -> None:
        self._profile = folder / "profile"
        self._port = free_port()
        flags = (
            *FLAGS,
            f"--user-data-dir={self._profile}",
            f"--blink-settings=preferredColorScheme={COLOURS[scheme]},scriptEnabled={SWITCH[scripts]}",
            f"--accept-lang={language}",
            *([] if os.getuid() else ["--no-sandbox"]),  # there is none for root
        )
        _trust(folder, authority)
        home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        self.process = Process("chromium", ["chromium", *flags, "about:blank"], folder, home)
        # A process of its own, not a child of Chromium's: either is gone when the test run dies.
        argv = ["chromedriver", f"--port={self._port}"]
        self.driver_process = Process("chromedriver", argv, folder)
        self._size = size

    def __enter__(self) -> Self:
        try:
            self.process.start()
            self.driver_process.start()
            self.process.wait(lambda: "\n" in self._devtools())
            self.driver_process.wait(self._listens)
            self.driver = self._attach()
            self.resize(*self._size)
        except BaseException:
            self._stop()
            raise
        return self

    def _devtools(self) -> str:
        return (self._profile / "DevToolsActivePort").read_text()

    def _listens(self) -> bool:
        sockets = Path("/proc/net/tcp").read_text()
        return f":{self._port:04X} 00000000:0000 0A " in sockets

    def _attach(self) -> Remote:
        options = ChromeOptions()
        options.debugger_address = f"{HOST}:{self._devtools().split()[0]}"
        options.set_capability("goog:loggingPrefs", LOGS)
        return Remote(ChromeRemoteConnection(f"http://{HOST}:{self._port}"), options=options)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            self.driver.quit()
        except WebDriverException:  # it has crashed, or was closed by the test
            pass
        finally:
            self._stop()

    def _stop(self) -> None:
        self.driver_process.stop()
        self.process.stop()

    # -- what a person sees

    @property
    def url(self) -> str:
        return self.driver.current_url

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def screenshot(self, file: Path) -> None:
        """Write what can be seen of the page, as PNG."""
        file.write_bytes(self.driver.get_screenshot_as_png())

    # -- what only its developer sees

    def cdp(self, command: str, **parameters: Any) -> Any:
        """Call a method of the Chrome DevTools Protocol, for the tab that is in front."""
        call = {"cmd": command, "params": parameters}
        return self.driver.execute("executeCdpCommand", call)["value"]

    def console(self) -> list[str]:
        """Take what the browser has complained of since the last call.

        That is what scripts raised, what a page's policy forbade, and what could not be loaded.
        """
        return [entry["message"] for entry in self._log("browser")]

    def ways(self) -> list[str]:
        """Take the URLs that a tab was led to since the last call, whether they opened or not."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [
            event["params"]["documentURL"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"].get("type") == "Document"
        ]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.execute("getLog", {"type": kind})["value"]
        return entries

    # -- what a person does

    def resize(self, width: int, height: int) -> None:
        """Give the page of this tab another size, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", **metrics)

    def open(self, url: str) -> None:
        self.driver.get(url)

    def fill(self, name: str, text: str) -> None:
        """Type into the field of that name, over what is there."""
        field = self.find(By.NAME, name)
        field.clear()
        field.send_keys(text)

    def press(self, label: str) -> None:
        """Press the button, or follow the link, that says ``label``."""
        self.find(By.XPATH, f'//*[self::button or self::a][normalize-space()="{label}"]').click()

    def find(self, by: str, value: str) -> WebElement:
        """Wait for an element that can be seen; see selenium's ``By``."""
        self.wait(lambda: self.driver.find_element(by, value).is_displayed())
        return self.driver.find_element(by, value)

    def wait(self, reached: Callable[[], T], timeout: float = 10.0) -> T:
        """Wait until ``reached`` returns something true; return that. Raises ``TimeoutError``."""
        waiting = WebDriverWait(self.driver, timeout, POLL, [WebDriverException])
        try:
            found: T = waiting.until(lambda _: reached())
        except WebDriverException:
            raise TimeoutError(f"not reached; at {self.url}: {self._excerpt()}") from None
        return found

    def _excerpt(self) -> str:
        try:
            return self.text[:300]
        except WebDriverException:
            return "(no page)"


def _trust(home: Path, authority: Authority) -> None:
    """Make the database of certificates that Chromium looks for at home."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    certutil = ["certutil", "-d", f"sql:{database}"]
    _run([*certutil, "-N", "--empty-password"])
    _run([*certutil, "-A", "-n", "test", "-t", "C,,", "-i", str(authority.ca_file)])


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        raise RuntimeError(
            f"{command[0]} is not installed; `make servers` installs what the tests need"
        ) from None
