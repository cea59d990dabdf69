"""The real ports."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import uuid

from actors._core import ports
from actors.dispatch.clock import RealClock
from actors.dispatch.waiting import AsyncioAwaiter, RealWaiter

__all__ = ["RealIds", "ambient_clock", "real_ports"]


class RealIds:
    """Random identity."""

    def __init__(self) -> None:
        # Numbers, made text when somebody reads one: a call of a C iterator is all that a send has time for.
        self.correlation = itertools.count(1).__next__

    def urn(self) -> str:
        """Return a new UUID4 URN."""
        return uuid.uuid4().urn


def real_ports(clock: RealClock | None = None) -> ports.Ports:
    """Return ports onto the real world, with a clock of their own unless one is given."""
    return ports.Ports(
        clock=clock or RealClock(),
        random=random.SystemRandom(),
        ids=RealIds(),
        waiter=RealWaiter(),
        awaiter=AsyncioAwaiter(),
        cancelled=(asyncio.CancelledError,),
    )


ambient_clock = RealClock("greenroom-ambient-clock")
ports.install(real_ports(ambient_clock))


def _after_fork() -> None:
    ambient_clock.forget()


os.register_at_fork(after_in_child=_after_fork)
