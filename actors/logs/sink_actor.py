"""The actor of one sink: it writes what waits in the sink's backlog. On a thread of its own, since writing blocks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.desk import own_code
from actors._core.frozen import text_of
from actors._core.isolation import Isolation
from actors._core.options import DispatcherKind
from actors.logs.losses import told
from actors.logs.progress import Progress
from actors.logs.writers import open_writer

if TYPE_CHECKING:
    from threading import Lock, Thread

    from actors.logs.backlog import Backlog
    from actors.logs.own import OwnLines
    from actors.logs.writers import Writer

__all__ = ["REPORT_EVERY", "WORK", "SinkActor"]

REPORT_EVERY = 1.0  # seconds between two lines about lost lines, at least


class _Work:
    def __repr__(self) -> str:
        return "<work>"


WORK = _Work()


class SinkActor(Actor, dispatcher=DispatcherKind.THREAD, isolation=Isolation.SHARE):
    """See the module's docstring. Ends when the sink fails; the logging actor starts the next one.

    Args:
        backlog: what it writes.
        own: makes the lines that it writes about lost ones.
        threads: where it notes its thread: what is logged there must not come back here.
        gate: held while it writes, so that a fork finds no half-written line in any buffer.
    """

    use_daemon_thread = True

    def __init__(self, backlog: Backlog, own: OwnLines, threads: set[Thread], gate: Lock) -> None:
        super().__init__()
        self._backlog = backlog
        self._own = own
        self._threads = threads
        self._gate = gate
        self._epoch = backlog.epoch
        self._writer: Writer | None = None
        self._reported = 0.0
        self._over = False

    def on_start(self) -> None:
        """Note the thread."""
        self._backlog.thread = self._own.thread()
        self._threads.add(self._backlog.thread)

    def on_stop(self) -> None:
        """Close the sink."""
        self._threads.discard(self._own.thread())
        writer, self._writer = self._writer, None
        if writer is None:
            return
        self._backlog.busy(self._epoch, time.monotonic())
        try:
            with own_code():
                writer.close()
        except BaseException as error:  # noqa: BLE001  # told by the logging actor
            self._backlog.error = self._backlog.error or _told(error)
        self._backlog.busy(self._epoch, None)

    def on_receive(self, message: Any) -> None:
        """Write what waits; one batch for each message, so that a stop comes through."""
        del message
        backlog = self._backlog
        if self._over:
            return
        if not self._write_batch():
            self._over = True
            self.stop()
            return
        while (marker := backlog.marker(self._epoch)) is not None:
            if not self._report(now=True):
                with backlog.lock:
                    backlog.lines.appendleft(marker)
                self._over = True
                self.stop()
                return
            marker.passed()
        if backlog.lines:
            self.actor_ref.tell(WORK)
            return
        backlog.idle = True
        # Invariant: idle is set before this look; who puts a line in looks at idle afterwards.
        if backlog.lines:
            backlog.idle = False
            self.actor_ref.tell(WORK)

    def _write_batch(self) -> bool:
        """Write the next lines; False if that failed, or the actor has been given up."""
        if not self._report(now=False):
            return False
        taken = self._backlog.take(self._epoch, time.monotonic())
        if taken is None:
            return False
        batch, progress = taken
        error = self._try(batch, progress)
        if error is None:
            return self._backlog.finished(self._epoch, progress)
        if self._backlog.failed(self._epoch, batch, progress, error):
            self._backlog.error = _told(error)
        return False

    def _try(self, batch: list[Any], progress: Progress) -> BaseException | None:
        """Write; return what was raised."""
        if not batch and self._writer is not None:
            return None
        try:
            with self._gate, own_code():
                if self._writer is None:
                    self._writer = open_writer(self._backlog.sink, again=self._backlog.opened, shared=self._backlog.shared)
                    self._backlog.opened, self._backlog.shared = True, False
                self._writer.write(batch, progress)
        except BaseException as error:  # noqa: BLE001  # a sink may raise anything: its failure, told by the logging actor
            return error
        return None

    def _report(self, *, now: bool) -> bool:
        """Write a line about what was lost, if it is time for one; False if that failed."""
        backlog = self._backlog
        if not (backlog.losses.total if now else backlog.has_news() and time.monotonic() - self._reported >= REPORT_EVERY):
            return True
        counts = backlog.reporting(self._epoch, time.monotonic())
        if counts is None:
            return False
        message, fields = told(counts)
        record = self._own.record("log.lost", "WARNING", message, {"sink": backlog.sink.name, **fields})
        error = self._try([record], Progress())
        if error is not None and self._epoch == backlog.epoch:
            backlog.error = _told(error)
        self._reported = time.monotonic()
        return backlog.reported(self._epoch, ok=error is None)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"
