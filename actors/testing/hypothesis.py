"""Hypothesis chooses: simulations as a strategy, and state machines of client commands against a simulated system.

Needs hypothesis, which the rest of `actors.testing` does not.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Self

from hypothesis import Verbosity, note, settings
from hypothesis import strategies as st
from hypothesis.control import current_build_context
from hypothesis.errors import Frozen, InvalidArgument
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from actors.testing.charts import text_chart
from actors.testing.errors import SimulationError
from actors.testing.failure import SHOWN
from actors.testing.network import Ordering
from actors.testing.simulation import Simulation
from actors.testing.trace import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from actors.testing.faults import Faults
    from actors.testing.network import Pending

__all__ = ["Drawn", "DrawnSimulation", "SimulatedStateMachine", "simulations"]


class Drawn:
    """A strategy that draws each choice from hypothesis, which then makes failing ones small: 0 is what has waited longest.

    Args:
        draw: what ``@st.composite`` passes, or ``st.data()``'s ``data.draw``, which notes each choice and so costs four times as much;
            None chooses 0 until `draw` is set.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int] | None = None) -> None:
        self.draw = draw

    def choose(self, enabled: Sequence[Pending]) -> int:
        """Draw an index.

        Raises:
            SimulationError: the test that it draws for has ended.
        """
        if self.draw is None:
            return 0
        try:
            return self.draw(_indexes(len(enabled)))
        except Frozen:
            msg = "this simulation drew its choices for a run of a test that has ended: use it in the test that it is given to"
            raise SimulationError(msg) from None


@functools.cache  # making one costs more than drawing from it
def _indexes(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


def _is_shown() -> bool:
    """Tell whether hypothesis makes this run to show it: the last one of a failure, or any where it is asked to be verbose."""
    try:
        return current_build_context().is_final or settings().verbosity >= Verbosity.verbose
    except InvalidArgument:  # not in a test of hypothesis
        return True


class DrawnSimulation(Simulation):
    """A simulation that hypothesis drives. What fails in its ``with`` block gets the chart of the run as a note."""

    def __enter__(self) -> Self:
        self._steps = record(self._world) if _is_shown() else []
        super().__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None and self._steps and isinstance(error, Exception):
            error.add_note(f"\n{self.chart()}")
        super().__exit__(kind, error, traceback)

    def chart(self) -> str:
        """Return the chart of the last steps so far; of no steps, where hypothesis does not show the run."""
        return text_chart(self._steps[-SHOWN:])


@st.composite
def simulations(
    draw: st.DrawFn, *, ordering: Ordering = Ordering.CAUSAL, faults: Faults | None = None, seed: int = 0, max_steps: int = 10_000
) -> DrawnSimulation:
    """A strategy of simulations in which hypothesis chooses among what could happen next: ``simulations()``, for ``given``.

    The test enters it: ``with sim: ...``. Hypothesis keeps what fails in its example database, and shrinks inputs and order together.
    `explore` is many times faster, and its shrinking gets to shorter runs; this one mixes freely with other inputs that are drawn on the
    way.

    Args:
        draw: given by hypothesis.
        ordering: as for `explore`.
        faults: as for `explore`.
        seed: as for `explore`.
        max_steps: as for `explore`.
    """
    return DrawnSimulation(Drawn(draw), ordering=ordering, faults=faults, seed=seed, max_steps=max_steps)


class _Drawing:
    """What a rule of a state machine has to be given to draw; hypothesis prints it among the steps of a failure."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def __repr__(self) -> str:
        return "..."


_drawing = st.composite(_Drawing)


class SimulatedStateMachine(RuleBasedStateMachine):
    """Client commands against a simulated system: rules tell and ask actors of `sim`; hypothesis chooses rules, inputs and order.

    Spawn what is needed in ``__init__``, after ``super().__init__()``, or in rules with ``@initialize``. Rules that wait take steps; in
    between some steps are taken, too. At the end all that is left happens, and `at_rest` looks at the result.

    Attributes:
        sim: the simulation; entered.
        ordering: as for `explore`; set it in the class.
        faults: as for `explore`; set it in the class.
        max_steps: as for `explore`; set it in the class.
    """

    ordering: Ordering = Ordering.CAUSAL
    faults: Faults | None = None
    max_steps: int = 10_000

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _closing(cls.__init__)  # type: ignore[method-assign]

    def __init__(self) -> None:
        super().__init__()
        self._drawn = Drawn()
        self.sim = DrawnSimulation(self._drawn, ordering=self.ordering, faults=self.faults, max_steps=self.max_steps)
        self.sim.__enter__()

    @initialize(choices=_drawing())
    def _begin(self, choices: _Drawing) -> None:
        self._drawn.draw = choices.draw

    @rule(steps=st.integers(1, 8))
    def let_happen(self, steps: int) -> None:
        """Take some steps."""
        for _ in range(steps):
            if not self.sim.step():
                return

    def at_rest(self) -> None:
        """Assert what should hold when nothing can happen any more. Called at the end of each run that has not failed before."""

    def teardown(self) -> None:
        """Let happen what is left, look at the result, and end the simulation."""
        try:
            if sys.exc_info()[1] is None:
                self.sim.run()
                self.at_rest()
        finally:
            if _is_shown():
                note(self.sim.chart())
            _end(self.sim)


def _end(sim: DrawnSimulation) -> None:
    """End the simulation of a machine, with whatever is being raised, which is told without the chart: that is noted already."""
    error = sys.exc_info()[1]
    Simulation.__exit__(sim, type(error) if error is not None else None, error, None)


def _closing(init: Callable[..., None]) -> Callable[..., None]:
    """Have the simulation end if the constructor of a machine raises: hypothesis tears down only what it got."""

    @functools.wraps(init)
    def guarded(self: SimulatedStateMachine, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except BaseException:
            sim = self.__dict__.pop("sim", None)
            if sim is not None:
                _end(sim)
            raise

    return guarded
