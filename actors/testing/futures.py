"""Futures in a simulation: to read an answer that is there already is a step, too, and makes its reader depend on it."""

from __future__ import annotations

import functools
import queue
import sys
from typing import TYPE_CHECKING, Any

from actors._core.future import Future
from actors._core.ports import simulated
from actors._core.wait import wait_for_one

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors.testing.network import Now
    from actors.testing.world import World

__all__ = ["SimFuture", "adopting", "origin_of"]


class SimFuture(Future[Any]):
    """Remembers where it was resolved.

    An answer that came before it was read, and one that came after, are told apart by nobody: so both make the reader wait for a step.
    Otherwise what it sends next might overtake what led to the answer, and an order would look like two.
    """

    _world: World | None = None
    _origin: Now | None = None
    _installed = 0  # what those knew who gave it a hook
    resource: Any = None  # the name of this future, where runs are compared

    @staticmethod
    def adopt(future: Future[Any], world: World) -> None:
        """Make a future that nobody has resolved yet one of these."""
        if type(future) is Future:
            future.__class__ = SimFuture
            future._join(world)  # type: ignore[attr-defined]

    def __init__(self) -> None:
        super().__init__()
        ports = simulated()  # one that is computed from another of these
        if ports is not None:
            self._join(ports.dispatcher)  # type: ignore[arg-type]  # those of a simulation have a dispatcher, its world

    def _join(self, world: World) -> None:
        self._world = world
        if world.names is not None:
            self.resource = ("future", world.name("future", world.at_work))

    def try_set(self, value: Any = None) -> bool:
        """Do as `Future` does; a refusal tells who was faster."""
        self._remember()
        done = super().try_set(value)
        self._look(changes=False)
        return done

    def try_fail(self, error: BaseException) -> bool:
        """Do as `Future` does; a refusal tells who was faster."""
        self._remember()
        done = super().try_fail(error)
        self._look(changes=False)
        return done

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        """Do as `Future` does; whoever reads it, or comes too late with another, learns of who installed the hook."""
        self._look(changes=True)
        try:
            super().set_get_hook(func)
        except queue.Full:
            self._look(changes=False)
            raise
        if self._world is not None:
            self._installed |= self._world.at_work.past

    def _end_hook(self, state: int, value: Any) -> bool:
        self._look(changes=True)
        if self._hook_claim and self._world is not None:
            self._origin = self._world.resolves()
        return super()._end_hook(state, value)

    def done(self) -> bool:
        """Do as `Future` does."""
        self._look(changes=False)
        return super().done()

    def cancelled(self) -> bool:
        """Do as `Future` does."""
        self._look(changes=False)
        return super().cancelled()

    def _call_when_done(self, callback: Callable[[Future[Any]], object]) -> None:
        self._look(changes=False)
        super()._call_when_done(callback)

    def _registers(self) -> int:
        world = self._world
        return world.at_work.past if world is not None and world.lives_here() else 0

    def _informs(self, known: int) -> None:
        world = self._world
        if world is not None and world.lives_here():
            world.at_work.past |= known

    def _look(self, *, changes: bool) -> None:
        world = self._world
        if world is None or not world.lives_here():
            return
        if self.resource is not None:
            world.looks_at(self.resource, changes=changes)
        if not changes:
            world.at_work.past |= self._installed | (self._origin.past if super().done() and self._origin is not None else 0)

    def _remember(self) -> None:
        self._look(changes=True)
        if self._claim and self._world is not None:  # or it is resolved already, or has a hook
            self._origin = self._world.resolves()

    def _unknown(self) -> bool:
        origin = self._origin
        return origin is not None and self._world is not None and super().done() and not self._world.knows(origin.mark)

    def _wait(self, timeout: float | None) -> None:
        """Wait for a step at least, where a wait is possible and tells anything."""
        on_loop = self._world is not None and self._world.on_loop()  # there a wait is refused, but not a look at what is there
        # It matters whether the future is resolved by now: a wait may end otherwise, or this computes it.
        if on_loop or timeout is not None or self._get_hook is not None:
            self._look(changes=False)
        if not on_loop and self._unknown():
            wait_for_one((self,), None)

    def get(self, *, timeout: float | None = None) -> Any:
        """Do as `Future` does; wait for a step at least."""
        self._wait(timeout)
        return super().get(timeout=timeout)

    def exception(self, *, timeout: float | None = None) -> BaseException | None:
        """Do as `Future` does; wait for a step at least."""
        self._wait(timeout)
        return super().exception(timeout=timeout)

    def __await__(self) -> Generator[None, None, Any]:
        """Do as `Future` does; wait for a step at least."""
        if self._unknown():
            awaiter = self._ports().awaiter
            waiter, wake, cell = awaiter.begin(self)
            try:
                yield from waiter
            finally:
                awaiter.end(self, wake, cell)
        return (yield from super().__await__())


def origin_of(future: object) -> Now | None:
    """Return where `future` was resolved; None if that is not known, or is the step under way."""
    return future._origin if isinstance(future, SimFuture) else None


@functools.cache  # each run of an exploration wants the same one
def adopting(init: Callable[[Future[Any]], None]) -> Callable[[Future[Any]], None]:
    """Return the constructor of futures as it is in simulations: those that are made by hand become `SimFuture`, like those of asks."""

    def adopted(self: Future[Any]) -> None:
        init(self)
        # Of its own the kernel hands those over that somebody learns from: of asks when they are sent, of stops, kills and restarts.
        if type(self) is Future and not sys._getframe(1).f_globals.get("__name__", "").startswith("actors."):
            ports = simulated()
            if ports is not None:
                ports.dispatcher.adopt(self)  # type: ignore[union-attr]  # those of a simulation have a dispatcher, its world

    return adopted
