"""What the books of a pool have noted under their lock, to be sent to workers and told to others without it."""

from __future__ import annotations

import functools
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.messages import Entry
from actors.errors import ActorDeadError, ActorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.routers.pool.jobs import Parcel
    from actors.routers.pool.returns import Returns

__all__ = ["Outbox"]

DEEPEST = 8  # flushes on one stack that tell anybody anything


class Outbox:
    """Two lines of notes, which are appended to under the lock of the books. Of several who flush at once, each note is one's.

    Args:
        news: calls that tell somebody something.
        returns: told of what workers answer, and of what they cannot be given.

    Attributes:
        parcels: what is to be sent, with the cells that were to have it and the futures to be answered, at that moment.
    """

    def __init__(self, news: deque[Callable[[], object]], returns: Returns) -> None:
        self.parcels: deque[tuple[Parcel, Cell, Future[Any] | None]] = deque()
        self._news = news
        self._returns = returns
        self._depth = _Depth()

    def flush(self) -> None:
        """Send and tell what was noted."""
        parcels, news = self.parcels, self._news
        if not parcels and not news:  # half of the time
            return
        sending: list[tuple[Parcel, Cell, Future[Any] | None]] = []
        telling: list[Callable[[], object]] = []
        try:
            while parcels or news:
                if parcels:
                    if _pop(parcels, sending):
                        self._send(*sending[0])
                        sending.clear()
                elif self._depth.value >= DEEPEST:  # that is left to those further up on this stack
                    return
                elif _pop(news, telling):
                    self._tell(telling[0])
                    telling.clear()
        except BaseException:  # a Ctrl-C: another one makes it again
            parcels.extendleft(entry for entry in sending if not _has_come(*entry[:2]))
            news.extendleft(telling)
            raise

    def _tell(self, call: Callable[[], object]) -> None:
        """Tell somebody, who may send to the pool again, and flush in turn. Many who do so would pile up on one stack."""
        depth = self._depth
        depth.value += 1
        try:
            call()
        finally:
            depth.value -= 1

    def _send(self, parcel: Parcel, cell: Cell, attempt: Future[Any] | None) -> None:
        if parcel.cell is not cell:  # its worker has ended meanwhile, and it was taken back
            return
        if attempt is not None:
            attempt._call_when_done(functools.partial(self._returns.answered, parcel))
        try:
            # With the origin of whoever sent the job: the caller is a worker that has done with another one, or anybody.
            cell.ref.tell(Entry((parcel.content, attempt, parcel, *parcel.origin)))
        except ActorDeadError:  # its end is about to be told, and takes everything back
            return
        except ActorError as error:  # its isolation does not let the message through
            self._returns.refused(parcel, attempt, cell, error)


class _Depth(threading.local):
    """How many flushes of a thread are telling somebody something at this moment, one on the stack of the other."""

    value = 0


def _pop(notes: deque[Any], mine: list[Any]) -> bool:
    """Move the oldest of `notes` to `mine`; return False if another one was faster.

    In one step: what `popleft` returns is lost if a Ctrl-C comes as it returns.
    """
    try:
        mine.extend(map(deque.popleft, (notes,)))
    except IndexError:
        return False
    return True


def _has_come(parcel: Parcel, cell: Cell) -> bool:
    """Tell whether a worker has a parcel, as far as that can be seen."""
    return parcel.begun or any(type(entry) is Entry and entry[2] is parcel for entry in tuple(cell.queue))
