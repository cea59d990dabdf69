"""Replies that come later than the handler returns, and the token that tells a handler to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.callbacks import check_callback
from actors._core.context import current_entry
from actors._core.messages import Control, Entry
from actors.errors import ActorDeadError, AskCancelled, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.messages import Note

__all__ = ["CancelToken", "ReplyHandle", "token_of", "why_no_reply"]


class CancelToken:
    """Tells a handler that nobody wants the result of the message any more. Cooperative: the handler looks when it suits it."""

    __slots__ = ("_callbacks", "_cell", "_future", "_note")

    def __init__(self, cell: Cell, future: Future[Any] | None, note: Note | None) -> None:
        self._cell = cell
        self._future = future
        self._note = note
        self._callbacks: list[Callable[[], object]] = []

    @property
    def cancelled(self) -> bool:
        """Whether the asker cancelled, or the deadline of the message has passed."""
        if self._future is not None and self._future.cancelled():
            return True
        left = self.deadline
        return left is not None and left <= 0

    @property
    def deadline(self) -> float | None:
        """Seconds left until the deadline of the message, 0.0 if it has passed, None without one."""
        if self._note is None or self._note.expires is None:
            return None
        return max(0.0, self._note.expires - self._cell.system.ports.clock.now())

    def raise_if_cancelled(self) -> None:
        """End the handler with AskCancelled or DeadlineExceeded if nobody waits for it."""
        if self._future is not None and self._future.cancelled():
            msg = "the asker cancelled"
            raise AskCancelled(msg)
        if self.cancelled:
            raise DeadlineExceeded(self._cell.label())

    def add_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback()`, a plain function, when the asker cancels, in the cancelling thread; at once if it has."""
        check_callback("callback", callback, "a function without arguments")
        self._callbacks.append(callback)
        if self._future is not None and self._future.cancelled():
            self.cancel()

    def cancel(self) -> None:
        """Call the callbacks, each once."""
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:
                return
            try:
                callback()
            except (Exception, SystemExit) as error:  # noqa: BLE001  # published: a callback must not break the canceller
                self._cell.system.callback_failed(callback, error)


class ReplyHandle:
    """The open answer to one ask. It may be used once, from any thread or actor, also long after the handler returned.

    The ask fails with ActorRestarting if the actor is restarted first, and with ActorDeadError if it stops first.
    """

    __slots__ = ("_cell", "_future", "cancel_token")

    def __init__(self, cell: Cell, future: Future[Any], cancel_token: CancelToken) -> None:
        self._cell = cell
        self._future = future
        self.cancel_token = cancel_token
        future._owed = False
        handles = cell.extras().handles
        with cell.system.lock:
            handles[self] = None
            late = cell.end is not None  # the end fails the handles it finds, and notes itself under the lock before
        if late:
            label = cell.label()
            self.fail(ActorDeadError(f"{label} stopped before it replied", label))
        elif future.done():
            self._close()

    def reply(self, value: Any = None) -> bool:
        """Answer with `value`; return False if the ask was answered, cancelled or failed before.

        If the actor is isolated and `value` cannot pass, the ask fails with why; see `Isolation`.
        """
        self._close()
        return self._future.try_set(value)

    def fail(self, error: BaseException) -> bool:
        """Answer with an exception; return False if the ask was answered, cancelled or failed before."""
        failed = self._future.try_fail(error)  # first: with something else than an exception the duty stays
        self._close()
        return failed

    @property
    def done(self) -> bool:
        """Whether the ask has its answer, from here or otherwise."""
        return self._future.done()

    def close_if(self, future: Future[Any]) -> None:
        """Give the handle up if `future` is its ask: the handler failed after it took the handle, and the failure is the answer."""
        if self._future is future:
            self._close()

    def _close(self) -> None:
        rare = self._cell.extras()
        with self._cell.system.lock:
            rare.handles.pop(self, None)


def close_handles(cell: Cell, future: Future[Any]) -> None:
    """Give the handles of an ask up whose handler failed or was cancelled after it took them: that is the answer."""
    if cell.rare is not None:
        for handle in tuple(cell.rare.handles):
            handle.close_if(future)


def token_of(cell: Cell) -> CancelToken:
    """Return the token of the message that `cell` is handling here."""
    entry = current_entry(cell)
    future, note = (entry[1], entry[2]) if type(entry) is Entry else (None, None)
    if future is None:
        return CancelToken(cell, None, note)
    if future._token is None:
        future._token = CancelToken(cell, future, note)
    return future._token


def why_no_reply(entry: Any) -> str:
    """Return why there is nobody to reply to while `entry` is being handled."""
    if isinstance(entry, Control):
        return "answers the ask being handled: there is none in a hook, nor once it was stashed"
    if type(entry) is Entry and entry[1] is not None:
        return "was called for this ask already: use the handle it returned then"
    return "has nobody to reply to: this message was told, not asked; send it with ask(), or do not take a handle for it"
