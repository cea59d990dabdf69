"""Sessions at a slow language model: each is a state machine, and what may go wrong with one is in its chart.

    QUEUED ──> ACTIVE: RUNNING ──> STREAMING ──> DONE, CANCELLED, FAILED
       ^                  │            │
       └──── PAUSING <────┴────────────┘          longer after each attempt

The model is a small one, but none that only pretends: it learns from the docstrings of the standard library which word follows which two,
and says what it has learnt word by word, slowly. It serves four at a time and turns others away; a rate limiter keeps all sessions
together from calling too often; some texts end too early and are asked for again; some clients lose interest.
"""

from __future__ import annotations

import ast
import asyncio
import sys
import sysconfig
import warnings
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, DispatcherKind, Future, Request, handler
from supervisors import Backoff, Bulkhead, BulkheadFullError, DynamicSupervisor, RateLimiter, Restart, StartChild, child
from supervisors.machine import (
    Chart,
    StateMachine,
    event_timeout,
    final,
    ignore,
    initial,
    on,
    on_enter,
    on_exit,
    state,
    state_timeout,
)

from _terminal import QUICK, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS = 20 if QUICK else 60
PACE = 0.002  # seconds a word
SHORTEST, LONGEST = 12, 30  # words of a text
TRIES = 3
BACKOFF = Backoff(0.02, 0.5)
OPENINGS = ("Return the", "This is", "If the", "The default", "Create a", "Set the", "Supercalifragilistic expialidocious")


# -- the model -----------------------------------------------------------------------------------------------------------------


class UnknownOpeningError(ValueError):
    """The model has never read these words."""


class TooShortError(Exception):
    """The text ended too early. Another try may do better."""


class Model:
    """Knows which words may follow which two."""

    def __init__(self, folder: Path, every: int) -> None:
        self.followers: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for file in islice(sorted(folder.glob("*.py")), 0, None, every):
            with suppress(SyntaxError, ValueError):  # some cannot be read, on purpose
                self.learn(ast.parse(file.read_bytes()))

    def learn(self, module: ast.Module) -> None:
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Module):
                words = (ast.get_docstring(node) or "").split()
                for one, two, three in zip(words, words[1:], [*words[2:], ""], strict=False):
                    self.followers[one, two].append(three)  # "" is the end

    def words(self, opening: str, random: Random) -> Iterator[str]:
        """Yield word after word, until a docstring might end there."""
        one, two = opening.split()
        if (one, two) not in self.followers:
            raise UnknownOpeningError(opening)
        while (three := random.choice(self.followers[one, two])) != "":
            yield three
            one, two = two, three


@dataclass(frozen=True)
class Generate(Request[None]):
    """Tell `to` a text, a `Word` at a time."""

    opening: str
    seed: int
    attempt: int
    to: ActorRef[Any]


