"""The pictures in the documentation: all there, all used, of pages that there are."""

from __future__ import annotations

import base64
import re

import pytest

from gateway.browser.texts import texts
from tests.browser.person import Person
from tests.browser.png import SIGNATURE, size, smaller
from tests.browser.scenes import SCENES
from tests.browser.screenshots import FOLDER, MAX_SIZE, SHOTS, Shot, take
from tests.browser.site import NAME
from tests.servers.gateway import ROOT

PAGE = (ROOT / "docs" / "signin-page.md").read_text()


def test_the_documentation_shows_each_picture_once() -> None:
    shown = re.findall(r"!\[[^]]+\]\(images/signin/([^)]+)\)", PAGE)
    assert sorted(shown) == sorted(shot.file.name for shot in SHOTS)
    assert sorted(shown) == sorted(file.name for file in FOLDER.iterdir())


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.file.stem)
def test_a_picture_is_small(shot: Shot) -> None:
    picture = shot.file.read_bytes()
    assert picture.startswith(SIGNATURE)
    assert size(picture)[0] == shot.width
    assert len(picture) < MAX_SIZE


def test_a_picture_can_be_taken_again(person: Person) -> None:
    """Fonts and Chromium's versions differ, so no pixel is compared; test_accessibility shows each
    of these scenes.
    """
    assert {shot.scene for shot in SHOTS} <= SCENES.keys()
    (shot,) = (shot for shot in SHOTS if shot.language == "ar")
    picture = take(person, shot)
    assert person.heading == texts("ar")("sign_in_heading", app=NAME)
    width, height = size(picture)
    assert width == shot.width
    assert 300 < height < 700


def test_a_picture_is_made_smaller(person: Person) -> None:
    person.sign_in()
    person.browser.resize(320, 240)
    picture = person.browser.driver.get_screenshot_as_png()
    small = smaller(picture)
    assert len(small) < len(picture)
    assert pixels(person, small) == pixels(person, picture)


DRAW = """
const [picture, done] = arguments, image = new Image();
image.onload = () => {
  const {width, height} = image, canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  done(Array.from(canvas.getImageData(0, 0, width, height).data, hex).join(""));
};
image.src = `data:image/png;base64,${picture}`;
"""


def pixels(person: Person, picture: bytes) -> object:
    """Return a picture's pixels as a browser sees them."""
    encoded = base64.b64encode(picture).decode()
    drawn: object = person.browser.driver.execute_async_script(DRAW, encoded)
    return drawn
