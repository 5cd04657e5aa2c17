"""The steps of the sign-in page: values in, a page out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from gateway import errors
from gateway.browser.fields import asked
from gateway.browser.links import Link
from gateway.browser.pages import Page, Redirect
from gateway.browser.problems import Problem
from gateway.browser.texts import Texts
from gateway.login import Engine
from gateway.method import Method
from gateway.outcomes import CodeSent, GoTo, HandedOver, LoginRequest, Refused
from providers import Fields

# Which field of a form a public word is about. ``BADLOGIN``: name or password, nobody knows which.
_FIELD: Final = {
    errors.BADPHONE: "phone",
    errors.BADEMAIL: "email",
    errors.BADOTP: "otp",
    errors.BADLOGIN: "password",
}
_STATUS: Final = {errors.RATELIMIT: 429, errors.UNAVAILABLE: 503}
_WRONG: Final = 422  # so that password managers do not keep what was wrong
_STALE: Final = frozenset((errors.BADAPP, errors.BADPROVIDER))  # the configuration has changed


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the browser, as far as known."""

    client: str  # the network, as limits count it
    request_id: str
    cookie: str
    texts: Texts


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a form, and with which field of it; None: with none of them."""

    text: str
    field: str | None = None
    status: int = _WRONG
    retry_after: float | None = None


class SignIn:
    """The sign-in page of one visitor who followed a link."""

    def __init__(self, engine: Engine, link: Link, visitor: Visitor) -> None:
        self._engine = engine
        self._link = link
        self._visitor = visitor
        self._texts = visitor.texts

    async def open(self, fault: Fault | None = None) -> Page | Redirect:
        """Show the ways in, or the form of the one that the link names; or go to its site."""
        method = self._link.method
        if method is None:
            return self._choices(fault)
        if not method.in_browser:
            return self._form(method, {}, fault)
        if fault is not None:
            return self._choices(fault)
        return await self._login(method, {}, {})

    async def submit(self, form: Mapping[str, str]) -> Page | Redirect:
        """Take what was typed into the form that is open, or into the one for the code after it."""
        method = self._link.method
        if method is None or method.in_browser:
            return await self.open()
        typed = {
            field.name: text if field.verbatim else text.strip()
            for field in asked(method)
            if (text := form.get(field.name, ""))
        }
        step = form.get("step")
        if step == "change":
            return self._form(method, typed)
        empty = next((name for name in method.provider.asks if not typed.get(name)), None)
        if empty is not None:
            return self._form(method, typed, Fault(self._texts("error_required"), empty))
        if step != "code":
            return await self._login(method, typed, {}, in_code=step == "resend")
        otp = form.get("otp", "").strip()
        if not otp:
            return self._code(method, typed, fault=Fault(self._texts("error_required"), "otp"))
        return await self._login(method, typed, {"otp": otp}, in_code=True)

    async def _login(
        self,
        method: Method,
        typed: Mapping[str, str],
        answer: Mapping[str, str],
        *,
        in_code: bool = False,
    ) -> Page | Redirect:
        """``in_code``: the form for the code is open, and stays so if this is refused."""
        link, visitor = self._link, self._visitor
        request = LoginRequest(
            link.app_id,
            method.provider.name,
            None,
            cast(Fields, {**typed, **answer, "lang": self._texts.lang}),
            visitor.client,
            visitor.request_id,
            link.hand_over,
        )
        outcome = await self._engine.login(request)
        match outcome:
            case GoTo():
                return Redirect(outcome.url)
            case HandedOver():
                return handed_over(outcome, link.app.name, self._texts)
            case CodeSent():
                return self._code(method, typed, outcome)
            case Refused():
                return self._refused(method, typed, outcome, in_code=in_code)
            case _:
                raise TypeError(f"{type(outcome).__name__} is for apps")

    def _refused(
        self, method: Method, typed: Mapping[str, str], refused: Refused, *, in_code: bool
    ) -> Page:
        if refused.word in _STALE:
            raise Problem("bad_link", detail=errors.TEXTS[refused.word][1])
        fault = self._fault(method, refused, in_code=in_code)
        if method.in_browser:
            return self._choices(fault)
        if in_code and refused.word not in (errors.BADPHONE, errors.BADEMAIL):
            return self._code(method, typed, fault=fault)
        return self._form(method, typed, fault)

    def _fault(self, method: Method, refused: Refused, *, in_code: bool) -> Fault:
        field = _FIELD.get(refused.word)
        there = ("otp",) if in_code and field == "otp" else method.provider.asks
        key = f"error_{refused.word.lower()}"
        if refused.word == errors.BADLOGIN and "password" not in there:
            key = "problem_refused_text"
        elif key not in self._texts.by_key:
            key = "error_other"
        text = self._texts(key)
        if refused.retry_after is not None:
            text += " " + self._texts("wait", time=self._texts.duration(refused.retry_after))
        status = _STATUS.get(refused.word, _WRONG)
        return Fault(text, field if field in there else None, status, refused.retry_after)

    def _choices(self, fault: Fault | None = None) -> Page:
        return self._page("choices.html", fault, {"methods": self._link.methods}, has_form=False)

    def _form(self, method: Method, typed: Mapping[str, str], fault: Fault | None = None) -> Page:
        fields = asked(method)
        kept = {f.name: "" if f.is_secret else typed.get(f.name, "") for f in fields}
        empty = next((name for name, text in kept.items() if not text), fields[0].name)
        values = {
            "method": method,
            "fields": fields,
            "typed": kept,
            "focus": fault.field if fault else empty,
            "other_ways": len(self._link.methods) > 1,
        }
        return self._page("form.html", fault, values)

    def _code(
        self,
        method: Method,
        typed: Mapping[str, str],
        sent: CodeSent | None = None,
        fault: Fault | None = None,
    ) -> Page:
        """Ask for the code. ``sent`` is None where nothing new is known of it."""
        values = {
            "method": method,
            "typed": typed,
            "recipient": " ".join(typed.values()),
            "sent": sent,
        }
        return self._page("code.html", fault, values)

    def _page(
        self,
        template: str,
        fault: Fault | None,
        values: Mapping[str, object],
        *,
        has_form: bool = True,
    ) -> Page:
        token = self._engine.form_token(self._visitor.cookie)
        return Page(
            template,
            self._texts,
            {**values, "link": self._link, "fault": fault, "token": token},
            status=fault.status if fault else 200,
            has_form=has_form,
            return_url=self._link.hand_over.return_url,
            retry_after=fault.retry_after if fault else None,
        )


def handed_over(handed: HandedOver, app_name: str, texts: Texts) -> Page | Redirect:
    """Take the code to the app, or show it to the person."""
    if handed.location is not None:
        return Redirect(handed.location)
    return Page("handed_over.html", texts, {"handed": handed, "app_name": app_name})
