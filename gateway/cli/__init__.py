"""The command line: ``python -m gateway serve | check | schema | providers | login``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib import import_module

from config import ConfigError, HostPort


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status (0 fine, 1 problems, 2 usage)."""
    options = _parser().parse_args(arguments)
    # A command is imported only when it is used: each start pays for its own imports alone.
    command = import_module(f"gateway.cli.{options.command}")
    try:
        status: int = command.run(options)
    except ConfigError as error:
        for problem in error.problems:
            print(problem)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="Sign-in gateway for messenger apps."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run until SIGTERM or SIGINT, then drain")
    _add_config(serve)
    serve.add_argument("--listen", type=_host_port, metavar="HOST:PORT", help="override the file")
    serve.add_argument("--admin", type=_host_port, metavar="HOST:PORT", help="override the file")
    check = commands.add_parser("check", help="validate the configuration, a line per problem")
    _add_config(check)
    check.add_argument("--connect", action="store_true", help="also try every configured upstream")
    check.add_argument("--user", metavar="NAME", help="also show how somebody's sign-in would go")
    commands.add_parser("schema", help="print the JSON Schema of gateway.yaml, for editors")
    commands.add_parser("providers", help="list the provider types that can be used")
    login = commands.add_parser("login", help="sign in from the terminal")
    login.add_argument("--url", default="http://127.0.0.1:8080/", help="default: %(default)s")
    login.add_argument("--appid", default="com.example.app", help="default: %(default)s")
    login.add_argument("--provider", help="which provider to ask; default: the app's order")
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        default=os.environ.get("GATEWAY_CONFIG", "gateway.yaml"),
        metavar="FILE",
        help="default: $GATEWAY_CONFIG or gateway.yaml",
    )


def _host_port(text: str) -> HostPort:
    try:
        return HostPort.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
