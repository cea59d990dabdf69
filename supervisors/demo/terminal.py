"""The terminal's side: keys one by one, and everything as it was afterwards."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

try:
    import termios
    import tty
except ImportError:  # no POSIX: the view does without keys
    termios = tty = None  # type: ignore[assignment]

__all__ = ["Keys", "keys_in"]

_NAMED = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    " ": "space",
}
_NO_KEY = b"\0"  # stands for none in a terminal's mode
_LONGEST = 32  # characters of a sequence that is not finished


class Keys:
    """Keys as they are pressed, without echo. Use it with ``with``: the terminal is what it was when the block is left, however that is.

    Where there is no terminal to read, there are no keys.
    """

    def __init__(self, file: Any = None) -> None:
        self._file = sys.stdin if file is None else file
        self._number: int | None = None
        self._before: list[Any] | None = None
        self._rest = ""

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError, ValueError):
            if termios is not None and self._file.isatty():
                number = self._file.fileno()
                self._before = termios.tcgetattr(number)
                self._number = number
                # Ctrl-C goes on to be a signal; Ctrl-Z is an ordinary key, or it would leave the screen behind as it is. What was typed
                # before is thrown away: nobody meant it for this.
                tty.setcbreak(number)
                mode = termios.tcgetattr(number)
                mode[6][termios.VSUSP] = _NO_KEY
                termios.tcsetattr(number, termios.TCSANOW, mode)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        number, self._number = self._number, None
        if number is not None and self._before is not None:
            with contextlib.suppress(OSError, termios.error):  # the terminal is gone
                termios.tcsetattr(number, termios.TCSAFLUSH, self._before)

    def wait(self, seconds: float) -> list[str]:
        """Return the keys that are pressed within `seconds`, as soon as there are any; none if there are none."""
        number = self._number
        if number is None:
            threading.Event().wait(seconds)
            return []
        ready, _, _ = select.select([number], [], [], seconds)
        if not ready:
            # A sequence comes in one piece, so what is left of one by now is the key itself.
            pressed, self._rest = keys_in(self._rest + "\0")
            return [key for key in pressed if key != "\0"]
        try:
            data = os.read(number, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._number = None
            return ["q"]
        pressed, self._rest = keys_in(self._rest + data.decode("utf-8", "replace"))
        return pressed


def keys_in(text: str) -> tuple[list[str], str]:
    """Return the names of the keys that a terminal has sent, and the beginning of a sequence that is not complete yet."""
    pressed: list[str] = []
    while text:
        size = _size(text)
        if not size:
            return (pressed, text) if len(text) <= _LONGEST else (pressed, "")
        key, text = text[:size], text[size:]
        name = _NAMED.get(key, key)
        if len(key) == 1 or name != key:  # a sequence that has no name is a key that nothing is done with
            pressed.append(name)
    return pressed, ""


def _size(text: str) -> int:
    """Return how many characters the first key takes, 0 if it is not complete."""
    if text[0] != "\x1b":
        return 1
    if len(text) == 1:
        return 0
    if text[1] == "O":
        return 3 if len(text) > 2 else 0  # noqa: PLR2004  # escape, O, and a letter
    if text[1] != "[":
        return 1
    for place, char in enumerate(text[2:], start=3):
        if "@" <= char <= "~":
            return place
    return 0
