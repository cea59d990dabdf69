"""What is asked for all tests of a session at once, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from actors.testing.network import Ordering

__all__ = ["Options", "StrategyName", "Tally", "options", "tally"]

StrategyName = Literal["portfolio", "random", "sampling", "priorities", "delays", "exhaustive"]


@dataclass
class Options:
    """Settings that go before what a test says itself. Written by the plugin, before the first test and between tests."""

    runs: int | None = None
    seconds: float | None = None
    strategy: StrategyName | None = None
    seed: int | None = None
    ordering: Ordering | None = None
    max_steps: int | None = None
    token: str | None = None
    charts: str | None = None
    test: str | None = None  # the one under way, as pytest names it

    @property
    def other_world(self) -> bool:
        """Whether runs are made otherwise than the test says: what fails then is not what it fails with."""
        return self.ordering is not None or self.max_steps is not None


@dataclass
class Tally:
    """What was explored in this session. Written by the tests, one after the other."""

    tests: int = 0
    runs: int = 0
    failed: int = 0
    proved: int = 0
    saved: list[str] = field(default_factory=list)  # files with charts
    token_used: bool = False  # whether the run of the token asked for was made
    missed: bool = False  # whether no test was the one for it


options = Options()
tally = Tally()
