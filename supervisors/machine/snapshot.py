"""What of a machine can be kept and resumed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Snapshot"]

S = TypeVar("S", bound=Enum)
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[S, D]):
    """Where a machine was, and its data.

    Attributes:
        state: an innermost state.
        data: a copy of the machine's data; treat it as immutable.
        history: by state, where the machine was inside of it when it left.
    """

    state: S
    data: D
    history: Mapping[S, S] = field(default_factory=dict)
