"""What outlives one system: the registry, the process that living actors keep alive, and what a fork leaves behind."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core import admission, deadlock
from actors._core.cell import Lane
from actors._core.doors import Door
from actors._core.registry import share
from actors.dispatch import stacks
from actors.dispatch.waiting import hosts_nobody
from actors.errors import ForkedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors.runtime import Runtime

__all__ = ["NO_LANE", "ForkedDoor", "all_runtimes", "defaults", "keep_alive", "refs", "runtimes", "watchers"]

refs = share()


class ForkedDoor(Door):
    """Where the mailbox was before the fork."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def append(self, _: object, *_timeout: float) -> None:
        """Refuse."""
        raise ForkedError(self._name)

    exempt = offer = append


class NoHost:
    """The host of actors that are not started: they queue."""

    def __init__(self) -> None:
        self.queue: deque[Cell] = deque(maxlen=0)
        self.sleepers: list[Any] = []

    def wake(self) -> None:
        """Nobody sleeps here."""

    def retire(self, cell: Cell) -> None:
        """Nothing is kept for a cell."""

    def check_turns(self) -> None:
        """The turns come when the actor is started."""


NO_LANE = Lane(NoHost())


# -- what outlives one system ----------------------------------------------------------------------------------------------

runtimes: weakref.WeakSet[Runtime] = weakref.WeakSet()
watchers: list[Callable[[Runtime], object]] = []  # called with each runtime that is made; appended to and removed from, one operation each
defaults: dict[str, bool] = {"tracing": False}  # what a config that does not say gets
_keeper: threading.Thread | None = None
_keeper_lock = threading.Lock()


def all_runtimes() -> list[Runtime]:
    """Return all runtimes that there are at this moment."""
    while True:
        try:
            return list(runtimes)
        except RuntimeError:  # another thread has just made one
            continue


def keep_alive() -> None:
    """Have a thread that keeps the process alive, as pykka's threads would, while an actor of the default system lives."""
    global _keeper  # noqa: PLW0603
    if _keeper is None:
        with _keeper_lock:
            if _keeper is None:
                _keeper = threading.Thread(target=_keep, name="greenroom-keeper", daemon=False)
                _keeper.start()


def _keep() -> None:
    threading.main_thread().join()
    for runtime in all_runtimes():
        if runtime.is_default:
            runtime.keep_process()


def _after_fork() -> None:
    global _keeper, _keeper_lock  # noqa: PLW0603
    _keeper = None
    _keeper_lock = threading.Lock()
    # Locks of modules may have been held by threads that did not come along.
    deadlock.renew()
    admission.renew()
    stacks.renew()
    hosts_nobody()
    for runtime in all_runtimes():
        runtime.forked()
    refs.forget_cells()


os.register_at_fork(after_in_child=_after_fork)
