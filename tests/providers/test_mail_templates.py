"""The words of mails: what a template may be, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import config
from config import ConfigError, Model
from gateway.plan import plan
from providers._mail_templates import (
    HTML,
    SUBJECT,
    TEXT,
    HtmlTemplates,
    Letter,
    MailTemplates,
    SubjectTemplates,
    Texts,
    TextTemplates,
)
from tests.config.reading import parse, refused
from tests.servers.gateway import ROOT

CODE = "042137"


class Page(Model):
    subject: SubjectTemplates = SUBJECT
    text: TextTemplates = TEXT
    html: HtmlTemplates | None = HTML


def fill(
    subject: Texts = SUBJECT,
    text: Texts = TEXT,
    html: Texts | None = HTML,
    *,
    lang: str | None = None,
    app: str = "Example Chat",
    minutes: int = 10,
) -> Letter:
    return MailTemplates(subject, text, html).fill(lang, code=CODE, app=app, minutes=minutes)


# The built-in mail


def test_built_in_text() -> None:
    letter = fill()
    assert letter.subject == "Your sign-in code for Example Chat"
    assert letter.text == (
        "042137 is your sign-in code for Example Chat.\n"
        "\n"
        "It is good for 10 minutes. Do not give it to anybody.\n"
        "\n"
        "If this was not you, ignore this mail: without the code nobody can sign in."
    )


class Reader(HTMLParser):
    """Reads a page as it is shown, and notes what refers to elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.shown: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.shown.append(" ".join(data.split()))


def test_built_in_page_says_what_the_text_says() -> None:
    page = Reader(fill().html or "")
    assert page.shown == [
        "Your sign-in code",
        "Your sign-in code for Example Chat is",
        CODE,
        "It is good for 10 minutes. Do not give it to anybody.",
        "If this was not you, ignore this mail: without the code nobody can sign in.",
    ]


def test_e6_a33_built_in_mail_has_nothing_to_follow_or_to_fetch() -> None:
    letter = fill()
    page = Reader(letter.html or "")
    assert set(page.tags) == {"html", "head", "meta", "title", "body", "p"}
    assert page.attributes == {"lang", "charset", "name", "content", "style"}
    for part in letter:
        assert "://" not in (part or "")
        assert "url(" not in (part or "")


def test_one_minute() -> None:
    letter = fill(minutes=1)
    for part in (letter.text, letter.html):
        assert "It is good for 1 minute." in (part or "")


def test_subject_keeps_the_code_from_the_logs_of_mail_servers() -> None:
    assert CODE not in fill().subject


# What is filled in


def test_all_variables() -> None:
    letter = fill("{{ code }}", "{{ code }} {{ app }} {{ minutes }} {{ lang }}", None)
    assert letter == Letter(CODE, f"{CODE} Example Chat 10 en", None)


@pytest.mark.parametrize("app", ["<b>A</b> & 'B'", '"><img src=https://evil.example>'])
def test_e3_name_of_the_app_is_escaped_in_html_alone(app: str) -> None:
    letter = fill(SUBJECT, "{{ code }} {{ app }}", "{{ code }} <i title='{{ app }}'>", app=app)
    assert letter.text == f"{CODE} {app}"
    assert letter.subject.endswith(app)
    assert letter.html is not None
    assert letter.html.count("<") == 1
    assert letter.html.count("'") == 2


@pytest.mark.parametrize("app", ["{{ code }}", "{% raw %}", "{{ 7 * 7 }}"])
def test_what_is_filled_in_is_no_template(app: str) -> None:
    assert fill(app=app).subject == f"Your sign-in code for {app}"


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\0", "\x9b"])
def test_e2_subject_is_one_line(break_: str) -> None:
    letter = fill(app=f"A{break_}Bcc: ann@example.com")
    assert letter.subject == "Your sign-in code for A Bcc: ann@example.com"


def test_folded_subject_is_one_line() -> None:
    page = parse(Page, "subject: >\n  Your code\n\n  for {{ app }}\n")
    assert fill(page.subject).subject == "Your code for Example Chat"


