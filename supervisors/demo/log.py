"""A demo as a log: a line for each thing that happens, for files, pipes and terminals that cannot do more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors.demo.feed import Tone, merged

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors.demo.feed import Note
    from supervisors.demo.stage import Stage

__all__ = ["finish_log", "line_of", "play_log"]

_EVERY = 0.25  # real seconds between two looks
_STATUS = 5.0  # demo seconds between two lines that say how far it is
_MARKS = {Tone.QUIET: " ", Tone.GOOD: "+", Tone.ODD: "*", Tone.BAD: "!"}


def play_log(stage: Stage, write: Callable[[str], object]) -> None:
    """Write lines until the demo is over.

    Args:
        stage: on which it plays.
        write: takes a line; what it raises ends the demo.
    """
    status = _STATUS
    while True:
        over = stage.is_over
        _write_all(stage, write)
        if over:
            return
        if stage.elapsed >= status:
            write(_status(stage))
            status += _STATUS
        stage.clock.sleep(_EVERY)


def finish_log(stage: Stage, write: Callable[[str], object]) -> None:
    """Write what has happened at the end, but for everybody's going home."""
    _write_all(stage, write, quiet=False)


def _write_all(stage: Stage, write: Callable[[str], object], *, quiet: bool = True) -> None:
    for note in merged(stage.books.fetch()):
        if quiet or note.tone is not Tone.QUIET:
            write(line_of(note))


def line_of(note: Note) -> str:
    """Return a line as text."""
    return f"{note.at:8.2f} s {_MARKS[note.tone]} {note.who:<24} {note.whole}"


def _status(stage: Stage) -> str:
    nodes = list(stage.tree().everyone())
    handled, waiting = sum(node.handled for node in nodes), sum(node.waiting for node in nodes)
    told = f"{len(nodes) - 1} actors, {handled:,} messages handled, {waiting:,} waiting"
    progress = stage.demo.progress(stage.books)
    if progress is not None:
        of = "" if progress.total is None else f" of {progress.total:,}"
        told = f"{progress.done:,}{of} {progress.what}; {told}"
    return f"{stage.elapsed:8.2f} s = {told}"
