"""The clerk of the pipeline: adds up what the parsers find, each file once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors import Request, handler
from supervisors.demo.parts import Obedient

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Census", "Clerk", "Counted", "GetCensus", "Uncounted"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What is in a file. Nobody changes the counter once it is sent."""

    number: int
    lines: int
    names: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A file that cannot be counted."""

    number: int
    why: str


@dataclass(slots=True)
class Census:
    """The result.

    Attributes:
        lines: of each file, by its number.
        uses: of names, in each file.
        names: how often each is used, in all of them.
        failures: why some files could not be counted.
        twice: files that came more than once.
    """

    lines: dict[int, int] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    twice: int = 0


class GetCensus(Request[Census]):
    """Hand over the result."""


class Clerk(Obedient):
    """Adds up. What it has so far survives its crashes."""

    def __init__(self) -> None:
        super().__init__()
        self._census = Census()

    def on_handover(self) -> Census:
        """Leave the result to the next instance: it is changed in one step for each message, so it is whole."""
        return self._census

    def on_takeover(self, state: Any) -> None:
        """Go on with it."""
        self._census = state

    @handler
    def _on_counted(self, message: Counted) -> None:
        if self._is_new(message.number):
            self._census.lines[message.number] = message.lines
            self._census.uses[message.number] = sum(message.names.values())
            self._census.names.update(message.names)

    @handler
    def _on_uncounted(self, message: Uncounted) -> None:
        if self._is_new(message.number):
            self._census.failures[message.number] = message.why

    def _is_new(self, number: int) -> bool:
        known = number in self._census.lines or number in self._census.failures
        self._census.twice += known
        return not known

    @handler
    def _on_get_census(self, _: GetCensus) -> Census:
        return self._census
