"""The world of one simulation: every port in one object, and the steps in which anything happens in it.

All of it runs on the thread of whoever takes the steps: a handler of a plain actor on a greenlet of its own, one of an async actor on a
loop in virtual time. A step ends when its handler has returned or waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import threading
from collections import deque
from operator import attrgetter
from threading import get_ident
from typing import TYPE_CHECKING, Any, NoReturn

from greenlet import getcurrent

from actors._core.cell import Lane
from actors._core.desk import Desk
from actors._core.ports import Ports
from actors.dispatch.runner import Runner
from actors.testing.aio import SimAwaiter, SimLoop
from actors.testing.checks import EPOCH
from actors.testing.errors import (
    EndlessStepError,
    InvariantError,
    RealWorldError,
    SimulationError,
    SimulationOver,
    StuckError,
    TooManyStepsError,
)
from actors.testing.futures import SimFuture
from actors.testing.network import Kind, Now, Ordering, Pending, Wait, network_of
from actors.testing.ports import Chance, PortSide, is_async
from actors.testing.waits import Parker, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors._core.cell import Cell
    from actors._core.context import Strand
    from actors._core.future import Future
    from actors.testing.faults import Injector
    from actors.testing.observers import Observers
    from actors.testing.ports import Timer
    from actors.testing.strategies import Strategy

__all__ = ["World"]


LEAST = 10  # steps in which the loop may fail to come to an end, however low the limit of steps is
ROUND = 100  # steps that count for one in which the loop does not come to an end: a coroutine that polls is told soon
REFUSED = 100  # waits of a handler that is unwound, which may have that many `finally`; then it is taken to swallow its end
_SEQUENCE = attrgetter("sequence")
# Never collected: that would raise GreenletExit in them, which they swallow as well.
_LEFT: list[object] = []


LINES = 1000  # log lines that are kept


class _RunQueue(deque["Cell"]):
    """The cells that are due for a turn. Notes who signalled one; a message carries that itself."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def append(self, cell: Cell) -> None:
        """Queue `cell`."""
        if cell.control:
            self._world.signalled(cell)
        super().append(cell)


