"""Demo: a slow service that falls sick now and then, called with a breaker and a limiter in front of it, and without."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from actors import Actor, ActorRef, ActorSystem, ReplyHandle, Request, handler
from supervisors.breaker import CircuitBreaker
from supervisors.demo.feed import Tone
from supervisors.demo.parts import Obedient, Victim
from supervisors.demo.stage import Claim, Demo
from supervisors.errors import CircuitOpenError
from supervisors.events import BreakerChanged
from supervisors.limiter import RateLimiter
from supervisors.policy import BreakerState
from supervisors.spec import child
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from supervisors.demo.books import Books
    from supervisors.demo.stage import Stage
    from supervisors.nodes import TreeNode

__all__ = ["Overload"]

BARE, GUARDED = "bare", "guarded"
CALLERS = 5  # a side
RATE, BURST = 20.0, 5  # calls per second that the limiter lets through
FAILURES, RESET = 5, 1.0  # of the breaker
WELL, SICK = 4.0, 3.5  # seconds
QUICK, SLOW = 0.04, 0.8  # seconds until an answer, and until a failure
PAUSE = 0.1  # seconds between two calls of a caller


@dataclass(frozen=True, slots=True)
class Ask(Request[str]):
    """A question to the service; `probe`: let through to find out whether it is well."""

    probe: bool = False


class ServiceSick(Exception):
    """The service has failed."""


class Outcome(Enum):
    """What came of a call."""

    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"  # by the breaker, at once


@dataclass(frozen=True, slots=True)
class Flipped:
    """A service has become well, or sick."""

    path: str
    well: bool

    def line(self) -> tuple[Tone, str, str]:
        """Say so."""
        return (Tone.GOOD, self.path, "is well") if self.well else (Tone.BAD, self.path, "is sick: every call takes long, and fails")


@dataclass(frozen=True, slots=True)
class Made:
    """A call is made."""

    side: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call has arrived at a service.

    Attributes:
        side: whose service.
        outage: how many times it had fallen sick; 0 while it is well.
        probe: whether the call was to find that out.
    """

    side: str
    outage: int
    probe: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A call was let through to the service.

    Attributes:
        asked: demo seconds when the breaker was asked.
        probe: whether the circuit was not closed, neither then nor now.
    """

    asked: float
    probe: bool


@dataclass(frozen=True, slots=True)
class Called:
    """A call is over."""

    side: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True)
class _Flip:
    """Time to fall sick, or to recover."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Time to answer a call."""

    handle: ReplyHandle
    well: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """Time for the next call."""


class Service(Actor):
    """Answers soon while it is well; fails late while it is sick."""

    def __init__(self, side: str) -> None:
        super().__init__()
        self._side = side
        self._well = True
        self._calls = self._outages = 0

    def on_start(self) -> None:
        """Be well for a while."""
        self.start_timer("flip", WELL, _Flip())

    @handler
    def _on_flip(self, _: _Flip) -> None:
        self._well = not self._well
        self._outages += not self._well
        self.system.events.publish(Flipped(self.path, self._well))
        self.start_timer("flip", WELL if self._well else SICK, _Flip())

    @handler
    def _on_ask(self, message: Ask) -> str | ReplyHandle:
        self.system.events.publish(Arrived(self._side, 0 if self._well else self._outages, message.probe))
        self._calls += 1
        handle = self.reply_later()
        self.start_timer(self._calls, QUICK if self._well else SLOW, _Answer(handle, self._well))
        return handle

    @handler
    def _on_answer(self, message: _Answer) -> None:
        if message.well:
            message.handle.reply("an answer")
        else:
            message.handle.fail(ServiceSick("no answer"))


class Caller(Obedient):
    """Calls the service again and again."""

    side = BARE

    def __init__(self, service: ActorRef[Service]) -> None:
        super().__init__()
        self._service = service

    def on_start(self) -> None:
        """Begin to call."""
        self.start_periodic_timer("call", PAUSE, _Call())

    @handler
    def _on_call(self, _: _Call) -> None:
        clock = self.system.ports.clock
        begin, outcome = clock.now(), Outcome.ANSWERED
        try:
            self._call()
        except CircuitOpenError:
            outcome = Outcome.REFUSED
        except ServiceSick:
            outcome = Outcome.FAILED
        self.system.events.publish(Called(self.side, outcome, clock.now() - begin))

    def _call(self) -> None:
        self._ask(Ask())

    def _ask(self, question: Ask) -> str:
        self.system.events.publish(Made(self.side))
        return self._service.ask(question)


class GuardedCaller(Caller):
    """Calls the service through a limiter and a breaker."""

    side = GUARDED

    def __init__(self, service: ActorRef[Service], limiter: RateLimiter, breaker: CircuitBreaker) -> None:
        super().__init__(service)
        self._limiter = limiter
        self._breaker = breaker

    def _call(self) -> None:
        self._limiter.call(self._go)

    def _go(self) -> str:
        closed, asked = self._is_closed(), self.system.ports.clock.now()
        return self._breaker.call(self._begin, asked, closed)

    def _begin(self, asked: float, closed: bool) -> str:  # noqa: FBT001  # the breaker passes it on
        # Who was let through at the very moment before it opened finds it open: only who found it so before as well is a probe.
        begun = Begun(asked, not closed and not self._is_closed())
        self.system.events.publish(begun)
        return self._ask(Ask(begun.probe))

    def _is_closed(self) -> bool:
        return self._breaker.state is BreakerState.CLOSED


