"""Sending and receiving where that may have to wait: at the first of several channels that is ready; and the end of every wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from actors.channels.pipe import Pipe
from actors.channels.waits import ENDED, NOTHING, LoopWait, Place, Refusal, Wait, new_wait, new_wait_async

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.channels.pipe import NewWait
    from actors.channels.waits import WaitAsync

__all__ = ["Case", "Outcome", "block", "select_cases", "select_cases_async", "wait_async"]

W = TypeVar("W", bound=Wait)


class Case(NamedTuple):
    """One thing to do at a channel.

    Attributes:
        pipe: of which channel.
        end: the sender or receiver that does it.
        offer: the value to send; NOTHING to receive.
    """

    pipe: Pipe
    end: Any
    offer: Any


class Outcome(NamedTuple):
    """What came of it.

    Attributes:
        case: the index of the one that was done.
        value: what was received; NOTHING if a value was sent, or if it was the end.
        ended: whether the channel is closed and drained.
    """

    case: int
    value: Any
    ended: bool


def block(wait: Wait, timeout: float | None) -> Wait | None:
    """Block until `wait`, which stands in line, is served; return None after `timeout` seconds, when it stands there no more.

    Raises:
        ChannelClosedError: what it waits for can never be done.
    """
    try:
        woken = wait.block(timeout)
    except BaseException:
        _abandon(wait)
        raise
    return _served(wait, woken=woken)


async def wait_async(wait: WaitAsync, timeout: float | None) -> Wait | None:
    """Do as `block`, without blocking the event loop."""
    woken = True
    try:
        if timeout is None and type(wait) is LoopWait:
            await wait.waiter  # as its `wait_async` does, without another coroutine
        else:
            woken = await wait.wait_async(timeout)
    except BaseException:
        _abandon(wait)
        raise
    return _served(wait, woken=woken)


def select_cases(cases: Sequence[Case], timeout: float | None) -> Outcome | None:
    """Do one of `cases`, the first that is possible; block for at most `timeout` seconds and return None then.

    Raises:
        ChannelClosedError: one of them can never be done.
        BlockingInLoopError: the caller's event loop would be blocked.
    """
    found = _begin(cases, timeout, new_wait)
    return _outcome(block(found, timeout)) if isinstance(found, Wait) else found


async def select_cases_async(cases: Sequence[Case], timeout: float | None) -> Outcome | None:
    """Do as `select_cases`, without blocking the event loop."""
    found = _begin(cases, timeout, new_wait_async)
    return _outcome(await wait_async(found, timeout)) if isinstance(found, Wait) else found


def _begin(cases: Sequence[Case], timeout: float | None, new: NewWait[W]) -> Outcome | W | None:
    """Return what came of it, None if nothing is possible and there is no time, or a wait that stands in line everywhere."""
    for case in cases:
        case.pipe.enter()
    with Pipe.all_locked([case.pipe for case in cases]) as after:
        for index, (pipe, end, offer) in enumerate(cases):
            if offer is not NOTHING:
                if pipe.try_give(end, offer, after):
                    return Outcome(index, NOTHING, ended=False)
                continue
            received = pipe.try_take(end, after)
            if received is not NOTHING:
                return Outcome(index, received, ended=False)
            if pipe.drained():
                return Outcome(index, NOTHING, ended=True)
        if timeout is not None and timeout <= 0:
            return None
        wait = new(*cases[0])
        wait.stand(tuple(Place(wait, pipe, end, offer, index) for index, (pipe, end, offer) in enumerate(cases)))
        for place in wait.places:
            place.pipe.join(place, after)
        return wait


def _leave(wait: Wait) -> bool:
    """Stand in line no more; True if nobody had ended the wait."""
    with Pipe.all_locked([place.pipe for place in wait.places or (wait,)]):
        for place in wait.places or (wait,):
            place.pipe.leave(place)
        return wait.claim()  # last: an interrupt before leaves nobody in line whose wait seems to have been claimed to be served


def _abandon(wait: Wait) -> None:
    """Give up a wait whose waiter is cancelled or killed. What it was given goes back; what was taken from it was sent."""
    if not _leave(wait) and wait.served is not None:
        wait.served.pipe.return_value(wait)


def _served(wait: Wait, *, woken: bool) -> Wait | None:
    """Return a wait that is over, None if its time was up before anybody ended it."""
    if (not woken or wait.places) and _leave(wait):
        return None
    if type(wait.value) is Refusal:
        raise wait.value.error
    return wait


def _outcome(wait: Wait | None) -> Outcome | None:
    if wait is None or wait.served is None:
        return None
    ended = wait.value is ENDED
    return Outcome(wait.served.index, NOTHING if ended else wait.value, ended)
