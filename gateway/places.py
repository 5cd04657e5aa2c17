"""How many logins may be with one provider at a time.

A provider whose upstream is slow gathers logins. It shall not gather all that the gateway can
hold: what is too much is refused at once, and nothing was tried.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final

from providers import Unavailable

MOST: Final = 4096  # as in the configuration's default
RETRY_AFTER: Final = 1.0  # seconds: some will have ended


class Places:
    """To be entered for as long as a login is with the provider. Raises ``Unavailable``."""

    def __init__(self, provider: str, most: int = MOST) -> None:
        self._provider = provider
        self._most = most
        self._taken = 0

    def __enter__(self) -> None:
        if self._taken >= self._most:
            detail = f"{self._taken} logins are under way already"
            raise Unavailable(self._provider, detail, RETRY_AFTER)
        self._taken += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._taken -= 1
