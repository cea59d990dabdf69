"""Futures in a simulation: to read an answer that is there already is a step, too, and makes its reader depend on it."""

from __future__ import annotations

import functools
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

    def _end_hook(self, state: int, value: Any) -> bool:
        self._remember()
        return super()._end_hook(state, value)

    def done(self) -> bool:
        """Do as `Future` does."""
        self._look(changes=False)
        return super().done()

    def cancelled(self) -> bool:
        """Do as `Future` does."""
        self._look(changes=False)
        return super().cancelled()

    def add_done_callback(self, callback: Callable[[Future[Any]], object]) -> None:
        """Do as `Future` does; whoever resolves it learns of what its callback knew, which acts for both."""
        world = self._world
        by = world.snapshot() if world is not None else None

        def informed(future: Future[Any]) -> object:
            if world is not None and by is not None and world.lives_here():
                world.at_work.past |= by.past
            return callback(future)

        self._look(changes=False)
        super().add_done_callback(informed if callable(callback) else callback)

    def _look(self, *, changes: bool) -> None:
        world = self._world
        if world is None or not world.lives_here():
            return
        if self.resource is not None:
            world.looks_at(self.resource, changes=changes)
        if not changes and super().done() and self._origin is not None:
            world.at_work.past |= self._origin.past

    def _remember(self) -> None:
        self._look(changes=True)
        if self._origin is None and self._world is not None:
            self._origin = self._world.resolves()

    def _unknown(self) -> bool:
        origin = self._origin
        return origin is not None and self._world is not None and super().done() and not self._world.knows(origin.mark)

    def _depends(self, timeout: float | None) -> None:
        """Note that it matters whether the future is resolved by now: a wait may end otherwise, or this computes it."""
        if timeout is not None or self._get_hook is not None:
            self._look(changes=False)

    def get(self, *, timeout: float | None = None) -> Any:
        """Do as `Future` does; wait for a step at least."""
        self._depends(timeout)
        if self._unknown():
            wait_for_one((self,), None)
        return super().get(timeout=timeout)

    def exception(self, *, timeout: float | None = None) -> BaseException | None:
        """Do as `Future` does; wait for a step at least."""
        self._depends(timeout)
        if self._unknown():
            wait_for_one((self,), None)
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
    return future._origin if type(future) is SimFuture else None


@functools.cache  # each run of an exploration wants the same one
def adopting(init: Callable[[Future[Any]], None]) -> Callable[[Future[Any]], None]:
    """Return the constructor of futures as it is in simulations: those that are made by hand become `SimFuture`, like those of asks."""

    def adopted(self: Future[Any]) -> None:
        init(self)
        # The kernel's own futures tell nobody anything: those of starts and stops, and of asks until they are sent.
        if type(self) is Future and not sys._getframe(1).f_globals.get("__name__", "").startswith("actors."):
            ports = simulated()
            if ports is not None:
                ports.dispatcher.adopt(self)  # type: ignore[union-attr]  # those of a simulation have a dispatcher, its world

    return adopted
