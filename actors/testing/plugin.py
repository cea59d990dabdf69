"""The pytest plugin: options for all tests that `simulate` makes, and a line about them at the end.

Loaded by pytest itself wherever Greenroom is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest

from actors.testing.errors import TokenError
from actors.testing.network import Ordering
from actors.testing.options import StrategyName, Tally, options, tally
from actors.testing.token import program_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.testing.logs import CapturedLogs

__all__ = ["logs", "pytest_addoption", "pytest_configure", "pytest_runtest_setup", "pytest_sessionfinish", "pytest_terminal_summary"]

ORDERINGS = {one.name.lower().replace("_", "-"): one for one in Ordering}


@pytest.fixture
def logs() -> Iterator[CapturedLogs]:
    """Every line that is logged while the test runs: a `CapturedLogs`."""
    from actors.testing.logs import CapturedLogs  # noqa: PLC0415  # a session that never asks for it need not load what logs are made with

    with CapturedLogs() as captured:
        yield captured


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("greenroom", "simulations (actors.testing)")
    group.addoption("--greenroom-runs", type=int, metavar="N", help="runs of each @simulate test, whatever it says itself")
    group.addoption("--greenroom-seconds", type=float, metavar="S", help="seconds of each @simulate test at most")
    group.addoption("--greenroom-strategy", choices=get_args(StrategyName), help="who makes the choices in @simulate tests")
    group.addoption("--greenroom-seed", type=int, metavar="N", help="seed of @simulate tests")
    group.addoption("--greenroom-ordering", choices=[*ORDERINGS], help="in which order messages may arrive in @simulate tests")
    group.addoption("--greenroom-max-steps", type=int, metavar="N", help="steps after which a run of a @simulate test counts as endless")
    group.addoption("--greenroom-token", metavar="TOKEN", help="make only the run of this token, in the test that it is of")
    group.addoption("--greenroom-charts", metavar="DIR", help="save the chart of each failure there, as an HTML page for each test")


def pytest_configure(config: pytest.Config) -> None:
    """Take the options over.

    Raises:
        pytest.UsageError: the token is none, or of another version.
    """
    for name in ("runs", "seconds", "strategy", "seed", "max_steps", "token", "charts"):
        setattr(options, name, config.getoption(f"greenroom_{name}"))
    ordering = config.getoption("greenroom_ordering")
    options.ordering = ORDERINGS[ordering] if ordering is not None else None
    tally.__dict__.update(Tally().__dict__)
    if options.token is not None:
        try:
            program_of(options.token)
        except TokenError as error:
            msg = f"--greenroom-token: {error}"
            raise pytest.UsageError(msg) from error


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say which test the next explorations belong to."""
    options.test = item.nodeid


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a session that has not made the run that it was asked for. Processes of pytest-xdist each have a part of the tests only."""
    config = session.config
    spread = config.getoption("dist", "no") != "no" or hasattr(config, "workerinput")
    tally.missed = _token_unused() and not spread and not config.option.collectonly
    if tally.missed and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _token_unused() -> bool:
    return options.token is not None and not tally.token_used


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was explored."""
    if tally.tests:
        terminalreporter.section("greenroom", sep="-")
        proved = f", {tally.proved} proved" if tally.proved else ""
        terminalreporter.line(f"{tally.runs} runs in {tally.tests} explorations: {tally.failed} failed{proved}")
    for line in tally.saved:
        terminalreporter.line(f"chart saved: {line}")
    if tally.missed and options.token is not None:
        terminalreporter.line(f"--greenroom-token: no test of this session made the run, which is of {program_of(options.token)}", red=True)
