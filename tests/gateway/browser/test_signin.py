"""The sign-in page, from a link to the code for the app."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from gateway.outcomes import SignedIn
from gateway.tickets import s256
from tests.gateway.browser.site import NUMBER, PASSWORD, RETURN, Phone, Site, Staff
from tests.gateway.kit import BrowserScript


async def test_a_code_signs_in_and_goes_back_to_the_app() -> None:
    phone = Phone("phone")
    site = Site(phone, Staff(), BrowserScript())
    async with site.open() as person:
        answer = await person.open(return_url=RETURN, code_challenge=s256("v" * 43))
        assert [a.text for a in answer.page.all("a")] == ["Phone", "Staff", "Site"]
        await person.get(person.path(answer.page.all("a")[0]["href"]))
        answer = await person.press(phone=NUMBER)
        assert answer.status == 200
        answer = await person.press(otp=phone.delivered[0])
        print(answer.location)
