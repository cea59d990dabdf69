"""The command ``greenroom logs``: reads the JSON lines that the logging actor writes."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from actors.logs.files import Source, UnreadableError
from actors.logs.reading import WINDOW, Found, matches, merged, ordered, parse
from actors.logs.view import Conversation, View, json_escaped
from actors.logs.wanted import Wanted, actor_path, level_number, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["main"]

FOUND, NOTHING, REFUSED, INTERRUPTED = 0, 1, 2, 130
PAUSE = 0.25  # seconds between two looks at files that grow
HELD = 100_000  # lines that are held back at most, however many files there are; but LEAST of each
LEAST = 1_000
FITTED = 1_000  # lines of a conversation that are looked at before the width of its columns is fixed
T = TypeVar("T")


def main(arguments: Sequence[str], *, now: float | None = None, pause: Callable[[float], object] | None = None) -> int:
    """Carry out a command line; return the exit code: 0 if something was found, 1 if nothing, 2 for what is refused or unreadable.

    Args:
        arguments: what follows ``greenroom logs``.
        now: the time that ``10m`` is before, in seconds since the epoch; by default the current one.
        pause: waits for so many seconds, until files are looked at once more.
    """
    for stream in (sys.stdout, sys.stderr):
        # A message may hold what the encoding of a terminal cannot show; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if now is None:
        now = datetime.now(UTC).timestamp()  # a person's "ten minutes ago" is by the clock on the wall
    parser = _parser(now)
    options = parser.parse_args(arguments)
    if options.since is not None and options.until is not None and options.since > options.until:
        parser.error("--since is later than --until: nothing could match")
    try:
        with contextlib.ExitStack() as stack:
            sources = [stack.enter_context(contextlib.closing(Source(name))) for name in options.files]
            if options.follow and len(sources) > 1 and any(source.flows for source in sources):
                parser.error("--follow takes the standard input, or a pipe, only as the one FILE")
            return _read(sources, options, pause or threading.Event().wait)
    except UnreadableError as error:
        sys.stderr.write(f"greenroom: {error}\n")
        return REFUSED
    except KeyboardInterrupt:  # while it waits for the first byte of a pipe, too
        return INTERRUPTED


def _read(sources: list[Source], options: argparse.Namespace, pause: Callable[[float], object]) -> int:
    printer = _Printer(options)
    try:
        for found in _found(sources, options, pause):
            printer.show(found)
    except BrokenPipeError:
        # Who reads, as `head` does, has seen enough; the flush at exit is not to complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except KeyboardInterrupt:
        _tell(sources)
        raise
    damaged = _tell(sources)
    return REFUSED if damaged else FOUND if printer.shown else NOTHING


def _found(sources: list[Source], options: argparse.Namespace, pause: Callable[[float], object]) -> Iterator[Iterable[Found]]:
    """The lines that are wanted, in portions after which what was written is to be seen."""
    wanted = Wanted(
        actors=options.actor,
        correlations=options.correlation,
        level=options.level,
        since=options.since,
        until=options.until,
        events=options.event,
        grep=options.grep,
    )
    if options.follow and sources[0].flows:
        for batch in sources[0].flowing():
            yield sorted(matches(batch, wanted, sources[0].tally))
        return
    window = max(LEAST, min(WINDOW, HELD // len(sources)))
    follow = options.follow
    yield merged([ordered(source.batches(to_the_end=not (follow and source.grows)), wanted, source.tally, window) for source in sources])
    growing = [source for source in sources if source.grows]
    while follow and growing:
        more = [sorted(matches(source.more(), wanted, source.tally)) for source in growing]
        if any(more):
            yield merged([iter(lines) for lines in more])
        else:
            pause(PAUSE)


class _Printer:
    """Writes lines, as they stand or for people."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.shown = False
        terminal = sys.stdout.isatty()
        colours = terminal and not options.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._unchanged = options.json
        self._escaping = terminal
        self._view = Conversation(colours=colours) if len(set(options.correlation)) == 1 else View(colours=colours)

    def show(self, portion: Iterable[Found]) -> None:
        """Write a portion of lines, and see that it arrives."""
        if self._unchanged:
            self._copy(portion)
        elif isinstance(self._view, Conversation):
            lines = iter(portion)
            first = list(islice(lines, FITTED))
            self._view.fit(line for found in first if (line := parse(found.raw)) is not None)
            self._write(chain(first, lines))
        else:
            self._write(portion)
        sys.stdout.flush()

    def _write(self, portion: Iterable[Found]) -> None:
        for found in portion:
            line = parse(found.raw)
            assert line is not None  # it was wanted
            self.shown = True
            sys.stdout.write(f"{self._view.text(line)}\n")

    def _copy(self, portion: Iterable[Found]) -> None:
        # A stand-in for the standard output, such as a StringIO, takes text only.
        output = None if self._escaping else getattr(sys.stdout, "buffer", None)
        for found in portion:
            self.shown = True
            if output is not None:
                output.write(found.raw + b"\n")
            else:
                text = found.raw.decode("utf-8", "replace")
                sys.stdout.write(f"{json_escaped(text) if self._escaping else text}\n")


