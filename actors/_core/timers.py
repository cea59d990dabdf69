"""Keyed timers, receive timeouts and pipes of one actor.

What they deliver goes through the actor's own mailbox, with a note that fences it: a tick of a timer that was cancelled or replaced in
the meantime, or that belongs to an earlier incarnation, never reaches the actor.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core import fates
from actors._core.admission import post
from actors._core.context import origin_of
from actors._core.events import DeadLetterReason
from actors._core.lineage import give_back, next_lineage, pay
from actors._core.messages import Entry, Note, PipeFailed, ReceiveTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors._core.cell import Cell
    from actors._core.lineage import Lineage
    from actors._core.ports import Clock, TimerHandle

__all__ = ["PipeNote", "TimerMode", "Timers", "is_tick", "pipe"]


class TimerMode(Enum):
    """What the interval of a periodic timer is counted from."""

    FIXED_DELAY = "fixed delay"
    """From the end of the handling of one tick to the next tick."""

    FIXED_RATE = "fixed rate"
    """From due time to due time: late ticks are made up for, one at a time."""


class _Timer(Note):
    """One timer; the note of its ticks. Invariant: at most one tick of it is in the mailbox."""

    __slots__ = ("due", "handle", "interval", "key", "lineage", "live", "message", "mode", "owner")

    def __init__(self, owner: Timers, key: Hashable, message: Any, interval: float | None, mode: TimerMode) -> None:
        super().__init__()
        self.owner = owner
        self.key = key
        self.message = message
        self.interval = interval
        self.mode = mode
        self.live = True  # written by the actor's turn owner
        self.lineage: Lineage | None = None  # of the only tick; those of an interval begin anew
        self.due = 0.0
        self.handle: TimerHandle | None = None

    def arm(self, due: float) -> None:
        self.due = due
        self.handle = self.owner.clock.call_at(due, self.fire)

    def fire(self) -> None:
        """Send the tick. Runs on the clock's thread."""
        if self.live:
            post(self.owner.cell, Entry((self.message, None, self)))

    def cancel(self) -> None:
        self.live = False
        give_back(self.lineage)
        self.lineage = None
        if self.handle is not None:
            self.handle.cancel()

    def fenced(self, cell: Cell) -> bool:  # noqa: ARG002
        """Tell whether the timer was cancelled or replaced; a one-shot timer is over with this delivery."""
        if not self.live:
            return True
        if self.interval is None:
            self.owner.forget(self)
        elif self.mode is TimerMode.FIXED_RATE:
            self.arm(self.due + self.interval)
        return False

    def delivered(self, cell: Cell) -> None:  # noqa: ARG002
        """Start the next delay."""
        if self.live and self.interval is not None and self.mode is TimerMode.FIXED_DELAY:
            self.arm(self.owner.clock.now() + self.interval)


def is_tick(note: Note | None) -> bool:
    """Tell whether `note` is that of the tick of a keyed timer."""
    return type(note) is _Timer


class _Silence(Note):
    """The receive timeout of one actor; stands between the turn loop and the actor to see each message."""

    __slots__ = ("handle", "last", "live", "owner", "receiver", "seconds")

    def __init__(self, owner: Timers, seconds: float, receiver: Any) -> None:
        super().__init__()
        self.owner = owner
        self.seconds = seconds
        self.receiver = receiver
        self.live = True
        self.last = owner.clock.now()
        self.handle: TimerHandle = owner.clock.call_at(self.last + seconds, self.fire)

    def on_receive(self, message: Any) -> Any:
        """Take note of the time and hand the message on."""
        self.last = self.owner.clock.now()
        return self.receiver.on_receive(message)

    def fire(self) -> None:
        """Send ReceiveTimeout if it was quiet long enough, else look again when that could be."""
        if not self.live:
            return
        due = self.last + self.seconds
        if self.owner.clock.now() >= due:
            post(self.owner.cell, Entry((ReceiveTimeout(), None, self)))
        else:
            self.handle = self.owner.clock.call_at(due, self.fire)

    def fenced(self, cell: Cell) -> bool:  # noqa: ARG002
        """Tell whether the timeout was switched off, or a message has come since."""
        if not self.live:
            return True
        quiet = self.owner.clock.now() >= self.last + self.seconds
        if not quiet:
            self.handle = self.owner.clock.call_at(self.last + self.seconds, self.fire)
        return not quiet

    def delivered(self, cell: Cell) -> None:  # noqa: ARG002
        """Begin to count anew."""
        if self.live:
            self.last = self.owner.clock.now()
            self.handle = self.owner.clock.call_at(self.last + self.seconds, self.fire)

    def stop(self) -> None:
        self.live = False
        self.handle.cancel()


