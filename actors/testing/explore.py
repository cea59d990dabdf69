"""Exploring: run a scenario in many orders, keep the first failure, replay it from a token."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from actors.testing import token
from actors.testing.charts import draw, kind_of, text_chart
from actors.testing.errors import StuckError, TooManyStepsError, UnstableError
from actors.testing.network import Kind, Ordering
from actors.testing.shrink import shrink
from actors.testing.simulation import Simulation
from actors.testing.strategies import Chosen, Fifo, RandomWalk
from actors.testing.trace import Step, record

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from actors.testing.charts import ChartKind
    from actors.testing.network import Pending
    from actors.testing.world import Strategy

    Scenario = Callable[[Simulation], object]

__all__ = ["Exploration", "Failure", "check_stable", "explore", "replay"]

SHOWN = 60  # steps that a report shows, at most


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that ended in an exception.

    Attributes:
        error: the exception.
        token: what `replay` takes.
        ordering: under which the failure exists.
        steps: what happened, in order.
        raw: how many steps the run had before it was shrunk; 0 for a replay.
    """

    error: BaseException
    token: str
    ordering: Ordering
    steps: tuple[Step, ...]
    raw: int = 0

    @property
    def deliveries(self) -> int:
        """How many messages were delivered up to the failure."""
        return sum(step.kind is Kind.DELIVERY for step in self.steps)

    def chart(self, kind: ChartKind = "text", *, width: int = 100) -> str:
        """Return a sequence chart of the run.

        Args:
            kind: ``"text"`` for a terminal, ``"mermaid"`` for a page of Markdown, ``"svg"`` a picture, or ``"html"``: the picture with a
                table of the steps and, if they carry them, the states of the actors around each.
            width: columns that no line of text exceeds; at least 40.

        Raises:
            ValueError: there is no such kind, or `width` is less than 40.
        """
        return draw(kind, self.steps, title=self._head(), width=width)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a chart of the run to a file; its suffix says which: ``.txt``, ``.mmd``, ``.svg`` or ``.html``.

        Raises:
            ValueError: it has another suffix.
        """
        Path(path).write_text(self.chart(kind_of(path)), encoding="utf-8")

    def throw(self) -> NoReturn:
        """Raise `error`, with the report as a note."""
        self.error.add_note(f"\n{self}")
        raise self.error

    def __str__(self) -> str:
        head = self._head()
        raw = f" (of {self.raw} as found)" if self.raw > len(self.steps) else ""
        tail = f"{self.deliveries} deliveries in {len(self.steps)} steps{raw}, ordering {self.ordering.value}; replay with {self.token!r}"
        shown = self.steps[-SHOWN:]
        less = f"the last {SHOWN} of {len(self.steps)} steps:\n\n" if len(shown) < len(self.steps) else ""
        return f"{head}\n\n{less}{text_chart(shown, ascii_only=not _shows_unicode())}\n\n{tail}"

    def _head(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def _shows_unicode() -> bool:
    """Tell whether standard output can show the lines of a chart; what is no text stream, or none at all, is taken to."""
    try:
        "│▶∥".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Exploration:
    """What an exploration came to.

    Attributes:
        runs: how often the scenario was run.
        exhausted: whether that were all runs there are: without a failure, the scenario is proved under this ordering.
        failure: the first run that failed; None if none did.
        seconds: how long it took.
    """

    runs: int
    exhausted: bool
    failure: Failure | None
    seconds: float

    def check(self) -> None:
        """Raise the exception of the failure, if there is one, with the report as a note."""
        if self.failure is not None:
            self.failure.throw()


class _AllRuns:
    """Every run once, depth first: after each, the last choice that has a next alternative takes it."""

    def __init__(self) -> None:
        self._plan: list[int] = []
        self._widths: list[int] = []
        self._depth = 0

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Follow the plan, then take the first."""
        depth, self._depth = self._depth, self._depth + 1
        if depth == len(self._plan):
            self._plan.append(0)
            self._widths.append(len(enabled))
        return self._plan[depth]

    def advance(self) -> bool:
        """Plan the next run; return False if there is none."""
        del self._plan[self._depth :], self._widths[self._depth :]
        self._depth = 0
        while self._plan:
            if self._plan[-1] + 1 < self._widths[-1]:
                self._plan[-1] += 1
                return True
            self._plan.pop()
            self._widths.pop()
        return False


