"""The ports: everything the kernel wants from the outside world.

Time, chance, identity, waiting and the choice of a thread come in through these protocols, so that a simulator can own all of
them. The kernel reads no clock and draws no random number of its own. Real implementations live in `actors.dispatch`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors._core.cell import Cell, Lane
    from actors._core.desk import Desk
    from actors._core.future import Future
    from actors._core.messages import Entry

__all__ = [
    "Awaiter",
    "Clock",
    "Dispatcher",
    "Ids",
    "Instrument",
    "Parker",
    "Ports",
    "Random",
    "TimerHandle",
    "Waiter",
    "ambient",
    "install",
    "several_ports",
    "simulated",
    "touched",
]


class TimerHandle(Protocol):
    """A call that waits for its time."""

    def cancel(self) -> None:
        """Make sure that the call is not begun after this returns, if it has not begun yet."""


class Clock(Protocol):
    """Time, in seconds from an arbitrary origin, and calls at a time."""

    def now(self) -> float:
        """Return the current time, which never goes back."""

    def wall(self) -> float:
        """Return the time of the day, in seconds since the epoch of Unix. It may jump, either way, when somebody sets the clock."""

    def call_at(self, when: float, call: Callable[[], object]) -> TimerHandle:
        """Call `call` at `when` on a thread that runs no user handler; it must not block."""

    def soon(self, call: Callable[[], object]) -> None:
        """Call `call` soon on that same thread. Safe from ``__del__`` and from any thread."""


class Random(Protocol):
    """Chance."""

    def random(self) -> float:
        """Return a number in [0, 1)."""


class Ids(Protocol):
    """Identity."""

    def urn(self) -> str:
        """Return a new UUID4 URN."""

    @property
    def correlation(self) -> Callable[[], object]:
        """A function that returns a new correlation id each time. It is called with every message that begins something."""

    def text_of(self, correlation: Any) -> str:
        """Return what people see of a correlation id, whichever system of the process it comes from."""


class About(Protocol):
    """What a future stands for that is no answer to an ask."""

    def about(self) -> tuple[tuple[str, Cell | str], ...]:
        """Return what whoever waits for it waits for: of each thing its kind, "room" or "channel", and the actor or the name."""


class Parker(Protocol):
    """One wait of one thread, greenlet or simulated task.

    Attributes:
        futures: what an actor's handler waits for; set by the kernel.
        finite: whether that wait has a timeout; set by the kernel.
        seen: the clock's time when somebody looked at the wait from beside for the first time; set by who looks.
    """

    futures: tuple[Future[Any], ...]
    finite: bool
    seen: float | None

    def wake(self, *_: object) -> None:
        """End the wait, from any thread; also before it has begun. Only the first call counts."""

    def throw(self, error: BaseException) -> bool:
        """Let `park` raise `error`, from any thread; return False if the wait was ended before."""

    def park(self, timeout: float | None) -> bool:
        """Wait for `wake` and return True, or return False after `timeout` seconds."""


class Waiter(Protocol):
    """How the caller waits: by parking its greenlet, blocking its thread, or driving the simulation."""

    def parker(self) -> Parker:
        """Return a parker for the caller.

        Raises:
            BlockingInLoopError: the caller's thread runs an event loop with actors on it.
        """

    def check(self, advice: str) -> None:
        """Raise BlockingInLoopError, saying `advice`, where `parker` would."""

    def on_loop(self) -> bool:
        """Tell whether the caller's thread is running an event loop."""


class Awaiter(Protocol):
    """How a coroutine waits for a future."""

    def reply(self) -> Future[Any]:
        """Return a future for `answer`."""

    def begin_now(self, cell: Cell, entry: Entry) -> bool:
        """Begin with the ask `entry` of `cell` on the asker's stack; return False where asks go through the mailbox."""

    async def answer(self, reply: Any) -> Any:
        """Return what `reply`, made here by `reply()`, is resolved with."""

    def begin(self, future: Future[Any], *, finite: bool = False) -> tuple[Any, Callable[[Any], None], Cell | None]:
        """Return something to ``yield from`` until `future` has changed, and two things to give to `end` afterwards."""

    def end(self, future: Future[Any], wake: Callable[[Any], None], cell: Cell | None) -> None:
        """Undo what `begin` did, also if the wait was cancelled."""

    async def within(self, future: Future[Any], timeout: float) -> Any:
        """Return what `future` is resolved with; raise Timeout after `timeout` seconds."""

    def call_blocking(self, call: Callable[[], Any]) -> Generator[Any, None, Any]:
        """Yield to the event loop until `call`, run on a helper thread, has returned; return its value."""


