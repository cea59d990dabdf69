"""The command ``greenroom machine``: draws the chart of a class that it finds by name."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.testing.locate import NoScenarioError, imported
from supervisors.machine.errors import MachineDeclarationError
from supervisors.machine.machine import StateMachine
from supervisors.machine.reachability import reachability

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NoMachineError", "machine_at", "main"]

DONE, FAILED, REFUSED = 0, 1, 2


class NoMachineError(Exception):
    """No machine can be had by that name; the text says why, and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line; return the exit code: 0, or 2 for what is refused."""
    for stream in (sys.stdout, sys.stderr):
        # A chart may have names that the encoding of a terminal cannot show; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    # As Python finds them from there; a directory that was named comes before what is installed.
    sys.path[:0] = [str(Path.cwd()), *(str(Path(path).absolute()) for path in options.path)]
    try:
        _show(_drawn(machine_at(options.machine), options), options.output)
    except BrokenPipeError:
        # Who reads, as `head` does, has seen enough; the flush at exit is not to complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (NoMachineError, OSError) as error:
        sys.stderr.write(f"greenroom: {error}\n")
        return REFUSED
    return DONE


def machine_at(place: str) -> type[StateMachine[Any, Any]]:
    """Return the class of machines at a place, ``module:Class``.

    Raises:
        NoMachineError: there is none, or its chart is not valid.
    """
    name, colon, path = place.partition(":")
    if not (name and colon and path):
        msg = f"{place} is not valid: it is MODULE:CLASS, like shop.orders:Order"
        raise NoMachineError(msg)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a module prints is not what was asked for
            module = imported(name)
    except NoScenarioError as error:
        cause = error.__cause__
        raise NoMachineError(str(cause) if isinstance(cause, MachineDeclarationError) else str(error)) from error
    if module is None:
        msg = f"there is no module {name} here; --path DIR adds the directory that has it"
        raise NoMachineError(msg)
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            msg = f"there is no {name}:{path}: {getattr(found, '__name__', found)} has no {part}"
            raise NoMachineError(msg)
        found = getattr(found, part)
    if not (inspect.isclass(found) and issubclass(found, StateMachine)):
        msg = f"{name}:{path} is no state machine: a class derived from supervisors.machine.StateMachine is"
        raise NoMachineError(msg)
    if found._greenroom_table is None:
        msg = f"{name}:{path} has no chart: there is nothing to draw"
        raise NoMachineError(msg)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greenroom machine",
        description="Draws the chart of a state machine: as the text of a Mermaid diagram, which GitHub and MkDocs show, or as an SVG "
        "picture. Exit code: 2 if that is not possible.",
    )
    parser.add_argument("machine", metavar="MODULE:CLASS", help="the class, in a module that can be imported from here")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--mermaid", action="store_true", help="as Mermaid's text (the default)")
    how.add_argument("--svg", action="store_true", help="as an SVG picture (the default for a FILE.svg)")
    how.add_argument("--reach", action="store_true", help="no picture: how each state is reached, as text")
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of printing")
    parser.add_argument("--path", metavar="DIR", action="append", default=[], help="import from DIR, too; may be given several times")
    return parser


def _drawn(machine: type[StateMachine[Any, Any]], options: argparse.Namespace) -> str:
    if options.reach:
        return f"{reachability(machine)}\n"
    named = (options.output or "").lower().endswith(".svg")
    return machine.diagram("svg" if options.svg or (named and not options.mermaid) else "mermaid")


def _show(text: str, output: str | None) -> None:
    """Print a text, or write it to a file.

    Raises:
        OSError: it cannot be written.
    """
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    Path(output).write_text(text, encoding="utf-8")
    sys.stdout.write(f"saved {output}\n")
