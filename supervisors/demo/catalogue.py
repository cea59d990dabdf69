"""Which demos there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors.demo.escalation import Escalation
from supervisors.demo.flapping import Flapping
from supervisors.demo.overload import Overload
from supervisors.demo.pipeline import Pipeline
from supervisors.demo.strategies import Strategies

if TYPE_CHECKING:
    from supervisors.demo.stage import Demo

__all__ = ["BEST", "DEMOS"]

DEMOS: dict[str, type[Demo]] = {demo.name: demo for demo in (Pipeline, Strategies, Flapping, Escalation, Overload)}
BEST = Pipeline.name