class Timers:
    """All timers of one incarnation. Used by the turn owner only; the clock's thread only reads `live` and posts."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.clock: Clock = cell.system.ports.clock
        self._timers: dict[Hashable, _Timer] = {}
        self._silence: _Silence | None = None

    def start(self, key: Hashable, delay: float, message: Any, *, interval: float | None, mode: TimerMode) -> None:
        """Start a timer, replacing the one with the same key."""
        self.cancel(key)
        timer = _Timer(self, key, message, interval, mode)
        if interval is None and self.cell.system.carries:
            timer.lineage = next_lineage(self.cell, message)
            if timer.lineage is not None and not pay(self.cell, timer.lineage, message):
                return
        self._timers[key] = timer
        timer.arm(self.clock.now() + delay)

    def cancel(self, key: Hashable) -> bool:
        """Cancel the timer with `key`; return False if there is none."""
        timer = self._timers.pop(key, None)
        if timer is None:
            return False
        timer.cancel()
        return True

    def active(self, key: Hashable) -> bool:
        """Tell whether a timer with `key` is still to tick."""
        return key in self._timers

    def forget(self, timer: _Timer) -> None:
        """Drop a timer that is over."""
        if self._timers.get(timer.key) is timer:
            del self._timers[timer.key]

    def cancel_all(self) -> None:
        """Cancel every timer; no tick of them is delivered any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.set_receive_timeout(None)

    def message_came(self) -> None:
        """Take note of a message that does not come by way of the receiver."""
        if self._silence is not None:
            self._silence.last = self.clock.now()

    def set_receive_timeout(self, seconds: float | None) -> None:
        """Watch for `seconds` without a message, or stop watching."""
        cell = self.cell
        if self._silence is not None:
            self._silence.stop()
            if cell.receiver is self._silence:
                cell.receiver = self._silence.receiver
            self._silence = None
        if seconds is not None:
            cell.receiver = self._silence = _Silence(self, seconds, cell.receiver)
        cell.yield_turn()  # the turn under way goes by the old receiver


class PipeNote(Note):
    """Fences the result of a pipe: it is for the incarnation that asked for it."""

    __slots__ = ("lineage", "of")
    fate = DeadLetterReason.RESTARTED

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.of = cell.incarnation
        self.lineage: Lineage | None = None

    def fenced(self, cell: Cell) -> bool:
        """Tell whether the actor was restarted since."""
        return cell.incarnation != self.of


def pipe(
    cell: Cell,
    attach: Callable[[Callable[[Any, BaseException | None], None]], object],
    on_success: Callable[[Any], Any] | None,
    on_failure: Callable[[BaseException], Any] | None,
) -> None:
    """Send the outcome that `attach` will report to the actor itself, as an ordinary message of this incarnation."""
    note = PipeNote(cell)
    origin = origin_of(cell)
    # Its kind is known when it comes, but not what it belongs to.
    note.lineage = next_lineage(cell, note) if cell.system.carries else None

    def report(value: Any, error: BaseException | None) -> None:
        try:
            if error is None:
                message = value if on_success is None else on_success(value)
            else:
                message = PipeFailed(error) if on_failure is None else on_failure(error)
        except Exception as broken:  # noqa: BLE001  # the actor is told that its own function failed
            message = PipeFailed(broken)
        if note.lineage is not None:
            note.lineage = note.lineage.to(message)
            if not pay(cell, note.lineage, message):
                return
        entry = Entry((message, None, note, *origin))
        if not post(cell, entry):
            fates.refuse(cell, entry)

    attach(report)