# By language

BY_LANGUAGE = {"pt-BR": "BR {{ code }}", "de": "DE {{ code }}", "en": "EN {{ code }}"}


@pytest.mark.parametrize(
    ("lang", "chosen"),
    [
        ("de", "DE"),
        ("de-AT", "DE"),
        ("DE-at", "DE"),
        ("pt-br", "BR"),
        ("pt", "EN"),
        ("", "EN"),
        (None, "EN"),
        ("xx", "EN"),
        ("{{ code }}", "EN"),
        ("e" * 5000, "EN"),
    ],
)
def test_a25_language_is_one_of_the_list_for_all_parts(lang: str | None, chosen: str) -> None:
    letter = fill(BY_LANGUAGE, BY_LANGUAGE, BY_LANGUAGE, lang=lang)
    assert letter == Letter(*[f"{chosen} {CODE}"] * 3)


def test_a25_without_english_the_first_language_is_the_one_for_others() -> None:
    texts = {"fr": "FR {{ code }}", "de": "DE {{ code }}"}
    assert fill(SUBJECT, texts, None, lang="it").text == f"FR {CODE}"


@pytest.mark.parametrize(
    ("lang", "known_as"), [("pt-br", "pt-BR"), ("de-AT", "de"), ("<b>", "en"), (None, "en")]
)
def test_a25_templates_know_the_language_of_the_list_not_what_was_typed(
    lang: str | None, known_as: str
) -> None:
    letter = fill("{{ lang }}", BY_LANGUAGE, "{{ lang }} {{ code }}", lang=lang)
    assert letter.subject == known_as
    assert letter.html == f"{known_as} {CODE}"


@pytest.mark.parametrize("lang", ["de", "<b>", None])
def test_a25_templates_in_one_language_do_not_know_what_was_typed(lang: str | None) -> None:
    assert fill("{{ lang }}", lang=lang).subject == "en"


# What is refused

UNKNOWN = "uses an unknown variable: there are app, code, lang, minutes"
NO_CODE = "must contain {{ code }}"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        pytest.param("Hello", NO_CODE, id="no code"),
        pytest.param("", NO_CODE, id="empty"),
        pytest.param("{code}", NO_CODE, id="other placeholders"),
        pytest.param("{{ code[1:] }}", NO_CODE, id="part of the code"),
        pytest.param("{% set code = 1 %}{{ code }}", NO_CODE, id="another code"),
        pytest.param("{% if minutes > 99 %}{{ code }}{% endif %}", NO_CODE, id="code now and then"),
        pytest.param("{{ code }} {{ nmae }}", UNKNOWN, id="misspelt"),
        pytest.param("{{ code }} {{ name }}", UNKNOWN, id="e3 what was typed"),
        pytest.param(
            "{{ code }}{% if minutes > 99 %}{{ x }}{% endif %}", UNKNOWN, id="unknown now and then"
        ),
        pytest.param("{{ code }} {{ range(3) }}", UNKNOWN, id="global"),
        pytest.param(
            "{{ code }}{{ self._TemplateReference__context }}", "SecurityError", id="context"
        ),
        pytest.param("{{ code }}\n{{", "is no Jinja template: look at its line 2", id="open"),
        pytest.param("{{ code }\n}", "is no Jinja template: look at its line 1", id="one brace"),
        pytest.param("{{ code }}\n\n{% endfor %}", "look at its line 3", id="end of nothing"),
        pytest.param("{{ code | no_such_filter }}", "look at its line 1", id="unknown filter"),
        pytest.param("{{ code.digits }}", "cannot be filled in (UndefinedError)", id="attribute"),
        pytest.param("{{ code + 1 }}", "cannot be filled in (TypeError)", id="wrong type"),
        pytest.param("{{ code }}{{ 1 / 0 }}", "cannot be filled in (ZeroDivisionError)", id="zero"),
        pytest.param("{{ code }}{% include 'x' %}", "cannot be filled in", id="another file"),
        pytest.param(
            "{{ " + "(" * 5000 + "code" + ")" * 5000 + " }}",
            "cannot be filled in (RecursionError)",
            id="nested deeply",
        ),
        # Ways out of Jinja's sandbox.
        pytest.param(
            "{{ code }}{{ code.__class__ }}", "cannot be filled in (SecurityError)", id="class"
        ),
        pytest.param(
            "{{ code }}{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError", id="mro"
        ),
        pytest.param("{{ code }}{{ '{0.__class__}'.format(code) }}", "SecurityError", id="format"),
        pytest.param("{{ code }}{{ code | attr('__class__') }}", "SecurityError", id="attr filter"),
        pytest.param(
            "{{ code }}{% for f in [code.isdigit] %}{{ f.__self__ }}{% endfor %}",
            "SecurityError",
            id="method",
        ),
        pytest.param("{{ code }}{{ config }}", UNKNOWN, id="a web framework's global"),
    ],
)
@pytest.mark.parametrize("part", ["text", "html"])
def test_refused_template(part: str, template: str, problem: str) -> None:
    (found,) = refused(Page, f"{part}: {_quoted(template)}")
    assert found.startswith(f"1:7: {part}: ")
    assert problem in found


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("", "must not be empty"),
        (" \n ", "must not be empty"),
        ("{{ '' }}", "must not be empty"),
        ("{{ name }}", UNKNOWN),
        ("{{", "is no Jinja template"),
        ("{{ app.__class__ }}", "SecurityError"),
    ],
)
def test_refused_subject(template: str, problem: str) -> None:
    (found,) = refused(Page, f"subject: {_quoted(template)}")
    assert found.startswith("1:10: subject: ")
    assert problem in found


