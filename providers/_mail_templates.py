"""The words of mails: Jinja2 templates, compiled and tried while the configuration is loaded.

Jinja2 is optional, so it is imported where it is used. Templates run in its sandbox and know
nothing but the variables below, none of which a person typed.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeVar

from pydantic import AfterValidator, Discriminator, Field, Tag

from config.spelling import invalid
from providers._otp import choose

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

VARIABLES: Final = ("app", "code", "lang", "minutes")

SUBJECT: Final = "Your sign-in code for {{ app }}"
TEXT: Final = """\
{{ code }} is your sign-in code for {{ app }}.

It is good for {{ minutes }} minute{{ "" if minutes == 1 else "s" }}. Do not give it to anybody.

If this was not you, ignore this mail: without the code nobody can sign in.
"""
HTML: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Your sign-in code</title>
</head>
<body style="margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5">
<p style="margin:0 0 16px">Your sign-in code for {{ app }} is</p>
<p style="margin:0 0 16px;font-size:32px;font-weight:bold;letter-spacing:4px">{{ code }}</p>
<p style="margin:0 0 16px">It is good for {{ minutes }} minute{{ "" if minutes == 1 else "s" }}.
Do not give it to anybody.</p>
<p style="margin:0">If this was not you, ignore this mail: without the code nobody can sign in.</p>
</body>
</html>
"""

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_TRIAL_CODE: Final = "4071352968"
_ENGLISH: Final = "en"  # what the built-in templates are in


@functools.cache
def _environment(html: bool) -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        autoescape=html, undefined=StrictUndefined, auto_reload=False
    )
    environment.globals.clear()  # what is left are the variables
    return environment


def _try_out(source: str, *, html: bool) -> str:
    """Fill a template with a trial. Raises ``ValueError``."""
    from jinja2 import TemplateSyntaxError, meta

    environment = _environment(html)
    trial = {"app": "Example", "code": _TRIAL_CODE, "lang": _ENGLISH, "minutes": 10}
    try:
        unknown = meta.find_undeclared_variables(environment.parse(source)) - set(VARIABLES)
        rendered = "" if unknown else environment.from_string(source).render(trial)
    except TemplateSyntaxError as error:
        raise invalid(f"is no Jinja template: look at its line {error.lineno}") from None
    except Exception as error:  # noqa: BLE001 - a template can fail in any way that a program can
        raise invalid(f"cannot be filled in ({type(error).__name__})") from None
    if unknown:
        raise invalid(f"uses an unknown variable: there are {', '.join(VARIABLES)}")
    return rendered


def _subject(source: str) -> str:
    if not _one_line(_try_out(source, html=False)):
        raise invalid("must not be empty")
    return source


def _text(source: str) -> str:
    return _with_code(source, _try_out(source, html=False))


def _html(source: str) -> str:
    return _with_code(source, _try_out(source, html=True))


def _with_code(source: str, rendered: str) -> str:
    if _TRIAL_CODE not in rendered:
        raise invalid("must contain {{ code }}")
    return source


def _form(value: object) -> str:
    return "languages" if isinstance(value, dict) else "text"


T = TypeVar("T")
# One for all people, or by language tag. Told apart first, so that a refusal speaks of one form.
ByLanguage = Annotated[
    Annotated[T, Tag("text")] | Annotated[dict[str, T], Field(min_length=1), Tag("languages")],
    Discriminator(_form),
]
SubjectTemplates = ByLanguage[Annotated[str, AfterValidator(_subject)]]
TextTemplates = ByLanguage[Annotated[str, AfterValidator(_text)]]
HtmlTemplates = ByLanguage[Annotated[str, AfterValidator(_html)]]
Texts = str | dict[str, str]


class Letter(NamedTuple):
    """A mail without its envelope."""

    subject: str
    text: str
    html: str | None


class MailTemplates:
    """The templates of one provider's mails. Where they are by language, all have the same tags."""

    def __init__(self, subject: Texts, text: Texts, html: Texts | None) -> None:
        by_language = [part for part in (subject, text, html) if isinstance(part, dict)]
        self._by_tag = {
            tag: (
                _compile(subject, tag),
                _compile(text, tag),
                _compile(html, tag, html=True) if html is not None else None,
            )
            for tag in (by_language[0] if by_language else [_ENGLISH])
        }
        self._tags = {tag: tag for tag in self._by_tag}

    def fill(self, lang: str | None, *, code: str, app: str, minutes: int) -> Letter:
        """Write the mail in the language of the list that suits a language tag best."""
        tag = choose(self._tags, lang)
        subject, text, html = self._by_tag[tag]
        values = {"app": app, "code": code, "lang": tag, "minutes": minutes}
        return Letter(
            _one_line(subject.render(values)),
            text.render(values),
            html.render(values) if html is not None else None,
        )


def _compile(texts: Texts, tag: str, *, html: bool = False) -> Template:
    return _environment(html).from_string(texts[tag] if isinstance(texts, dict) else texts)


def _one_line(text: str) -> str:
    """Without what would end the header field or has no place in it."""
    return _BREAKS.sub(" ", text).strip()
