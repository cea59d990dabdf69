"""Sequential specifications: what objects do when nobody else is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["Counter", "FifoQueue", "Model", "Mutex", "Register"]


class Model:
    """What an object does when one operation comes after the other. Write `initial`, and `apply` or `outcomes`.

    States must be hashable, and are never changed: tuples and frozensets, not lists and sets. An operation that the model does not
    know should raise; what it raises comes out of the check.
    """

    def initial(self) -> Hashable:
        """Return the state of a new object."""
        raise NotImplementedError

    def apply(self, state: Any, operation: Any) -> tuple[Hashable, Any]:
        """Return the state after `operation` in `state`, and the result that it has."""
        raise NotImplementedError

    def outcomes(self, state: Any, operation: Any) -> Iterable[tuple[Hashable, Any]]:
        """Return every pair of next state and result that `operation` may have in `state`.

        Here it is the one of `apply`. Override it, instead of `apply`, for an operation that has several (any element of a set), or
        none as long as it would wait (to get a lock that is held). There must be few.
        """
        return (self.apply(state, operation),)


class Register(Model):
    """A value: ``("read",)`` has it as its result; ``("write", value)`` has None; ``("cas", old, new)`` whether it was `old`.

    With keys in the history it is a map from keys to values. Values must be hashable.

    Args:
        initial: the first value.
    """

    def __init__(self, initial: Hashable = None) -> None:
        self._initial = initial

    def initial(self) -> Hashable:
        """Return the first value."""
        return self._initial

    def apply(self, state: Any, operation: Any) -> tuple[Hashable, Any]:
        """Read, write, or write if the value is the one expected."""
        match operation:
            case ("read",):
                return state, state
            case ("write", value):
                return value, None
            case ("cas", old, new):
                return (new, True) if state == old else (state, False)
        raise _unknown(self, operation)


class Counter(Model):
    """A number: ``("get",)`` and ``("add", amount)`` have it as their result, the latter after the addition.

    Args:
        initial: the first number.
    """

    def __init__(self, initial: int = 0) -> None:
        self._initial = initial

    def initial(self) -> Hashable:
        """Return the first number."""
        return self._initial

    def apply(self, state: Any, operation: Any) -> tuple[Hashable, Any]:
        """Get, or add and get."""
        match operation:
            case ("get",):
                return state, state
            case ("add", amount):
                return state + amount, state + amount
        raise _unknown(self, operation)


class FifoQueue(Model):
    """A queue: ``("put", value)`` has the result None; ``("get",)`` the oldest value, which it removes, or None if there is none.

    It begins empty. Values must be hashable.
    """

    def initial(self) -> Hashable:
        """Return the empty queue."""
        return ()

    def apply(self, state: Any, operation: Any) -> tuple[Hashable, Any]:
        """Put at the end, or get from the front."""
        match operation:
            case ("put", value):
                return (*state, value), None
            case ("get",):
                return (state[1:], state[0]) if state else (state, None)
        raise _unknown(self, operation)


class Mutex(Model):
    """A lock: ``("acquire",)`` waits until it is free, ``("try_acquire",)`` has as its result whether it was free.

    ``("release",)`` is possible only while it is held, by whomever. `acquire` and `release` have the result None. It begins free.
    """

    def initial(self) -> Hashable:
        """Return the free lock."""
        return False

    def outcomes(self, state: Any, operation: Any) -> Iterable[tuple[Hashable, Any]]:
        """Acquire a free one, or release a held one; there is no other outcome."""
        match operation:
            case ("acquire",):
                return () if state else ((True, None),)
            case ("try_acquire",):
                return ((True, not state),)
            case ("release",):
                return ((False, None),) if state else ()
        raise _unknown(self, operation)


def _unknown(model: Model, operation: object) -> ValueError:
    return ValueError(f"operation={operation!r} is not valid: {type(model).__name__} does not know it")
