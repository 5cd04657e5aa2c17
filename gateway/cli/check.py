"""``check``: validate the configuration.

``--connect`` tries every upstream, ``--user`` walks through the steps of somebody's sign-in.
"""

from __future__ import annotations

import argparse
import asyncio

from config import load
from gateway import logs, pem
from gateway.app import Gateway
from gateway.method import Method
from gateway.places import Places
from gateway.plan import Plan, plan
from gateway.stores import StoreUnavailable
from providers import Identity, Unavailable


def run(options: argparse.Namespace) -> int:
    """Print a line per problem. Raises ``ConfigError`` for those of the file."""
    loaded = load(options.config)
    planned = plan(loaded)
    pem.require(loaded)
    for warning in loaded.document.warnings:
        print(f"warning: {warning}")
    logs.configure("error", "console")  # standard output is for the problems
    fine = True
    if options.connect or options.user is not None:
        fine = asyncio.run(_running(planned, options.connect, options.user))
    if fine and options.user is None:
        print(f"{options.config}: fine")
    return 0 if fine else 1


async def _running(planned: Plan, connect: bool, user: str | None) -> bool:
    """Do what takes a gateway; return whether all is fine."""
    gateway = Gateway(planned)
    try:
        await gateway.open()
        if connect and not await _connects(gateway):
            return False
        return user is None or await _explain(gateway, planned, user)
    finally:
        await gateway.stop()


async def _connects(gateway: Gateway) -> bool:
    """Try every upstream."""
    problems = [f"issuer: {problem}" for problem in await gateway.current.issuer.check()]
    try:
        await gateway.current.store.ping()
    except StoreUnavailable as error:
        problems.append(f"store: {error}")
    if gateway.current.tracing is not None:
        problems += [f"tracing: {p}" for p in await gateway.current.tracing.check()]
    for provider in gateway.current.providers.values():
        problems += [f"provider {provider.name}: {p}" for p in await provider.check()]
        for finding in provider.findings():
            print(f"provider {provider.name}: {finding}")
        for advice in provider.advice():
            print(f"warning: provider {provider.name}: {advice}")
    for problem in problems:
        print(problem)
    return not problems


async def _explain(gateway: Gateway, planned: Plan, name: str) -> bool:
    """Tell how a sign-in as ``name`` would go with each provider; return whether any succeeds."""
    outcomes = []
    for provider, its in zip(gateway.current.providers.values(), planned.providers, strict=True):
        explanation = await provider.explain(name)
        if explanation is None:
            continue
        steps, identity = [*explanation.steps], explanation.identity
        address = None
        if identity is not None:
            method = Method(provider, its.template, Places(its.name), its.rivals)
            address, told = _address(method, identity)
            steps += [f"identity: {_shown(identity)}", told]
        outcomes.append(address is not None)
        for step in steps:
            print(f"provider {provider.name}: {step}")
    if not outcomes:
        print("no provider can tell without a proof of who it is")
    return any(outcomes)


def _address(method: Method, identity: Identity) -> tuple[str | None, str]:
    try:
        address = method.address(identity)
    except Unavailable as error:
        return None, f"ends here, told as UNAVAILABLE: {error.detail}"
    return address, f"signs in, if the proof is right, with the mesibo address {address}"


def _shown(identity: Identity) -> str:
    fields = ("subject", "username", "email", "phone", "name")
    pairs = ((field, getattr(identity, field)) for field in fields)
    return ", ".join(f"{field} {value}" for field, value in pairs if value)
