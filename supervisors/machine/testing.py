"""Tools for tests of machines: random walks through a chart, coverage of its transitions, and how its states are reached.

`walks` needs hypothesis; the rest does not.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from supervisors.machine.coverage import Coverage
from supervisors.machine.edges import Edge
from supervisors.machine.reachability import Reachability, reachability

if TYPE_CHECKING:
    from supervisors.machine.walks import Walk, WalkStep, walks

__all__ = ["Coverage", "Edge", "Reachability", "Walk", "WalkStep", "reachability", "walks"]


def __getattr__(name: str) -> Any:
    if name not in ("Walk", "WalkStep", "walks"):
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    if find_spec("hypothesis") is None:
        msg = f"{name} needs hypothesis: pip install hypothesis"
        raise ImportError(msg)
    from supervisors.machine import walks as module  # noqa: PLC0415  # only where hypothesis is installed

    return getattr(module, name)
