"""Each provider's page in docs/providers/ tells of all its options, and its example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import Field

import config
import providers
from tests.pages import first_column, keys, read_file

PAGES = Path(__file__).resolve().parents[1] / "docs" / "providers"
# What a page may leave out of its example, since it is the same for every provider.
REST = {"issuer": "issuer: {type: sandbox}\n", "apps": 'apps: {"*": {}}\n'}


def example(page: str) -> str:
    """Return the first YAML block that configures providers, made a whole file."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    block = next((b for b in blocks if re.search("^providers:", b, re.MULTILINE)), None)
    assert block is not None, "the page has no ```yaml block with providers:"
    rest = (text for key, text in REST.items() if not re.search(f"^{key}:", block, re.MULTILINE))
    return "".join((block, *rest))


def check_example(page: str, type_name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Raise ``ConfigError`` or ``AssertionError`` unless the page's example can be used."""
    planned = read_file(example(page), folder, patch)
    kinds = [entry.type for entry in planned.loaded.settings.providers.values()]
    assert type_name in kinds, f"the example configures {kinds}"


@pytest.mark.parametrize("type_name", providers.available())
def test_page_names_every_option(type_name: str) -> None:
    page = (PAGES / f"{type_name}.md").read_text()
    assert keys(providers.load(type_name).Config) - first_column(page) == set()


@pytest.mark.parametrize("type_name", providers.available())
def test_example_on_page_loads(
    type_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (PAGES / f"{type_name}.md").read_text()
    check_example(page, type_name, tmp_path, monkeypatch)


class Sample(config.Model):
    host: str
    sender: str = Field(alias="from")


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        ("| key | meaning |\n| --- | --- |\n| `host`, `from` | |", set()),
        ("| `host` | required | not `from` |", {"from"}),
        ("Set `host` and `from`.", {"host", "from"}),
        ("| host | |\n| `sender` | |", {"host", "from"}),
    ],
)
def test_option_without_a_row_is_found(table: str, missing: set[str]) -> None:
    assert keys(Sample) - first_column(table) == missing


STAFF = """\
providers:
  staff:
    type: insecure_example
    config: {users: {ann: {env: ANN}}}
"""


@pytest.mark.parametrize("rest", ["", *REST.values(), "".join(REST.values())])
def test_example_may_leave_out_what_every_configuration_has(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"```yaml\nusers: [ann]\n```\n```yaml\n{rest}{STAFF}```\n```yaml\nproviders: 1\n```\n"
    check_example(page, "insecure_example", tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "block",
    [
        "users: {}\n",
        STAFF.replace("users", "usres"),
        STAFF.replace("insecure_example", "no_such_type"),
        STAFF + "listne: 127.0.0.1:8080\n",
        "providers: {phone: {type: phone_otp, config: {senders: [{type: console}]}}}\n",
    ],
    ids=["no providers", "misspelt key", "no such type", "misspelt gateway key", "other type"],
)
def test_example_that_cannot_be_used_is_found(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((config.ConfigError, AssertionError)):
        check_example(f"```yaml\n{block}```\n", "insecure_example", tmp_path, monkeypatch)
