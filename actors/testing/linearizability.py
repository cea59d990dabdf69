"""`check_linearizable`: whether concurrent operations look as if each had happened at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from actors.testing.checks import check_count
from actors.testing.errors import LinearizabilityError, TooManyConfigurationsError
from actors.testing.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from actors.testing.history import History, Operation
    from actors.testing.models import Model

__all__ = ["check_linearizable"]


def check_linearizable(history: History, model: Model, *, max_configurations: int = 1_000_000) -> dict[Hashable, tuple[Operation, ...]]:
    """Check that the operations of each key can be put in an order that explains all results.

    In that order the model must give each operation the result that it had, and one that ended before another began must come
    before it (Herlihy & Wing, "Linearizability", 1990). A pending operation may come anywhere after its beginning, with any result,
    or nowhere. A history is linearizable if and only if those of its keys are, so each is searched alone.

    The search is that of Wing & Gong ("Testing and verifying concurrent objects", 1993): try what may come first, then the same with
    the rest; remembering which operations were placed with which state, as Lowe does ("Testing for linearizability", 2017). Its time
    grows with the length of the history, and exponentially with the number of operations that are under way at once.

    Args:
        history: what happened. Operations that begin or end during the check are not seen.
        model: what one object does, from its initial state.
        max_configurations: how many different ones of placed operations and state are looked at for a key.

    Returns:
        For each key an order that explains the results, with those pending operations that have to have happened.

    Raises:
        LinearizabilityError: there is no such order.
        TooManyConfigurationsError: the search was given up. It is no verdict.
        TypeError: the model has a state that is not hashable.
        ValueError: `max_configurations` is less than 1.
    """
    check_count("max_configurations", max_configurations, 1)
    apart: dict[Hashable, list[Operation]] = {}
    for operation in history.operations:
        apart.setdefault(operation.key, []).append(operation)
    return {key: _Search(model, operations, max_configurations).run() for key, operations in apart.items()}


class _Configuration(NamedTuple):
    """Which operations are placed, and the state that they lead to. Their order does not matter for what may come next."""

    first: int  # of the completed operations, in the order of their beginnings: all before this one are placed, and it is not
    window: int  # those from `first` on that are placed, as bits
    pending: int  # the pending operations that are placed, as bits
    state: Hashable


class _Move(NamedTuple):
    """One more operation that is placed."""

    before: _Configuration
    operation: Operation
    after: _Configuration


class _Search:
    """The search for an order of the operations of one key."""

    def __init__(self, model: Model, operations: Sequence[Operation], limit: int) -> None:
        self._model = model
        self._operations = operations
        self._limit = limit
        self._completed = [one for one in operations if one.returned is not None]
        self._pending = [one for one in operations if one.returned is None]

    def run(self) -> tuple[Operation, ...]:
        """Return an order of the operations that explains their results; raise if there is none."""
        start = _Configuration(0, 0, 0, self._hashable(self._model.initial()))
        if not self._completed:
            return ()
        ways: dict[_Configuration, _Move | None] = {start: None}  # how each was reached
        candidates = self._candidates(start)
        best, reach = start, self._reach(start, candidates)
        stack = [self._moves(start, candidates)]
        while stack:
            move = next(stack[-1], None)
            if move is None:
                stack.pop()
                continue
            after = move.after
            if after in ways:
                continue
            if len(ways) >= self._limit:
                raise TooManyConfigurationsError(self._operations[0].key, self._limit)
            ways[after] = move
            if after.first == len(self._completed):
                return _order(ways, after)
            candidates = self._candidates(after)
            reached = self._reach(after, candidates)
            if reached > reach:
                best, reach = after, reached
            stack.append(self._moves(after, candidates))
        raise self._error(_order(ways, best), best)

    def _moves(self, before: _Configuration, candidates: Sequence[int]) -> Iterator[_Move]:
        """Yield what may come next."""
        moves = []
        for index in candidates:
            operation = self._completed[index]
            for state, result in self._model.outcomes(before.state, operation.what):
                if result == operation.result:
                    moves.append(_Move(before, operation, _placed(before, index, self._hashable(state))))
        # What changes nothing first: most often it is not needed later. (Not always: a write may repeat what is there.)
        moves.sort(key=lambda move: move.after.state != before.state)
        yield from moves
        bound = self._bound(candidates)
        for index, operation in enumerate(self._pending):
            if operation.invoked > bound:
                break
            if before.pending >> index & 1:
                continue
            for state, _ in self._model.outcomes(before.state, operation.what):
                if self._hashable(state) != before.state:  # else it explains nothing
                    yield _Move(before, operation, before._replace(pending=before.pending | 1 << index, state=state))

    def _candidates(self, at: _Configuration) -> list[int]:
        """Return which completed operations could be next: all that began before any that is not placed had ended."""
        found = []
        bound = None
        for index in range(at.first, len(self._completed)):
            operation = self._completed[index]
            assert operation.returned is not None
            if bound is not None and operation.invoked > bound:
                break
            if at.window >> (index - at.first) & 1:
                continue
            found.append(index)
            bound = operation.returned if bound is None else min(bound, operation.returned)
        return found

    def _bound(self, candidates: Sequence[int]) -> int:
        """Return when the first of the candidates ended: until then the next one has to come."""
        return min(self._completed[index].returned or 0 for index in candidates)

    def _reach(self, at: _Configuration, candidates: Sequence[int]) -> tuple[int, int]:
        """Return up to when the history is explained, and how many operations are placed."""
        return self._bound(candidates), at.first + at.window.bit_count()

    def _error(self, prefix: tuple[Operation, ...], at: _Configuration) -> LinearizabilityError:
        unexplained = tuple(sorted((self._completed[index] for index in self._candidates(at)), key=lambda one: one.returned or 0))
        picture = timeline(self._operations, prefix, unexplained)
        return LinearizabilityError(self._operations[0].key, prefix, unexplained, at.state, picture)

    def _hashable(self, state: Any) -> Hashable:
        try:
            hash(state)
        except TypeError as error:
            msg = f"{type(self._model).__name__} has the state {state!r}, which is not hashable: use tuples and frozensets"
            raise TypeError(msg) from error
        return state


def _placed(before: _Configuration, index: int, state: Hashable) -> _Configuration:
    first, window = before.first, before.window | 1 << (index - before.first)
    while window & 1:
        first, window = first + 1, window >> 1
    return _Configuration(first, window, before.pending, state)


def _order(ways: dict[_Configuration, _Move | None], end: _Configuration) -> tuple[Operation, ...]:
    """Return the operations on the way to `end`."""
    found = []
    move = ways[end]
    while move is not None:
        found.append(move.operation)
        move = ways[move.before]
    return tuple(reversed(found))
