"""The reference in docs/ and the code say the same: keys, defaults, labels, commands, values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

import config
import providers
from gateway import cli, errors
from gateway.metrics import Metrics
from tests import pages
from tests.pages import ROOT

PAGES: dict[str, type[BaseModel]] = {
    "docs/configuration.md": config.Settings,
    **{f"docs/providers/{k}.md": providers.load(k).Config for k in providers.available()},
    **{f"docs/senders/{kind}.md": model for kind, model in pages.senders().items()},
}


class Row(NamedTuple):
    """A row of a table of keys: ``default`` as it is written."""

    key: str
    default: str


def rows(page: str, heading: str = r"\| key \| default \|") -> Iterator[Row]:
    """Yield the rows of all tables that tell of defaults."""
    for table in re.findall(rf"^{heading}.*\n\|[-| ]+\n((?:\|.*\n)+)", page, re.MULTILINE):
        for line in table.splitlines():
            names, default, *_ = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:]]
            for key in re.findall("`([^`]+)`", names):
                yield Row(key, default)


def wrong(row: Row, fields: Sequence[tuple[str, FieldInfo]]) -> bool:
    """Whether a row says something else than the code; several keys may have one name."""
    group = row.key.rpartition(".")[0]
    if row.default == "null" and any(k == group and f.default is None for k, f in fields):
        return False
    return not any(agrees(row.default, field) for key, field in fields if key == row.key)


def agrees(said: str, field: FieldInfo) -> bool:
    """Whether a default is the one of the code. Words are taken at their word."""
    if said == "" and pages.has_keys(field):
        return True  # those of the keys below it
    if said in ("required", "") or field.is_required():
        return said.startswith("required") and field.is_required()
    default = field.get_default(call_default_factory=True)
    if said in ("null", "none"):
        return default is None
    value = re.fullmatch("`([^`]*)`", said)
    if value is None:
        return True
    type_: Any = Annotated[field.annotation, "", *field.metadata]
    adapter = TypeAdapter[Any](type_)
    return bool(adapter.validate_python(yaml.safe_load(value[1])) == default)


@pytest.mark.parametrize("name", PAGES)
def test_tables_name_no_key_that_is_not_there(name: str) -> None:
    known = {key for key, _ in pages.fields(PAGES[name])}
    assert {row.key for row in rows((ROOT / name).read_text())} - known == set()


@pytest.mark.parametrize("name", PAGES)
def test_defaults_are_those_of_the_code(name: str) -> None:
    fields = [*pages.fields(PAGES[name])]
    said = [*rows((ROOT / name).read_text())]
    assert said
    assert [row for row in said if wrong(row, fields)] == []


def test_metrics_have_the_labels_that_are_told() -> None:
    metrics = Metrics()
    page = (ROOT / "docs/operations.md").read_text()
    table = [*rows(page, r"\| metric \| labels \|")]
    told = {row.key: re.findall("`([^`]+)`", row.default) for row in table}
    assert told == {tally.name: list(tally.labelnames) for tally in metrics.tallies}


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda p: p.name)
def test_pages_name_no_metric_that_is_not_there(page: Any) -> None:
    there = {name for metric in Metrics().tallies.describe() for name in names_of(metric)}
    assert set(re.findall(r"\bgateway_(?:[a-z]+_)*[a-z]+\b", page.read_text())) - there == set()


def names_of(metric: Metric) -> set[str]:
    """Return what a metric and its series are called."""
    ends = {"counter": ("_total",), "histogram": ("", "_bucket", "_count", "_sum"), "gauge": ("",)}
    return {metric.name + end for end in ends[metric.type]}


def test_error_words_are_those_of_the_code() -> None:
    page = (ROOT / "docs/api.md").read_text()
    words = pages.first_column(pages.section(page, "Error words"))
    assert words - {"error"} == errors.TEXTS.keys()


def test_provider_types_are_all_there() -> None:
    page = pages.section((ROOT / "docs/configuration.md").read_text(), "`providers`")
    assert set(providers.available()) - pages.first_column(page) == set()


def test_commands_have_the_options_that_are_told() -> None:
    """In the README's table of commands."""
    table = pages.section((ROOT / "README.md").read_text(), "Commands")
    told = {
        match[1]: set(re.findall(r"--[a-z]+", match[2]))
        for match in re.finditer(r"^\| `([a-z]+)([^`|]*)` \|", table, re.MULTILINE)
        if match[1] not in ("make", "pip")
    }
    assert told == dict(commands(cli._parser()))


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, set[str]]]:
    """Yield each command with its options."""
    (choices,) = (a.choices for a in parser._actions if isinstance(a.choices, dict))
    for name, command in choices.items():
        options = {option for action in command._actions for option in action.option_strings}
        yield name, options - {"-h", "--help"}


def test_values_of_the_chart_are_as_told() -> None:
    page = (ROOT / "docs/deploying.md").read_text()
    chart = ROOT / "deploy/helm/messenger-auth-gateway/values.yaml"
    values = yaml.safe_load(chart.read_text())
    for row in rows(page, r"\| value \| default \|"):
        value = values
        for part in row.key.split("."):
            value = value[part]
        if re.fullmatch("`[^`]*`", row.default):
            assert yaml.safe_load(row.default.strip("`")) == value, row.key
        elif row.default.isdigit():
            assert int(row.default) == value, row.key


# Each check finds a breach.


class Group(config.Model):
    """Some more keys."""

    number: int


class Example(config.Model):
    """Some keys."""

    size: int = 3
    name: str
    off: str | None = None
    group: Group | None = None


FIELDS = [*pages.fields(Example)]


@pytest.mark.parametrize(
    ("key", "default", "is_wrong"),
    [
        ("size", "`3`", False),
        ("size", "`4`", True),
        ("size", "required", True),
        ("size", "null", True),
        ("size", "by type", False),
        ("size", "", True),
        ("name", "required", False),
        ("name", "required with `size`", False),
        ("name", "`x`", True),
        ("name", "null", True),
        ("off", "null", False),
        ("off", "`x`", True),
        ("group", "", False),
        ("group.number", "null", False),
        ("group.number", "required", False),
        ("group.number", "`3`", True),
        ("other", "null", True),
    ],
)
def test_wrong_default_is_found(key: str, default: str, is_wrong: bool) -> None:
    table = f"| key | default | meaning |\n| --- | --- | --- |\n| `{key}` | {default} | x |\n"
    (row,) = rows(table)
    assert wrong(row, FIELDS) is is_wrong
