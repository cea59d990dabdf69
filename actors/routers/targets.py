"""What a router sends to: one of its routees, or several of them at once.

Both have `tell` and the three ways to send that every ref has. What these raise says that nobody has taken the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors.errors import ActorDeadError, ActorError
from actors.routers.errors import NoRouteeError
from actors.routers.gathering import AllAnswers, Chopping, FirstAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.messages import Note
    from actors._core.ref import ActorRef
    from actors.routers.gathering import Gathering

__all__ = ["Chopped", "Everyone", "Target", "tell_each"]


class Target(Protocol):
    """See the module, and `ActorRef`."""

    def tell(self, message: Any) -> None:
        """Send `message`."""

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None: ...

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None: ...

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None: ...


def tell_each(refs: tuple[ActorRef[Any], ...], send: Callable[[ActorRef[Any]], object]) -> tuple[int, ActorError | None]:
    """Send to all of `refs`; return how many have got it, and the first refusal of one that is alive."""
    got, refusal = 0, None
    for ref in refs:
        try:
            send(ref)
        except ActorDeadError:
            continue
        except ActorError as error:
            refusal = refusal or error
        else:
            got += 1
    return got, refusal


class Everyone:
    """All routees at once.

    One that has ended is passed over. If another refuses a `tell`, the rest gets it all the same, and the refusal is raised with a note.

    Args:
        router: whose routees they are.
        refs: the routees.
        first: whether the first answer of an ask is enough. Then nobody waits for room in the mailbox of a routee: others have some.
    """

    __slots__ = ("_first", "_refs", "_router")

    def __init__(self, router: Cell, refs: tuple[ActorRef[Any], ...], *, first: bool) -> None:
        self._router = router
        self._refs = refs
        self._first = first

    def tell(self, message: Any) -> None:
        """Send `message` to all."""
        self._tell(message, lambda ref: ref.tell(message))

    def _tell(self, message: Any, send: Callable[[ActorRef[Any]], object]) -> None:
        self._check(message, *tell_each(self._refs, send))

    def _check(self, message: Any, got: int, refusal: ActorError | None) -> None:
        if refusal is not None:
            refusal.add_note(f"{got} of {len(self._refs)} routees of {self._router.path} have got the message all the same")
            raise refusal
        if not got:
            raise NoRouteeError(self._router.path, message)

    def _gathering(self, future: Future[Any]) -> Gathering:
        return FirstAnswer(self._router, future) if self._first else AllAnswers(self._router, future)

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None:
        if future is None:
            self._tell(message, lambda ref: ref._send(message, None, note, timeout))
            return timeout
        if self._first:
            self._send_at_once(message, future, note)
            return timeout
        gathering, left = self._gathering(future), timeout
        for ref in self._refs:
            with gathering.asking() as ask:
                left = ref._send(message, ask, note, left)
            if future.done():  # failed already: the rest need not be asked
                break
        gathering.sent(message)
        return left

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None:
        clock = self._router.system.ports.clock
        until = None if timeout is None else clock.now() + timeout
        if future is not None:
            if self._first:
                self._send_at_once(message, future, note)
                return
            gathering = self._gathering(future)
            for ref in self._refs:
                with gathering.asking() as ask:
                    await ref._send_async(message, ask, note, None if until is None else max(0.0, until - clock.now()))
                if future.done():
                    break
            gathering.sent(message)
            return
        got, refusal = 0, None
        for ref in self._refs:
            try:
                await ref._send_async(message, None, note, None if until is None else max(0.0, until - clock.now()))
            except ActorDeadError:
                continue
            except ActorError as error:
                refusal = refusal or error
            else:
                got += 1
        self._check(message, got, refusal)

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None:
        if future is None:
            self._tell(message, lambda ref: ref._send_at_once(message, None, note))
            return
        gathering = self._gathering(future)
        for ref in self._refs:
            with gathering.asking() as ask:
                ref._send_at_once(message, ask, note)
            if future.done():
                break
        gathering.sent(message)


class Chopped:
    """One routee after the other, until there is an answer.

    Args:
        router: whose routees they are.
        refs: the routees.
        interval: seconds after which the next is asked.
    """

    __slots__ = ("_interval", "_refs", "_router")

    def __init__(self, router: Cell, refs: tuple[ActorRef[Any], ...], interval: float) -> None:
        self._router = router
        self._refs = refs
        self._interval = interval

    def tell(self, message: Any) -> None:
        """Send `message` to any one."""
        self._any(message, lambda ref: ref.tell(message))

    def _order(self) -> list[ActorRef[Any]]:
        """Return the routees from a random one on."""
        first = int(self._router.system.ports.random.random() * len(self._refs))
        return [*self._refs[first:], *self._refs[:first]]

    def _any(self, message: Any, send: Callable[[ActorRef[Any]], object]) -> None:
        for ref in self._order():
            try:
                send(ref)
            except ActorDeadError:
                continue
            return
        raise NoRouteeError(self._router.path, message)

    def _send(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> float | None:
        if future is None:
            self._any(message, lambda ref: ref._send(message, None, note, timeout))
        else:
            self._send_at_once(message, future, note)
        return timeout

    async def _send_async(self, message: Any, future: Future[Any] | None, note: Note | None, timeout: float | None) -> None:
        if future is not None:
            self._send_at_once(message, future, note)
            return
        for ref in self._order():
            try:
                await ref._send_async(message, None, note, timeout)
            except ActorDeadError:
                continue
            return
        raise NoRouteeError(self._router.path, message)

    def _send_at_once(self, message: Any, future: Future[Any] | None, note: Note | None) -> None:
        if future is None:
            self._any(message, lambda ref: ref._send_at_once(message, None, note))
            return
        Chopping(self._router, future, iter(self._order()), message, note, self._interval).go_on()
