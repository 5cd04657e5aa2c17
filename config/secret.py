"""Secrets: in the file itself, in an environment variable or in a file of their own."""

from __future__ import annotations

import os
import re
import stat
from typing import Annotated, NoReturn

from pydantic import BeforeValidator, SecretStr, ValidationInfo, WithJsonSchema

from config.files import locate
from config.model import Reading
from config.spelling import invalid

MAX_SECRET = 65_536  # bytes of a secret file
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _resolve(value: object, info: ValidationInfo) -> SecretStr:
    match value:
        case SecretStr():
            return value
        case "":
            raise invalid("must not be empty")
        case str() as text:
            return SecretStr(text)
        case {"env": str(name), **rest} if not rest:
            return SecretStr(_from_environment(name))
        case {"file": str(name), **rest} if not rest:
            return SecretStr(_from_file(name, info))
        case int() | float():
            raise invalid("must be text: put it in quotes")
        case _:
            raise invalid("must be text, {env: NAME} or {file: PATH}")


def _from_environment(name: str) -> str:
    if not re.fullmatch(_VARIABLE, name):
        raise invalid("env must be the name of an environment variable")
    text = os.environ.get(name)
    if not text:
        raise invalid(f"environment variable {name} is {'not set' if text is None else 'empty'}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(f"environment variable {name} is not UTF-8 text") from None
    return text


def _from_file(name: str, info: ValidationInfo) -> str:
    def refuse(reason: str) -> NoReturn:
        raise invalid(f"secret file {name} {reason}") from None

    path = locate(name, info)
    secrets = Reading.of(info).secrets
    if str(path) in secrets:
        return secrets[str(path)]
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe could hold up the start for ever
            refuse("is not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_SECRET + 1)
    except OSError as error:
        refuse(f"cannot be read: {error.strerror}")
    if len(content) > MAX_SECRET:
        refuse(f"is larger than {MAX_SECRET >> 10} KiB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        refuse("is not UTF-8 text")
    text = re.sub(r"\r?\n\Z", "", text)
    if not text:
        refuse("is empty")
    if mode & stat.S_IROTH:
        Reading.of(info).warn(f"secret file {name} can be read by every user of this machine")
    secrets[str(path)] = text
    return text


def _one_key(key: str, text: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {key: {"type": "string", **text}},
        "required": [key],
        "additionalProperties": False,
    }


Secret = Annotated[
    SecretStr,
    BeforeValidator(_resolve),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                _one_key("env", {"pattern": _VARIABLE}),
                _one_key("file", {"minLength": 1}),
            ]
        }
    ),
]
"""A ``pydantic.SecretStr``, never empty; written as text, ``{env: NAME}`` or ``{file: PATH}``.

A relative PATH counts from the folder of the configuration file; one line break at the end of the
file is not part of the secret.
"""
