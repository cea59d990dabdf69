"""One ask that is passed on to several actors: which asks are under way, and what becomes of the asker's future.

An asker's future is resolved once, by the first who gets to it; what is still under way then is cancelled, and so it is if the asker
cancels. Answers may come from several threads at once: what they share is guarded by a lock, under which nobody else's code runs.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from actors._core.future import FAILED, Future
from actors._core.mutex import Mutex
from actors._core.reports import watch_reading
from actors.errors import ActorDeadError, ActorError
from actors.routers.errors import NoRouteeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors._core.cell import Cell
    from actors._core.messages import Note
    from actors._core.ports import TimerHandle
    from actors._core.ref import ActorRef

__all__ = ["AllAnswers", "Chopping", "FirstAnswer", "Gathering"]


class Gathering:
    """What the kinds have in common. For one ask.

    Args:
        router: whose ask it is.
        future: what the asker waits for.
    """

    __slots__ = ("_asks", "_errors", "_left", "_lock", "future", "router")

    needs_all: ClassVar[bool] = False

    def __init__(self, router: Cell, future: Future[Any]) -> None:
        self.future = future
        self.router = router
        self._lock = Mutex()
        self._asks: list[Future[Any]] = []  # those that were taken, in the order sent; under the lock
        self._left = 1  # asks under way, and one for the sending, which is not over yet; under the lock
        self._errors: list[BaseException] = []  # under the lock
        future._cell = router
        future._owed = False  # the router answers nothing itself
        self._adopt(future)

    @contextlib.contextmanager
    def asking(self) -> Iterator[Future[Any]]:
        """Give the future of one more ask, which is sent inside. What is raised there says that the routee has not taken it."""
        ask: Future[Any] = Future()
        self._adopt(ask)
        with self._lock:
            self._left += 1
        try:
            yield ask
        except ActorDeadError:
            self._over(None)  # passed over
        except ActorError as error:
            self._refused(error)
        except BaseException:
            self._cancel()
            raise
        else:
            self._taken(ask)

    def _taken(self, ask: Future[Any]) -> None:
        with self._lock:
            self._asks.append(ask)
            self.future._sources = tuple(self._asks)  # which are cancelled with it
        ask._listen(self._ended)  # not a callback of users, which would keep this alive, and with it a failure that nobody reads
        # Invariant: the ask is among the sources before this look. Whoever resolves the future looks at them after that.
        if self.future.done():
            ask.cancel()

    def sent(self, message: Any) -> None:
        """Take note that no more asks come.

        Raises:
            ActorError: no routee has taken any: why the last one has not, or NoRouteeError if all had ended.
        """
        with self._lock:
            nobody = not self._asks
            refusal = self._errors[-1] if self._errors else None
        if nobody:
            raise refusal or NoRouteeError(self.router.path, message)
        self.future._gathers = self.needs_all  # from now on the asker's wait can be known to have no end
        self._over(None)

    def _ended(self, ask: Future[Any]) -> None:
        if ask._unread is not None:  # it has failed before anybody listened
            ask._unread.disarm()
        # Not `exception()`, which would let a simulation wait for a step here, in the turn of whoever has answered.
        if ask.done() and ask._state == FAILED:
            self._failed(ask._value)
        else:
            self._answered(ask._value)

    def _answered(self, value: Any) -> None:
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        raise NotImplementedError

    def _refused(self, error: ActorError) -> None:
        """Take note that a routee that is alive has not taken its ask."""
        self._failed(error)

    def _finish(self) -> None:
        raise NotImplementedError

    def _over(self, error: BaseException | None) -> None:
        """Count one ask, or the sending, as over; after the last, finish."""
        with self._lock:
            if error is not None:
                self._errors.append(error)
            self._left -= 1
            last = not self._left
        if last:
            self._finish()

    def _resolve(self, value: Any) -> None:
        if self.future.try_set(value):
            self._cancel()

    def _fail(self, error: BaseException) -> None:
        watch_reading(self.router, self.future, error)
        if self.future.try_fail(error):
            self._cancel()

    def _cancel(self) -> None:
        """Cancel what is still under way."""
        with self._lock:
            asks = tuple(self._asks)
        for ask in asks:
            ask.cancel()

    def _adopt(self, future: Future[Any]) -> None:
        dispatcher = self.router.system.ports.dispatcher
        if dispatcher is not None:
            dispatcher.adopt(future)  # before anybody listens to it


class AllAnswers(Gathering):
    """The list of all answers, in the order of the routees; the first error there is fails it."""

    __slots__ = ()

    needs_all = True

    def _answered(self, value: Any) -> None:
        del value
        self._over(None)

    def _failed(self, error: BaseException) -> None:
        if not self.future.done():
            self._fail(error)
        self._over(error)

    def _finish(self) -> None:
        # `done()` is true of all; in a simulation it notes that whoever resolves the future knows of these answers, too.
        if not self._errors and all(ask.done() for ask in self._asks):
            self._resolve([ask._value for ask in self._asks])


class FirstAnswer(Gathering):
    """The first answer there is; if all fail, the last error."""

    __slots__ = ()

    def _answered(self, value: Any) -> None:
        self._resolve(value)
        self._over(None)

    def _failed(self, error: BaseException) -> None:
        self._over(error)

    def _finish(self) -> None:
        if self.future.done():
            return
        *before, last = self._errors
        if before:
            last.add_note(f"{len(before)} others that were asked failed before, the first with {type(before[0]).__name__}: {before[0]}")
        self._fail(last)


class Chopping(FirstAnswer):
    """The first answer there is; one routee is asked after the other, whenever `interval` seconds pass without one, or one fails.

    It never waits for room: the clock's thread asks, and so does whoever answers with an error.
    """

    __slots__ = ("_interval", "_message", "_note", "_refs", "_timer")

    def __init__(
        self, router: Cell, future: Future[Any], refs: Iterator[ActorRef[Any]], message: Any, note: Note | None, interval: float
    ) -> None:
        super().__init__(router, future)
        self._refs: Iterator[ActorRef[Any]] | None = refs  # None once it has come to its end; under the lock
        self._message = message
        self._note = note
        self._interval = interval
        self._timer: TimerHandle | None = None  # of the next ask; under the lock

    def go_on(self) -> None:
        """Ask the next routee that takes it.

        Raises:
            ActorError: as `sent`; only of the first call.
        """
        asked = False
        while not asked and not self.future.done():
            ref = self._next()
            if ref is None:
                return
            with self.asking() as ask:
                ref._send_at_once(self._message, ask, self._note)
                asked = True
                self._arm()  # before its end can be heard of, which disarms

    def _next(self) -> ActorRef[Any] | None:
        with self._lock:
            ref = next(self._refs, None) if self._refs is not None else None
            over = ref is None and self._refs is not None
            if over:
                self._refs = None
        if over:
            self.sent(self._message)
        return ref

    def _arm(self) -> None:
        clock = self.router.system.ports.clock
        self._replace_timer(clock.call_at(clock.now() + self._interval, self._again))

    def _again(self) -> None:
        """Go on beside the asker: whatever goes wrong is told to it, and to nobody else."""
        try:
            self.go_on()
        except Exception as error:  # noqa: BLE001  # of an isolated routee, for instance: what makes a copy of the message
            self._fail(error)

    def _replace_timer(self, timer: TimerHandle | None) -> None:
        with self._lock:
            former, self._timer = self._timer, timer
        if former is not None:
            former.cancel()

    def _ended(self, ask: Future[Any]) -> None:
        super()._ended(ask)
        if self.future.done():
            self._replace_timer(None)

    def _refused(self, error: ActorError) -> None:
        self._over(error)  # whoever has sent it goes on by itself

    def _failed(self, error: BaseException) -> None:
        self._over(error)
        self._again()