def _quoted(template: str) -> str:
    escaped = template.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def test_refused_template_of_one_language_is_told_by_its_place() -> None:
    found = refused(Page, "text:\n  en: '{{ code }}'\n  de: '{{ kode }}'\nhtml:\n  en: Hello\n")
    assert found == [f"3:7: text.de: {UNKNOWN}", f"5:7: html.en: {NO_CODE}"]


@pytest.mark.parametrize("part", ["subject", "text", "html"])
def test_no_language_at_all(part: str) -> None:
    (found,) = refused(Page, f"{part}: {{}}")
    assert "must not be empty" in found


@pytest.mark.parametrize("value", ["123456", "[a]", "true"])
def test_no_text(value: str) -> None:
    (found,) = refused(Page, f"text: {value}")
    assert "must be text" in found


def test_refusal_repeats_nothing_of_the_template() -> None:
    for template in ("{{ hunter2 }}", "hunter2 {{", "hunter2", "{{ code | hunter2 }}"):
        assert "hunter2" not in str(refused(Page, f"text: {_quoted(template)}"))


@pytest.mark.parametrize("value", ["null", "'{{ code }}'"])
def test_page_may_be_left_out(value: str) -> None:
    assert parse(Page, f"html: {value}").html in (None, "{{ code }}")


# Where it is refused

FILE = """\
issuer: {type: sandbox}
apps: {"*": {}}
providers:
  mail:
    type: email_otp
    config:
      senders: [{type: console}]
      text:
        en: "{{ code }}"
        de: |
          Hallo,
          {{ kode }}
"""


def test_template_is_refused_when_the_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(FILE)
    with pytest.raises(ConfigError) as caught:
        plan(config.load(file))
    (problem,) = caught.value.problems
    assert str(problem) == f"{file}:10:13: providers.mail.config.text.de: {UNKNOWN}"


def test_types_can_be_listed_and_described_without_the_libraries() -> None:
    program = (
        "import sys\n"
        "sys.modules.update(jinja2=None, aiosmtplib=None)\n"
        "from providers import ProviderTypeError, load, load_class, missing_libraries\n"
        "kind = load_class('email_otp')\n"
        "kind.Config.model_json_schema()\n"
        "print(*missing_libraries(kind))\n"
        "try:\n"
        "    load('email_otp')\n"
        "except ProviderTypeError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == 'jinja2\nneeds libraries that are not installed: jinja2: pip install ".[all]"\n'
    )
