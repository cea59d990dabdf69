"""`@simulate`: a test that takes a simulation, run in many orders."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

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
NAME = 150  # characters of the name of a file at most: those at the end tell the tests of a module apart
T = TypeVar("T")

OWNERS = ("self", "cls")  # names of a first parameter that is no simulation


class _Decorator(Protocol):
    """Takes a function of the simulation, or a method."""

    @overload
    def __call__(self, test: Callable[Concatenate[Simulation, P], object], /) -> Callable[P, None]: ...
    @overload
    def __call__(self, test: Callable[Concatenate[T, Simulation, P], object], /) -> Callable[Concatenate[T, P], None]: ...


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
) -> _Decorator:
    """Make a test out of a scenario: ``@simulate()`` above ``def test_it(sim): ...``.

    The simulation is the first argument; all others are the test's own: fixtures of pytest, or inputs of hypothesis, whose ``@given``
    stands above ``@simulate()``. Each call explores as `explore` does, and raises what the scenario raised, with the report as a note.
    In a method it comes after ``self``, which is the same object in all runs; ``@staticmethod`` and ``@classmethod`` stand above.
    Where hypothesis is in use, the failure of a test without other arguments is kept in its database and tried first the next time.

    Args:
        strategy: as for `explore`.
        runs: for each call.
        seconds: as for `explore`.
        seed: as for `explore`.
        ordering: as for `explore`.
        faults: as for `explore`.
        max_steps: as for `explore`.
        shrinking: as for `explore`; under ``@given``, for the inputs that are reported. While hypothesis simplifies them, the first run
            that fails will do.
        token: makes the one run of this token, to look at a failure, instead of exploring. A `TokenError` says so if it does not fit
            the program any more.
    """
    setup = Setup(ordering, seed, max_steps, faults if faults is not None else Faults())

    def decorate(test: Callable[..., object]) -> Any:
        count = _check(test)

        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            _check_owner(test, count, args)
            owner, rest = args[: count - 1], args[count - 1 :]

            @functools.wraps(test)
            def scenario(sim: Simulation) -> object:
                return test(*owner, sim, *rest, **kwargs)

            wanted = token if token is not None else _asked_for(scenario)
            if wanted is not None:
                _replay_wanted(scenario, wanted, inputs=bool(rest or kwargs))
                return
            keeps = not rest and not kwargs and not options.other_world
            if keeps:
                _try_kept(scenario, setup)
            shows = _is_shown()
            found = explore(
                scenario,
                strategy=options.strategy or strategy,
                runs=options.runs if options.runs is not None else runs,
                seconds=options.seconds if options.seconds is not None else seconds,
                seed=options.seed if options.seed is not None else seed,
                ordering=options.ordering or ordering,
                faults=faults,
                max_steps=options.max_steps if options.max_steps is not None else max_steps,
                shrinking=shrinking if shows else 0,
            )
            _note(found, shows=shows)
            if found.failure is not None and keeps:
                keeping.keep(scenario, found.failure.token)
            if found.failure is not None and shows:
                _save_chart(scenario, found.failure)
            found.check()

        # For pytest and hypothesis, which ask for what they are to pass.
        signature = inspect.signature(test)
        parameters = list(signature.parameters.values())
        shown: Any = run
        shown.__signature__ = signature.replace(parameters=parameters[: count - 1] + parameters[count:])
        del shown.__wrapped__
        shown.scenario = test  # for the command, which finds the test by its name
        return run

    return decorate


def _check(test: Callable[..., object]) -> int:
    """Return how many parameters of `test` there are up to the simulation: 2 for a method. Raise TypeError for what is no test."""
    if isinstance(test, staticmethod | classmethod):
        msg = f"{test!r}: @{type(test).__name__} stands above @simulate()"
        raise TypeError(msg)
    check_scenario(test)
    if getattr(test, "is_hypothesis_test", False):
        msg = f"{test!r}: @given stands above @simulate(), so that each example is explored by itself"
        raise TypeError(msg)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [one.name for one in inspect.signature(test).parameters.values() if one.kind in kinds]
    count = 2 if names and names[0] in OWNERS else 1
    if len(names) < count:
        which = "the one after it" if count == 2 else "its first parameter"  # noqa: PLR2004
        how = f"({names[0]}, sim)" if names else "(sim)"
        msg = f"{test!r} cannot be simulated: {which} is to be the simulation, as in `def test_it{how}`"
        raise TypeError(msg)
    return count


def _check_owner(test: Callable[..., object], count: int, args: tuple[Any, ...]) -> None:
    """Raise TypeError if a method is called whose own object is to be the simulation."""
    owner = f"{test.__module__}.{test.__qualname__.rpartition('.')[0]}"
    if count == 1 and args and any(f"{one.__module__}.{one.__qualname__}" == owner for one in type(args[0]).__mro__):
        msg = f"{test!r} is a method: its first parameter is to be named self, and the simulation comes after it; or make it a staticmethod"
        raise TypeError(msg)


def _is_shown() -> bool:
    """Tell whether somebody will see how this call ends: of all that hypothesis makes, those of what it reports.

    It calls a test that fails again and again to find simpler inputs, and wants to know only whether it fails.
    """
    control = sys.modules.get("hypothesis.control")
    if control is None or not control.currently_in_test_context():
        return True
    return getattr(control.current_build_context(), "is_final", True)


def _asked_for(scenario: Callable[..., object]) -> str | None:
    """Return the token that was asked for on the command line, if it is of this scenario."""
    text = options.token
    return text if text is not None and program_of(text) == program(scenario) else None


def _replay_wanted(scenario: Callable[[Simulation], object], text: str, *, inputs: bool) -> None:
    """Make the run of a token; raise what it fails with. One that does not fit may have been of other `inputs` of the same test."""
    try:
        failure = replay(scenario, text)
    except TokenError:
        if inputs:
            return
        raise
    tally.token_used = True
    if failure is not None:
        failure.throw()


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


def _note(found: Exploration, *, shows: bool) -> None:
    tally.tests += 1
    tally.runs += found.runs
    tally.failed += found.failure is not None and shows
    tally.proved += found.proved


def _save_chart(scenario: Callable[..., object], failure: Failure) -> None:
    if options.charts is None:
        return
    directory = Path(options.charts)
    directory.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", options.test or program(scenario), flags=re.ASCII)[-NAME:].strip("_.")
    path = directory / f"{name}.html"
    number = 1
    while str(path) in tally.saved:  # names that differ only in what was replaced, or several explorations of one test
        number += 1
        path = directory / f"{name}-{number}.html"
    with contextlib.suppress(TokenError):  # it was another run this time: the chart without states is that of the failure
        failure = replay(scenario, failure.token, states=True) or failure
    failure.save(path)
    tally.saved.append(str(path))
