"""Where actors are in their code: the stack of a handler, also of one that is parked and so in no stack dump of the interpreter's.

A greenlet, or another thread, may go on while its frames are read. The interpreter keeps a frame that somebody holds; a stack that was read
at such a moment may mix what was and what is, and is read again by who sees that the wait is over.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import actors
from actors._core.turn import run

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Frame", "Places", "Stacks", "places_of"]

DEEPEST = 200  # frames of one stack that are read, the innermost first

_HOME = Path(actors.__file__).parent
# Frames of these say nothing of what a handler is at: they hand messages to it, and wait for it.
_KERNEL = tuple(str(_HOME / part) for part in ("_core", "dispatch", "testing", "channels"))
_RUNNER = str(_HOME / "dispatch" / "runner.py")


@dataclass(frozen=True, slots=True)
class Frame:
    """One function that is under way.

    Attributes:
        file: the file that it is in.
        line: the line that it is at.
        function: its qualified name.
        code: the text of that line; empty if there is no such file.
    """

    file: str
    line: int
    function: str
    code: str


Places = list[tuple[Any, int]]
"""Codes and lines of a stack, innermost last."""


def places_of(frame: FrameType | None) -> Places:
    """Return the stack whose innermost frame is `frame`; as quickly as can be, for it may change."""
    places: Places = []
    while frame is not None and len(places) < DEEPEST:
        places.append((frame.f_code, frame.f_lineno or 0))
        frame = frame.f_back
    places.reverse()
    return places


class Stacks:
    """Makes records of stacks for one dump; frames at the same line are one record."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, str], Frame] = {}

    def of_places(self, places: Places, *, whole: bool = False) -> tuple[Frame, ...]:
        """Return a stack, innermost last: from the handler on, or the `whole` of it."""
        return tuple(self._frame(code, line) for code, line in (places if whole else _handlers_own(places)))

    def of_coroutine(self, coroutine: Any) -> tuple[Frame, ...]:
        """Return where a coroutine awaits, from the handler on."""
        frames: Places = []
        while coroutine is not None and len(frames) < DEEPEST:
            frame = next(
                (one for name in ("cr_frame", "gi_frame", "ag_frame") if (one := getattr(coroutine, name, None)) is not None), None
            )
            if frame is None:
                break
            frames.append((frame.f_code, frame.f_lineno or 0))
            awaits = (getattr(coroutine, name, None) for name in ("cr_await", "gi_yieldfrom", "ag_await"))
            coroutine = next((one for one in awaits if one is not None), None)
        return self.of_places(frames)

    def _frame(self, code: Any, line: int) -> Frame:
        key = (code.co_filename, line, code.co_qualname)
        known = self._known.get(key)
        if known is None:
            text = linecache.getline(code.co_filename, line).strip()
            known = self._known[key] = Frame(code.co_filename, line, code.co_qualname, text)
        return known


def _handlers_own(frames: Places) -> Places:
    """Return the frames, outermost first, without those of the framework that lead to the handler, and those that wait for it."""
    begin = next((place + 1 for place, (code, _) in enumerate(frames) if code is run.__code__), 0)
    if not begin:  # on a loop, an ask may be begun on the stack of its asker: the last one is the handler's
        begin = 1 + max((place for place, (code, _) in enumerate(frames) if code.co_filename == _RUNNER), default=-1)
    end = len(frames)
    while begin < end and _is_kernel(frames[begin][0]):
        begin += 1
    while end > begin and _is_kernel(frames[end - 1][0]):
        end -= 1
    return frames[begin:end]


def _is_kernel(code: Any) -> bool:
    return bool(code.co_filename.startswith(_KERNEL))
