"""Lines after the end: those of atexit handlers that run when logging is closed already, or of programs that can start no thread.

Each is written at once, by the thread that logs it: no actor runs any more.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from actors._core.desk import DESK, line_text
from actors._core.frozen import text_of
from actors.logs.backlog import Backlog, SinkState
from actors.logs.own import emergency, too_late
from actors.logs.progress import Progress
from actors.logs.record import Maker
from actors.logs.writers import open_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.logs.redaction import Redactor
    from actors.logs.writers import Writer

__all__ = ["Late"]

PATIENCE = 1.0  # seconds that a line waits for another thread's, until one of them waited in vain


class Late:
    """See the module's docstring.

    Args:
        backlogs: of the sinks that still work.
        redactor: as `setup` was given it.
    """

    def __init__(self, backlogs: Sequence[Backlog], redactor: Redactor | None) -> None:
        self._lock = threading.RLock()
        self._maker = Maker(redactor)  # under _lock
        self._backlogs = list(backlogs)  # under _lock
        self._writers: dict[Backlog, Writer] = {}  # under _lock
        self._writing = False  # under _lock
        self._patience = PATIENCE

    def go_on(self, backlogs: Sequence[Backlog]) -> None:
        """Write to the sinks of these from now on."""
        with self._lock:
            self._backlogs = list(backlogs)

    def write_rest(self, backlog: Backlog) -> None:
        """Write what waits for a sink for which there was no thread."""
        backlog.give_up()
        while True:
            taken = backlog.take(backlog.epoch, time.monotonic())
            if taken is None or not taken[0]:
                return
            batch, progress = taken
            try:
                self._writer(backlog).write(batch, progress)
            except BaseException as error:  # noqa: BLE001  # a sink may raise anything: its failure, told by whoever closes logging
                backlog.failed(backlog.epoch, batch, progress, error)
                backlog.error = f"{type(error).__name__}: {text_of(error)}"
                return
            backlog.finished(backlog.epoch, progress)
            backlog.state = SinkState.WORKING

    def _writer(self, backlog: Backlog) -> Writer:
        writer = self._writers.get(backlog)
        if writer is None:
            writer = self._writers[backlog] = open_writer(backlog.sink, again=backlog.opened, shared=backlog.shared)
            backlog.opened = True
        return writer

    def install(self) -> None:
        """Let log calls come here. The level stays, and what is secret."""
        DESK.use(self.write, DESK._level)
        DESK.pressed = self.stragglers  # before the next two, see `Door`
        DESK.refusing = 0
        DESK.calm = 0

    def stragglers(self, *, waits: bool = True) -> None:  # noqa: ARG002  # the signature of `Desk.pressed`
        """Write the lines of threads that were about to leave them in the queue."""
        while DESK._append == self.write and DESK.queue:
            try:
                line = DESK.queue.popleft()
            except IndexError:  # another thread was quicker
                return
            if type(line) is tuple:
                self.write(line)
            else:
                line.passed()

    def write(self, line: tuple[Any, ...]) -> None:
        """Write a line to each sink of its level."""
        if too_late():
            emergency(f"1 line was not written at the end: {line_text(line)}")
            return
        # Whoever has the lock may hang in a sink, or be a thread that the end of the interpreter has stopped where it was.
        if not self._lock.acquire(timeout=self._patience):
            self._patience = 0.0
            emergency("1 line was not written at the end: another thread does not come to the end of its write")
            return
        try:
            self._write_all(line)
        finally:
            self._lock.release()

    def _write_all(self, line: tuple[Any, ...]) -> None:
        if self._writing:
            emergency("1 line lost: logged by a sink while it wrote")
            return
        self._writing = True
        try:
            record = self._maker.make(line)
            for backlog in [one for one in self._backlogs if record.no >= one.lowest]:
                self._write(backlog, record)
        finally:
            self._writing = False

    def _write(self, backlog: Backlog, record: Any) -> None:
        try:
            self._writer(backlog).write([record], Progress())
        except BaseException as error:  # noqa: BLE001  # a sink may raise anything; the caller only wanted to log
            reason = f"{type(error).__name__}: {text_of(error)}"
            emergency(f"log sink {backlog.sink.name}: 1 line was not written at the end ({reason})")
