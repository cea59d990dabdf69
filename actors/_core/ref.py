"""References: the only way to an actor."""

from __future__ import annotations

import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, overload

import pykka
from pykka.messages import ProxyCall

from actors._core import ending
from actors._core.admission import admit, settle, warm
from actors._core.bounded import BoundedMailbox
from actors._core.context import current_cell
from actors._core.doors import CLOSED, Shut
from actors._core.future import Future
from actors._core.inbox_view import InboxView
from actors._core.lifecycle import Lifecycle
from actors._core.messages import Control, Entry, Note, Request, Signal
from actors._core.ports import touched
from actors._core.seconds import check_seconds, check_timeout
from actors._core.sending import note_of, send_async, send_at_once, send_within
from actors._core.stats import ActorStats, snapshot
from actors.errors import ActorError, DeadlockError, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from threading import Event

    from actors._core.actor import Actor
    from actors._core.address import RefAddress
    from actors._core.cell import Cell
    from actors._core.proxy import ActorProxy

__all__ = ["ActorRef"]

A_co = TypeVar("A_co", bound="Actor", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")

NO_ANSWER = "no answer within {} seconds"  # of those that were given: sending took some


class ActorRef(pykka.ActorRef[A_co], Generic[A_co]):  # type: ignore[type-var]  # pykka's is invariant without need
    """The address of an actor. Pass it to whoever shall send to it; keep it as long as you like.

    Refs are equal, and hash alike, when system, path and uid are: a restarted actor keeps its refs, a new actor under an old name gets
    new ones, and a ref to a dead actor stays dead.
    """

    __slots__ = ("_target",)

    def __init__(self, target: Cell) -> None:  # pyright: ignore[reportMissingSuperCall]  # pykka's fields are properties here
        if not hasattr(target, "token"):
            msg = f"ActorRef({target!r}) is not valid: refs come from start(), spawn(), lookup() and messages"
            raise TypeError(msg)
        self._target = target

    # -- address -----------------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        # Refs that send in a way of their own, such as those of routers, are of other classes. Not `isinstance`: anybody may say to be one.
        if not issubclass(type(other), ActorRef):
            return NotImplemented
        mine, theirs = self._target, other._target  # type: ignore[attr-defined]  # it is one
        return mine is theirs

    def __hash__(self) -> int:
        return hash(self._target)

    def __copy__(self) -> ActorRef[A_co]:
        return self

    def __deepcopy__(self, memo: object) -> ActorRef[A_co]:
        return self

    def __reduce__(self) -> Any:
        msg = f"{self!r} cannot be pickled: use system.codec to make bytes of it, or send ref.address"
        raise TypeError(msg)

    def __repr__(self) -> str:
        return f"<ActorRef for {self}>"

    def __str__(self) -> str:
        return self._target.label()

    @property
    def actor_class(self) -> type[A_co]:  # type: ignore[override]
        """The class of the actor."""
        return self._target.actor_class

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """A UUID4 URN of the actor, made when first asked for."""
        return self._target.get_urn()

    @property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """Pykka's view of the mailbox: `put(envelope)` and `empty()`."""
        return InboxView(self._target)

    @property
    def actor_stopped(self) -> Event:  # type: ignore[override]
        """An event that is set once the mailbox is closed."""
        touched(self._target.system.ports, self._target)
        return self._target.system.stopped_event(self._target)

    @property
    def _actor_weakref(self) -> Callable[[], A_co | None]:  # type: ignore[override]
        cell = self._target
        actor = cell.actor
        return weakref.ref(actor) if actor is not None else lambda: None

    @property
    def path(self) -> str:
        """The names from the root of the system down, like ``/parent/child``."""
        return self._target.path

    @property
    def name(self) -> str:
        """The actor's name among its siblings."""
        return self._target.get_name()

    @property
    def uid(self) -> int:
        """A number that no other actor of the system has or will have."""
        return self._target.uid

    @property
    def address(self) -> RefAddress:
        """What travels of the ref: it names this very actor, also outside of the process. `ActorSystem.codec` finds the actor by it.

        Raises:
            CodecError: the actor was built by hand and is not started, so it has no place yet.
        """
        return self._target.system.address_of(self._target)

    @property
    def state(self) -> Lifecycle:
        """Where the actor is in its life, at this moment."""
        touched(self._target.system.ports, None)
        return self._target.state

    def is_alive(self) -> bool:
        """Tell whether the mailbox is open."""
        touched(self._target.system.ports, self._target)
        return self._target.inbox is not CLOSED

    # -- sending -----------------------------------------------------------------------------------------------------------

    def tell(self, message: Any) -> None:
        """Send `message` and go on.

        Raises:
            ActorDeadError: the actor is stopped; the error carries the message.
            MailboxFullError: the bounded mailbox refused it; the error carries the message.
            MutableMessageError, CodecError: the actor is isolated, and cannot be given it; see `Isolation`.
        """
        target = self._target
        inbox = target.inbox
        try:
            inbox.append(message)
        except Shut:
            admit(target, message)
        else:
            if target.inbox is not inbox:
                settle(target, inbox)
        if target.token:
            try:
                cell = target.token.pop()
            except IndexError:  # another sender was faster
                return
            host = target.lane.host
            host.queue.append(cell)
            if host.sleepers:
                host.wake()

    def tell_within(self, message: Any, deadline: float) -> None:
        """Send `message`; if the actor has not taken it within `deadline` seconds it becomes a dead letter instead.

        Raises:
            ActorDeadError: the actor is stopped.
            MailboxFullError: the mailbox refused it, or had no room within `deadline`.
        """
        clock = self._target.system.ports.clock
        self._send(message, None, Note(clock.now() + check_seconds("deadline", deadline)), None)

    async def tell_async(self, message: Any, *, deadline: float | None = None) -> None:
        """Send `message`, awaiting room in a bounded mailbox instead of blocking the event loop.

        Raises:
            ActorDeadError: the actor is stopped, or stopped before it had room.
            MailboxFullError: the mailbox refused it (policy REJECT), or had no room within its timeout or `deadline`.
        """
        await self._send_async(message, None, None if deadline is None else note_of(self._target, deadline), None)

    @overload
    def ask(
        self, message: Request[R], *, block: Literal[False], timeout: float | None = None, deadline: float | None = None
    ) -> Future[R]: ...

    @overload
    def ask(
        self, message: Request[R], *, block: Literal[True] = True, timeout: float | None = None, deadline: float | None = None
    ) -> R: ...

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = None, deadline: float | None = None) -> Future[Any]: ...

    @overload
    def ask(self, message: Any, *, block: Literal[True] = True, timeout: float | None = None, deadline: float | None = None) -> Any: ...

    @overload
    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None, deadline: float | None = None) -> Any: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None, deadline: float | None = None) -> Any:
        """Send `message` and get the answer.

        Args:
            message: anything; a `Request[R]` makes the answer's type known.
            block: False returns a `Future` at once, or as soon as a bounded mailbox has room.
            timeout: seconds to wait at most, for room in a bounded mailbox and then for the answer; a message that was let in is handled
                all the same.
            deadline: seconds within which the actor must take the message; later it is not handled any more. Asks that its
                handler makes inherit what is left.

        Raises (or the future fails with):
            ActorDeadError: the actor is stopped, or stopped before it handled the message.
            DeadlineExceeded: the actor did not take the message within `deadline`.
            MailboxFullError: the mailbox refused the message, or had no room in time.
            MutableMessageError, CodecError: the actor is isolated, and message or answer cannot pass; see `Isolation`.
            Timeout: no answer within `timeout`.
            DeadlockError: the answer could never come.
            BaseException: what the handler raised.
        """
        check_timeout(timeout)
        if block:
            self._target.system.ports.waiter.check("ask() would block the event loop; write `await ref.ask_async(...)`")
        future: Future[Any] = Future()
        note = note_of(self._target, deadline)
        left = timeout
        try:
            left = self._send(message, future, note, timeout)
        except ActorError as error:
            future.try_fail(error)
        if not block:
            return future
        try:
            return future.get(timeout=left)
        except Timeout:
            if future.done():
                raise
            raise Timeout(NO_ANSWER.format(timeout)) from None
        except DeadlockError:
            future.cancel()  # a message that waits is not handled: its asker was told that it cannot be
            raise

    # Sending in three ways, for `ask` and its kin and for those who pass messages on. What they raise, an ActorDeadError above all, says
    # that the actor has not taken the message. Refs that choose among several actors override these three and `tell`.

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None:
        """Send `message`, to be answered by `future`; return what is left of the seconds to wait."""
        if future is not None:
            future._cell = self._target
        entry = Entry((message, future, note))
        if timeout is not None and self._bounded():
            return send_within(self._target, entry, timeout)
        self.tell(entry)
        return timeout

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None:
        """Do as `_send`, awaiting room in a bounded mailbox for at most `timeout` seconds."""
        if future is not None:
            future._cell = self._target
        await send_async(self._target, Entry((message, future, note)), timeout)

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None:
        """Do as `_send`, but refuse rather than wait for room."""
        if future is not None:
            future._cell = self._target
        send_at_once(self._target, Entry((message, future, note)))

    def _bounded(self) -> bool:
        warm(self._target)  # a cold mailbox may be full by the time that the message is there
        return isinstance(self._target.queue, BoundedMailbox)

    @overload
    async def ask_async(self, message: Request[R], *, timeout: float | None = None, deadline: float | None = None) -> R: ...

    @overload
    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any: ...

    async def ask_async(self, message: Any, *, timeout: float | None = None, deadline: float | None = None) -> Any:
        """Send `message` and await the answer, without blocking the event loop. Cancelling the await cancels the ask.

        Args and raises: as for `ask`.
        """
        target = self._target
        awaiter = target.system.ports.awaiter
        future = awaiter.reply()
        future._cell = target
        note = note_of(target, deadline)
        try:
            if timeout is None and type(target.queue) is deque:
                entry = Entry((message, future, note))
                if not awaiter.begin_now(target, entry):
                    self.tell(entry)
                return await awaiter.answer(future)
            return await self._ask_within(message, future, note, timeout)
        except DeadlockError:
            future.cancel()  # as in `ask`
            raise
        except Exception:
            raise
        except BaseException:  # the await was cancelled
            future.cancel()
            raise

    async def _ask_within(self, message: Any, future: Future[Any], note: Note | None, timeout: float | None) -> Any:
        """Send to a mailbox of any kind and await the answer, both within `timeout` seconds."""
        check_timeout(timeout)
        ports = self._target.system.ports
        begin = ports.clock.now()
        await self._send_async(message, future, note, timeout)
        if timeout is None:
            return await future
        try:
            return await ports.awaiter.within(future, max(0.0, timeout - (ports.clock.now() - begin)))
        except Timeout:
            if future.done():
                raise
            raise Timeout(NO_ANSWER.format(timeout)) from None

    @overload
    def call(self, method: Callable[Concatenate[A_co, P], Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    @overload
    def call(self, method: Callable[Concatenate[A_co, P], R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...

    def call(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a method on the actor, in its turn: ``ref.call(Counter.add, 2).get()``.

        The same as through `proxy()`, but the types of the arguments and of the answer are known; that of an async method is what its
        await gives.
        """
        name = getattr(method, "__name__", None)
        if not isinstance(name, str) or not name.isidentifier():  # like <lambda>
            msg = f"method={method!r} is not valid: a method of the actor's class, like Counter.add; it is found by its name"
            raise TypeError(msg)
        return self.ask(ProxyCall((name,), args, kwargs), block=False)

    def proxy(self) -> ActorProxy[A_co]:
        """Return a proxy: the actor's methods and attributes, each giving a `Future`.

        Raises:
            ActorDeadError: the actor is stopped.
        """
        from actors._core.proxy import ActorProxy  # noqa: PLC0415  # a cycle by nature: proxies hold refs

        return ActorProxy(actor_ref=self)

    # -- ending ------------------------------------------------------------------------------------------------------------

    @overload
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None, deadline: float | None = None) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None, deadline: float | None = None) -> Future[bool]: ...

    @overload
    def stop(self, *, block: bool = True, timeout: float | None = None, deadline: float | None = None) -> bool | Future[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None, deadline: float | None = None) -> bool | Future[bool]:
        """Let the actor handle the mail it has, and end.

        Args:
            block: False returns a future of the result at once.
            timeout: seconds to wait at most for the end; it goes on ending.
            deadline: seconds after which it is killed.

        Returns:
            True if it has ended now or was ending, False if it was dead already.
        """
        self._check_wait(block, timeout)
        return self._ended(ending.stop(self._target, deadline), block=block, timeout=timeout)

    @overload
    def kill(self, *, block: Literal[True] = True, timeout: float | None = None) -> bool: ...

    @overload
    def kill(self, *, block: Literal[False], timeout: float | None = None) -> Future[bool]: ...

    @overload
    def kill(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]: ...

    def kill(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]:
        """End the actor now, ahead of its mail and without `on_stop`.

        ActorKilled is thrown into a handler that waits; one that is blocked elsewhere is abandoned and fenced off.

        Returns:
            True if this ended it, False if it was dead already. An actor that kills itself does not wait: it gets True, and ends when
            its handler returns.
        """
        self._check_wait(block, timeout)
        return self._ended(ending.kill(self._target), block=block, timeout=timeout)

    @overload
    def restart(self, *, block: Literal[True] = True, timeout: float | None = None) -> bool: ...

    @overload
    def restart(self, *, block: Literal[False], timeout: float | None = None) -> Future[bool]: ...

    @overload
    def restart(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]: ...

    def restart(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]:
        """Replace the instance behind this ref, ahead of the mail that waits; the mail stays.

        Returns:
            True if a new instance is running, False if the actor is dead or died of it. An actor that restarts itself does not wait:
            it gets True, and is replaced when its handler returns.
        """
        self._check_wait(block, timeout)
        return self._ended(ending.restart(self._target), block=block, timeout=timeout)

    def _check_wait(self, block: bool, timeout: float | None) -> None:  # noqa: FBT001  # as the caller was given it
        """Refuse what cannot be waited for before anything has been done."""
        check_timeout(timeout)
        if block:
            self._target.system.ports.waiter.check("this would block the event loop; pass block=False and await the future")

    @staticmethod
    def _ended(future: Future[bool], *, block: bool, timeout: float | None) -> bool | Future[bool]:
        return future.get(timeout=timeout) if block else future

    def stats(self) -> ActorStats:
        """Return the counters of the actor, taken between two of its messages (or within the one that calls this).

        On an event loop, which must not wait, they are read at once: what the actor does meanwhile may show in part.

        ``accepted == handled + in_progress + waiting + stashed + dead_lettered + dropped`` in every snapshot.
        """
        cell = self._target
        dispatcher = cell.system.ports.dispatcher
        if dispatcher is not None:
            dispatcher.observed(cell)
        wait = cell.wait
        if wait is not None:
            stats = snapshot(cell)
            if cell.wait is wait:  # one wait, one parker: it has not moved meanwhile
                return stats
        still = cell.state in (Lifecycle.CREATED, Lifecycle.STOPPED)
        if still or current_cell() is cell or cell.system.ports.waiter.on_loop():
            return snapshot(cell)
        future: Future[ActorStats] = Future()
        cell.signal(Control(Signal.CALL, call=lambda: future.try_set(snapshot(cell))))
        try:
            return future.get(timeout=cell.system.config.blocked_after)
        except Timeout:
            if dispatcher is not None:
                dispatcher.observed(cell)
            return snapshot(cell)  # it is busy with one message: nothing else of it moves
