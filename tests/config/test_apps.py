from __future__ import annotations

import pytest

from config import App, Model
from config.apps import AppId
from tests.config.reading import document, parse, refused, the_problem

PLAIN_HTTP = "must be https: plain http is for loopback and private networks only"


class Apps(Model):
    apps: dict[AppId, App]


def test_app_has_what_stock_clients_need_by_default() -> None:
    app = parse(Apps, "apps: {com.example.messenger: {}}").apps["com.example.messenger"]
    assert app.name is None
    assert app.providers is None
    assert app.result == "auto"
    assert app.return_urls == []
    assert app.urls.model_dump() == {
        "upload": "https://s3.mesibo.com/api.php",
        "download": "https://appimages.mesibo.com/",
    }
    assert list(app.share.model_dump()) == ["text", "subject", "title"]
    assert all(app.share.model_dump().values())
    assert app.invite


def test_each_text_can_be_set_by_itself() -> None:
    keys = "share: {title: Tell}, urls: {upload: https://files.example.com/up}, invite: Hi"
    app = parse(Apps, f"apps: {{a: {{{keys}, name: My App}}}}").apps["a"]
    assert (app.share.title, app.invite, app.name) == ("Tell", "Hi", "My App")
    assert app.share.subject == App().share.subject
    assert app.urls.upload == "https://files.example.com/up"
    assert app.urls.download == App().urls.download


@pytest.mark.parametrize("app_id", ["com.example.messenger", "*", "a", "x" * 128])
def test_app_id(app_id: str) -> None:
    assert list(parse(Apps, f"apps: {{'{app_id}': {{}}}}").apps) == [app_id]


@pytest.mark.parametrize("app_id", ["", "a b", "ä", "x" * 129, "a\\n"])
def test_app_id_refused(app_id: str) -> None:
    (problem,) = refused(Apps, f'apps: {{"{app_id}": {{}}}}')
    assert problem.startswith("1:8: apps.")
    assert problem.endswith("an app id is 1 to 128 printable ASCII characters without spaces")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{providers: []}", "apps.a.providers: must not be empty"),
        ("{providers: phone}", "apps.a.providers: must be a list"),
        ("{providers: [1]}", "apps.a.providers.0: must be text: put it in quotes"),
        ("{providers: [p, q, p]}", "apps.a.providers: names a provider twice"),
        ("{result: OK}", "apps.a.result: must be 'auto', 'string' or 'boolean'"),
        ("{result: true}", "apps.a.result: must be 'auto', 'string' or 'boolean'"),
        ("{invite: ''}", "apps.a.invite: must not be empty"),
        ("{name: ''}", "apps.a.name: must not be empty"),
        ("{invite: {text: a}}", "apps.a.invite: must be text"),
        ("{share: text}", "apps.a.share: must be a mapping of keys to values"),
        ("{share: {txt: a}}", 'apps.a.share.txt: unknown key; did you mean "text"?'),
        (
            "{urls: {upload: ftp://a.b}}",
            "apps.a.urls.upload: must be a URL such as https://host.example.com/path",
        ),
        (
            "{urls: {upload: http://a.b}}",
            f"apps.a.urls.upload: {PLAIN_HTTP}",
        ),
        ("", "apps.a: must be a mapping of keys to values"),
    ],
)
def test_app_refused(text: str, problem: str) -> None:
    assert the_problem(Apps, f"apps: {{a: {text}}}") == problem


@pytest.mark.parametrize(
    "url",
    [
        *("com.example.messenger:/signed-in", "com.example.messenger://signed-in/x?a=b"),
        *("https://app.example.com/signed-in", "https://app.example.com"),
        *(
            "http://127.0.0.1:4321/cb",
            "http://localhost/",
            "http://[::1]:80/cb",
            "http://127.0.0.1",
        ),
    ],
)
def test_return_url(url: str) -> None:
    read = document(f"apps: {{a: {{return_urls: ['{url}']}}}}")
    assert read.parse(Apps).apps["a"].return_urls == [url]
    assert read.warnings == []


def test_return_url_that_other_apps_can_claim_is_a_warning() -> None:
    read = document("apps: {a: {return_urls: ['messenger://in', 'messenger://out']}}")
    assert len(read.parse(Apps).apps["a"].return_urls) == 2
    (warning,) = read.warnings
    assert "RFC 8252" in warning


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("/signed-in", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("com.example", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("com.example:signed-in", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("com.example:/a#b", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("com.example:/a b", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("com.example:/a\\n", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("1a:/b", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        ("", 'must be a URL without #, such as "com.example.app:/signed-in"'),
        *(
            (f"{scheme}:/a", "browsers handle this scheme themselves: use the app's own, or https")
            for scheme in ("javascript", "JavaScript", "data", "file", "blob", "vbscript", "about")
        ),
        ("https:/a", "an https URL needs a host"),
        ("https:///a", "an https URL needs a host"),
        ("http://app.example.com/", "must be https: plain http is for loopback only"),
        ("http://10.0.0.1/", "must be https: plain http is for loopback only"),
        ("http://127.0.0.1.example.com/", "must be https: plain http is for loopback only"),
        ("http://127.0.0.1@example.com/", "must be https: plain http is for loopback only"),
    ],
)
def test_return_url_refused(url: str, problem: str) -> None:
    found = refused(Apps, f'apps: {{a: {{return_urls: ["{url}"]}}}}')
    assert found == [f"1:26: apps.a.return_urls.0: {problem}"]
