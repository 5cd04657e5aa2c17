"""Somebody with a browser and an app: what they do, step by step, and what they see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from gateway.browser.texts import Texts, choose, texts
from tests.browser.site import APP, CHALLENGE, NAME, Site
from tests.logins.mailboxes import code_for, mails_to
from tests.logins.site import Answer
from tests.servers.browser import Browser
from tests.servers.http_scripted import once
from tests.servers.oidc_provider import ALICE

# Chromium says of every page that is not a success that it could not be loaded.
_STATUS: Final = re.compile(r"(\S+) - Failed to load resource: the server responded with a status")
SIZE: Final = (1024, 768)
_ASSET: Final = re.compile(r"/signin\.\w+(\?|$)")


class Person:
    """``texts`` are those that the pages speak in; ``scripts``: whether the pages' scripts run."""

    def __init__(self, site: Site, browser: Browser, *, scripts: bool = True) -> None:
        self.site = site
        self.browser = browser
        self.texts: Texts
        self.scripts = scripts
        self.forget()

    def forget(self) -> None:
        """Be somebody who was never here, with one tab."""
        front, *others = self.browser.driver.window_handles
        for tab in others:
            self.go_to(tab)
            self.browser.driver.close()
        self.go_to(front)
        self.browser.resize(*SIZE)
        self.browser.cdp("Emulation.setFocusEmulationEnabled", enabled=True)
        self.browser.cdp("Network.clearBrowserCookies")
        self.browser.cdp("Emulation.setScriptExecutionDisabled", value=not self.scripts)
        self.speak("en-US,en;q=0.9")
        self.in_colours("light")
        self.browser.console()
        self.browser.ways()

    def complaints(self) -> list[str]:
        """Return what the browser complained of about the gateway.

        Left out is that a page said no: it has its reasons.
        """
        others = (self.site.idp.issuer, self.site.app.url, self.site.desktop_app.url)
        found = []
        for message in self.browser.console():
            status = _STATUS.match(message)
            said_no = status is not None and not _ASSET.search(status[1])
            if not said_no and not message.startswith(others):
                found.append(message)
        return found

    # -- the app

    def begin(self, provider: str = "corp", **fields: Any) -> dict[str, Any]:
        """Ask the gateway as the app does; return the challenge."""
        asked = {"return_url": self.site.web_return, "code_challenge": CHALLENGE, **fields}
        given = {name: value for name, value in asked.items() if value is not None}
        return self.site.gateway.start(provider, **given)

    def brought(self, return_url: str | None = None) -> dict[str, str]:
        """Wait until the browser is back in the app; return what it brought."""
        url = return_url or self.site.web_return
        self.browser.wait(lambda: self.browser.url.startswith(f"{url}?"))
        assert self.heading == "Back in the app"
        return once(urlsplit(self.browser.url).query)

    def led_to(self, url: str) -> dict[str, str]:
        """Wait until the browser was led to an URL; return what it would bring there.

        Of an URL with an app's own scheme Chromium asks whether it should be opened, and hears
        nothing else in that tab.
        """
        ways: list[str] = []

        def is_led() -> bool:
            ways.extend(self.browser.ways())
            return any(way.startswith(f"{url}?") for way in ways)

        self.browser.wait(is_led)
        asking = self.tab()
        front = self.browser.driver.current_window_handle
        self.go_to(asking)
        self.browser.driver.close()
        self.go_to(front)
        (way,) = {way for way in ways if way.startswith(f"{url}?")}
        return once(urlsplit(way).query)

    def token(self, brought: Mapping[str, str], **fields: Any) -> str:
        """Exchange what the browser brought; return whose the token is."""
        answer = self.redeem(brought, **fields)
        assert answer["result"] == "OK", answer
        assert answer["token"] == self.site.gateway.mesibo.minted[-1].token
        return str(answer["address"])

    def redeem(self, brought: Mapping[str, str], **fields: Any) -> Answer:
        """Exchange what the browser brought for the token."""
        return self.site.gateway.redeem(brought, **fields)

    # -- the browser

    def open(self, path: str) -> None:
        """Open a page of the gateway."""
        self.browser.open(self.site.url + path)

    def sign_in(self, app: str = APP, **query: str | None) -> None:
        """Open the sign-in page, as linked from the web app."""
        link = {"appid": app, "return_url": self.site.web_return, "code_challenge": CHALLENGE}
        link |= {name: value for name, value in query.items() if value is not None}
        for name in [name for name, value in query.items() if value is None]:
            del link[name]
        self.open(f"/signin?{urlencode(link)}")

    def tab(self) -> str:
        """Open one more tab, and go there; return the one that was in front."""
        driver = self.browser.driver
        before = driver.current_window_handle
        driver.switch_to.new_window("tab")
        self.browser.cdp("Emulation.setScriptExecutionDisabled", value=not self.scripts)
        return before

    def go_to(self, tab: str) -> None:
        self.browser.driver.switch_to.window(tab)

    # -- what is on the page

    @property
    def heading(self) -> str:
        return self.browser.driver.find_element(By.TAG_NAME, "h1").text

    @property
    def focus(self) -> str:
        """The name of what has the focus, or what is written on it."""
        element = self.browser.driver.switch_to.active_element
        return element.get_attribute("name") or element.text

    def says(self, key: str, **values: str | int) -> str:
        """Return a text as the page has it."""
        return self.texts(key, **values)

    def wait_heading(self, key: str, **values: str) -> None:
        """Wait for the page with that heading."""
        wanted = self.says(key, **values)
        self.browser.wait(lambda: self.heading == wanted)

    def see_problem(self, kind: str) -> None:
        """Wait for the page that tells of it."""
        self.wait_heading(f"problem_{kind}_title")
        assert self.says(f"problem_{kind}_text") in self.browser.text

    def see_sign_in(self) -> None:
        """Wait for the ways in, or the form of one."""
        self.wait_heading("sign_in_heading", app=NAME)

    def find(self, selector: str) -> WebElement:
        return self.browser.find(By.CSS_SELECTOR, selector)

    def has(self, selector: str) -> bool:
        """Whether something of that kind can be seen."""
        found = self.browser.driver.find_elements(By.CSS_SELECTOR, selector)
        return any(element.is_displayed() for element in found)

    def code_shown(self) -> dict[str, str]:
        """Wait for the page that shows the code; return what the app needs of it."""
        self.wait_heading("shown_heading", app=NAME)
        code = self.find(".code").text
        challenge = self.browser.driver.find_element(By.CSS_SELECTOR, "code.id")
        return {"challenge": str(challenge.get_attribute("textContent")), "code": code}

    # -- what people do

    def fill(self, **typed: str) -> None:
        for name, text in typed.items():
            self.browser.fill(name, text)

    def press(self, key: str, **values: str) -> None:
        """Press the button, or follow the link, with that text."""
        self.browser.press(self.says(key, **values))

    def paste(self, text: str) -> None:
        """Let a text arrive in one piece where the focus is, as a keyboard's suggestion does."""
        self.browser.cdp("Input.insertText", text=text)

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            self.browser.driver.switch_to.active_element.send_keys(key)

    def enter(self, text: str = "") -> None:
        self.keys(*([text] if text else []), Keys.ENTER)

    def sign_in_there(self, password: str = ALICE.password) -> None:
        """Sign in at the identity provider's own page."""
        self.at_provider()
        self.fill(login=ALICE.login, password=password)
        self.browser.press("Sign in")

    def cancel_there(self) -> None:
        self.at_provider()
        self.browser.press("Cancel")

    def at_provider(self) -> None:
        """Wait for the identity provider's own page."""
        self.browser.wait(
            lambda: self.browser.url.startswith(f"{self.site.idp.issuer}/interaction")
        )

    def go_on(self) -> None:
        """Press the button on the page that posts a form by itself where it can."""
        if not self.scripts:
            self.browser.press("Continue")

    def let_time_pass(self, seconds: int) -> None:
        """Put the clock of the page's script forward."""
        later = "const now = Date.now(), ms = arguments[0]; Date.now = () => now + ms"
        self.browser.driver.execute_script(later, 1000 * seconds)

    def speak(self, language: str) -> None:
        """Have the browser ask for a language."""
        self.browser.cdp("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        self.texts = texts(choose("", language))

    def in_colours(self, scheme: Literal["light", "dark"]) -> None:
        """Like the pages so."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.browser.cdp("Emulation.setEmulatedMedia", features=[feature])

    # -- messages

    def code_to(self, number: str, message: int = 1) -> str:
        """Wait for so many text messages to a number; return the code in the last."""
        return self.site.sms.code_for(number, at_least=message)

    def code_mailed_to(self, address: str) -> str:
        mail = self.site.mail
        mail.wait(lambda: mails_to(mail, address), "mail")
        return code_for(mail, address)
