"""Marks of our own for identity providers that people know, in the colour of the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from providers import _icons
from providers.oauth2.settings import Preset

BY_PRESET: Final[Mapping[Preset | None, str]] = {
    None: _icons.BROWSER,
    "google": _icons.outline("M18.5 6A8.5 8.5 0 1 0 20.5 12H12"),
    "apple": _icons.outline(
        "M12 8c-2-1.5-7-1.5-7 4.5C5 16.5 7.5 20.5 9.5 20.5c1 0 1.5-.7 2.5-.7"
        "s1.5.7 2.5.7c2 0 4.5-4 4.5-8 0-6-5-6-7-4.5z",
        "M12 5.5C12 3.8 13.2 2.8 15 2.5",
    ),
    "microsoft": _icons.outline("M4 4h7v7H4z", "M13 4h7v7h-7z", "M4 13h7v7H4z", "M13 13h7v7h-7z"),
    "github": _icons.outline(
        "M7 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 21a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
        "M17 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
        "M7 7v10M17 10c0 4-6 3-9.5 7",
    ),
    "keycloak": _icons.outline("M11 12a3.5 3.5 0 1 0-7 0 3.5 3.5 0 0 0 7 0z", "M11 12h9v3M16 12v2"),
}
