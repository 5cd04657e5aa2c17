"""Icons for sign-in pages: SVG documents that take the colour of the text around them."""

from __future__ import annotations

from typing import Final


def outline(*paths: str) -> str:
    """Return an icon of lines, on a square of 24 units."""
    drawn = "".join(f'<path d="{path}"/>' for path in paths)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" '
        'stroke="currentColor" stroke-width="1.75" stroke-linecap="round" '
        f'stroke-linejoin="round">{drawn}</svg>'
    )


PERSON: Final = outline("M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4 20c0-3.5 3.6-6 8-6s8 2.5 8 6")
PHONE: Final = outline(
    "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1z", "M11 18h2"
)
ENVELOPE: Final = outline("M3.5 5.5h17v13h-17z", "M3.5 6.5 12 13l8.5-6.5")
BUILDING: Final = outline("M5 21V4h10v17", "M15 9h4v12", "M3 21h18", "M8.5 8h3M8.5 12h3M8.5 16h3")
BROWSER: Final = outline("M3 5h18v14H3z", "M3 9h18", "M6 7h.01M9 7h.01")
