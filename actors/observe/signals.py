"""A dump when a signal comes, also while the main thread is stuck.

A handler of Python's runs in the main thread, once that comes to the next step of its Python code. So the dump is made by a thread of its
own: it is told by the handler, and, where nobody else has taken the process's one wake-up file, by the interpreter itself as soon as the
signal comes, even if the main thread never comes out of a call in C. What holds the interpreter's lock for ever keeps everybody from it.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from actors.observe.dump import dump

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["dump_on_signal"]

logger = logging.getLogger("actors")

_HANDLED, _END = b"\0", b"\xff"  # no signal has these numbers


def dump_on_signal(number: int = signal.SIGUSR1, *, file: str | Path | TextIO | None = None) -> Callable[[], None]:
    """Write a dump of all systems whenever the process gets the signal `number`; return a function that takes this back.

    Both are to be called in the main thread.

    Args:
        number: the signal.
        file: a path, which is appended to, or an open file; None: standard error.

    Raises:
        ValueError: this is not the main thread, or there is no such signal.
    """
    run = _Run(number, file)
    run.begin()
    return run.end


class _Run:
    """One signal that is listened to. Its own thread reads what comes, and alone knows what was dumped already."""

    def __init__(self, number: int, file: str | Path | TextIO | None) -> None:
        self._number = number
        self._file = file
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._before: Any = None
        self._thread = threading.Thread(target=self._main, name="greenroom-dump", daemon=True)
        self._woken = False  # whether the wake-up file is ours

    def begin(self) -> None:
        try:
            self._before = signal.signal(self._number, self._handle)
        except BaseException:
            self._reading.close()
            self._writing.close()
            raise
        others = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._woken = others == -1
        if not self._woken:  # an event loop's, most likely
            signal.set_wakeup_fd(others, warn_on_full_buffer=False)
        self._thread.start()

    def end(self) -> None:
        """Listen no more. Idempotent."""
        if self._before is None:
            return
        signal.signal(self._number, self._before)
        self._before = None
        if self._woken:
            others = signal.set_wakeup_fd(-1)
            if others not in (-1, self._writing.fileno()):
                signal.set_wakeup_fd(others, warn_on_full_buffer=False)
        self._writing.setblocking(True)
        self._writing.send(_END)
        self._thread.join()
        self._reading.close()
        self._writing.close()

    def _handle(self, *_: object) -> None:
        with contextlib.suppress(BlockingIOError):  # so much is to be read already
            self._writing.send(_HANDLED)

    def _main(self) -> None:
        # A signal is told of twice, and dumped at the first: by its number, and by its handler, which runs once for several that came
        # before it did. The handler may be the first: another thread may get the signal, and the main one be faster than that writes.
        numbers = 0  # dumped, and their handler has not run
        handlers = 0  # dumped, and their number has not come
        while True:
            came = self._reading.recv(1)
            if came in (_END, b""):
                return
            if came == _HANDLED:
                if not numbers:
                    self._dump()
                    handlers += self._woken
                numbers = 0
            elif came[0] == self._number:
                if handlers:
                    handlers -= 1
                else:
                    self._dump()
                    numbers += 1

    def _dump(self) -> None:
        try:
            text = dump().text()
            if isinstance(self._file, (str, Path)):
                with Path(self._file).open("a", encoding="utf-8") as log:
                    log.write(text)
                return
            out = self._file if self._file is not None else sys.stderr
            out.write(text)
            out.flush()
        except Exception:
            logger.exception("greenroom: the dump could not be written")