def _tell(sources: list[Source]) -> bool:
    """Say what could not be read; return whether a file is damaged."""
    for source in sources:
        tally = source.tally
        if tally.bad == 1:
            sys.stderr.write(f"greenroom: {source.name}: 1 line was no JSON line: line {tally.first_bad}\n")
        elif tally.bad:
            sys.stderr.write(f"greenroom: {source.name}: {tally.bad} lines were no JSON lines, first line {tally.first_bad}\n")
        if source.damage is not None:
            sys.stderr.write(f"greenroom: {source.name} is damaged after line {tally.lines}, the rest was not read: {source.damage}\n")
    return any(source.damage is not None for source in sources)


def _parser(now: float) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greenroom logs",
        description="Reads the JSON lines that the logging actor writes: those that match all that is asked for, in the order of time. "
        "Exit code: 0 if there are such lines, 1 if not, 2 if a file cannot be read.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a log, may be compressed by gzip, bzip2 or xz; - is the standard input")
    only = parser.add_argument_group("only lines", "Of an option that is given several times, one has to match; of --grep, all.")
    several: dict[str, Any] = {"action": "append", "default": []}
    path = _type(actor_path)
    only.add_argument(
        "--actor", metavar="PATH", type=path, help="of this actor or one below it; /shop/*/db, /**/db are patterns", **several
    )
    only.add_argument("--correlation", metavar="ID", help="of one conversation; a single one is shown as such", **several)
    only.add_argument("--level", metavar="LEVEL", type=_type(level_number), help="of at least this level, like WARNING or 30")
    time = _type(lambda text: time_of(text, now))
    only.add_argument("--since", metavar="T", type=time, help="not before T, like 2024-05-31, 2024-05-31T14:30, 14:30 or 10m (ago)")
    only.add_argument("--until", metavar="T", type=time, help="not after T")
    only.add_argument("--event", metavar="NAME", help="of an event, like actor.crashed; actor.* are all that begin so", **several)
    only.add_argument("--grep", metavar="TEXT", help="with this text in message, fields or exception, in upper or lower case", **several)
    shown = parser.add_argument_group("how they are shown")
    shown.add_argument("--json", action="store_true", help="unchanged, as JSON lines")
    shown.add_argument("--no-color", action="store_true", help="without colours; so does the environment variable NO_COLOR")
    shown.add_argument("--follow", action="store_true", help="go on with what is added to the files, until Ctrl-C")
    return parser


def _type(made: Callable[[str], T]) -> Callable[[str], T]:
    """As `made`, but with errors whose text argparse tells."""

    def value(text: str) -> T:
        try:
            return made(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return value
