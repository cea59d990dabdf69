"""Finding what a command line names, the scenario of a token first of all, in the modules of a project."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from actors.testing.decorator import OWNERS

if TYPE_CHECKING:
    from types import ModuleType

    from actors.testing.setup import Scenario

__all__ = ["NoScenarioError", "imported", "scenario_at", "scenario_of"]

REMEDY = "name one that can be imported with --scenario MODULE:NAME"


class NoScenarioError(Exception):
    """No scenario can be had by that name; the text says why, and what to do."""


def scenario_of(program: str) -> Scenario:
    """Return the scenario of a name as tokens have it, ``module.name``.

    Raises:
        NoScenarioError: there is none by that name, or it cannot be run without a test around it.
    """
    if program.startswith("__main__."):
        msg = f"the scenario {program} was in a program that was run, not in a module; {REMEDY}"
        raise NoScenarioError(msg)
    if "<" in program:
        msg = f"the scenario {program} was made inside of a function, so it cannot be imported; {REMEDY}"
        raise NoScenarioError(msg)
    parts = program.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = imported(".".join(parts[:length]))
        if module is not None:
            return _scenario(module, parts[length:])
    msg = f"there is no module for the scenario {program} here; --path DIR adds the directory that has it, or {REMEDY}"
    raise NoScenarioError(msg)


def scenario_at(place: str) -> Scenario:
    """Return the scenario at a place, ``module:name``.

    Raises:
        NoScenarioError: there is none, or it cannot be run without a test around it.
    """
    name, colon, path = place.partition(":")
    if not (name and colon and path):
        msg = f"--scenario {place} is not valid: it is MODULE:NAME, like tests.test_orders:key_is_created_once"
        raise NoScenarioError(msg)
    module = imported(name)
    if module is None:
        msg = f"there is no module {name} here; --path DIR adds the directory that has it"
        raise NoScenarioError(msg)
    return _scenario(module, path.split("."))


def imported(name: str) -> ModuleType | None:
    """Import a module; return None if there is none by that name.

    Raises:
        NoScenarioError: it cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a module does when it is imported, SystemExit and a skip of pytest included
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{name}.".startswith(f"{missing}."):
            return None
        msg = f"the module {name} cannot be imported: {type(error).__name__}: {error}"
        raise NoScenarioError(msg) from error


def _scenario(module: ModuleType, path: list[str]) -> Scenario:
    name = f"{module.__name__}.{'.'.join(path)}"
    found: Any = module
    for part in path:
        if not hasattr(found, part):
            msg = f"there is no {name}: {getattr(found, '__name__', found)} has no {part}; {REMEDY}"
            raise NoScenarioError(msg)
        found = getattr(found, part)
    # A test under @simulate explores; the scenario is what it explores.
    scenario = getattr(found, "scenario", found) if inspect.isfunction(found) else found
    _check(name, scenario)
    return scenario


def _check(name: str, scenario: Any) -> None:
    """Raise unless `scenario` can be called with a simulation alone."""
    if inspect.isclass(scenario) or not callable(scenario) or inspect.iscoroutinefunction(scenario):
        msg = f"{name} is no scenario: a plain function of the simulation is; {REMEDY}"
        raise NoScenarioError(msg)
    parameters = list(inspect.signature(scenario).parameters.values())
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        msg = f"{name} is no scenario: it takes no simulation; {REMEDY}"
        raise NoScenarioError(msg)
    if parameters[0].name in OWNERS:
        msg = f"{name} is a method, and needs its object: make the run in its test, with @simulate(token=...)"
        raise NoScenarioError(msg)
    more = [one.name for one in parameters[1:] if one.default is one.empty and one.kind not in variable]
    if more:
        msg = (
            f"{name} takes {', '.join(more)} besides the simulation: fixtures and inputs of hypothesis come from pytest; "
            "make the run there, with @simulate(token=...)"
        )
        raise NoScenarioError(msg)
