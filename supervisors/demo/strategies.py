"""Demo: the three strategies side by side, with the same failures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from actors import Actor, ActorSystem, handler
from supervisors.demo.books import Decision, Life
from supervisors.demo.parts import Feeder, Hands, Obedient, Order, Sent, Victim, Work
from supervisors.demo.stage import Claim, Demo
from supervisors.policy import Strategy, affected
from supervisors.spec import child
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors.demo.books import Books
    from supervisors.nodes import TreeNode

__all__ = ["Strategies"]

NAMES = ("a", "b", "c", "d")


class Worker(Obedient):
    """Handles work, and forgets it."""

    @handler
    def _on_work(self, work: Work) -> None:
        """Nothing to do: it is the messages that count."""


class Crew(Supervisor, intensity=200, period=10.0):
    """Four workers, started in this order."""

    a = child(Worker)
    b = child(Worker)
    c = child(Worker)
    d = child(Worker)


@dataclass(frozen=True, slots=True)
class _Fail:
    """Time for the next failure."""


class Trouble(Actor):
    """Makes the same child of every crew fail, at the same moment."""

    def __init__(self, hands: Hands, interval: float) -> None:
        super().__init__()
        self._hands = hands
        self._interval = interval
        self._turns: Iterator[str] = cycle("bbcad")

    def on_start(self) -> None:
        """Begin."""
        self.start_periodic_timer("fail", self._interval, _Fail())

    @handler
    def _on_fail(self, _: _Fail) -> None:
        name = next(self._turns)
        for strategy in Strategy:
            self._hands.give(f"/{strategy.value}/{name}", Order.CRASH)


class Strategies(Demo):
    """See the module's docstring."""

    name = "strategies"
    title = "the three strategies side by side"
    about = "The same child of each crew crashes at the same moment: watch who is restarted with it."

    def build(self, system: ActorSystem) -> None:
        """Start three crews of the same workers, with work for all and the same trouble for each."""
        for strategy in Strategy:
            system.spawn(Crew, strategy=strategy, name=strategy.value)
        self.sources = [
            system.spawn(Trouble, Hands(system), 1.5, name="trouble"),
            system.spawn(Feeder, [victim.path for victim in self.victims()], 0.05, name="feeder"),
        ]

    def victims(self) -> list[Victim]:
        """Return all workers."""
        return [Victim(f"/{strategy.value}/{name}") for strategy in Strategy for name in NAMES]

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Check who was restarted because of whom, and that no message is lost."""
        del last
        return [*(self._concerned(books, strategy) for strategy in Strategy), *self._messages(books)]

    @staticmethod
    def _concerned(books: Books, strategy: Strategy) -> Claim:
        """Follow the story of a crew: whoever begins a new life must be concerned by a failure, and everybody who is concerned must."""
        crew = f"/{strategy.value}"
        waiting: set[str] = set()
        failures = lives = odd = 0
        begun: set[str] = set()
        for one in books.history:
            if isinstance(one, Decision) and one.supervisor == crew:
                failures += 1
                waiting.update(affected(strategy, NAMES, one.child))
            elif isinstance(one, Life) and one.path.startswith(f"{crew}/"):
                name = one.path.rpartition("/")[2]
                if name not in begun:
                    begun.add(name)
                    continue
                lives += 1
                odd += name not in waiting
                waiting.discard(name)
        restarted = {
            Strategy.ONE_FOR_ONE: "the one that failed",
            Strategy.ONE_FOR_ALL: "all",
            Strategy.REST_FOR_ONE: "it and those after it",
        }
        figures = f"{failures} failures, {lives} restarts, {odd + len(waiting)} of them wrong or missing"
        return Claim(f"{strategy.value} restarts {restarted[strategy]}", figures, holds=not odd and not waiting)

    def _messages(self, books: Books) -> list[Claim]:
        paths = [victim.path for victim in self.victims()]
        totals = books.totals(paths)
        sent = sum(one.accepted for one in books.all_of(Sent))
        orders = sum(number for (_, order), number in books.orders.items() if order is not Order.KILL)
        lost = totals.dead_lettered + totals.dropped
        told = books.dead_at(paths)
        return [
            Claim(
                "every message has one fate",
                f"{sent:,} sent + {orders:,} orders = {totals.handled:,} handled + {lost:,} dead letters",
                holds=sent + orders == totals.handled + lost and not totals.left,
            ),
            Claim("every dead letter is told", f"{told:,} told = {lost:,} counted", holds=told == lost),
        ]
