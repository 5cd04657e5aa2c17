"""A provider as the configuration offers it, with its bugs contained."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple

import structlog

from gateway import addresses, logs
from gateway.addresses import AddressTemplate, MissingField
from gateway.places import Places
from providers import BrowserSignIn, Conversion, Fields, Identity, LoginError, Provider, Unavailable

log = structlog.get_logger()
A = TypeVar("A")
Ts = TypeVarTuple("Ts")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Method:
    """A provider, its addresses, and the places that logins have with it.

    Whatever a provider throws that is no ``LoginError`` is its failure, not the person's.
    """

    provider: Provider[Any]
    template: AddressTemplate
    places: Places
    rivals: tuple[AddressTemplate, ...] = ()  # whose addresses it must not give out
    label: str = ""  # for people

    @property
    def in_browser(self) -> bool:
        """Whether it can sign people in at a site of its own."""
        return isinstance(self.provider, BrowserSignIn)

    def identify(self, fields: Fields) -> str | None:
        """See ``Provider``."""
        return self._tell(self.provider.identify, fields)

    def counted_as(self, identity: str) -> str:
        """See ``Provider``."""
        return self._tell(self.provider.counted_as, identity)

    def conversion(self, identity: str) -> Conversion | None:
        """See ``Provider``."""
        return self._tell(self.provider.conversion, identity)

    def address(self, identity: Identity) -> str:
        """Return the mesibo address of whom it vouches for. Raises ``Unavailable``."""
        name = self.provider.name
        try:
            address = self.template.render(identity)
        except MissingField as error:
            raise Unavailable(name, f"the identity has no {error} for its address") from None
        rival = addresses.owner(address, self.rivals) if self.rivals else None
        if rival is not None:
            raise Unavailable(name, f"the address looks like one of {rival.provider}")
        return address

    def _tell(self, question: Callable[[A], T], about: A) -> T:
        try:
            return question(about)
        except LoginError:
            raise
        except Exception as error:
            raise self._failed(error) from error

    async def ask(self, question: Callable[[*Ts], Awaitable[T]], *about: *Ts) -> T:
        """Wait for what the provider says."""
        try:
            return await question(*about)
        except LoginError:
            raise
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> Unavailable:
        name, kind = self.provider.name, type(error).__name__
        log.error("provider failed", provider=name, error=kind, where=logs.origin(error))
        return Unavailable(name, f"failed ({kind})")
