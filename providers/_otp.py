"""What one-time-code providers share: the code's settings and the text around it."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from config import Duration, Model

MAX_LIFETIME: Final = 600.0  # seconds; OWASP ASVS 6.5.5
MAX_TAG: Final = 35  # characters of a language tag (RFC 5646 4.4.1)

_PLACEHOLDER: Final = re.compile(r"\{(app|minutes)\}")


def _at_most_ten_minutes(seconds: float) -> float:
    if seconds > MAX_LIFETIME:
        raise ValueError("at most 10m")
    return seconds


class CodeConfig(Model):
    """How codes are made. The stock apps can type six digits and nothing else."""

    length: Annotated[int, Field(ge=6, le=10)] = 6
    lifetime: Annotated[Duration, AfterValidator(_at_most_ten_minutes)] = MAX_LIFETIME
    attempts: Annotated[int, Field(ge=1, le=10)] = 5

    @property
    def minutes(self) -> int:
        """The lifetime as people are told it."""
        return max(1, round(self.lifetime / 60))


def _names_the_code(template: str) -> str:
    if "{code}" not in template:
        raise ValueError("must contain {code}")
    return template


Template = Annotated[str, AfterValidator(_names_the_code)]
Texts = Annotated[dict[str, Template], Field(min_length=1)]


def choose(texts: str | dict[str, str], lang: str | None) -> str:
    """Return the text for a language tag, or a more general one (RFC 4647 3.4: ``de-AT``, ``de``),
    else the English one, else the first.
    """
    if isinstance(texts, str):
        return texts
    by_tag = {tag.lower(): text for tag, text in texts.items()}
    wanted = (lang or "")[:MAX_TAG].lower().replace("_", "-")  # Android writes de_AT
    while wanted:
        if wanted in by_tag:
            return by_tag[wanted]
        wanted = wanted.rpartition("-")[0]
    return by_tag.get("en") or next(iter(texts.values()))


def compose(template: str, code: str, app: str, minutes: int) -> str:
    """Fill ``{code}``, ``{app}`` and ``{minutes}``; no value is looked into again."""
    return code.join(_around_code(template, app, minutes))


@functools.lru_cache(maxsize=256)  # the configuration has few
def _around_code(template: str, app: str, minutes: int) -> tuple[str, ...]:
    values = {"app": app, "minutes": str(minutes)}
    parts = template.split("{code}")
    return tuple(_PLACEHOLDER.sub(lambda match: values[match[1]], part) for part in parts)
