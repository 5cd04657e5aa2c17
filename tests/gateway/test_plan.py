"""From a file to a plan: who asks a directory must name one."""

from __future__ import annotations

from pathlib import Path

import pytest

import config
from gateway.plan import plan

PHONE = """\
  phone:
    type: phone_otp
    config:
      directory: {directory}
      senders: [{{type: console}}]
"""
PEOPLE = """\
  people:
    type: tests.logins.people
    config: {file: people.json}
"""
STAFF = """\
  staff:
    type: insecure_example
    config: {users: {ann: secret-of-ann}}
"""


def problems(folder: Path, providers: str) -> list[str]:
    file = folder / "g.yaml"
    file.write_text(f'issuer: {{type: sandbox}}\napps: {{"*": {{}}}}\nproviders:\n{providers}')
    (folder / "people.json").touch()
    try:
        plan(config.load(file))
    except config.ConfigError as error:
        return [str(problem).removeprefix(f"{file}:") for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "providers",
    [
        PHONE.format(directory="people") + PEOPLE,
        PEOPLE + PHONE.format(directory="people"),
        PHONE.format(directory="null"),
    ],
    ids=["after", "before", "none"],
)
def test_directory_may_stand_anywhere_in_the_file(tmp_path: Path, providers: str) -> None:
    assert problems(tmp_path, providers) == []


@pytest.mark.parametrize("kind", ["phone_otp", "email_otp"])
@pytest.mark.parametrize(
    ("directory", "others", "problem"),
    [
        ("people", "", "this file has no provider of that name"),
        ("People", PEOPLE, "this file has no provider of that name"),
        ("staff", STAFF, "that provider is not a directory"),
        ("phone", PEOPLE, "that provider is not a directory"),
        ("''", PEOPLE, "this file has no provider of that name"),
    ],
)
def test_anything_else_is_a_problem(
    tmp_path: Path, kind: str, directory: str, others: str, problem: str
) -> None:
    phone = PHONE.format(directory=directory).replace("phone_otp", kind)
    at = "7:18: providers.phone.config.directory"
    assert problems(tmp_path, phone + others) == [f"{at}: {problem}"]


def test_directory_with_a_problem_of_its_own_is_no_second_one(tmp_path: Path) -> None:
    broken = PEOPLE.replace("file:", "flie:")
    found = problems(tmp_path, PHONE.format(directory="people") + broken)
    assert all(".people." in problem for problem in found)
    assert found != []
