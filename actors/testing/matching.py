"""What a probe is told to expect: values, types and predicates, and which message fulfils which of several."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core.callbacks import check_callback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ANYTHING", "Assignment", "Matcher", "matcher_of", "short"]

WIDTH = 200  # characters of a message that an error shows


class _Anything(Enum):
    ANYTHING = "any message"

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING = _Anything.ANYTHING


@dataclass(frozen=True, slots=True)
class Matcher:
    """What one message should be.

    Attributes:
        text: that in words, to follow "expected".
        matches: tells whether a message is it.
    """

    text: str
    matches: Callable[[Any], object]


def matcher_of(name: str, expected: Any) -> Matcher:
    """Return the matcher for what a test gave as parameter `name`: a type, a predicate, or else a value.

    Raises:
        TypeError: a type that `isinstance` does not know, like ``list[int]``, or an async predicate.
    """
    if expected is ANYTHING:
        return Matcher(ANYTHING.value, lambda _: True)
    if isinstance(expected, types.UnionType) or (isinstance(expected, type) and typing.get_origin(expected) is None):
        what = expected.__qualname__ if isinstance(expected, type) else str(expected)
        return Matcher(f"an instance of {what}", lambda message: isinstance(message, expected))
    if typing.get_origin(expected) is not None:  # callable, but calling it would make a list of the message
        msg = f"{name}={expected!r} is not valid: no message is known to be an instance of it; take the class, or a function"
        raise TypeError(msg)
    if callable(expected):
        check_callback(name, expected, "a function of a message")
        return Matcher(f"a message for which {_where(expected)} is true", expected)
    # This way round: a value that is to stand for many, such as `mock.ANY`, is asked first.
    return Matcher(short(expected), lambda message: expected == message)


def _where(predicate: Callable[..., object]) -> str:
    code = getattr(predicate, "__code__", None)
    name = getattr(predicate, "__qualname__", None)
    return short(predicate) if code is None or name is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def short(message: object) -> str:
    """Return `message` as text, cut where it gets long."""
    try:
        text = repr(message)
    except Exception as error:  # noqa: BLE001  # what went wrong in the test is told all the same
        text = f"<{type(message).__name__} whose repr() raised {type(error).__name__}>"
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


class Assignment:
    """Which of several matchers is fulfilled by which message. One thread's.

    A message that fits several does not take the only place of another: places are changed for as long as there is a way (Kuhn's
    algorithm for bipartite matching).
    """

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        self._matchers = matchers
        self._came: list[Any] = []
        self._fits: list[list[int]] = []  # of each message, the places that it fits
        self._places: dict[int, int] = {}  # {place: number of the message}

    def give(self, message: Any) -> bool:
        """Find a place for `message`; return False if there is none."""
        self._came.append(message)
        self._fits.append([place for place, matcher in enumerate(self._matchers) if matcher.matches(message)])
        return self._place(len(self._came) - 1, set())

    def _place(self, number: int, tried: set[int]) -> bool:
        for place in self._fits[number]:
            if place not in tried:
                tried.add(place)
                if place not in self._places or self._place(self._places[place], tried):
                    self._places[place] = number
                    return True
        return False

    def missing(self) -> list[Matcher]:
        """Return the matchers that no message has fulfilled."""
        return [matcher for place, matcher in enumerate(self._matchers) if place not in self._places]

    def messages(self) -> tuple[Any, ...]:
        """Return the messages in the order of the matchers, once none is missing."""
        return tuple(self._came[self._places[place]] for place in range(len(self._matchers)))