class Instrument(Protocol):
    """What a traced system tells about every message."""

    def handled(self, cell: Cell, message: object, correlation: str, sender: str | None) -> None:
        """Take note that `cell` is about to handle `message`."""


class Dispatcher(Protocol):
    """Gives turns to actors in place of the built-in dispatchers; for simulations."""

    def lane(self, cell: Cell) -> Lane:
        """Return the lane of a new actor."""

    def mailbox(self, cell: Cell) -> Any:
        """Return the mailbox object for `cell`; None means a plain deque."""

    def signalled(self, cell: Cell) -> None:
        """Take note that the caller wants something of `cell` that is no message. Called before it is queued."""

    def touched(self, what: object, *, changes: bool = True) -> None:
        """Take note that the caller looks at, or changes, what several actors share.

        Args:
            what: a cell of which it looks whether it lives; a watch that is begun; a path or table; None for all actors, and so
                for anything.
            changes: False if it looks at a table, and others who do so do not matter to it.
        """

    def observed(self, cell: Cell) -> None:
        """Take note that the caller looks at what `cell` has done."""

    def adopt(self, future: Any) -> None:
        """Take note that the caller has made `future`, which nobody has resolved, and will learn from it."""

    def entangled(self, cells: tuple[Cell, ...]) -> None:
        """Take note that what the caller does depends on what these are at."""

    def resource(self, kind: str) -> object:
        """Return a name for something new of `kind` that several actors share, for `touched`; of the same causes the same in each run."""

    def lives_here(self) -> bool:
        """Tell whether the simulation runs on the calling thread."""


def _thread_aside(call: Callable[[], object], name: str) -> None:
    threading.Thread(target=call, name=f"greenroom-{name}", daemon=True).start()


@dataclass(frozen=True, slots=True)
class Ports:
    """One implementation of each port.

    Attributes:
        dispatcher: gives turns in place of the built-in dispatchers.
        aside: runs a call where it may block, under a name for people.
        cancelled: what the host's own kind of cancellation raises; out of a plain handler it ends that handler only.
        passing: exceptions that belong to the driver of a simulation: they go through handlers to it and are nobody's crash.
        registered: what a simulation has in place of pykka's registry: refs by cell.
        log: the desk where log lines wait; None: that of the process.
    """

    clock: Clock
    random: Random
    ids: Ids
    waiter: Waiter
    awaiter: Awaiter
    instrument: Instrument | None = None
    dispatcher: Dispatcher | None = None
    aside: Callable[[Callable[[], object], str], object] = _thread_aside
    cancelled: tuple[type[BaseException], ...] = ()
    passing: tuple[type[BaseException], ...] = ()
    registered: dict[Any, Any] | None = None
    log: Desk | None = None


_ambient: list[Ports] = []


def install(ports: Ports) -> Callable[[], None]:
    """Make `ports` the ambient ones; return a function that brings the former back.

    For code that has no actor to ask, such as a test body's ``Future.get()``. Written by the one thread that sets up or tears
    down a simulation; readers see either the old or the new list end.
    """
    _ambient.append(ports)
    return lambda: _ambient.remove(ports)


def simulated() -> Ports | None:
    """Return the ambient ports if they are those of a simulation on this thread: a system made there belongs to it."""
    here = ambient()
    return here if here.dispatcher is not None else None


def touched(ports: Ports | None, what: object, *, changes: bool = True) -> None:
    """Tell a simulation that the caller looks at, or changes, what several actors share; see `Dispatcher.touched`."""
    if ports is not None and ports.dispatcher is not None:
        ports.dispatcher.touched(what, changes=changes)


def several_ports() -> bool:
    """Tell whether there may be others than the real ones."""
    return len(_ambient) > 1


def ambient() -> Ports:
    """Return the ports in force where no actor's are: those of a simulation count on its own thread only."""
    if len(_ambient) == 1:  # nearly always
        return _ambient[0]
    for ports in reversed(_ambient):
        if ports.dispatcher is None or ports.dispatcher.lives_here():
            return ports
    return _ambient[0]
