"""Demo: a slow service that falls sick now and then, called with a breaker and a limiter in front of it, and without."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
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


class Ask(Request[str]):
    """A question to the service."""


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
class Arrived:
    """A call has arrived at a service."""

    side: str
    well: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A call was let through to the service; `circuit` is what the breaker was then."""

    circuit: BreakerState


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
        self._calls = 0

    def on_start(self) -> None:
        """Be well for a while."""
        self.start_timer("flip", WELL, _Flip())

    @handler
    def _on_flip(self, _: _Flip) -> None:
        self._well = not self._well
        self.system.events.publish(Flipped(self.path, self._well))
        self.start_timer("flip", WELL if self._well else SICK, _Flip())

    @handler
    def _on_ask(self, _: Ask) -> str | ReplyHandle:
        self.system.events.publish(Arrived(self._side, self._well))
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
        self._service.ask(Ask())


class GuardedCaller(Caller):
    """Calls the service through a limiter and a breaker."""

    side = GUARDED

    def __init__(self, service: ActorRef[Service], limiter: RateLimiter, breaker: CircuitBreaker) -> None:
        super().__init__(service)
        self._limiter = limiter
        self._breaker = breaker

    def _call(self) -> None:
        self._limiter.call(self._breaker.call, self._begin)

    def _begin(self) -> str:
        self.system.events.publish(Begun(self._breaker.state))
        return self._service.ask(Ask())


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
        return [*(self._accounted(books, side) for side in (BARE, GUARDED)), *self._breaker(books), self._paced(books), self._spared(books)]

    @staticmethod
    def _accounted(books: Books, side: str) -> Claim:
        arrived = sum(one.side == side for one in books.all_of(Arrived))
        outcomes = Counter(one.outcome for one in books.all_of(Called) if one.side == side)
        answered, failed = outcomes[Outcome.ANSWERED], outcomes[Outcome.FAILED]
        cut, kills = arrived - answered - failed, sum(number for path, number in books.kills.items() if path.startswith(f"/{side}/"))
        figures = f"{arrived:,} calls = {answered:,} answered + {failed:,} failed + {cut:,} cut off by {kills:,} kills"
        return Claim(f"every call of the {side} side is accounted for", figures, holds=0 <= cut <= kills)

    @staticmethod
    def _breaker(books: Books) -> list[Claim]:
        opened = sum(one.after is BreakerState.OPEN for one in books.all_of(BreakerChanged))
        tried = sum(one.after is BreakerState.HALF_OPEN for one in books.all_of(BreakerChanged))
        seen = Counter(one.circuit for one in books.all_of(Begun))
        kills = sum(books.kills.values())
        # Who was let through at the very moment before it opened finds it open: each caller has one call under way.
        last, probes = seen[BreakerState.OPEN], seen[BreakerState.HALF_OPEN]
        return [
            Claim(
                "nobody is let through while the circuit is open",
                f"opened {opened} times, {last} calls were just on their way",
                holds=last <= opened * CALLERS,
            ),
            Claim("half open lets one call through", f"{tried} times half open, {probes} calls", holds=abs(probes - tried) <= kills),
        ]

    @staticmethod
    def _paced(books: Books) -> Claim:
        """Check at each call how many there were until then; what is seen late makes that no more."""
        times = sorted(at for at, _ in books.timed(Begun))
        over = sum(number > BURST + RATE * at for number, at in enumerate(times, start=1))
        figures = f"{len(times):,} calls in {times[-1] if times else 0:.1f} s, {over} of them sooner than {RATE:g} per second allow"
        return Claim("the limiter keeps the rate", figures, holds=not over)

    @staticmethod
    def _spared(books: Books) -> Claim:
        waited = {
            side: sum(one.seconds for one in books.all_of(Called) if one.side == side and one.outcome is Outcome.FAILED)
            for side in (BARE, GUARDED)
        }
        sick = Counter(one.side for one in books.all_of(Arrived) if not one.well)
        figures = (
            f"{waited[GUARDED]:.1f} s spent on {sick[GUARDED]} calls while it was sick, without it {waited[BARE]:.1f} s on {sick[BARE]}"
        )
        opened = any(one.after is BreakerState.OPEN for one in books.all_of(BreakerChanged))
        return Claim("the breaker spares both sides", figures, holds=not opened or waited[GUARDED] <= waited[BARE])