class World(PortSide):
    """Clock, ids, waiter, dispatcher and host of every actor of one simulation."""

    def __init__(self, strategy: Strategy, ordering: Ordering, *, seed: int, limit: int) -> None:
        super().__init__()
        self.strategy = strategy
        self.ordering = ordering
        self.limit = limit
        self.queue: deque[Cell] = _RunQueue(self)
        self.sleepers: list[None] = []  # nobody ever sleeps here
        self.parked: dict[Strand, Parker] = {}
        self.waiting: list[Pending] = []  # what goes on: replies, calls
        self.choices: list[int] = []
        self.last: deque[Pending] = deque(maxlen=5)  # the last steps taken
        self.invariants: list[tuple[str, Callable[[], object]]] = []
        self.last_enabled: list[Pending] = []  # what could have happened in the last step
        self.worker = Worker()
        self.runners: dict[Runner, None] = {}
        self.loop = SimLoop(self)  # type: ignore[abstract]  # what it leaves out raises NotImplementedError
        self.cells: dict[Cell, int] = {}  # in the order made, with names like those of steps
        self.observers: Observers | None = None
        self._systems: list[Any] = []  # those with actors in this world
        self.injector: Injector | None = None
        self.deliveries = 0  # messages delivered so far
        self.asks_always = False  # whether the strategy is asked where there is no choice, too
        self.looked = False  # whether the scenario has looked at actors between steps
        self._time = 0.0
        self.epoch = EPOCH.timestamp()  # the time of the day at virtual time 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self.names: dict[tuple[Any, ...], int] | None = None  # of steps, by their causes; None while hunting
        self.schedule: list[int] = []  # the names of the steps taken
        self._turns: dict[Cell, Pending] = {}  # of cells that are due for other than a message of a simulated mailbox
        self._error: BaseException | None = None
        self.checked = ""  # the name of what is being checked: of an oracle, or of a function given to always()
        # Appended to by other threads, taken from by the simulation's own; each is one operation on a deque.
        self._strangers: deque[RealWorldError] = deque()
        self._interrupt: KeyboardInterrupt | None = None
        self._loop_waits = False  # whether going on with the loop is possible already
        self.unwound = 0  # handlers that the end of the simulation has begun to unwind; 0 once it has come about
        self._refused = 0  # waits, of the handler that is unwound
        self._most = float("inf")  # the number that is not exceeded in the step under way
        self._rounds = 0  # steps since the loop last came to an end
        self._lane = Lane(self)
        self._urns = Chance(self, seed + 1)
        self.correlation = itertools.count(1).__next__
        self.lines: deque[Any] = deque(maxlen=LINES)  # that were logged, the last of them
        desk = Desk(self._time_of_day)
        desk.use(self.lines.append, 0)
        self.ports = Ports(
            clock=self,
            random=Chance(self, seed),
            ids=self,
            waiter=self,
            awaiter=SimAwaiter(self),
            dispatcher=self,
            aside=self._aside,
            cancelled=(asyncio.CancelledError,),
            registered={},
            log=desk,
            passing=(SimulationOver, RealWorldError, KeyboardInterrupt, GeneratorExit),
        )

    def _time_of_day(self) -> float:
        return self.epoch + self._time  # not `wall()`: whether a line is logged is no matter of the run

    def begin(self) -> None:
        """Belong to the calling thread."""
        if self.over:
            msg = "the simulation is over: make a new one"
            raise SimulationError(msg)
        self._thread = threading.get_ident()

    # -- what is possible --------------------------------------------------------------------------------------------------

    def sent(self, kind: Kind, cell: Cell | None, target: Any, now: Now | None = None, wait: Wait | None = None) -> Pending:
        """Note that something has become possible because of the step under way, or of `now`; as the end of `wait`, if given."""
        if get_ident() != self._thread:
            error = RealWorldError("a message or an answer from another thread")
            self._strangers.append(error)
            raise error
        now = now or self._now
        self._sequence += 1
        if self._sequence > self._most:  # each of them takes memory for all before it
            self.broken(TooManyStepsError(self.limit, (_name(self._now.cell),), sends=True))
            raise SimulationOver
        pending = Pending(kind, self._sequence, cell, target, now)
        if wait is not None:
            pending.name, pending.wait = wait.name, wait
        elif self.names is not None:
            pending.name = self.name(kind, now)
        now.past = pending.known
        if target is not None:
            self.waiting.append(pending)
        return pending

    def enabled(self) -> list[Pending]:
        """Return what could happen next: what has been possible longest first, the next timer last."""
        found = list(self.waiting)
        for cell in self.queue:
            network = None if cell.control else network_of(cell)
            found += network.deliverable() if network else (self._turn(cell),)
        if len(found) > 1:
            found.sort(key=_SEQUENCE)
        injector = self.injector
        if injector is not None:
            found = injector.spared(found)
        timers = self._timers
        while timers and timers[0][2].call is None:
            heapq.heappop(timers)
        if injector is not None and injector.paused:  # their timers come late, and hold nobody else's up
            timers = [one for one in sorted(timers, key=_due) if one[2].call is not None and one[2].pending.cell not in injector.paused]
        if timers and not (timers[0][2].patient and (found or (injector is not None and injector.lasts))):
            found.append(timers[0][2].pending)
            when = timers[0][0]
            if len(timers) > 1 and when in {timer[0] for timer in timers[1:3]}:
                due = [timer for at, _, timer in sorted(timers, key=_due) if at == when and timer.call is not None]
                found[-1:] = [timer.pending for timer in due if not timer.patient] or found[-1:]
        return found if injector is None else [*found, *injector.faults(found)]

    def skip_turn(self, cell: Cell) -> None:
        """Give `cell` the turn that it is due for; the mail for it is gone."""
        if cell in self.queue:
            self._take_turn(cell, None)

    def name(self, kind: Kind | str, now: Now) -> int:
        """Return a name for what `now` makes possible: the same in every run in which that has the same causes."""
        assert self.names is not None
        now.sends += 1
        return self.names.setdefault((now.name, now is self._scenario, kind, now.sends), len(self.names) + 1)

    def begin_wait(self) -> Wait:
        """Note that whoever is at work waits."""
        return Wait(self._now.step, self.name(Kind.REPLY, self._now) if self.names is not None else 0)

    def adopt(self, future: Future[Any]) -> None:
        """Have it remembered who resolves `future`."""
        SimFuture.adopt(future, self)

    def _turn(self, cell: Cell) -> Pending:
        turn = self._turns.get(cell)
        if turn is None:
            kind = Kind.SIGNAL if cell.control else Kind.DELIVERY
            turn = self._turns[cell] = self.sent(kind, cell, None, self._lasts.get(cell, self._scenario))
        return turn

    def signalled(self, cell: Cell) -> None:
        """Note that the step under way wants something of `cell` that is no message."""
        turn = self._turns.get(cell)
        if turn is None:
            self._turns[cell] = self.sent(Kind.SIGNAL, cell, None)
        else:  # one turn for what several want
            turn.known |= self._now.past

    # -- steps -------------------------------------------------------------------------------------------------------------

    def step(self, futures: Iterable[Future[Any]] = ()) -> None:
        """Take a step that the scenario waits for, until one of `futures` is resolved; raise StuckError if there is none."""
        if not self.try_step():
            waits = {_name(parker.cell): _asked(parker.futures) for parker in self.parked.values()}
            waits |= {runner.cell.path: () for runner in self.runners if not runner.idle}
            raise StuckError(self._time, _asked(futures), waits)

    def try_step(self) -> bool:
        """Choose one of the things that could happen now, and let it happen; return False if there is nothing."""
        if self.checked or self._strangers:
            self._refuse_step()
        self.run_loop()  # the scenario may have cancelled something
        enabled = self.last_enabled = self.enabled()
        if not enabled:
            return False
        if self.steps >= self.limit:
            raise TooManyStepsError(self.limit, tuple(_name(one.cell) for one in self.last))
        chosen = enabled[0] if len(enabled) == 1 and not self.asks_always else self._choose(enabled)
        self.steps += 1
        self.deliveries += chosen.kind is Kind.DELIVERY
        self.last.append(chosen)
        cell = chosen.cell
        before = self._lasts.get(cell)
        past = chosen.known if before is None else chosen.known | before.past
        self._now = self._lasts[cell] = Now(self.steps, cell, past, chosen.name)
        self._most = self._sequence + self.limit
        if self.names is not None:
            self.schedule.append(chosen.name)
        self.worker.root = getcurrent()
        self.worker.cell = None  # a call that goes on is no actor's
        try:
            try:
                if self.shared:
                    self.meet_sharers(cell)
                self.perform(chosen) if self.observers is None else self.observers.perform(chosen, self.perform)
            finally:
                if self.shared:
                    self.meet_sharers(cell)
                self._now = self._scenario
                self._most = float("inf")
                self.worker.cell = None
            if self.invariants and self._error is None:
                self._check_invariants()
        except BaseException:
            self.raise_endless()
            raise
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return True

    def _refuse_step(self) -> NoReturn:
        if self._strangers:
            raise self._strangers.popleft()
        msg = f"the check {self.checked!r} waits: it may only look, at instance(ref) or at what the scenario keeps"
        raise SimulationError(msg)

    def raise_endless(self) -> None:
        """Raise why a step was ended in place of what was raised to end it, once no handler is at work that could swallow it."""
        if self._now is self._scenario:
            error, self._error = self._error, None
            if isinstance(error, EndlessStepError | TooManyStepsError):
                raise error from None

    def _choose(self, enabled: list[Pending]) -> Pending:
        index = self.strategy.choose(enabled)
        if len(enabled) > 1:
            self.choices.append(index)
        return enabled[index]

    def _check_invariants(self) -> None:
        try:
            for name, holds in self.invariants:
                self.checked = name
                if not holds():
                    raise InvariantError(name, self.steps)
        finally:
            self.checked = ""

    def settled(self) -> None:
        """Note that the scenario has learned of everything: nothing can happen any more."""
        self._scenario.step, self._scenario.past = self.steps, (1 << self._sequence + 1) - 1
        if self.observers is not None:
            self.observers.settled()

    @property
    def under_way(self) -> tuple[int, str, int] | None:
        """What is under way and should come to an end: the same as long as it is the same; None if nothing is, but for the scenario."""
        if self.checked or self.unwound or self._now is not self._scenario:
            return self.steps, self.checked, self.unwound
        return None

    @property
    def newest(self) -> int:
        """The number of what became possible last."""
        return self._sequence

    def perform(self, chosen: Pending) -> None:
        """Let it happen."""
        target, cell = chosen.target, chosen.cell
        if target is None:
            assert cell is not None
            self._take_turn(cell, chosen)
        elif chosen.kind is Kind.TIMER:
            self._time = max(self._time, target.when)
            call, target.call = target.call, None
            if call is not None:
                call()
        elif chosen.kind is Kind.FAULT:
            assert self.injector is not None
            self.injector.spend(target)
        else:
            self.waiting.remove(chosen)
            if target is self.loop:
                self._loop_waits = False
            elif isinstance(target, asyncio.Future):
                if not target.done():
                    target.set_result(None)
            else:
                target.switch()
        self.run_loop()

    def run_loop(self) -> None:
        """Run what is ready on the loop; what goes on and on is a step of its own, so that others get theirs."""
        if self.loop.due:
            self.loop.run_ready()
            if not self.loop.due:
                self._rounds = 0
            if self.loop.due and not self._loop_waits:
                self._rounds += 1
                if self._rounds * ROUND > max(self.limit, LEAST * ROUND):
                    raise TooManyStepsError(self.limit, (_name(self.loop.at_work),), polls=True)
                self._loop_waits = True
                self.sent(Kind.CALL, None, self.loop)

    def _take_turn(self, cell: Cell, chosen: Pending | None) -> None:
        self.queue.remove(cell)
        if cell.control:
            cell.yield_turn()  # its messages are choices of their own
        network = network_of(cell)
        if self._turns.pop(cell, None) is not chosen and network is not None:
            network.chosen = chosen
        if not is_async(cell):
            self.worker.give_turn(cell)
            return
        rare = cell.extras()
        if rare.runner is None:
            rare.runner = Runner(self, cell)  # type: ignore[arg-type]  # as good as a LoopHost
            self.runners[rare.runner] = None
        else:
            rare.runner.go()

    def close(self) -> None:
        """End the simulation: unwind what waits, without taking another step."""
        self.over = self.worker.over = True
        self.worker.root = getcurrent()
        for strand, parker in list(self.parked.items()):
            parker.abandon()
            self._unwind(strand.switch)
        for strand in self.worker.idle:
            self._unwind(strand.switch)
        self.worker.idle.clear()
        self.loop.abandon(lambda call: self._unwind(self.worker.strand(call).switch))
        self.unwound = 0
        if self._interrupt is not None:
            raise self._interrupt

    def _unwind(self, call: Callable[[], object]) -> None:
        """Unwind one handler. What it raises while it is unwound is not what the run came to; but a Ctrl-C is not lost."""
        self.unwound += 1
        self._refused = 0
        try:
            call()
        except KeyboardInterrupt as error:
            self._interrupt = error
        except BaseException:  # noqa: BLE001
            return

    def check_open(self, *, scenario: bool) -> None:
        """Raise if the simulation is over: nobody may wait any more, least of all a handler that is unwound."""
        if self.over and scenario:
            msg = "the simulation is over: nothing happens in it any more"
            raise SimulationError(msg)
        if self.over:
            self._refused += 1
            if self._refused > REFUSED:
                self.leave()
            raise SimulationOver

    def leave(self) -> NoReturn:
        """Put the handler at work aside for good: it swallows whatever is raised to end it. One that has no greenlet gets more of it."""
        if getcurrent() is not self.worker.root:
            _LEFT.append(getcurrent())
            while True:
                self.worker.root.switch()
        raise SimulationOver

    def drain(self, limit: int) -> bool:
        """Take the steps that the scenario left, but for time and faults; return False if that took more than `limit`.

        An exhaustive exploration has to know what they would have done, had they come before its end.
        """
        self.invariants.clear()
        self.observers = None
        for _ in range(limit):
            if all(one.kind in (Kind.TIMER, Kind.FAULT) for one in self.enabled()):
                return True
            with contextlib.suppress(Exception, RealWorldError):  # the run is over: what fails now is no finding
                self.try_step()
        return False

    def check_outside(self, call: str) -> None:
        """Raise SimulationError if it is over, or a handler of it calls what only its scenario may."""
        self.check_open(scenario=True)
        if self._now is not self._scenario:
            msg = f"{call}() is for the scenario; a handler that has to wait asks, or gets a future"
            raise SimulationError(msg)

    def leftover(self) -> BaseException | None:
        """Return what went wrong outside of any step."""
        error, self._error = self._error, None
        return error if error is not None or not self._strangers else self._strangers.popleft()

    def broken(self, error: BaseException) -> None:
        """Have the step under way raise `error`, unless something went wrong in it before."""
        self._error = self._error or error

    def refuse(self, what: str) -> NoReturn:
        """Refuse what would leave the simulation."""
        error = RealWorldError(what)
        self.broken(error)
        raise error


def _due(timer: tuple[float, int, Timer]) -> tuple[float, int]:
    return timer[:2]


def _asked(futures: Iterable[Future[Any]]) -> tuple[str, ...]:
    return tuple(future._cell.path for future in futures if future._cell is not None)


def _name(cell: Cell | None) -> str:
    return cell.path if cell is not None else "the scenario"
