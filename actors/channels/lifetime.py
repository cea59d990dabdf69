"""How many ends of a channel are open: when nothing more is sent, when nobody receives any more, and whose wait ends by that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.channels.errors import ChannelClosedError
from actors.channels.meeting import After, Meeting
from actors.channels.waits import ENDED, NOTHING, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["CLOSED_END", "NOBODY_RECEIVES", "SHUT", "Lifetime"]

NOBODY_RECEIVES = "all receivers are closed: nobody would ever receive the value"
SHUT = "it is closed: nothing can be sent any more"
CLOSED_END = "this end of it is closed"


class Lifetime(Meeting):
    """See the module's docstring. Its state is guarded by the channel's lock.

    Args:
        capacity: how many values may wait; None: any number.
        name: of the channel, for people.
    """

    __slots__ = ("_discarded", "_receivers", "_senders", "_shut", "_told_end", "capacity", "name")

    def __init__(self, capacity: int | None, name: str) -> None:
        super().__init__(capacity)
        self.capacity = capacity
        self.name = name
        self._senders = self._receivers = 0  # open ends
        self._shut = False  # nothing is sent any more
        self._told_end = False  # somebody was told that the channel is closed and drained
        self._discarded = 0  # values that nobody is left to receive

    def pin(self) -> None:
        """Under the lock: close the short way if it has to be closed whoever waits."""
        raise NotImplementedError

    def locked(self) -> AbstractContextManager[After]:
        """Hold the lock; at the end make the calls that were left behind, without it."""
        raise NotImplementedError

    def open_end(self, like: Any = None, *, senders: int = 0, receivers: int = 0) -> None:
        """Count ends that are open from now on.

        Raises:
            ChannelClosedError: they are to be like an end that is closed: the last one that was closed leaves none behind.
        """
        with self.locked():
            if like is not None and like._closed:
                raise ChannelClosedError(self.name, CLOSED_END)
            self._senders += senders
            self._receivers += receivers
            self.pin()

    def close_sender(self, mark: Callable[[], bool]) -> None:
        """Close a sending end, unless `mark()` says that it is closed already; the last one shuts the channel."""
        with self.locked() as after:
            if not mark():
                return
            self._senders -= 1
            if not self._senders:
                self._shut = True
                self.pin()
            self._settle(after)
            self._end_waits(after)

    def shut(self) -> None:
        """Let nothing more be sent, whatever ends are open."""
        with self.locked() as after:
            self._shut = True
            self.pin()
            self._settle(after)
            self._end_waits(after)

    def close_receiver(self, mark: Callable[[], bool]) -> list[Any]:
        """Close a receiving end, unless `mark()` says that it is closed already; the last one returns what waits."""
        left: list[Any] = []
        with self.locked() as after:
            if not mark():
                return left
            self._receivers -= 1
            self.pin()
            self._end_waits(after)
            if not self._receivers:
                while (value := self._next_value()[1]) is not NOTHING:
                    left.append(value)
                self._discarded += len(left)
        return left

    def _end_waits(self, after: After) -> None:
        """End the waits for what can never be done, as those of an end that is closed."""
        for giver in list(self._givers):
            if (giver.end._closed or self._shut or not self._receivers) and giver.wait.claim():
                self._serve(giver, Refusal(self._refusal(giver.end, giver.offer)), after)
        for taker in list(self._takers):
            if (taker.end._closed or self.drained()) and taker.wait.claim():
                closed = taker.end._closed
                self._serve(taker, Refusal(ChannelClosedError(self.name, CLOSED_END)) if closed else ENDED, after)
        self._update()

    def _refusal(self, end: Any, value: Any) -> ChannelClosedError:
        why = CLOSED_END if end._closed else SHUT if self._shut else NOBODY_RECEIVES
        return ChannelClosedError(self.name, why, value)

    def drained(self) -> bool:
        """Under the lock: tell whether nothing will ever be received any more; whoever asks is told so."""
        if self._shut and not self._values and not self._returned:
            self._told_end = True
            return True
        return False
