"""Worker processes: where functions run that need a processor for themselves.

One `ProcessSlot` is one worker process and what is needed to use it: a pipe, and a thread of this process that waits at its end. So one
run can be killed without harm to others, and a worker that dies costs one run.

Not `concurrent.futures.ProcessPoolExecutor`, although a pool of one comes near: it does not tell how a worker died, cannot give up one
that is still starting, has no way for progress, and waits for ever for a worker that died while something it had forked lives on (seen
with Python 3.11: what it waits for is a pipe that every forked process inherits). What it is made of, `multiprocessing`, is used here.

Calls and outcomes are pickled, as `multiprocessing` does it. Between a program and the processes that it starts itself is no trust
boundary: they run the same code for the same user. Nothing that comes from elsewhere passes here.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import threading
import traceback
from dataclasses import dataclass
from enum import Enum
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from actors._core.mutex import Mutex
from actors.scheduler.bodies import packed, try_out
from actors.scheduler.errors import SchedulerClosedError, WorkerDiedError
from actors.scheduler.worker_process import WorkerProcess, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.scheduler.bodies import Body
    from actors.scheduler.context import Progress, RunInfo

__all__ = ["ProcessSlot", "UnsendableError", "check_picklable"]

START_LIMIT = 60.0  # seconds that a new worker has, which imports the main module again

KILL = getattr(signal, "SIGKILL", 9)
GIVEN_UP = "it was given up"
GONE = "it had died before, and is not replaced"
KILLED = "it was killed from outside, as the operating system does when memory runs out"
NOT_STARTED = (
    "it was not ready before that. A worker imports the main module again: what that does stands under `if __name__ == '__main__':`; "
    "what went wrong is on stderr"
)


def check_picklable(function: object, args: tuple[object, ...], *, skip: type | tuple[type, ...] = ()) -> None:
    """Raise unless a call can be sent to another process.

    Args:
        function: what is called.
        args: its arguments.
        skip: arguments of this type stand for others that are not known yet.

    Raises:
        TypeError: the function or an argument cannot be pickled.
    """
    _try_out(function, f"work={function!r} cannot run in a process: define it with `def` at the top level of a module")
    for number, argument in enumerate(args):
        if isinstance(argument, skip):
            continue
        _try_out(
            argument,
            f"argument {number} of {function!r} cannot be sent to a process: pass plain data, and open files, connections and locks there",
        )


def _try_out(what: object, advice: str) -> None:
    try:
        try_out(what)
    except Exception as error:
        msg = f"{advice} ({type(error).__name__}: {error})"
        raise UnsendableError(msg) from error


class UnsendableError(TypeError):
    """Part of a call cannot be pickled, here: where such an error has come out of a process, it is but a TypeError."""

    def __reduce__(self) -> tuple[type[TypeError], tuple[object, ...]]:
        return TypeError, self.args


class ProcessSlot:
    """One worker process, which runs one function at a time. It starts when it is first needed, stays, and is replaced when it dies.

    All methods may be called from any thread, and none of them but `join` waits. Callbacks come on the slot's own thread; they must not
    block or raise.

    Args:
        name: of the process and of the thread, for people.
        start_limit: seconds that a worker has to start; one that takes longer is killed.
        died: called once when the worker has died between two runs, with why. With it, a worker that has died is not replaced: what is run
            afterwards ends with WorkerDiedError. For a worker that has state.
    """

    def __init__(
        self, name: str = "process", *, start_limit: float = START_LIMIT, died: Callable[[WorkerDiedError], object] | None = None
    ) -> None:
        self._name = name
        self._start_limit = start_limit
        self._tell_died = died
        self._bell: _Bell | None = None  # made with the thread, if deaths are told
        self._lock = Mutex()  # guards the fields below
        self._calls: queue.SimpleQueue[_Call | _Command] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None  # made by the first call
        self._worker: WorkerProcess | None = None  # written by the slot's thread
        self._busy = False  # from `run` until just before its outcome is told
        self._starting = False  # a process is being started; written by the slot's thread
        self._taken: WorkerProcess | None = None  # the worker that is at a run; written by the slot's thread
        self._cancelled = False  # the run is to be told so when it begins
        self._spent = False  # a worker that is not replaced has died; by the slot's thread alone
        self._killed = False  # the run under way, or the start, was given up
        self._closed = False
        self._over = False  # the thread has done all that it had to
        self._last: list[Callable[[], object]] = []  # who is told then

    @property
    def busy(self) -> bool:
        """Whether a run is under way: there is no room for another."""
        return self._busy

    @property
    def ready(self) -> bool:
        """Whether there is a worker that has started, as far as is known: a run need not wait for one."""
        return self._worker is not None and not self._starting

    @property
    def dead(self) -> bool:
        """Whether its worker has died and is not replaced; as the outcome of a run is told, that of this run."""
        return self._spent

    @property
    def pid(self) -> int | None:
        """The process id of the worker, None while there is none."""
        worker = self._worker
        return worker.pid if worker is not None else None

    def run(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        info: RunInfo,
        *,
        ended: Callable[[Any, BaseException | None], object],
        progress: Callable[[Progress], object],
        began: Callable[[], object] | None = None,
    ) -> None:
        """Run ``function(*args)`` in the process, which is started first if there is none.

        Args:
            function: can be pickled, as can `args`; see `check_picklable`. Else that is the outcome.
            args: its arguments.
            info: what `current_run()` is made of in there.
            ended: called once, when the slot is free again, with what the function returned, or with an error: its own with the traceback
                in a note, WorkerDiedError, ResultNotPicklableError, TypeError for a call that cannot be pickled, or what the operating
                system said when no process could be started.
            progress: called with what the function reports.
            began: called when the function begins: the start of a process is over.

        Raises:
            RuntimeError: a run is under way.
            SchedulerClosedError: after `close`.
        """
        with self._lock:
            if self._busy:
                msg = f"{self._name} is busy: one run at a time"
                raise RuntimeError(msg)
            self._put(_Call(function, args, info, ended, progress, began))
            self._busy = True
            self._killed = self._cancelled = False

    def prewarm(self) -> None:
        """Start the process now, so that the first run need not wait for it. A failure is told by that run, which tries again.

        Raises:
            SchedulerClosedError: after `close`.
        """
        with self._lock:
            self._put(_Command.PREWARM)

    def kill(self) -> None:
        """End the process at once, also one that is starting. The run under way ends with WorkerDiedError; the next has a new process."""
        with self._lock:
            self._killed = True
            if self._worker is not None:
                self._worker.kill()

    def cancel(self) -> None:
        """Let the function that runs know, by ``current_run().cancelled``, that nobody wants its outcome any more. It may go on."""
        with self._lock:
            if self._taken is not None:
                self._taken.cancel()
            else:
                self._cancelled = self._busy  # it is told when it begins

    def close(self, ended: Callable[[], object] | None = None) -> None:
        """Run nothing any more: kill a run under way, and end an idle process in order. Not waited for; see `join`.

        Args:
            ended: called when the process has ended; at once if there is none and never will be.
        """
        with self._lock:
            first, self._closed = not self._closed, True
            if first and (self._busy or self._starting):
                self.kill()
            over = self._thread is None or self._over
            if not over and ended is not None:
                self._last.append(ended)
            if first and not over:
                self._hand_in(_Command.CLOSE)
        if over and ended is not None:
            told(ended)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the process and the thread have ended after `close`; return False after `timeout` seconds."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _put(self, call: _Call | _Command) -> None:
        if self._closed:
            raise SchedulerClosedError(self._name)
        if self._thread is None:
            if self._tell_died is not None:
                self._bell = _Bell()
            thread = threading.Thread(target=self._serve, name=f"greenroom-{self._name}", daemon=True)
            thread.start()
            self._thread = thread
        self._hand_in(call)

    def _hand_in(self, call: _Call | _Command) -> None:
        self._calls.put(call)
        if self._bell is not None:
            self._bell.ring()

    # -- on the slot's thread ----------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (call := self._next()) is not _Command.CLOSE:
            if isinstance(call, _Call):
                self._do(call)
            else:
                self._warm()
            del call  # large arguments are not kept until the next call comes
        self._retire()
        with self._lock:
            self._over = True
        if self._bell is not None:
            self._bell.close()
        for ended in self._last:
            told(ended)

    def _next(self) -> _Call | _Command:
        """Wait for something to do; meanwhile, see the worker die if that is to be told."""
        if self._bell is not None:
            while self._worker is not None and not self._bell.rings_before(self._worker):
                assert self._tell_died is not None
                told(self._tell_died, self._died("", self._worker))
            self._bell.answer()
        return self._calls.get()

    def _warm(self) -> None:
        # A failure is not told here: the next run finds no process, tries again, and tells what it meets.
        with contextlib.suppress(Exception):
            self._ready("")

    def _do(self, call: _Call) -> None:
        value, error = None, None
        try:
            value, error = self._outcome(call)
        except BaseException as failure:  # noqa: BLE001  # whatever went wrong is the outcome of the run
            error = failure.with_traceback(None)  # which would keep the arguments alive; and the place is not the user's
        with self._lock:
            self._busy = False
        told(call.ended, value, error)

    def _outcome(self, call: _Call) -> tuple[Any, BaseException | None]:
        body = call.packed()
        try:
            worker = self._begin(body, call.info.name)
        finally:
            body.close()
        if call.began is not None:
            told(call.began)
        try:
            return worker.outcome(call.info.name, call.progress)
        except (EOFError, OSError):
            raise self._died(call.info.name, worker) from None
        except BaseException as error:  # noqa: BLE001  # no memory for what has come, say
            # Part of it may still be in the pipe, and would be taken for the outcome of the next run.
            with self._lock:
                worker.kill()
            text = "".join(traceback.format_exception_only(error)).rstrip()
            raise self._died(call.info.name, worker, why=f"it was given up because its outcome could not be received: {text}") from None
        finally:
            with self._lock:
                self._taken = None

    def _begin(self, body: Body, task: str) -> WorkerProcess:
        """Hand a call over; return the worker that has begun with it."""
        worker, new = self._ready(task)
        if not new and self._tell_died is None and not worker.takes(body):
            # It died between two runs, and the function has not begun: that is no failure of this one.
            self._retire()
            worker, new = self._ready(task)
        if (new or self._tell_died is not None) and not worker.takes(body):
            raise self._died(task, worker)
        with self._lock:
            self._taken = worker
            if self._cancelled:
                worker.cancel()
        return worker

    def _ready(self, task: str) -> tuple[WorkerProcess, bool]:
        """Return the worker, and whether it was started just now."""
        if self._worker is not None:
            if self._worker.is_alive():
                return self._worker, False
            if self._tell_died is not None:
                raise self._died(task, self._worker)
            self._retire()
        if self._spent:
            raise WorkerDiedError(task, None, GONE)
        with self._lock:
            if self._killed or self._closed:
                raise WorkerDiedError(task, None, GIVEN_UP)
            self._starting = True
        try:
            worker = WorkerProcess(self._name)
            with self._lock:
                self._worker = worker
                if self._killed:
                    worker.kill()
            if not worker.starts(self._start_limit):
                raise self._died(task, worker, starting=True)
        finally:
            with self._lock:
                self._starting = False
        return worker, True

    def _died(self, task: str, worker: WorkerProcess, *, starting: bool = False, why: str = "") -> WorkerDiedError:
        self._spent = self._tell_died is not None
        code = self._retire()
        if not why:
            why = GIVEN_UP if worker.killed else NOT_STARTED if starting else KILLED if code == -KILL else ""
        return WorkerDiedError(task, code, why)

    def _retire(self) -> int | None:
        """Forget the worker once it has ended; return its exit code."""
        with self._lock:
            worker, self._worker = self._worker, None
        return worker.end() if worker is not None else None


class _Command(Enum):
    PREWARM = "prewarm"
    CLOSE = "close"


class _Bell:
    """What a thread can wait for together with a pipe: rung once for each call that is handed in, answered as often."""

    def __init__(self) -> None:
        self._here, self._there = multiprocessing.Pipe(duplex=False)

    def ring(self) -> None:
        """By anybody, one at a time."""
        self._there.send_bytes(b"")

    def rings_before(self, worker: WorkerProcess) -> bool:
        """Wait until it rings, and return True, or until `worker`, which is idle, has died."""
        return self._here in connection.wait([self._here, worker.connection])

    def answer(self) -> None:
        """Wait until it rings, and take note of that."""
        self._here.recv_bytes()

    def close(self) -> None:
        """Give it up. Nobody rings any more."""
        self._here.close()
        self._there.close()


@dataclass(frozen=True, slots=True)
class _Call:
    """A run that was handed in, and whom to tell."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    info: RunInfo
    ended: Callable[[Any, BaseException | None], object]
    progress: Callable[[Progress], object]
    began: Callable[[], object] | None

    def packed(self) -> Body:
        """Return the body that goes to the worker."""
        try:
            return packed((self.function, self.args, self.info))
        except Exception:
            check_picklable(self.function, self.args)  # says which of them
            raise
