"""A dispatcher that takes one step at a time in virtual time, on the test's own thread and no other.

A step is one message of one actor, a parked handler that goes on, or a timer that is due; which one is a choice that is given in. Whoever
waits in the test's body drives the steps; a handler that waits parks its greenlet, so that every wait is a scheduling point. Time jumps to
the next timer when nothing else is left. All of it comes in through the ports: the kernel does not know.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from greenlet import getcurrent

from actors import ActorSystem, DispatcherKind, Future, SystemConfig
from actors._core import life
from actors._core.cell import Cell, Lane
from actors._core.context import Strand, current_cell
from actors._core.ports import Ports, install
from actors._core.turn import run
from actors._core.wait import wait_for_one
from actors.dispatch.runner import Runner, adrive
from actors.errors import BlockingInLoopError, Timeout

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Choose", "NothingRunsError", "SingleStep", "first", "seeded"]

Choose = Callable[[Sequence[str]], int]


class NothingRunsError(AssertionError):
    """The test waits for something that no step and no timer can bring about."""


def first(_: Sequence[str]) -> int:
    """Choose what has waited longest."""
    return 0


def seeded(seed: int) -> Choose:
    """Choose at random, the same for the same seed."""
    chance = random.Random(seed)
    return lambda options: chance.randrange(len(options))


class _Turn:
    """One turn of one message: the `Worker` that the kernel's loop runs for."""

    turn = 1

    def __init__(self, cell: Cell) -> None:
        self.resumed: deque[Any] = deque()
        self.cells = deque([cell])
        self.cell: Cell | None = None

    def switch(self) -> bool:
        return True

    def rest(self) -> bool:
        return False


class _Aside:
    """Who runs a call that may block and is no actor's."""

    cell = None

    def __init__(self, name: str) -> None:
        self.name = name


class _AsyncTurn(Runner):
    """One turn of one message of an async actor; its coroutine is stepped by hand, without asyncio."""

    def __init__(self, host: Any, cell: Cell) -> None:
        self.host, self.cell, self._open, self._begun = host, cell, set(), None

    def run(self) -> None:
        steps = self._one_turn()
        try:
            while True:
                steps.send(None)  # what an actor awaits parks its greenlet; only a bare yield comes out here
                self.host.pause()  # type: ignore[attr-defined]  # the host is a SingleStep
        except StopIteration:
            return

    async def _one_turn(self) -> None:
        if self.cell.control and not await adrive(life.attend(self.cell)):
            self.cell.end_turn()
        else:
            await self._turn()


class _Parker:
    """One wait: of a handler, whose greenlet is put aside, or of the test's body, which takes steps meanwhile."""

    futures: tuple[Future[Any], ...] = ()
    finite = False

    def __init__(self, sim: SingleStep, strand: Strand | None) -> None:
        self._sim = sim
        self._strand = strand
        self._parked = False
        self._outcome: Any = None

    def _end(self, outcome: Any) -> bool:
        if self._outcome is not None:
            return False
        self._outcome = outcome
        if self._parked and self._strand is not None:
            self._sim.resumed.append(self._strand)
        return True

    def wake(self, *_: object) -> None:
        self._end(True)

    def throw(self, error: BaseException) -> bool:
        return self._end(error)

    def park(self, timeout: float | None) -> bool:
        sim = self._sim
        timer = None if timeout is None else sim.call_at(sim.time + max(timeout, 0.0), lambda: self._end("late"))
        self._parked = True
        if self._strand is None:
            while self._outcome is None:
                sim.step()
        else:
            if self._outcome is not None:
                sim.resumed.append(self._strand)
            sim.parked.append(self._strand)
            self._strand.parent.switch()
            sim.parked.remove(self._strand)
        if timer is not None:
            timer.cancel()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome is True


