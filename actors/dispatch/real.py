"""The real ports."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import random
import uuid
import weakref

from actors._core import ports
from actors.dispatch.clock import RealClock
from actors.dispatch.waiting import AsyncioAwaiter, RealWaiter

__all__ = ["RealIds", "ambient_clock", "real_ports"]

_random = random.SystemRandom()
_all_ids: weakref.WeakSet[RealIds] = weakref.WeakSet()


COUNTED = 24  # low bits of a correlation id, which count
RANDOM = 38  # bits above, by which it differs from those of other systems, processes and runs
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # five bits each; none is taken for another


@functools.lru_cache(maxsize=64)
def _prefix(number: int) -> str:
    return "".join(DIGITS[number >> shift & 31] for shift in range(35, -1, -5))


class RealIds:
    """Random identity."""

    def __init__(self) -> None:
        self.renew()
        _all_ids.add(self)

    def renew(self) -> None:
        """Count correlation ids from another random number on."""
        # Numbers, made text when somebody reads one: a call of a C iterator is all that a send has time for. An id is carried from
        # system to system, so the number has in it what makes it unique. Once the low bits have run out, the prefix changes.
        self.correlation = itertools.count((_random.getrandbits(RANDOM) << COUNTED) + 1).__next__

    def text_of(self, correlation: int) -> str:
        """Return a correlation id like ``7k3f9xq2-15``; those of one system differ after the hyphen."""
        return f"{_prefix(correlation >> COUNTED)}-{correlation & (1 << COUNTED) - 1}"

    def urn(self) -> str:
        """Return a new UUID4 URN."""
        return uuid.uuid4().urn


def real_ports(clock: RealClock | None = None) -> ports.Ports:
    """Return ports onto the real world, with a clock of their own unless one is given."""
    return ports.Ports(
        clock=clock or RealClock(),
        random=_random,
        ids=RealIds(),
        waiter=RealWaiter(),
        awaiter=AsyncioAwaiter(),
        cancelled=(asyncio.CancelledError,),
    )


ambient_clock = RealClock("greenroom-ambient-clock")
ports.install(real_ports(ambient_clock))


def _after_fork() -> None:
    ambient_clock.forget()
    for ids in list(_all_ids):  # a system made here with inherited ports is another one
        ids.renew()


os.register_at_fork(after_in_child=_after_fork)