def explore(
    scenario: Scenario,
    *,
    strategy: Literal["random", "exhaustive"] = "random",
    runs: int = 1000,
    seconds: float | None = None,
    seed: int = 0,
    ordering: Ordering = Ordering.CAUSAL,
    max_steps: int = 10_000,
    shrinking: float = 5.0,
) -> Exploration:
    """Run `scenario(simulation)` again and again, each time in another order of events, until it fails.

    A run fails if the scenario raises, if it waits for what can never come (`StuckError`), or if it has no end. The first run is
    that of a quiet machine: whatever has waited longest comes first.

    Args:
        scenario: starts actors, sends messages, waits, and asserts what should hold.
        strategy: ``"random"`` chooses each step at random; ``"exhaustive"`` makes every possible run once.
        runs: how many at most.
        seconds: how long at most, by the wall clock; None: as long as it takes.
        seed: the same seed makes the same runs.
        ordering: in which order messages may arrive.
        max_steps: steps after which a run counts as endless.
        shrinking: seconds that may be spent on making a failure smaller; 0 leaves it as it was found.

    Returns:
        How many runs there were and the first failure; ``explore(...).check()`` raises it.
    """
    begin = time.perf_counter()
    count, exhausted = 0, False
    for strategy_of_run in _strategies(strategy, seed):
        count += 1
        simulation = Simulation(strategy_of_run, ordering=ordering, seed=seed, max_steps=max_steps)
        error = _run(scenario, simulation)
        if error is not None:
            choices = simulation._world.choices
            raw = simulation.steps
            if shrinking:
                choices = list(
                    shrink(
                        lambda again: _run(scenario, again),
                        error,
                        choices,
                        ordering=ordering,
                        seed=seed,
                        max_steps=max_steps,
                        limit=shrinking,
                    )
                )
            failure = _reproduce(scenario, token.dump(scenario, ordering, seed, choices), error, max_steps)
            failure = replace(failure, raw=raw)
            return Exploration(count, False, failure, time.perf_counter() - begin)
        if isinstance(strategy_of_run, _AllRuns) and not strategy_of_run.advance():
            exhausted = True
            break
        if count >= runs or (seconds is not None and time.perf_counter() - begin >= seconds):
            break
    return Exploration(count, exhausted, None, time.perf_counter() - begin)


def _strategies(name: str, seed: int) -> Iterator[Strategy]:
    if name == "exhaustive":
        every = _AllRuns()
        while True:
            yield every
    if name != "random":
        msg = f"strategy={name!r} is not valid: 'random' or 'exhaustive'"
        raise ValueError(msg)
    yield Fifo()
    number = 0
    while True:
        number += 1
        yield RandomWalk(f"{seed}/{number}")


def _run(scenario: Scenario, simulation: Simulation) -> BaseException | None:
    try:
        with simulation:
            scenario(simulation)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # whatever a scenario fails with is the finding
        return error
    return None


def replay(scenario: Scenario, text: str, *, max_steps: int = 10_000, states: bool = False) -> Failure | None:
    """Make the run of a token again; return its failure, None if it does not fail any more.

    Args:
        scenario: that of the token.
        text: the token.
        max_steps: steps after which a run counts as endless.
        states: whether the steps are to carry the states of the actors around them, for people and for `Failure.save("run.html")`.

    Raises:
        TokenError: the token is of another version or another scenario, or damaged.
    """
    ordering, seed, choices = token.load(scenario, text)
    chosen = Chosen(choices)
    simulation = Simulation(chosen, ordering=ordering, seed=seed, max_steps=max_steps)
    steps = record(simulation._world, states=states)
    error = _run(scenario, simulation)
    return None if error is None else Failure(error, text, ordering, tuple(steps))


def _reproduce(scenario: Scenario, text: str, error: BaseException, max_steps: int) -> Failure:
    """Run a failure again to write down what happens."""
    failure = replay(scenario, text, max_steps=max_steps)
    if failure is None or type(failure.error) is not type(error):
        again = "no failure" if failure is None else repr(failure.error)
        raise UnstableError(0, repr(error), again) from error
    return failure


def check_stable(scenario: Scenario, *, seed: int = 0, ordering: Ordering = Ordering.CAUSAL, max_steps: int = 10_000) -> int:
    """Run `scenario` twice with the same choices and compare what happens; return the number of steps.

    Raises:
        UnstableError: the runs differ; it names the first difference.
    """
    traces = []
    for _ in range(2):
        simulation = Simulation(RandomWalk(seed), ordering=ordering, seed=seed, max_steps=max_steps)
        steps = record(simulation._world)
        error = _run(scenario, simulation)
        if error is not None and not isinstance(error, AssertionError | StuckError | TooManyStepsError):
            raise error
        traces.append([str(step) for step in steps])
    first, second = traces
    for number, (one, other) in enumerate(zip(first, second, strict=False), 1):
        if one != other:
            raise UnstableError(number, one, other)
    if len(first) != len(second):
        number = min(len(first), len(second))
        longer = first if len(first) > len(second) else second
        pair = (longer[number], "the end") if longer is first else ("the end", longer[number])
        raise UnstableError(number + 1, *pair)
    return len(first)
