"""The ref of a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from actors._core.ref import ActorRef
from actors._core.seconds import check_timeout
from actors._core.sending import note_of
from actors.errors import ActorDeadError, DeadlockError
from actors.routers.errors import NoRouteeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.actor import Actor
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.messages import Note, Request
    from actors._core.proxy import ActorProxy
    from actors.routers.switch import Switch

__all__ = ["RouterRef"]

R = TypeVar("R")
A_co = TypeVar("A_co", bound="Actor", covariant=True)


class RouterRef(ActorRef[A_co], Generic[A_co]):
    """Sends to the routees of a router: whom, its routing decides, in the call that sends.

    It is an `ActorRef`, and equal to every other ref of the router's actor. What is sent, by `tell`, `ask`, `call`, `proxy` and their kin,
    goes to routees; everything else is of the router's actor itself: path, state, `stop`, `kill`, watching. As bytes it becomes the
    address of that actor, which sends on what it gets.

    A message that a routee does not take because it has ended goes to another one. One that is full refuses it as it would refuse the
    sender: other routees have no room to spare that the routing does not know of.
    """

    __slots__ = ("_switch",)

    def __init__(self, target: Cell, switch: Switch) -> None:
        super().__init__(target)
        self._switch = switch

    def __repr__(self) -> str:
        return f"<RouterRef for {self}>"

    def tell(self, message: Any) -> None:
        """Send `message` to a routee, or to all if the routing says so.

        Raises:
            NoRouteeError: there is none.
            ActorDeadError: the router has ended.
            MailboxFullError, MutableMessageError, CodecError: as of the routee.
            BaseException: what the routing's own function raised.
        """
        switch = self._switch
        target = switch.pick(message)
        try:
            target.tell(message)
        except ActorDeadError as error:
            tried = [target]
            while True:
                tried.append(switch.instead(tried, message, error))
                try:
                    return tried[-1].tell(message)
                except ActorDeadError as again:
                    error = again

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None:
        clock = self._target.system.ports.clock
        until = None if timeout is None else clock.now() + timeout
        switch = self._switch
        tried = [switch.pick(message)]
        left = timeout
        while True:
            try:
                return tried[-1]._send(message, future, note, left)
            except ActorDeadError as error:
                tried.append(switch.instead(tried, message, error))
                left = None if until is None else max(0.0, until - clock.now())

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None:
        clock = self._target.system.ports.clock
        until = None if timeout is None else clock.now() + timeout
        switch = self._switch
        tried = [switch.pick(message)]
        left = timeout
        while True:
            try:
                return await tried[-1]._send_async(message, future, note, left)
            except ActorDeadError as error:
                tried.append(switch.instead(tried, message, error))
                left = None if until is None else max(0.0, until - clock.now())

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None:
        switch = self._switch
        tried = [switch.pick(message)]
        while True:
            try:
                return tried[-1]._send_at_once(message, future, note)
            except ActorDeadError as error:
                tried.append(switch.instead(tried, message, error))

    @overload
    async def ask_async(self, message: Request[R], *, timeout: float | None = None, deadline: float | None = None) -> R: ...

    @overload
    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any: ...

    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any:
        """Send `message` to a routee and await the answer, without blocking the event loop. Cancelling the await cancels the ask.

        Args and raises: as for `ask`.
        """
        check_timeout(timeout)
        future = self._target.system.ports.awaiter.reply()
        note = note_of(self._target, deadline)
        try:
            return await self._ask_within(message, future, note, timeout)
        except DeadlockError:
            future.cancel()
            raise
        except Exception:
            raise
        except BaseException:  # the await was cancelled
            future.cancel()
            raise

    def proxy(self) -> ActorProxy[A_co]:
        """Return a proxy of the routees: each call and each look at an attribute is a message, and routed like one.

        Raises:
            ActorDeadError: the router has ended.
            NoRouteeError: it has no routees, by which it knows their methods.
        """
        if self.is_alive() and self._routee() is None:
            raise NoRouteeError(self.path)
        return super().proxy()

    def _routee(self) -> ActorRef[Any] | None:
        return next((ref for ref in self._switch.routees if ref.is_alive()), None)

    @property
    def _actor_weakref(self) -> Callable[[], A_co | None]:  # type: ignore[override]
        routee = self._routee()  # a proxy looks up methods and attributes there
        return routee._actor_weakref if routee is not None else lambda: None

    def _load(self) -> int:
        return self._switch.load()
