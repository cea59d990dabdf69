"""The pytest plugin: options for all tests that `simulate` makes, and a line about them at the end.

Loaded by pytest itself wherever Greenroom is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from actors.testing.options import StrategyName, Tally, options, tally

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_addoption", "pytest_configure", "pytest_terminal_summary"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("greenroom", "simulations (actors.testing)")
    group.addoption("--greenroom-runs", type=int, metavar="N", help="runs of each @simulate test, whatever it says itself")
    group.addoption("--greenroom-seconds", type=float, metavar="S", help="seconds of each @simulate test at most")
    group.addoption("--greenroom-strategy", choices=get_args(StrategyName), help="who makes the choices in @simulate tests")
    group.addoption("--greenroom-seed", type=int, metavar="N", help="seed of @simulate tests")
    group.addoption("--greenroom-token", metavar="TOKEN", help="make only the run of this token, in the test that it is of")
    group.addoption("--greenroom-charts", metavar="DIR", help="save the chart of each failure there, as HTML")


def pytest_configure(config: pytest.Config) -> None:
    """Take the options over."""
    for name in ("runs", "seconds", "strategy", "seed", "token", "charts"):
        setattr(options, name, config.getoption(f"--greenroom-{name}"))
    tally.__dict__.update(Tally().__dict__)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was explored."""
    if tally.tests:
        terminalreporter.section("greenroom", sep="-")
        proved = f", {tally.proved} proved" if tally.proved else ""
        terminalreporter.line(f"{tally.runs} runs in {tally.tests} explorations: {tally.failed} failed{proved}")
    for line in tally.saved:
        terminalreporter.line(f"chart saved: {line}")
