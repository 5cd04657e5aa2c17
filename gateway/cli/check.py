"""``check``: validate the configuration; with ``--connect`` try every upstream."""

from __future__ import annotations

import argparse
import asyncio

from config import load
from gateway import logs, pem
from gateway.app import Gateway
from gateway.plan import Plan, plan
from gateway.stores import StoreUnavailable


def run(options: argparse.Namespace) -> int:
    """Print a line per problem. Raises ``ConfigError`` for those of the file."""
    loaded = load(options.config)
    planned = plan(loaded)
    pem.require(loaded)
    for warning in loaded.document.warnings:
        print(f"warning: {warning}")
    logs.configure("error", "console")  # standard output is for the problems
    problems = asyncio.run(_connect(planned)) if options.connect else []
    for problem in problems:
        print(problem)
    if not problems:
        print(f"{options.config}: fine")
    return 1 if problems else 0


async def _connect(planned: Plan) -> list[str]:
    gateway = Gateway(planned)
    try:
        await gateway.open()
        problems = [f"issuer: {problem}" for problem in await gateway.issuer.check()]
        try:
            await gateway.store.ping()
        except StoreUnavailable as error:
            problems.append(f"store: {error}")
        for provider in gateway.providers:
            problems += [f"provider {provider.name}: {p}" for p in await provider.check()]
        return problems
    finally:
        await gateway.stop()
