"""What is asked for all tests of a session at once, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Options", "StrategyName", "Tally", "options", "tally"]

StrategyName = Literal["portfolio", "random", "sampling", "priorities", "delays", "exhaustive"]


@dataclass
class Options:
    """Settings that go before what a test says itself. Written by the plugin before the first test."""

    runs: int | None = None
    seconds: float | None = None
    strategy: StrategyName | None = None
    seed: int | None = None
    token: str | None = None
    charts: str | None = None


@dataclass
class Tally:
    """What was explored in this session. Written by the tests, one after the other."""

    tests: int = 0
    runs: int = 0
    failed: int = 0
    proved: int = 0
    saved: list[str] = field(default_factory=list)


options = Options()
tally = Tally()
