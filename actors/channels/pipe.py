"""What the ends of a channel share: its values, its room, and the lines of those who wait.

Nearly every send and receive finds room, or a value, and nobody who waits. Such a one takes the *short way*, without a lock: it claims
one of the tokens in `room` (one `deque.pop`) and appends its value; or pops a value and puts the token back. Everything else happens
under the lock.

Invariant (short way against lock): who joins a line, or shuts the channel, first sets `busy` and then looks at values and room. Who goes
the short way first appends its value, or token, and then looks at `busy`; if it is set, it calls `settle`. So of two that miss each other
one sees the other, and no value lies beside a receiver that waits, nor room beside a sender. Whoever finds `busy` set before it begins
takes its turn under the lock: nobody who begins later overtakes one who waits.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from actors._core.mutex import Mutex
from actors._core.ports import several_ports, simulated, touched
from actors.channels.errors import ChannelClosedError, ChannelOutsideError
from actors.channels.lifetime import CLOSED_END, NOBODY_RECEIVES, SHUT, Lifetime
from actors.channels.meeting import After, Remainder, live
from actors.channels.stats import ChannelStats
from actors.channels.waits import ENDED, NOTHING, Refusal, ports_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from actors.channels.waits import Place, Wait

W = TypeVar("W", bound="Wait")
W_co = TypeVar("W_co", bound="Wait", covariant=True)


class NewWait(Protocol[W_co]):
    """Makes a wait for the caller."""

    def __call__(self, pipe: Pipe, end: Any, offer: Any) -> W_co:
        """Return it; arguments as for a `Place`."""


__all__ = ["Full", "NewWait", "Pipe", "Waiting", "call_all"]

NO_CALLS: After = []

_numbers = itertools.count()  # the order in which the locks of several channels are taken


class Full(Exception):
    """There is no room, and the sender does not wait."""


class Waiting:
    """Holds a wait where a value might be expected: any object may be a value, but no other code has one of these."""

    __slots__ = ("wait",)

    def __init__(self, wait: Any) -> None:
        self.wait = wait


class Pipe(Lifetime):
    """See the module's docstring.

    Attributes:
        watched: whether it belongs to a simulation.
        push, pull, claim, free, count: the steps of the short way: one operation each that is thread-safe.
    """

    __slots__ = (
        "_lock",
        "_looks",
        "_resource",
        "_taken_back",
        "claim",
        "free",
        "number",
        "pull",
        "push",
        "watched",
    )

    def __init__(self, capacity: int | None, name: str) -> None:
        super().__init__(capacity, name)
        self.number = next(_numbers)
        self._lock = Mutex()
        self._taken_back = self._looks = 0
        # In a simulation a look at the channel has to be noted, so there the short way is always closed.
        ports = simulated()
        self.watched = ports is not None
        self._resource = ports.dispatcher.resource("channel") if ports is not None and ports.dispatcher is not None else self
        self.push = self._values.append
        self.pull = self._values.popleft
        # Endlessly None, and nothing done with a token: in C, since they are called with every value.
        self.claim: Callable[[], object] = itertools.repeat(None).__next__ if capacity is None else self._room.pop
        self.free: Callable[[None], object] = bool if capacity is None else self._room.append

    def pin(self) -> None:
        """Under the lock: close the short way if it has to be closed whoever waits."""
        self.pinned = self._shut or self.watched or not self._receivers or type(self._room) is Remainder
        self._update()

    # -- the lock ------------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """In a simulation, note that the caller looks at the channel, and changes it. Before the lock is taken."""
        if self.watched:
            touched(ports_here(), self._resource)

    def enter(self) -> None:
        """Do as `look`, for one who will send or receive.

        Raises:
            ChannelOutsideError: a simulation runs here that could not see it.
        """
        if self.watched:
            touched(ports_here(), self._resource)
        elif several_ports() and simulated() is not None:
            raise ChannelOutsideError(self.name)

    @contextlib.contextmanager
    def locked(self) -> Iterator[After]:
        """Hold the lock; at the end make the calls that were left behind, without it."""
        with Pipe.all_locked((self,)) as after:
            yield after

    @staticmethod
    @contextlib.contextmanager
    def all_locked(pipes: Iterable[Pipe]) -> Iterator[After]:
        """Hold the locks of several channels, taken in the order of their numbers, so that two who do so never wait for each other."""
        after: After = []
        ordered = sorted(set(pipes), key=lambda one: one.number)
        try:
            try:
                with contextlib.ExitStack() as stack:
                    for pipe in ordered:
                        pipe.look()
                        stack.enter_context(pipe._lock)
                    yield after
            finally:
                call_all(after)
        except Exception:
            raise
        except BaseException:
            for pipe in ordered:
                pipe.interrupted(after)
            raise

    def settle(self) -> None:
        """Bring together values, room and those who wait for them, and end waits for what can never be.

        For who has gone the short way while `busy` was being set, and for waits that were passed over while another channel had claimed
        them.
        """
        with self.locked() as after:
            self._settle(after)
            self._end_waits(after)

    def interrupted(self, calls: After = NO_CALLS) -> None:
        """Go on after a Ctrl-C in the middle of something, of which nobody knows how far it came.

        It may have taken a token with it, and a channel that loses its room is stuck for ever. So from now on the room is reckoned from
        the values, always under the lock. Of `calls`, which it was to make when it had given the lock back, it may have left some out:
        they are all made, some of them again, which does nothing.
        """
        with self.locked() as after:
            after.extend(calls)
            self._mend(after)
            if self.capacity is not None:
                self._room = Remainder(self.capacity, self._values)
                self.pin()
            self._settle(after)
            self._end_waits(after)

    # -- sending and receiving -----------------------------------------------------------------------------------------------

    def give(self, end: Any, value: Any, new: NewWait[W] | None) -> W | None:
        """Send `value` and return None; or return a wait, made by `new`, that stands in line. Without `new`, raise Full.

        Raises:
            ChannelClosedError: nothing can be sent.
        """
        self.enter()
        after: After = []
        wait: W | None = None
        try:
            with self._lock:
                given = self.try_give(end, value, after)
                if not given and new is not None:
                    wait = new(self, end, value)
                    self.join(wait, after)
            if after:
                call_all(after)
        except BaseException as error:
            self._broken_off(error, after)
            raise
        if not given and wait is None:
            raise Full
        return wait

    def take(self, end: Any, new: NewWait[W] | None) -> Any:
        """Return the next value; or a wait, made by `new`, that stands in line, as a `Waiting`; or ENDED. Without `new`, NOTHING.

        Raises:
            ChannelClosedError: `end` is closed.
        """
        self.enter()
        after: After = []
        try:
            with self._lock:
                found = self.try_take(end, after)
                if found is NOTHING:
                    if self.drained():
                        found = ENDED
                    elif new is not None:
                        wait = new(self, end, NOTHING)
                        self.join(wait, after)
                        found = Waiting(wait)
            if after:
                call_all(after)
        except BaseException as error:
            self._broken_off(error, after)
            raise
        return found

    def _broken_off(self, error: BaseException, after: After) -> None:
        """See to it that none of the calls that were left for after the lock is lost, whatever was raised."""
        try:
            if isinstance(error, Exception):
                call_all(after)
                return
        except BaseException:
            self.interrupted(after)
            raise
        self.interrupted(after)

    def try_give(self, end: Any, value: Any, after: After) -> bool:
        """Under the lock: send `value` if that is possible without waiting, and without overtaking.

        Raises:
            ChannelClosedError: nothing can be sent.
        """
        if end._closed or self._shut or not self._receivers:
            raise self._refusal(end, value)
        if self._values or self._returned or self._givers:
            self._settle(after)
        taker = self._first(self._takers) if self._takers else None
        if taker is not None:  # it waits though everything is settled: there is no value
            self.count()
            self._hand(taker, value, after)
        elif (self._givers and live(self._givers)) or not self._token():
            return False
        else:
            self.count()
            self._values.append(value)
        self._update()
        return True

    def try_take(self, end: Any, after: After) -> Any:
        """Under the lock: return the next value if there is one without waiting and without overtaking; else NOTHING.

        Raises:
            ChannelClosedError: `end` is closed.
        """
        if end._closed:
            raise ChannelClosedError(self.name, CLOSED_END)
        if self._takers:
            self._settle(after)
        if not self._takers or not live(self._takers):
            _, value = self._next_value()
            if value is not NOTHING:
                if self.busy:
                    self._settle(after)
                return value
        # Nobody is overtaken here: if somebody waits to receive beside one who waits to send, that is one `select` that does either.
        giver = self._first(self._givers) if self._givers else None
        if giver is None:
            return NOTHING
        self.count()
        self._serve(giver, NOTHING, after)
        self._update()
        return giver.offer

    def join(self, place: Place, after: After) -> None:
        """Under the lock: stand in line."""
        self.busy = True
        if place.offer is NOTHING:
            self._takers.append(place)
            missed = bool(self._values)
        else:
            self._givers.append(place)
            missed = bool(self._room)
        if missed:  # by who went the short way, before it could see that the channel is busy
            self._settle(after)

    def leave(self, place: Place) -> None:
        """Under the lock: stand in line no more."""
        with contextlib.suppress(ValueError):  # taken out when it was served
            self._line(place).remove(place)
        self._update()

    def settle_late(self, value: Any) -> None:
        """Go on after a send on the short way that found the channel busy at its end.

        Raises:
            ChannelClosedError: it was closed before the value came, and nobody will look for it.
        """
        with self.locked() as after:
            self._settle(after)
            # What is in the channel now came after everybody was told that nothing comes: values of sends like this one, each of which
            # looks for its own here. One that is not there any more was received.
            if (self._told_end or not self._receivers) and self._take_back(value):
                raise ChannelClosedError(self.name, SHUT if self._receivers else NOBODY_RECEIVES, value)

    def _take_back(self, value: Any) -> bool:
        late = []
        with contextlib.suppress(IndexError):
            while True:
                late.append(self._values.popleft())
        mine = next((index for index, other in enumerate(late) if other is value), None)
        if mine is not None:
            del late[mine]
            self._room.append(None)
            self._taken_back += 1
        self._values.extendleft(reversed(late))
        return mine is not None

    def return_value(self, wait: Wait) -> None:
        """Take a value back from a receiver that was given it but will not return it: it was cancelled or killed."""
        call_all(self.reclaim(wait))

    def reclaim(self, wait: Wait) -> After:
        """Do as `return_value`, but for the calls at its end, which are returned: of many receivers each may give the value on."""
        after: After = []
        self.look()
        with self._lock:
            value, wait.value = wait.value, NOTHING
            if value is NOTHING or value is ENDED or type(value) is Refusal:
                return after
            if not self._receivers:
                self._discarded += 1
                return after
            heapq.heappush(self._returned, (wait.turn, value))
            self._told_end = False
            self._settle(after)
        return after

    # -- looking -------------------------------------------------------------------------------------------------------------

    def drain(self, end: Any) -> list[Any]:
        """Return all that can be received now."""
        values: list[Any] = []
        self.enter()
        with self.locked() as after:
            while (value := self.try_take(end, after)) is not NOTHING:
                values.append(value)
        return values

    def stats(self) -> ChannelStats:
        """Return what is known of the channel now."""
        with self.locked():
            sent = self.count() - self._looks - self._taken_back
            self._looks += 1
            waiting = len(self._values) + len(self._returned)
            return ChannelStats(
                capacity=self.capacity,
                waiting=waiting,
                sent=sent,
                received=sent - waiting - self._discarded,
                discarded=self._discarded,
                senders=self._senders,
                receivers=self._receivers,
                waiting_senders=len(self._givers),
                waiting_receivers=len(self._takers),
                closed=self._shut or not self._receivers,
            )


def call_all(after: After) -> None:
    """Make all calls, and those that they return, whatever one raises."""
    interrupt: BaseException | None = None
    for call in after:  # which grows meanwhile
        try:
            after.extend(call() or ())
        except BaseException as error:  # noqa: BLE001  # a Ctrl-C, not to be lost; the others must be woken all the same
            interrupt = error
    if interrupt is not None:
        raise interrupt
