"""`@simulate`: a test that takes a simulation, run in many orders."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from actors.testing.explore import explore, replay
from actors.testing.network import Ordering

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.explore import StrategyName
    from actors.testing.faults import Faults
    from actors.testing.simulation import Simulation

__all__ = ["simulate"]

P = ParamSpec("P")


def simulate(
    *,
    strategy: StrategyName = "portfolio",
    runs: int = 100,
    seconds: float | None = None,
    seed: int = 0,
    ordering: Ordering = Ordering.CAUSAL,
    faults: Faults | None = None,
    max_steps: int = 10_000,
    shrinking: float = 5.0,
    token: str | None = None,
) -> Callable[[Callable[Concatenate[Simulation, P], object]], Callable[P, None]]:
    """Make a test out of a scenario: ``@simulate()`` above ``def test_it(sim): ...``.

    The simulation is the first argument; all others are the test's own: fixtures of pytest, or inputs of hypothesis, whose ``@given``
    stands above ``@simulate()``. Each call explores as `explore` does, and raises what the scenario raised, with the report as a note.

    Args:
        strategy: as for `explore`.
        runs: for each call.
        seconds: as for `explore`.
        seed: as for `explore`.
        ordering: as for `explore`.
        faults: as for `explore`.
        max_steps: as for `explore`.
        shrinking: as for `explore`.
        token: makes the one run of this token, to look at a failure, instead of exploring.
    """

    def decorate(test: Callable[Concatenate[Simulation, P], object]) -> Callable[P, None]:
        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            @functools.wraps(test)
            def scenario(sim: Simulation) -> object:
                return test(sim, *args, **kwargs)

            if token is not None:
                failure = replay(scenario, token)
                if failure is not None:
                    failure.throw()
                return
            explore(
                scenario,
                strategy=strategy,
                runs=runs,
                seconds=seconds,
                seed=seed,
                ordering=ordering,
                faults=faults,
                max_steps=max_steps,
                shrinking=shrinking,
            ).check()

        # For pytest and hypothesis, which ask for what they are to pass.
        signature = inspect.signature(test)
        parameters = list(signature.parameters.values())
        if not parameters or parameters[0].kind not in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD):
            msg = f"{test!r} cannot be simulated: its first parameter is to be the simulation, as in `def test_it(sim)`"
            raise TypeError(msg)
        shown: Any = run
        shown.__signature__ = signature.replace(parameters=parameters[1:])
        del shown.__wrapped__
        shown.scenario = test  # for the command, which finds the test by its name
        return run

    return decorate
