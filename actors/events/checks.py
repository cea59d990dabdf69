"""What is refused when a bus or a subscription is made."""

from __future__ import annotations

import inspect
from typing import Any

from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds
from actors.channels.using import Sending
from actors.events.records import Slow

__all__ = ["check_count", "check_of", "check_slow", "check_target"]


def check_count(name: str, count: object, *, least: int = 1) -> int:
    """Return a whole number of at least `least`, or raise naming parameter and value."""
    if isinstance(count, bool) or not isinstance(count, int):
        msg = f"{name}={count!r} is not valid: a whole number, {least} or more"
        raise TypeError(msg)
    if count < least:
        msg = f"{name}={count!r} is not valid: {least} or more"
        raise ValueError(msg)
    return count


def check_of(of: object) -> type[Any]:
    """Return a class of events, or raise."""
    if not isinstance(of, type):
        msg = f"of={of!r} is not valid: the class of the events that are wanted; leave it out for all"
        raise TypeError(msg)
    return of


def check_slow(slow: object, timeout: object) -> float | None:
    """Return the timeout of a subscription, or raise if it is none, or if the policy does not wait."""
    if not isinstance(slow, Slow):
        msg = f"slow={slow!r} is not valid: use a member of Slow"
        raise TypeError(msg)
    if timeout is None:
        return None
    if slow is not Slow.BLOCK:
        msg = f"timeout={timeout!r} is not valid with slow={slow}: nobody waits; it is for Slow.BLOCK"
        raise ValueError(msg)
    return check_seconds("timeout", timeout)


def check_target(target: object, *, responds: bool = False) -> None:
    """Raise TypeError unless `target` is something that events, or requests, can go to."""
    kinds = "a function of a BusEvent, or the ref of an actor" if responds else "a function of a BusEvent, the ref of an actor, or a Sender"
    if isinstance(target, ActorRef) or (isinstance(target, Sending) and not responds):
        return
    if isinstance(target, type) or not callable(target):
        msg = f"target={target!r} is not valid: {kinds}{'' if responds else '; none, to receive from the subscription'}"
        raise TypeError(msg)
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        msg = f"target={target!r} is not valid: a generator, which does nothing when it is called; {kinds}"
        raise TypeError(msg)
