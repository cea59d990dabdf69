"""What the actors of a stream send each other.

Neighbours: `Elements` and `Ended` go down the stream, `Demand` and `Cancelled` up. A stage gives no more than was demanded of it. The
protocol relies on nothing but that the messages from one actor to another keep their order: a stage may hear of a demand before it is
told to begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.messages import Entry, Note
from actors.errors import ActorDeadError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ref import ActorRef

__all__ = [
    "Begin",
    "Cancel",
    "Cancelled",
    "Demand",
    "Elements",
    "Ended",
    "Failed",
    "Finish",
    "Finished",
    "GoOn",
    "Halt",
    "Look",
    "Overtime",
    "Stalled",
    "Tick",
    "send",
]


class _Internal(Note):
    """On every message within a stream: one that comes too late is nobody's loss, and no dead letter."""

    __slots__ = ()

    def fenced(self, cell: Cell) -> bool:
        return cell.end is not None


_INTERNAL = _Internal()


def send(ref: ActorRef[Any], message: object) -> None:
    """Tell `ref`, an actor of the same stream, `message`. If it has ended the stream is ending, and nobody needs it."""
    try:
        ref.tell(Entry((message, None, _INTERNAL)))
    except ActorDeadError:
        return


class Elements:
    """Elements for the inlet `inlet`, in order."""

    __slots__ = ("inlet", "items")

    def __init__(self, inlet: int, items: list[Any]) -> None:
        self.inlet = inlet
        self.items = items

    def __repr__(self) -> str:
        return f"Elements(inlet={self.inlet}, {self.items!r:.80})"


class Ended:
    """No more elements will come to the inlet `inlet`; with an `error` because of that."""

    __slots__ = ("error", "inlet")

    def __init__(self, inlet: int, error: BaseException | None) -> None:
        self.inlet = inlet
        self.error = error

    def __repr__(self) -> str:
        return f"Ended(inlet={self.inlet}, error={self.error!r})"


class Demand:
    """There is room for `count` more elements behind the outlet `outlet`."""

    __slots__ = ("count", "outlet")

    def __init__(self, outlet: int, count: int) -> None:
        self.outlet = outlet
        self.count = count

    def __repr__(self) -> str:
        return f"Demand(outlet={self.outlet}, count={self.count})"


class Cancelled:
    """Nobody wants any more elements from the outlet `outlet`."""

    __slots__ = ("outlet",)

    def __init__(self, outlet: int) -> None:
        self.outlet = outlet

    def __repr__(self) -> str:
        return f"Cancelled(outlet={self.outlet})"


class Begin:
    """To a stage: its neighbours, in the order of its inlets and outlets; each with the number of the end over there."""

    __slots__ = ("downstream", "upstream")

    def __init__(self, upstream: list[tuple[ActorRef[Any], int]], downstream: list[tuple[ActorRef[Any], int]]) -> None:
        self.upstream = upstream
        self.downstream = downstream

    def __repr__(self) -> str:
        return f"Begin({len(self.upstream)} inlets, {len(self.downstream)} outlets)"


class _Plain:
    """A message that carries nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class GoOn(_Plain):
    """From a stage to itself: the next slice of work; or from whatever it waited for, that it is there."""

    __slots__ = ()


class Tick(_Plain):
    """From a stage to itself: the time has come that its logic asked for."""

    __slots__ = ()


class Halt(_Plain):
    """To a stage: the stream is over, give back what you hold."""

    __slots__ = ()


class Finish(_Plain):
    """To a source: give no more elements. To the stream's actor: `StreamRun.stop()`."""

    __slots__ = ()


class Cancel(_Plain):
    """To the stream's actor: `StreamRun.cancel()`."""

    __slots__ = ()


class Overtime(_Plain):
    """From the stream's actor to itself: stages had time enough to end."""

    __slots__ = ()


class Look(_Plain):
    """From the stream's actor to itself: look whether anything moves."""

    __slots__ = ()


class Finished:
    """From a stage to the stream's actor: it has ended. A sink tells its `result`."""

    __slots__ = ("index", "result")

    def __init__(self, index: int, result: Any) -> None:
        self.index = index
        self.result = result

    def __repr__(self) -> str:
        return f"Finished(index={self.index})"


class Failed:
    """From a sink to the stream's actor: this error is what came to it in place of an end."""

    __slots__ = ("error", "index")

    def __init__(self, index: int, error: BaseException) -> None:
        self.index = index
        self.error = error

    def __repr__(self) -> str:
        return f"Failed(index={self.index}, error={self.error!r})"


class Stalled(_Plain):
    """From a stage to the stream's actor: one of its outlets has room and another has none, so that it stands still."""

    __slots__ = ()
