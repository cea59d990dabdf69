"""The command ``greenroom``: hands each of its commands to the package that knows it."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from actors.testing import command
from supervisors.machine import command as machines

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line; return the exit code. What it means, each command says itself."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["replay"]:
        return command.main(given)
    if given[:1] == ["demo"]:
        return _demo(given[1:])
    if given[:1] == ["logs"]:
        from actors.logs import command as logs  # noqa: PLC0415  # the others need not load what logs are written with

        return logs.main(given[1:])
    if given[:1] == ["decode"]:
        from actors.wire import command as wire  # noqa: PLC0415  # as above

        return wire.main(given[1:])
    if given[:1] == ["machine"]:
        return machines.main(given[1:])
    _parser().parse_args(given)
    return REFUSED  # not reached: without one of its commands, the parser ends with help, version or an error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="greenroom", description="Actors and supervisors at work, and simulated runs of them.")
    parser.add_argument("--version", action="version", version=command.version_text())
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    commands.add_parser("decode", help="print the messages that a file has recorded, without the types that they are of")
    commands.add_parser("demo", help="show supervision at work in the terminal, and check what it promises")
    commands.add_parser("logs", help="read the JSON lines of the logging actor: of an actor, of a conversation, of a time")
    commands.add_parser("machine", help="draw the chart of a state machine")
    commands.add_parser("replay", help="make the run of a token again, and walk through it")
    return parser


def _demo(arguments: Sequence[str]) -> int:
    missing = [name for name in ("typer", "rich") if find_spec(name) is None]
    if missing:
        sys.stderr.write(f"greenroom demo needs {' and '.join(missing)}: pip install 'greenroom[cli]'\n")
        return REFUSED
    from supervisors.demo import app  # noqa: PLC0415  # what it draws with need not be installed

    return app.main(arguments)
