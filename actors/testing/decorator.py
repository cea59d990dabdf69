"""`@simulate`: a test that takes a simulation, run in many orders."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from actors.testing import keeping
from actors.testing.errors import TokenError
from actors.testing.explore import check_scenario, explore, replay
from actors.testing.faults import Faults
from actors.testing.network import Ordering
from actors.testing.options import options, tally
from actors.testing.setup import Setup
from actors.testing.token import made_under, program, program_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing.failure import Exploration, Failure
    from actors.testing.options import StrategyName
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
    Where hypothesis is in use, the failure of a test without other arguments is kept in its database and tried first the next time.

    Args:
        strategy: as for `explore`.
        runs: for each call.
        seconds: as for `explore`.
        seed: as for `explore`.
        ordering: as for `explore`.
        faults: as for `explore`.
        max_steps: as for `explore`.
        shrinking: as for `explore`.
        token: makes the one run of this token, to look at a failure, instead of exploring. A `TokenError` says so if it does not fit
            the program any more.
    """

    def decorate(test: Callable[Concatenate[Simulation, P], object]) -> Callable[P, None]:
        check_scenario(test)
        _check_order(test)
        setup = Setup(ordering, seed, max_steps, faults if faults is not None else Faults())

        @functools.wraps(test)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            @functools.wraps(test)
            def scenario(sim: Simulation) -> object:
                return test(sim, *args, **kwargs)

            wanted = token if token is not None else _asked_for(scenario)
            if wanted is not None:
                failure = replay(scenario, wanted)
                if failure is not None:
                    failure.throw()
                return
            if not args and not kwargs:
                _try_kept(scenario, setup)
            found = explore(
                scenario,
                strategy=options.strategy or strategy,
                runs=options.runs if options.runs is not None else runs,
                seconds=options.seconds if options.seconds is not None else seconds,
                seed=options.seed if options.seed is not None else seed,
                ordering=ordering,
                faults=faults,
                max_steps=max_steps,
                shrinking=shrinking,
            )
            _note(found)
            if found.failure is not None:
                if not args and not kwargs:
                    keeping.keep(scenario, found.failure.token)
                _save_chart(scenario, found.failure)
            found.check()

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


def _asked_for(scenario: Callable[..., object]) -> str | None:
    """Return the token that was asked for on the command line, if it is of this scenario."""
    text = options.token
    return text if text is not None and program_of(text) == program(scenario) else None


def _try_kept(scenario: Callable[[Simulation], object], setup: Setup) -> None:
    """Raise what a run kept from an earlier session fails with; forget those that do not fail any more, or that no run can be like now."""
    for text in keeping.kept(scenario):
        failure = None
        with contextlib.suppress(TokenError):  # of another version, or it does not fit this program any more
            if made_under(text, setup):
                failure = replay(scenario, text)
        if failure is not None:
            tally.tests += 1
            tally.runs += 1
            tally.failed += 1
            _save_chart(scenario, failure)
            failure.error.add_note("\nkept from an earlier session, and tried before anything else: it still fails")
            failure.throw()
        keeping.forget(scenario, text)


def _note(found: Exploration) -> None:
    tally.tests += 1
    tally.runs += found.runs
    tally.failed += found.failure is not None
    tally.proved += found.proved


def _save_chart(scenario: Callable[..., object], failure: Failure) -> None:
    if options.charts is None:
        return
    directory = Path(options.charts)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / (re.sub(r"[^\w.-]+", "_", program(scenario)) + ".html")
    (replay(scenario, failure.token, states=True) or failure).save(path)
    tally.saved.append(str(path))


def _check_order(test: Callable[..., object]) -> None:
    if getattr(test, "is_hypothesis_test", False):
        msg = f"{test!r}: @given stands above @simulate(), so that each example is explored by itself"
        raise TypeError(msg)