class Overload(Demo):
    """See the module's docstring."""

    name = "breaker"
    title = "a breaker and a limiter in front of a service that falls sick"
    about = "Both sides call the same kind of service. The guarded one stops calling while it is sick, and never calls too often."
    seconds = 20.0
    patience = 3.0

    def build(self, system: ActorSystem) -> None:
        """Start a service and its callers for each side."""
        bare = system.spawn(Service, BARE, name="service-bare")
        guarded = system.spawn(Service, GUARDED, name="service-guarded")
        breaker = CircuitBreaker(failures=FAILURES, reset=RESET, name="breaker")
        limiter = RateLimiter(RATE, burst=BURST, name="limiter")
        names = [f"caller-{number}" for number in range(1, CALLERS + 1)]
        system.spawn(Supervisor, [child(Caller, bare, name=name) for name in names], intensity=100, name=BARE)
        system.spawn(
            Supervisor, [child(GuardedCaller, guarded, limiter, breaker, name=name) for name in names], intensity=100, name=GUARDED
        )

    def victims(self) -> list[Victim]:
        """Return all callers."""
        return [Victim(f"/{side}/caller-{number}") for side in (BARE, GUARDED) for number in range(1, CALLERS + 1)]

    def wind_down(self, stage: Stage) -> None:
        """Do nothing: callers end before their services do, each with the call that it is at."""

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Check what reached the services, and when."""
        del last
        accounted = (self._accounted(books, side) for side in (BARE, GUARDED))
        return [*accounted, self._probed(books), self._paced(books), self._spared(books)]

    @staticmethod
    def _accounted(books: Books, side: str) -> Claim:
        made = sum(one.side == side for one in books.all_of(Made))
        arrived = sum(one.side == side for one in books.all_of(Arrived))
        outcomes = Counter(one.outcome for one in books.all_of(Called) if one.side == side)
        answered, failed = outcomes[Outcome.ANSWERED], outcomes[Outcome.FAILED]
        cut, kills = made - answered - failed, _kills(books, side)
        figures = f"{made:,} calls = {answered:,} answered + {failed:,} failed + {cut:,} cut off by {kills:,} kills"
        holds = 0 <= cut <= kills and 0 <= made - arrived <= cut
        return Claim(f"every call of the {side} side is accounted for", figures, holds)

    @staticmethod
    def _probed(books: Books) -> Claim:
        """Check that nobody but probes came through a circuit that was not closed, and each as long after the one before as is declared.

        A probe that is late holds its right for as long; one that is killed leaves it at once.
        """
        opened = sum(one.after is BreakerState.OPEN for one in books.all_of(BreakerChanged))
        probes = sorted((one.asked, at) for at, one in books.timed(Begun) if one.probe)
        soon = sum(
            max(begun, until) - asked < RESET for (asked, begun), (_, until) in pairwise(probes)
        )  # they may have overtaken each other
        figures = f"opened {opened} times, {len(probes)} calls let through to find out, {soon} of them too soon"
        return Claim("until it is closed again, the circuit lets one call through", figures, holds=soon <= _kills(books, GUARDED))

    @staticmethod
    def _paced(books: Books) -> Claim:
        """Check at each call how many there were until then; what is seen late makes that no more."""
        times = sorted(at for at, _ in books.timed(Begun))
        over = sum(number > BURST + RATE * at for number, at in enumerate(times, start=1))
        figures = f"{len(times):,} calls in {times[-1] if times else 0:.1f} s, {over} of them sooner than {RATE:g} per second allow"
        return Claim("the limiter keeps the rate", figures, holds=not over)

    @staticmethod
    def _spared(books: Books) -> Claim:
        """Check how many calls met each outage: that does not depend on how fast the machine is, how long they took does.

        Besides probes these are the failures that open the circuit, and what is under way meanwhile, one call for each caller.
        """
        met, bare = (Counter(one.outage for one in books.all_of(Arrived) if one.outage and one.side == side) for side in (GUARDED, BARE))
        probes = Counter(one.outage for one in books.all_of(Arrived) if one.outage and one.probe)
        most = {outage: FAILURES - 1 + CALLERS + probes[outage] + (FAILURES - 1) * _late_answers(books, outage) for outage in met}
        over = sum(max(0, calls - most[outage]) for outage, calls in met.items())
        figures = (
            f"{met.total()} calls met {len(met)} outages, no more than {sum(most.values())} allowed; without it {bare.total()} calls did"
        )
        return Claim("the breaker spares the service and its callers", figures, holds=over <= _kills(books, GUARDED))


def _kills(books: Books, side: str) -> int:
    return sum(number for path, number in books.kills.items() if path.startswith(f"/{side}/"))


def _late_answers(books: Books, outage: int) -> int:
    """Return how many answers from before an outage came in between its failures, and so began the breaker's count of them anew."""
    flips = [at for at, one in books.timed(Flipped) if one.path == f"/service-{GUARDED}"]
    begin, end = [*flips, inf][2 * outage - 2 : 2 * outage]
    calls = [(at, one.outcome) for at, one in books.timed(Called) if one.side == GUARDED and begin <= at < end]
    first = min((at for at, outcome in calls if outcome is Outcome.FAILED), default=inf)
    return sum(at > first for at, outcome in calls if outcome is Outcome.ANSWERED)
