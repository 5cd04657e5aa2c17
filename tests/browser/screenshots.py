"""The pictures of the sign-in page in the documentation: ``make screenshots``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.browser.person import Person
from tests.browser.png import smaller
from tests.browser.scenes import SCENES
from tests.browser.site import serving
from tests.servers.browser import Browser
from tests.servers.gateway import ROOT

FOLDER: Final = ROOT / "docs" / "images" / "signin"
MAX_SIZE: Final = 40 * 1024  # bytes of a picture

WIDE: Final = 560  # CSS pixels
NARROW: Final = 360
HEIGHT: Final = 480
MARGIN: Final = 32
BOTTOM: Final = """
scrollTo(0, 0);
return document.querySelector("main").getBoundingClientRect().bottom;
"""


class Shot(NamedTuple):
    """A scene as somebody sees it."""

    scene: str
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"
    width: int = WIDE

    @property
    def file(self) -> Path:
        """Named after what is not as usual."""
        special = [self.language] if self.language != "en" else []
        special += [self.scheme] if self.scheme != "light" else []
        special += ["mobile"] if self.width != WIDE else []
        return FOLDER / f"{'-'.join([self.scene, *special])}.png"


SHOTS: Final = (
    Shot("choices"),
    Shot("choices", scheme="dark"),
    Shot("choices", width=NARROW),
    Shot("choices", language="de"),
    Shot("choices", language="ar"),
    Shot("phone"),
    Shot("code"),
    Shot("code", scheme="dark", width=NARROW),
    Shot("password-wrong"),
    Shot("shown-code"),
    Shot("shown-code", scheme="dark"),
    Shot("cancelled"),
    Shot("other-browser"),
    Shot("unavailable"),
)


def take(person: Person, shot: Shot) -> bytes:
    """Bring a scene about; return its picture as PNG, as high as what is on the page."""
    browser = person.browser
    person.speak(shot.language)
    person.in_colours(shot.scheme)
    browser.resize(shot.width, HEIGHT)
    SCENES[shot.scene](person)
    for _ in range(4):  # the space above the page grows with the window
        bottom: float = browser.driver.execute_script(BOTTOM)
        browser.resize(shot.width, round(bottom) + MARGIN)
    return smaller(browser.driver.get_screenshot_as_png())


def main() -> None:
    """Take all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "chromium"
        own.mkdir()
        with serving(Path(folder)) as site, Browser(own, site.authority) as browser:
            for shot in SHOTS:
                picture = take(Person(site, browser), shot)
                shot.file.write_bytes(picture)
                sys.stdout.write(f"{len(picture):6} {shot.file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
