"""What a demo is, and the stage that it plays on: a system in demo time, books of all that happens, and claims at the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from actors import ActorSystem, Lifecycle, SystemConfig
from supervisors.demo.books import Books
from supervisors.demo.chaos import Chaos, strikes
from supervisors.demo.clock import DemoClock
from supervisors.demo.parts import Hands, Victim, Watchdog
from supervisors.nodes import tree
from supervisors.requests import ChildState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from actors import ActorRef
    from supervisors.nodes import TreeNode

__all__ = ["Claim", "Demo", "Outcome", "Progress", "Stage"]

_QUIET = (Lifecycle.RUNNING, Lifecycle.STOPPED, ChildState.STOPPED)
_SETTLING = 15.0  # demo seconds that mail may take to be handled at the end
_POLL = 0.02  # real seconds between two looks


@dataclass(frozen=True, slots=True)
class Claim:
    """What a demo has promised.

    Attributes:
        text: the promise.
        figures: what was counted.
        holds: whether it was kept.
    """

    text: str
    figures: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a demo is.

    Attributes:
        done: of `total`.
        total: None if nobody knows.
        what: what is counted.
    """

    done: int
    total: int | None
    what: str


class Demo:
    """One demo. Subclasses say what there is to see, and what will be claimed of it.

    Attributes:
        name: what people type.
        title: one line.
        about: what happens, in a few sentences.
        seconds: how long it takes, in demo time; None: until its work is done.
        chaotic: whether it has chaos also if nobody asks for it.
        pace: demo seconds between two strikes of chaos, on average.
        patience: demo seconds that a message may take before the watchdog kills who is at it.
        quick: whether to do the same with less.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    seconds: ClassVar[float | None] = 20.0
    chaotic: ClassVar[bool] = False
    pace: ClassVar[float] = 1.0
    patience: ClassVar[float] = 1.0

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick
        self.sources: list[ActorRef[Any]] = []  # who sends, to be stopped first

    def build(self, system: ActorSystem) -> None:
        """Start the actors."""
        raise NotImplementedError

    def victims(self) -> Sequence[Victim]:
        """Return who may be given orders, in an order that does not change."""
        raise NotImplementedError

    def is_done(self, books: Books) -> bool:
        """Tell whether there is nothing left to do."""
        del books
        return False

    def progress(self, books: Books) -> Progress | None:
        """Return how far it is, if that can be said."""
        del books
        return None

    def wind_down(self, stage: Stage) -> None:
        """Stop what sends, and wait for what was sent."""
        for source in self.sources:
            source.stop(timeout=5.0)
        stage.wait_until(stage.settled)

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Return what was promised, once everything is over; `last` is the tree as it was before the system was shut down."""
        raise NotImplementedError

    def results(self, books: Books) -> list[str]:
        """Return lines with what came out, besides the claims."""
        del books
        return []


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a demo ended.

    Attributes:
        claims: what was promised.
        last: the tree before the end.
        results: what came out.
        seconds: demo time that it took.
    """

    claims: tuple[Claim, ...]
    last: TreeNode
    results: tuple[str, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether all promises were kept."""
        return all(claim.holds for claim in self.claims)


class Stage:
    """A demo under way. Use it with ``with``; `close` ends it in order, leaving the block without that ends it at once.

    Args:
        demo: what plays.
        seed: of chaos; None: no chaos.
        seconds: demo time to play; None: what the demo says.
        speed: demo seconds in a real one.
    """

    def __init__(self, demo: Demo, *, seed: int | None = None, seconds: float | None = None, speed: float = 1.0) -> None:
        self.demo = demo
        self.seed = seed
        self.seconds = demo.seconds if seconds is None else seconds
        self.clock = DemoClock(speed=speed)
        self.system = ActorSystem(demo.name, config=SystemConfig(ports=self.clock.ports()))
        self.books = Books(self.system)
        self.hands = Hands(self.system)
        self._unlog: list[tuple[logging.Logger, logging.Handler]] = []

    def __enter__(self) -> Self:
        self._silence()
        try:
            self.demo.build(self.system)
            paths = [victim.path for victim in self.demo.victims()]
            self.system.spawn(Watchdog, paths, self.demo.patience, name="watchdog")
            if self.seed is not None:
                plan = strikes(self.seed, self.demo.victims(), self.demo.pace)
                self._chaos = self.system.spawn(Chaos, plan, self.hands, name="chaos")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()

    def _silence(self) -> None:
        """Keep crashes out of the terminal: they are in the feed. A program that handles its logs itself goes on to do so."""
        for name in ("pykka", "actors"):
            logger = logging.getLogger(name)
            handler = logging.NullHandler()
            logger.addHandler(handler)
            self._unlog.append((logger, handler))

    def _end(self) -> None:
        self.clock.go_on()
        try:
            self.system.shutdown(timeout=2.0)
        finally:
            self.books.close()
            self.clock.close()
            for logger, handler in self._unlog:
                logger.removeHandler(handler)
            self._unlog.clear()

    # -- while it plays ----------------------------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Demo seconds since the beginning."""
        return self.clock.now()

    @property
    def is_over(self) -> bool:
        """Whether the time is up or the work done."""
        return (self.seconds is not None and self.elapsed >= self.seconds) or self.demo.is_done(self.books)

    @property
    def halted(self) -> bool:
        """Whether demo time stands still."""
        return self.clock.halted

    def halt_or_go_on(self) -> None:
        """Let demo time stand still, or go on if it does."""
        (self.clock.go_on if self.clock.halted else self.clock.halt)()

    def tree(self) -> TreeNode:
        """Return what there is at this moment."""
        return tree(self.system)

    # -- the end -----------------------------------------------------------------------------------------------------------

    def close(self) -> Outcome:
        """End in order: chaos first, then who sends, then who has mail; return what came of the promises."""
        self.clock.go_on()
        seconds = self.elapsed
        if self.seed is not None:
            self._chaos.stop(timeout=5.0)
        self.demo.wind_down(self)
        last = self.tree()
        self.system.shutdown(timeout=5.0)
        return Outcome(tuple(self.demo.claims(self.books, last)), last, tuple(self.demo.results(self.books)), seconds)

    def settled(self) -> bool:
        """Tell whether nobody who may be given orders has mail, is at work, or is coming or going."""
        paths = {victim.path for victim in self.demo.victims()}
        nodes = [node for node in self.tree().everyone() if node.path in paths]
        return all(node.state in _QUIET and not node.busy and not node.waiting for node in nodes)

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        """Wait until something holds, but no longer than a while of demo time; return whether it does."""
        end = self.elapsed + _SETTLING
        while not (held := holds()) and self.elapsed < end:
            self.clock.sleep(_POLL)
        return held