class _Timer:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class SingleStep:
    """Every port in one object. Use it with ``with``: waits of the test's body go through it then.

    Args:
        choose: is given what could run next, as texts, and returns the index of what shall.
        seed: of the random numbers that actors draw.
        limit: steps after which a run counts as endless.
        passing: exceptions that go through handlers to whoever takes the steps.
    """

    turns = range(1)

    def __init__(
        self, choose: Choose = first, *, seed: int = 0, limit: int = 100_000, passing: tuple[type[BaseException], ...] = ()
    ) -> None:
        self.choose = choose
        self.limit = limit
        self.time = 0.0
        self.trace: list[str] = []
        self.queue: deque[Cell] = deque()  # cells that are due for a turn
        self.resumed: deque[Strand] = deque()  # greenlets of handlers whose wait is over
        self.parked: list[Strand] = []  # greenlets of handlers that wait
        self.sleepers: list[None] = []  # nobody ever sleeps here
        self._heap: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()
        self._urns = random.Random(seed + 1)
        self._awaits = False
        self._thread = threading.get_ident()
        self._lane = Lane(self)
        self.correlation = itertools.count(1).__next__
        self.ports = Ports(
            clock=self,
            random=random.Random(seed),
            ids=self,
            waiter=self,
            awaiter=self,
            dispatcher=self,
            aside=self._aside,
            passing=passing,
        )

    def __enter__(self) -> Self:
        self._restore = install(self.ports)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def system(self, **config: Any) -> ActorSystem:
        """Return a new system that lives in here."""
        return ActorSystem(config=SystemConfig(ports=self.ports, **config))

    # -- stepping ----------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Choose one of the things that could happen now, and let it happen."""
        if threading.get_ident() != self._thread or type(getcurrent()) is Strand:
            msg = "only the test's own thread takes steps, and no handler does"
            raise AssertionError(msg)
        options = self._options()
        if not options:
            waiting = ", ".join(_path(strand) for strand in self.parked) or "none"
            msg = f"nothing can run at {self.time} s and no timer is due, but the test waits; handlers that wait, too: {waiting}"
            raise NothingRunsError(msg)
        if len(self.trace) >= self.limit:
            msg = f"{self.limit} steps and no end; the last ones: {self.trace[-5:]}"
            raise NothingRunsError(msg)
        labels = [label for label, _ in options]
        index = self.choose(labels) if len(options) > 1 else 0
        self.trace.append(labels[index])
        options[index][1]()

    def settle(self) -> None:
        """Take steps while anything can run without time going by."""
        while self._options(jump=False):
            self.step()

    def advance(self, seconds: float) -> None:
        """Take steps until `seconds` of virtual time have gone by."""
        over: list[bool] = []
        self.call_at(self.time + seconds, lambda: over.append(True))
        while not over:
            self.step()

    def pause(self) -> None:
        """Let others take steps before the calling handler goes on."""
        here: Any = getcurrent()
        self.resumed.append(here)
        here.parent.switch()

    def _options(self, *, jump: bool = True) -> list[tuple[str, Callable[[], object]]]:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        if jump and self._heap and not self.queue and not self.resumed:
            self.time = max(self.time, self._heap[0][0])
        found: list[tuple[str, Callable[[], object]]] = []
        found += [(f"turn {cell.path}", lambda cell=cell: self._give_turn(cell)) for cell in self.queue]  # type: ignore[misc]
        found += [(f"resume {_path(one)}", lambda one=one: self._resume(one)) for one in self.resumed]  # type: ignore[misc]
        if self._heap and self._heap[0][0] <= self.time:
            found.append((f"timer {self._heap[0][1]} at {self._heap[0][0]}", self._fire))
        return found

    def _give_turn(self, cell: Cell) -> None:
        self.queue.remove(cell)
        turn: Any = _AsyncTurn(self, cell) if _is_async(cell) else _Turn(cell)
        strand = Strand(turn.run if _is_async(cell) else lambda: run(turn))
        strand.worker = turn
        strand.switch()

    def _resume(self, strand: Strand) -> None:
        self.resumed.remove(strand)
        strand.switch()

    def _fire(self) -> None:
        call = heapq.heappop(self._heap)[2].call
        assert call is not None
        call()

    # -- Dispatcher and Host -----------------------------------------------------------------------------------------------

    def lane(self, _: Cell) -> Lane:
        return self._lane

    def signalled(self, cell: Cell) -> None:
        return

    def touched(self, what: object, *, changes: bool = True) -> None:
        return

    def observed(self, cell: Cell) -> None:
        return

    def adopt(self, future: Any) -> None:
        return

    def entangled(self, cells: tuple[Cell, ...]) -> None:
        return

    def lives_here(self) -> bool:
        return threading.get_ident() == self._thread

    def mailbox(self, cell: Cell) -> Any:
        return cell.options.mailbox.build(cell)

    def wake(self) -> None:
        raise AssertionError("nobody sleeps")

    def retire(self, _: Cell) -> None:
        return

    def check_turns(self) -> None:
        return

    def _aside(self, call: Callable[[], object], name: str) -> None:
        strand = Strand(call)
        strand.worker = _Aside(name)
        self.resumed.append(strand)

    # -- Clock, Ids --------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def call_at(self, when: float, call: Callable[[], object]) -> _Timer:
        timer = _Timer(call)
        heapq.heappush(self._heap, (when, next(self._numbers), timer))
        return timer

    def soon(self, call: Callable[[], object]) -> None:
        self.call_at(self.time, call)

    def urn(self) -> str:
        return uuid.UUID(int=self._urns.getrandbits(128), version=4).urn

    def text_of(self, correlation: Any) -> str:
        return str(correlation)

    # -- Waiter, Awaiter ---------------------------------------------------------------------------------------------------

    def parker(self) -> _Parker:
        awaits, self._awaits = self._awaits, False
        if self.on_loop() and not awaits:
            raise BlockingInLoopError
        here: Any = getcurrent()
        return _Parker(self, here if type(here) is Strand else None)

    def check(self, advice: str) -> None:
        if self.on_loop():
            raise BlockingInLoopError(advice)

    def on_loop(self) -> bool:
        cell = current_cell()
        return cell is not None and _is_async(cell)

    def reply(self) -> Future[Any]:
        return Future()

    def begin_now(self, cell: object, entry: object) -> bool:
        del cell, entry
        return False

    async def answer(self, reply: Future[Any]) -> Any:
        return await reply

    def begin(self, future: Future[Any], *, finite: bool = False) -> tuple[tuple[()], Any, None]:
        del finite
        self._wait(future, None)
        return (), None, None

    def end(self, future: Future[Any], wake: object, cell: object) -> None:
        """Nothing to undo."""

    async def within(self, future: Future[Any], timeout: float) -> Any:  # the port's name for it
        if not self._wait(future, timeout):
            msg = f"no answer within {timeout} seconds"
            raise Timeout(msg)
        return future.get()

    def call_blocking(self, call: Callable[[], Any]) -> Generator[Any, None, Any]:
        yield from ()
        return call()

    def _wait(self, future: Future[Any], timeout: float | None) -> bool:
        self._awaits = True
        return wait_for_one((future,), timeout)


def _is_async(cell: Cell) -> bool:
    kind = cell.options.dispatcher
    return kind is DispatcherKind.EVENT_LOOP or (kind is None and cell.actor_class._greenroom_async)


def _path(strand: Strand) -> str:
    worker: Any = strand.worker
    return worker.name if type(worker) is _Aside else str(worker.cell.path)
