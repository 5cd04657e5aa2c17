"""Pages as browsers and screen readers take them: parsed, and held to what HTML asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "path"}
REFERENCES = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "data-after")


@dataclass
class Element:
    """A tag with its attributes and all text inside."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)


class Markup(HTMLParser):
    """``Markup(html)``. Raises ``AssertionError`` where tags do not fit together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.doctype = ""
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {[e.tag for e in self._open]}"

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice: {tag} {names}"
        inside = tuple(e.tag for e in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, inside=inside)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in [e.tag for e in self._open], f"<{tag}/> is no HTML"
        self.elements.append(Element(tag, {n: v or "" for n, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"nothing that </{tag}> could close"
        assert self._open[-1].tag == tag, f"</{tag}> in {self._open[-1].tag}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return elements by tag and attributes; ``_`` stands for ``-``."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag: str, **attributes: str) -> Element:
        """Return the only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return re.sub("[ \n]+", " ", self.one("body").text)

    @property
    def title(self) -> str:
        return self.one("title").text


@dataclass
class Form:
    """The one form of a page: where it goes, what it has filled in, what its buttons add."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, page: Markup) -> Form:
        element = page.one("form", method="post")
        inputs = [e for e in page.elements if e.tag == "input" and "form" in e.inside]
        buttons = [e for e in page.elements if e.tag == "button" and e.get("name") == "step"]
        return cls(
            element["action"],
            {e["name"]: e.get("value") or "" for e in inputs},
            [e["value"] for e in buttons],
        )


def faults(page: Markup) -> Iterator[str]:
    """Yield what is wrong with a page that can be parsed."""
    root = page.one("html")
    if page.doctype.lower() != "doctype html" or not root.get("lang") or not root.get("dir"):
        yield "no doctype, language or direction"
    if not page.title.strip() or len(page.all("h1")) != 1 or len(page.all("main")) != 1:
        yield "not one title, h1 and main"
    if len([e for e in page.elements if "autofocus" in e.attributes]) > 1:
        yield "the focus is in two places"
    ids = [e["id"] for e in page.elements if e.get("id") is not None]
    if len(set(ids)) < len(ids) or "" in ids:
        yield f"ids are not unique: {ids}"
    for element in page.elements:
        yield from _faults(page, element, set(ids))


def _faults(page: Markup, element: Element, ids: set[str]) -> Iterator[str]:
    name = f"{element.tag} {element.attributes}"
    for attribute in REFERENCES:
        for reference in (element.get(attribute) or "").split():
            if reference not in ids:
                yield f"{name}: there is no {reference}"
    if (element.get("href") or "").startswith("#") and element["href"][1:] not in ids:
        yield f"{name}: leads nowhere"
    if any(a == "style" or a.startswith("on") for a in element.attributes):
        yield f"{name}: what a policy forbids"
    if element.tag == "style" or (element.tag == "script" and (element.text or not element["src"])):
        yield f"{name}: not a file of its own"
    if element.tag in ("a", "button", "label", "h1", "h2", "summary") and not element.text.strip():
        yield f"{name}: says nothing"
    if element.tag == "input" and element.get("type") != "hidden":
        if len(page.all("label", **{"for": element["id"]})) != 1:
            yield f"{name}: has no label"
        if element.get("autocomplete") is None:
            yield f"{name}: browsers cannot help to fill it in"
    if element.tag == "button" and element.get("type") is None:
        yield f"{name}: has no type"
