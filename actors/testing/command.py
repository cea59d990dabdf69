"""The command ``greenroom``: looks at runs from a terminal."""

from __future__ import annotations

import argparse
import contextlib
import json
import linecache
import os
import shutil
import sys
import sysconfig
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from actors.testing import token
from actors.testing.chart_text import NARROWEST, text_chart
from actors.testing.charts import draw, kind_of
from actors.testing.errors import TokenError
from actors.testing.explore import rerun
from actors.testing.failure import shows_unicode
from actors.testing.locate import NoScenarioError, scenario_at, scenario_of
from actors.testing.setup import leaves_test
from actors.testing.stepper import Stepper, told
from actors.testing.trace import without_addresses
from actors.texts import error_text, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.network import Ordering
    from actors.testing.trace import Step

__all__ = ["main", "version_text"]

PASSES, FAILS, REFUSED, INTERRUPTED = 0, 1, 2, 130
WIDTH = 100  # columns of a chart that no terminal shows
# What is no code of the project: ours, the standard library, and what is installed.
OTHERS = [Path(__file__).parents[1], *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that was made again."""

    error: BaseException | None
    steps: list[Step]
    ordering: Ordering

    @property
    def outcome(self) -> str:
        """What it came to, in words."""
        return "does not fail any more" if self.error is None else _told_error(self.error)

    @property
    def head(self) -> str:
        return f"{len(self.steps)} steps, ordering {self.ordering.value}"

    def save(self, path: str) -> str:
        """Write a chart to a file; return that it was.

        Raises:
            ValueError: it has a suffix that no chart has.
            OSError: it cannot be written.
        """
        text = draw(kind_of(path), self.steps, title=self.outcome.splitlines()[0])
        Path(path).write_text(text, encoding="utf-8")
        return f"saved {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line; return the exit code: 0 if a run passes, 1 if it fails, 2 for what is refused."""
    for stream in (sys.stdout, sys.stderr):
        # A state may hold what the encoding of a terminal cannot show; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        return _replay(options)
    except (NoScenarioError, TokenError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # Who reads, as `head` does, has seen enough; the flush at exit is not to complain either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILS
        text = error.why if isinstance(error, TokenError) else str(error)
        sys.stderr.write(f"greenroom: {text}\n")
        return REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("greenroom: interrupted\n")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="greenroom", description="Looks at simulated runs of actors.")
    parser.add_argument("--version", action="version", version=version_text())
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    replay = commands.add_parser(
        "replay",
        help="make the run of a token again, and walk through it",
        description="Makes the run of a token again. In a terminal, walks through it forward and back; else prints all of it. "
        "Exit code: 1 if the run fails, 0 if it does not fail any more, 2 if it cannot be made.",
    )
    replay.add_argument("token", metavar="TOKEN", help="from the report of a failure: replay with '...'")
    replay.add_argument("--scenario", metavar="MODULE:NAME", help="the scenario, if it is not to be found by the name in the token")
    replay.add_argument("--path", metavar="DIR", action="append", default=[], help="import from DIR, too; may be given several times")
    replay.add_argument("--width", metavar="N", type=int, help=f"columns of charts, at least {NARROWEST} (default: of the terminal)")
    how = replay.add_mutually_exclusive_group()
    how.add_argument("--all", action="store_true", help="print the chart and every step, also in a terminal")
    how.add_argument("--json", action="store_true", help="print every step as a line of JSON")
    how.add_argument("--save", metavar="FILE", help="write a chart to FILE: .txt, .mmd, .svg or .html")
    return parser


def version_text() -> str:
    """Return what the command says of its version."""
    try:
        return f"greenroom {metadata.version('greenroom')}"
    except metadata.PackageNotFoundError:
        return "greenroom (not installed)"


# -- making the run --------------------------------------------------------------------------------------------------------


def _replay(options: argparse.Namespace) -> int:
    if options.width is not None and options.width < NARROWEST:
        msg = f"--width {options.width} is not valid: a chart takes {NARROWEST} columns at least"
        raise ValueError(msg)
    if options.save is not None:
        kind_of(options.save)
    run = _made_again(options)
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not options.all
    if options.json:
        for step in run.steps:
            print(json.dumps(asdict(step) | {"kind": step.kind.value}))
        sys.stderr.write(f"{run.outcome}\n")
    elif options.save is not None:
        print(run.save(options.save))
        print(run.outcome)
    elif interactive:
        _walk(run, options.width or max(NARROWEST, shutil.get_terminal_size((WIDTH, 24)).columns))
    else:
        _print_all(run, options.width or WIDTH)
    sys.stdout.flush()
    return PASSES if run.error is None else FAILS


def _made_again(options: argparse.Namespace) -> _Run:
    text = options.token.strip().strip("'\"")
    program = token.program_of(text)
    # As pytest finds them from there; a directory that was named comes before what is installed.
    sys.path[:0] = [str(Path.cwd()), *(str(Path(path).absolute()) for path in options.path)]
    # What scenarios print is not what was asked for.
    with contextlib.redirect_stdout(sys.stderr):
        scenario = scenario_of(program) if options.scenario is None else scenario_at(options.scenario)
        try:
            error, steps, setup = rerun(scenario, text, states=True, any_name=options.scenario is not None)
        except SystemExit as ended:
            msg = f"the scenario {program} ended the program with exit code {ended.code}"
            raise NoScenarioError(msg) from ended
        except BaseException as left:
            if not leaves_test(left):
                raise
            msg = f"the scenario {program} leaves its test: {type(left).__name__}: {left}"
            raise NoScenarioError(msg) from left
    return _Run(error, steps, setup.ordering)


def _told_error(error: BaseException) -> str:
    """Return an error as text, and the line of the project that it came from."""
    text = without_addresses(error_text(error))
    lines = [plain(line) for line in text.splitlines()]
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        if not any(directory in Path(file).parents for directory in OTHERS) and linecache.getline(file, line):
            place = f"  {_near(file)}:{line}: {linecache.getline(file, line).strip()}"
        trace = trace.tb_next
    return "\n".join([*lines, *filter(None, [plain(place)])])


def _near(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name


# -- showing it ------------------------------------------------------------------------------------------------------------


def _print_all(run: _Run, width: int) -> None:
    print(text_chart(run.steps, width=width, ascii_only=not shows_unicode()))
    before = None
    for step in run.steps:
        print(f"\n{told(step, len(run.steps), before)}")
        before = step
    print(f"\n{run.head}\n{run.outcome}")


def _walk(run: _Run, width: int) -> None:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401, PLC0415  # gives input() a history, where there is one
    stepper = Stepper(run.steps, run.outcome, width=width, ascii_only=not shows_unicode())
    print(f"{run.head}\n{run.outcome}\n\n{stepper.shown()}; Enter goes on, h lists the commands")
    while True:
        try:
            answer = stepper.handle(input(f"[{stepper.position}/{len(run.steps)}] "))
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if answer.ends:
            return
        text = answer.text
        if answer.save_to:
            try:
                text = run.save(answer.save_to)
            except (ValueError, OSError) as error:
                text = str(error)
        print(text)
