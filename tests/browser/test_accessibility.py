"""Everybody can use the pages: WCAG 2.2 AA as far as a program can tell, and by keyboard alone."""

from __future__ import annotations

from typing import Any, Final

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.person import Person
from tests.browser.scenes import SCENES
from tests.browser.site import LABELS, NAME, PASSWORD, USER
from tests.servers.numbers import fresh_number
from tests.servers.oidc_provider import NODE

AXE: Final = (NODE / "node_modules" / "axe-core" / "axe.min.js").read_text()
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS: Final = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations", "incomplete"],
}
RUN: Final = """
const [options, done] = arguments;
axe.run(document, options).then(
  ({violations, incomplete, passes}) => done({violations, incomplete, passes: passes.length}),
  (error) => done({violations: [String(error)], incomplete: [], passes: 0}),
);
"""
NARROW: Final = 320  # CSS pixels: WCAG 2.2, 1.4.10
# WCAG 2.2, 1.4.12: people may space out text.
SPACED: Final = """
for (const {style} of document.querySelectorAll("body, body *")) {
  style.lineHeight = 1.5; style.letterSpacing = ".12em"; style.wordSpacing = ".16em";
}
for (const {style} of document.querySelectorAll("p")) style.marginBottom = "2em";
"""
OVERFLOW: Final = """
const {scrollWidth, clientWidth} = document.documentElement;
return [innerWidth, scrollWidth - clientWidth];
"""
OUTLINE: Final = """
const {outlineStyle, outlineWidth} = getComputedStyle(document.activeElement);
return [outlineStyle, outlineWidth];
"""


def faults(person: Person) -> list[str]:
    """Return what axe finds wrong with the page, and what it cannot tell."""
    driver = person.browser.driver
    driver.execute_script(AXE)
    found: dict[str, Any] = driver.execute_async_script(RUN, OPTIONS)
    assert found["passes"] > 10
    return [
        f"{rule['id']}: {node['html']} {node.get('failureSummary')}"
        for rule in (*found["violations"], *found["incomplete"])
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scene", SCENES)
def test_a_page_has_no_fault(person: Person, scene: str) -> None:
    SCENES[scene](person)
    assert faults(person) == []
    person.browser.resize(NARROW, 568)
    person.in_colours("dark")
    assert faults(person) == []
    assert person.browser.driver.execute_script(OVERFLOW) == [NARROW, 0]
    person.browser.driver.execute_script(SPACED)
    assert person.browser.driver.execute_script(OVERFLOW) == [NARROW, 0]


@pytest.mark.parametrize(
    "scene", ["choices", "phone-wrong", "code", "password-wrong", "shown-code"]
)
@pytest.mark.parametrize("language", ["de", "ar"])
def test_a_narrow_page_in_other_languages(person: Person, language: str, scene: str) -> None:
    person.speak(language)
    person.browser.resize(NARROW, 568)
    SCENES[scene](person)
    assert person.browser.driver.execute_script(OVERFLOW) == [NARROW, 0]


def test_colours(person: Person) -> None:
    """As the person likes them, light or dark."""
    SCENES["choices"](person)
    page = "return getComputedStyle(document.body).backgroundColor"
    colours = []
    for scheme in ("light", "dark"):
        person.in_colours(scheme)
        colours.append(person.browser.driver.execute_script(page))
    assert colours == ["rgb(243, 245, 248)", "rgb(16, 21, 27)"]


# -- by keyboard


def tab_to(person: Person, what: str) -> None:
    """Press Tab until the focus is there, by a way on which it can always be seen."""
    for _ in range(10):
        person.keys(Keys.TAB)
        style, width = person.browser.driver.execute_script(OUTLINE)
        assert (style, width) == ("solid", "3px"), person.focus
        if person.focus == what:
            return
    raise AssertionError(f"{what} cannot be reached, only {person.focus}")


def test_a_code_by_keyboard(person: Person) -> None:
    number = fresh_number()
    person.sign_in()
    tab_to(person, LABELS["phone"])
    person.enter()
    person.find("#phone")
    assert person.focus == "phone"
    person.enter(f"+{number}")
    person.wait_heading("code_heading")
    assert person.focus == "otp"
    person.enter(person.code_to(number))
    assert person.token(person.brought()) == number


def test_a_password_by_keyboard(person: Person) -> None:
    person.sign_in(provider="staff")
    assert person.focus == "username"
    person.keys(USER)
    tab_to(person, "password")
    person.keys(PASSWORD)
    tab_to(person, person.says("show_password"))
    person.keys(Keys.SPACE)
    assert person.find("#password").get_attribute("type") == "text"
    tab_to(person, person.says("sign_in"))
    person.enter()
    assert person.token(person.brought()) == f"staff:{USER}"


def test_from_an_error_to_its_field_by_keyboard(person: Person) -> None:
    SCENES["password-wrong"](person)
    assert person.focus == "password"
    person.keys(*[Keys.SHIFT + Keys.TAB] * 2)
    assert person.focus == person.says("error_badlogin")
    person.enter()
    assert person.focus == "password"


def test_another_try_by_keyboard(person: Person) -> None:
    SCENES["cancelled"](person)
    tab_to(person, person.says("again"))
    tab_to(person, person.says("back", app=NAME))
    person.enter()
    assert "error" in person.brought()
