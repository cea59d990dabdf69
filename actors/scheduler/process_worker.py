"""What runs inside a worker process: takes one call at a time from the program and answers with its outcome.

The other end of the pipe is a `ProcessSlot`. What goes over it, in this order, everything but bodies as small tuples (what a body is, and
how its large buffers stay out of the pipe, says `bodies`):

    worker    ("ready",)                          it has started; once
    program   a body: function, arguments, context of the run; empty: end in order
    worker    ("began",)                          the call was taken
    program   a note: the number of the call      it is cancelled; may come too late
    worker    ("progress", done, total, text)     the latest, ten times a second at most; only between "began" and what follows
    worker    ("value",) and a body               the function has returned
    worker    ("error", text) and a body          it has raised; the text is its traceback
    worker    ("unpicklable", why, text)          either could not be pickled

The function runs on the main thread, as it would in a program of its own. A second thread reads the pipe, so that a worker whose program
has died ends at once, whatever its function does.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.ports import ambient
from actors.scheduler.bodies import BodyPipe, packed
from actors.scheduler.context import RunContext, running

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import FrameType

    from actors.scheduler.bodies import Body, Received
    from actors.scheduler.context import Progress, RunInfo

__all__ = ["ORPHANED", "serve"]

PACE = 0.1  # seconds between two updates of the progress of a run
CANNOT_RECEIVE = 71  # the exit code of a worker that could not receive a call
ORPHANED = 70  # the exit code of a worker that has lost its program; nobody is left to see it


def serve(connection: Connection) -> None:
    """Run calls that come through `connection` until the program wants no more, or ends."""
    # Ctrl-C in a terminal goes to every process of the program: the program decides. Not SIG_IGN, which programs that a function starts
    # would inherit. The program started this process with the signal blocked, so that it cannot come before this line.
    signal.signal(signal.SIGINT, _ignore)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    pipe = BodyPipe(connection)
    pipe.keep_to_this_process()
    calls: queue.SimpleQueue[Received | None] = queue.SimpleQueue()
    desk = _Desk(pipe)
    threading.Thread(target=_read, args=(pipe, calls, desk), name="greenroom-program", daemon=True).start()
    # What was imported until here stays until the end. To search it for garbage, and then to find all of it to be garbage, would be most of
    # what a worker does when it ends, which the program waits for. What functions make later is searched and ends as ever.
    gc.freeze()
    desk.tell("ready")
    home = _here()
    while (call := calls.get()) is not None:
        desk.begin()
        _answer(desk, call)
        del call  # a large argument is not kept until the next one comes
        _tidy(home)


def _ignore(_signal: int, _frame: FrameType | None) -> None:
    """Take no notice."""


def _read(pipe: BodyPipe, calls: queue.SimpleQueue[Received | None], desk: _Desk) -> None:
    while True:
        try:
            call = pipe.recv_body()
        except (EOFError, OSError):  # the program has died, or the function closed what is not its own
            os._exit(ORPHANED)
        except BaseException:  # noqa: BLE001  # no memory for what has come, say: the program would wait for ever
            with contextlib.suppress(BaseException):
                traceback.print_exc()
            os._exit(CANNOT_RECEIVE)
        if isinstance(call, int):
            desk.cancel(call)
        else:
            calls.put(call)
        del call  # nor here


class _Desk:
    """Sends to the program. Progress goes out from a thread of its own, so that a program that is stopped does not stop the function."""

    def __init__(self, pipe: BodyPipe) -> None:
        self._pipe = pipe
        self._sending = threading.Lock()  # guards the pipe's writing end, and `_running`
        self._running = False
        self._taken = 0  # calls
        # The main thread writes the context and then looks at the number; the reader writes the number and then looks for the context.
        self._cancelled: int | None = None  # a number of the lower 16 bits, of this call or of one before
        self._context: RunContext | None = None
        self._latest: deque[Progress] = deque(maxlen=1)  # appended to by the function, taken under the lock
        self._news = threading.Event()
        threading.Thread(target=self._send_progress, name="greenroom-progress", daemon=True).start()

    def tell(self, *what: Any, body: Body | None = None) -> None:
        """Send `what`, and after it `body`, or end: nobody is left to answer to."""
        try:
            self._pipe.send(what)
            if body is not None:
                self._pipe.send_body(body)
        except OSError:
            os._exit(ORPHANED)

    def begin(self) -> None:
        """Tell that a call was taken."""
        with self._sending:
            self._running = True
            self._taken += 1
            self._cancelled = None  # none can have come yet: the program waits for what is told next
            self._latest.clear()
            self.tell("began")

    def end(self, *what: Any, body: Body | None = None) -> None:
        """Tell the outcome, behind the latest progress."""
        with self._sending:
            self._running = False
            self._context = None
            self._flush()
            self.tell(*what, body=body)

    def runs(self, context: RunContext) -> None:
        """Note what the function that runs knows, which may be cancelled already."""
        self._context = context
        if self._cancelled == self._taken % 65_536:
            context.cancel()

    def cancel(self, number: int) -> None:
        """Let the function know that its call, the one of this number, is cancelled."""
        self._cancelled = number
        context = self._context
        if context is not None and number == self._taken % 65_536:
            context.cancel()

    def progress(self, progress: Progress) -> None:
        """Have it sent soon, unless a later one comes first. Never waits."""
        self._latest.append(progress)
        self._news.set()

    def _flush(self) -> None:
        try:
            latest = self._latest.popleft()
        except IndexError:
            return
        self.tell("progress", latest.done, latest.total, latest.text)

    def _send_progress(self) -> NoReturn:
        pace = threading.Event()  # never set
        while True:
            self._news.wait()
            self._news.clear()
            with self._sending:
                if self._running:
                    self._flush()
            pace.wait(PACE)


def _answer(desk: _Desk, call: Received) -> None:
    """Make the call and tell its outcome. A process that the function forked, and that comes back from it, ends here."""
    worker = os.getpid()
    told: tuple[Any, ...]
    body: Body | None = None
    try:
        function, args, info = _unpickled(call)
        context = _context(info, desk)
        desk.runs(context)
        with running(context):
            value = function(*args)
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is the outcome: also SystemExit and KeyboardInterrupt
        text = _text(error)
        if os.getpid() != worker:
            _end_fork(error, text)
        told, body = _packed(error, "error", text)
    else:
        if os.getpid() != worker:
            _end_fork(None, "")
        told, body = _packed(value, "value")
    desk.end(*told, body=body)
    if body is not None:
        body.close()


def _unpickled(call: Received) -> Any:
    try:
        return call.load()
    except Exception as error:
        msg = (
            f"a call cannot be unpickled in its process ({type(error).__name__}: {error}): define functions and classes in a file that can "
            "be imported there, and not in an interactive session or under `if __name__ == '__main__':`"
        )
        raise TypeError(msg) from error


def _context(info: RunInfo, desk: _Desk) -> RunContext:
    now = ambient().clock.now
    expires = None if info.deadline is None else now() + info.deadline
    return RunContext(info, now=now, expires=expires, report=desk.progress)


def _packed(what: object, *told: str) -> tuple[tuple[str, ...], Body | None]:
    try:
        return told, packed(what)
    except BaseException as error:  # noqa: BLE001  # code of the user's may run in there, and this is told as well
        why = f"{type(what).__name__} cannot be pickled: {''.join(traceback.format_exception_only(error)).rstrip()}"
        return ("unpicklable", why, told[1] if len(told) > 1 else ""), None


def _text(error: BaseException) -> str:
    """Return the traceback of `error` from the function on, as people read it."""
    below = error.__traceback__.tb_next if error.__traceback__ is not None else None
    return "".join(traceback.format_exception(type(error), error, below)).rstrip()


def _end_fork(error: BaseException | None, text: str) -> NoReturn:
    """End a forked process as one ends whose main function has come to its end: the worker is another one, and only that one answers."""
    if error is None:
        os._exit(0)
    if isinstance(error, SystemExit):
        os._exit(error.code if isinstance(error.code, int) else int(error.code is not None))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    os._exit(1)


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # removed under the program's feet
        return os.curdir


def _tidy(home: str) -> None:
    """Show what was printed, which would be lost if the worker is killed later, and go back to where the program was."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # None, closed, or a pipe that nobody reads
            stream.flush()
    with contextlib.suppress(OSError):  # it is gone: the next function is told so by whatever it opens
        os.chdir(home)