class ModelService(Actor, reentrant=True):
    """The model, for a few at a time. Whoever comes when it is full is turned away."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model
        self.desks = Bulkhead(4, name="desks")

    @handler
    async def on_generate(self, message: Generate) -> None:
        wanted = self.cancel_token
        async with self.desks:
            said = 0
            for word in islice(self.model.words(message.opening, Random(message.seed)), LONGEST):
                await asyncio.sleep(PACE)
                wanted.raise_if_cancelled()
                message.to.tell(Word(message.attempt, word))
                said += 1
            if said < SHORTEST:
                raise TooShortError


# -- the session ---------------------------------------------------------------------------------------------------------------


class Stage(Enum):
    QUEUED = auto()
    ACTIVE = auto()
    RUNNING = auto()
    STREAMING = auto()
    PAUSING = auto()
    DONE = auto()
    CANCELLED = auto()
    FAILED = auto()


@dataclass(frozen=True)
class Cancel:
    """The client has lost interest."""


@dataclass(frozen=True)
class Admitted:
    """The rate limiter lets it through."""


@dataclass(frozen=True)
class Word:
    attempt: int
    text: str


@dataclass(frozen=True)
class Complete:
    attempt: int


@dataclass(frozen=True)
class Broken:
    attempt: int
    error: BaseException


@dataclass(frozen=True)
class Heard:
    """What the client hears: a session has got a word."""

    number: int
    words: int


@dataclass
class Session:
    """The data beside the state. In the end, what the client is told."""

    number: int
    opening: str
    words: list[str] = field(default_factory=list)
    attempt: int = 0  # calls so far
    failed: int = 0  # of these, so many brought no text
    full: int = 0  # and so many were turned away
    outcome: Stage | None = None


class SessionMachine(StateMachine[Stage, Session], dispatcher=DispatcherKind.EVENT_LOOP):
    def __init__(self, session: Session, service: ActorRef[ModelService], limiter: RateLimiter, client: ActorRef[Clients]) -> None:
        super().__init__(session)
        self.service = service
        self.limiter = limiter
        self.client = client
        self.queued: asyncio.Task[None] | None = None
        self.call: Future[None] | None = None

    # what it does

    def queue_up(self) -> None:
        self.queued = asyncio.ensure_future(self.limiter.acquire_async())
        self.pipe_to_self(self.queued, on_success=lambda _: Admitted(), on_failure=lambda _: Cancel())

    def leave_queue(self) -> None:
        """Give its place up, if it has not come to its turn."""
        if self.queued is not None:
            self.queued.cancel()

    def request(self) -> None:
        session = self.data
        session.attempt += 1
        session.words = session.opening.split()
        attempt, seed = session.attempt, 100 * session.number + session.failed
        self.call = self.service.ask(Generate(session.opening, seed, attempt, self.actor_ref), block=False)
        self.pipe_to_self(self.call, on_success=lambda _: Complete(attempt), on_failure=partial(Broken, attempt))

    def hang_up(self) -> None:
        """Tell the service that nobody listens any more."""
        if self.call is not None:
            self.call.cancel()

    def take(self, event: Word) -> None:
        self.data.words.append(event.text)
        self.client.tell(Heard(self.data.number, len(self.data.words)))

    def count(self, event: Broken) -> None:
        if isinstance(event.error, BulkheadFullError):
            self.data.full += 1
        else:
            self.data.failed += 1

    def pause(self) -> float:
        return BACKOFF.delay(self.data.attempt - 1, Random().random())

    def report(self) -> None:
        self.data.outcome = self.state
        self.client.tell(self.data)

    # guards

    def is_current(self, event: Word | Complete | Broken) -> bool:
        return event.attempt == self.data.attempt

    def is_hopeless(self, event: Broken) -> bool:
        last = not isinstance(event.error, BulkheadFullError) and self.data.failed == TRIES - 1
        return self.is_current(event) and (last or isinstance(event.error, UnknownOpeningError))

    chart = Chart(
        initial(Stage.QUEUED, on_enter(queue_up), on_exit(leave_queue), on(Admitted, to=Stage.ACTIVE)),
        state(
            Stage.ACTIVE,
            initial(Stage.RUNNING, on_enter(request), on(Word, when=is_current, do=take, to=Stage.STREAMING)),
            state(Stage.STREAMING, on(Word, when=is_current, do=take), event_timeout(5.0, to=Stage.PAUSING)),  # it says nothing more
            on(Complete, when=is_current, to=Stage.DONE),
            on(Broken, when=is_hopeless, do=count, to=Stage.FAILED),
            on(Broken, when=is_current, do=count, to=Stage.PAUSING),
            on_exit(hang_up),
        ),
        state(Stage.PAUSING, state_timeout(pause, to=Stage.QUEUED)),
        final(Stage.DONE, on_enter(report)),
        final(Stage.CANCELLED, on_enter(report)),
        final(Stage.FAILED, on_enter(report)),
        on(Cancel, to=Stage.CANCELLED),
        ignore(Admitted, Word, Complete, Broken),  # of an attempt that is over
    )


# -- the clients ---------------------------------------------------------------------------------------------------------------


class Clients(Actor):
    """Start all sessions, and take their reports. Every sixth client stops listening after a few words."""

    def __init__(self, sessions: ActorRef[DynamicSupervisor], service: ActorRef[ModelService]) -> None:
        super().__init__()
        self.sessions = sessions
        self.service = service
        self.refs: list[ActorRef[SessionMachine]] = []
        self.reports: list[Session] = []

    def on_start(self) -> None:
        limiter = RateLimiter(100.0, burst=4)  # sessions that call, per second
        for number in range(SESSIONS):
            session = Session(number, OPENINGS[number % len(OPENINGS)])
            spec = child(SessionMachine, session, self.service, limiter, self.actor_ref, restart=Restart.TEMPORARY)
            self.refs.append(self.sessions.ask(StartChild(spec)))

    @handler
    def on_heard(self, message: Heard) -> None:
        if message.number % 6 == 5 and message.words == 5:
            with suppress(ActorDeadError):
                self.refs[message.number].tell(Cancel())

    @handler
    def on_report(self, report: Session) -> None:
        self.reports.append(report)
        if len(self.reports) == SESSIONS:
            self.system.request_shutdown()

    def on_stop(self) -> None:
        for report in self.reports:
            self.system.events.publish(report)


def main() -> int:
    warnings.simplefilter("ignore")  # what the parser would warn about is other people's code
    model = Model(Path(sysconfig.get_path("stdlib")), every=8 if QUICK else 3)
    print(f"The model has read {sum(map(len, model.followers.values())):,} words")
    reports: list[Session] = []
    with ActorSystem() as system:
        system.events.subscribe(Session, reports.append)
        service = system.spawn(ModelService, model, name="model")
        sessions = system.spawn(DynamicSupervisor, max_children=SESSIONS, name="sessions")
        system.spawn(Clients, sessions, service, name="clients")
        ended = system.run()

    rows = [
        (one.number, one.outcome.name if one.outcome else "", one.attempt, one.full, one.failed, " ".join(one.words))
        for one in sorted(reports, key=lambda report: report.number)[:14]
    ]
    print_table("The first sessions", ("session", "outcome", "calls", "turned away", "no text", "text"), rows)
    totals = []
    for outcome in (Stage.DONE, Stage.CANCELLED, Stage.FAILED):
        these = [one for one in reports if one.outcome is outcome]
        totals.append((outcome.name, len(these), sum(one.attempt for one in these), sum(len(one.words) for one in these)))
    print_table("All sessions", ("outcome", "sessions", "calls", "words"), totals)
    return 128 + ended.signal if ended.signal else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the system runs, or after
        sys.exit(130)
