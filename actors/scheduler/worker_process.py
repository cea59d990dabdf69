"""One worker process, and the program's end of the pipe to it; all of them end with the program.

They are started by `multiprocessing`, always by ``spawn``: a fork would copy the locks of a program with threads in whatever state they
are.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from actors.scheduler.bodies import BodyPipe, Received
from actors.scheduler.context import Progress
from actors.scheduler.errors import ResultNotPicklableError
from actors.scheduler.process_worker import serve

if sys.platform != "win32":
    from multiprocessing import resource_tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import SpawnProcess

    from actors.scheduler.bodies import Body

__all__ = ["WorkerProcess", "told"]

END_LIMIT = 1.0  # seconds that an idle worker has to end in order; then it is killed

logger = logging.getLogger("actors")

_spawn = multiprocessing.get_context("spawn")


class WorkerProcess:
    """A process that was started, and this program's end of the pipe to it.

    The slot's thread owns it; `kill` and `cancel` come from other threads, under the slot's lock, and not once the slot has forgotten it.
    """

    def __init__(self, name: str) -> None:
        self.killed = False
        self._taken = 0  # calls; tells the worker which one is cancelled
        here, there = _spawn.Pipe(duplex=True)
        self.connection = here
        self._pipe = BodyPipe(here)
        try:
            self._process: SpawnProcess = _spawn.Process(target=serve, args=(there,), name=f"greenroom-{name}")
            _children.start(self)
        except BaseException:
            self._pipe.close()
            raise
        finally:
            there.close()  # so that the pipe ends when the worker does
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        """Tell whether it runs, and was not killed from here."""
        return not self.killed and self._process.is_alive()

    def kill(self) -> None:
        """End it at once."""
        self.killed = True
        self._process.kill()

    def starts(self, limit: float) -> bool:
        """Wait until it is ready; return False if it died before, or was not ready in time."""
        try:
            return self._pipe.poll(limit) and self._pipe.recv() == ("ready",)
        except (EOFError, OSError):
            return False

    def takes(self, body: Body) -> bool:
        """Send a call; return False if the worker died before it began with it."""
        try:
            self._pipe.send_body(body)
            self._taken += 1
            return self._pipe.recv() == ("began",)
        except (EOFError, OSError):
            return False

    def cancel(self) -> None:
        """Tell it that the call under way is cancelled. Under the slot's lock, while it is at a call: nothing else is sent then."""
        with contextlib.suppress(OSError):  # it has just died, which is noticed elsewhere
            self._pipe.send_note(self._taken)

    def outcome(self, task: str, progress: Callable[[Progress], object]) -> tuple[Any, BaseException | None]:
        """Return what the function returned, or else what it raised; raise EOFError or OSError if the worker died."""
        while True:
            what, *more = self._pipe.recv()
            if what == "progress":
                told(progress, Progress(*more))
            elif what == "value":
                return _loaded(self._pipe.recv_body(), task)
            elif what == "error":
                value, lost = _loaded(self._pipe.recv_body(), task)
                if lost is None and not isinstance(value, BaseException):
                    lost = ResultNotPicklableError(task, f"an exception became {type(value).__name__} here")
                return None, self._noted(lost or value, *more)
            else:
                why, text = more
                return None, self._noted(ResultNotPicklableError(task, why), text)

    def _noted(self, error: BaseException, text: str) -> BaseException:
        if text:
            error.add_note(f"In worker process {self.pid}:\n{text}")
        return error

    def end(self) -> int | None:
        """End the process, in order if it is idle, and give back all that it held; return its exit code, None if that is unknown."""
        if not self.killed:
            with contextlib.suppress(OSError):
                self._pipe.send_end()
            self._process.join(END_LIMIT)
            self._process.kill()  # nothing happens if it has ended
        self._process.join()
        return _children.ended(self)


class _Children:
    """All worker processes of this program, so that none outlives it and a forked process keeps no pipe open.

    Written by the slots' threads under the lock, which they also hold while they start a process: `multiprocessing` then looks after all
    children, and two threads that wait for one child see its exit code at different times.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self._exiting = False

    def start(self, worker: WorkerProcess) -> None:
        with self._lock, _without_interrupts():
            worker._process.start()
            self._workers.add(worker)

    def ended(self, worker: WorkerProcess) -> int | None:
        with self._lock:
            self._workers.discard(worker)
            code = worker._process.exitcode
            worker._pipe.close()
            # Without a code somebody else's waitpid took it. At exit `multiprocessing` joins all children that it has found alive, in the
            # main thread; one that is closed meanwhile would raise there.
            if code is not None and not self._exiting:
                worker._process.close()
            return code

    def kill_all(self) -> None:
        """End them at once. Called at exit: from then on `multiprocessing` waits for them, too."""
        with self._lock:
            self._exiting = True
            for worker in self._workers:
                worker._process.kill()

    def forget_all(self) -> None:
        """Start over in a forked process: they are its parent's, who may hold the lock at this moment."""
        for worker in self._workers:
            worker._pipe.close()
        self._reset()


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have a process that is started meanwhile begin with Ctrl-C blocked, until it has said what that means to it."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # it is a process as well, and whoever starts it unblocks what was blocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _loaded(body: Received | int | None, task: str) -> tuple[Any, ResultNotPicklableError | None]:
    assert isinstance(body, Received)  # the other kinds come from the program only
    try:
        return body.load(), None
    except BaseException as error:  # noqa: BLE001  # code of the user's may run in there, on the slot's thread
        why = "".join(traceback.format_exception_only(error)).rstrip()
        return None, ResultNotPicklableError(task, f"it was pickled there, but cannot be unpickled here: {why}")


def told(callback: Callable[..., object], *what: Any) -> None:
    """Call `callback`, which should not raise."""
    try:
        callback(*what)
    except Exception:
        logger.exception("greenroom: a callback of a process slot failed; please report this")


_children = _Children()
# Before multiprocessing waits for its children, which it does at exit, too: what was registered later is called earlier.
atexit.register(_children.kill_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_children.forget_all)
