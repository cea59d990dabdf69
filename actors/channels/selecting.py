"""`select`: do the first of several sends and receives that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.seconds import check_timeout
from actors.channels.using import Receiving, SendCase
from actors.channels.waiting import Case, Outcome, select_cases, select_cases_async
from actors.channels.waits import NOTHING, ports_here
from actors.errors import Timeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors._core.ports import Ports

__all__ = ["Selected", "select", "select_async"]


@dataclass(frozen=True, slots=True)
class Selected:
    """What `select` did.

    Attributes:
        index: of the case, from 0.
        case: the case itself.
        value: what was received; None of a send, or at the end of a channel.
        ended: whether the case was a receive from a channel that is closed and drained. It stays ready for ever:
            take it out of the cases.
    """

    index: int
    case: Any
    value: Any
    ended: bool


def select(*cases: Receiving[Any] | SendCase[Any], timeout: float | None = None) -> Selected:
    """Wait until one of `cases` is possible, do it, and no other, and return which.

    ::

        match select(jobs, results.sending(result), timeout=1.0):
            case Selected(index=0, ended=True): ...
            case Selected(index=0, value=job): ...

    Of several that are possible a random one is done, each as likely as the others (by the Random port), as in Go: so none
    of them starves. It waits as `Receiver.receive` does.

    Args:
        cases: receivers (or channels), and ``sender.sending(value)``; at least one.
        timeout: seconds to wait at most; 0 only looks.

    Raises:
        ValueError: there are no cases.
        TypeError: one of them is none.
        Timeout: none was possible within `timeout` seconds; nothing was sent or received.
        ChannelClosedError: one of them can never be done: its end is closed, or nothing can be sent any more.
        BlockingInLoopError: it would have to wait, on an event loop with actors; use `select_async`.
    """
    ports = ports_here()
    order = _shuffled(_checked(cases), ports)
    outcome = select_cases([case for _, case in order], check_timeout(timeout))
    return _selected(cases, order, outcome, timeout)


async def select_async(*cases: Receiving[Any] | SendCase[Any], timeout: float | None = None) -> Selected:
    """Do as `select` without blocking the event loop."""
    ports = ports_here()
    order = _shuffled(_checked(cases), ports)
    outcome = await select_cases_async([case for _, case in order], check_timeout(timeout))
    return _selected(cases, order, outcome, timeout)


def _checked(cases: Sequence[Any]) -> list[Case]:
    if not cases:
        msg = "select() needs at least one case: with none it would wait for ever"
        raise ValueError(msg)
    checked = []
    for case in cases:
        if isinstance(case, Receiving):
            checked.append(Case(case._pipe, case, NOTHING))
        elif isinstance(case, SendCase):
            checked.append(Case(case.sender._pipe, case.sender, case.sender._checked(case.value)))
        else:
            msg = f"case={case!r} is not valid: a receiver, or sender.sending(value)"
            raise TypeError(msg)
    return checked


def _shuffled(cases: list[Case], ports: Ports) -> list[tuple[int, Case]]:
    """Return `cases` with their numbers, in random order (Fisher-Yates)."""
    order = list(enumerate(cases))
    for last in range(len(order) - 1, 0, -1):
        other = int(ports.random.random() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order


def _selected(cases: Sequence[Any], order: list[tuple[int, Case]], outcome: Outcome | None, timeout: float | None) -> Selected:
    if outcome is None:
        msg = f"none of {len(cases)} cases was possible within {timeout} seconds"
        raise Timeout(msg)
    index = order[outcome.case][0]
    return Selected(index, cases[index], None if outcome.value is NOTHING else outcome.value, outcome.ended)
