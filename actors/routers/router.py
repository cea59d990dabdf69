"""Routers: several actors behind one ref."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from actors._core.actor import Actor
from actors._core.context import current_entry, take_reply
from actors._core.events import DeadLetterReason
from actors._core.isolation import Isolation
from actors._core.lineage import FROM_USERS
from actors._core.mailbox import Unbounded
from actors._core.messages import Down, Entry
from actors._core.ref import ActorRef
from actors._core.seconds import check_timeout
from actors._core.watch import WatchNote
from actors.errors import ActorDeadError, ActorError
from actors.routers.refs import RouterRef
from actors.routers.routing import RoundRobin, Routing
from actors.routers.switch import Switch, check_refs, check_routing
from actors.routers.targets import tell_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from actors.system import ActorSystem

__all__ = ["Router", "RouterActor"]

A = TypeVar("A", bound=Actor)

Way: TypeAlias = "Routing | Callable[[Any, tuple[ActorRef[Any], ...]], ActorRef[Any]]"

_ROUND_ROBIN = RoundRobin()
STARTS_WITHIN = 5.0  # seconds that a handle waits for a router that is starting


class _Ready:
    """Asked of a RouterActor by who has to wait until it is running."""


class RouterActor(Actor, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """The actor of a router. Made by `Router`, or as a child of a supervisor; then `Router.of(ref)` is its handle.

    It watches the routees, and forgets those that end. Those that were added outlive a restart in place. What is sent to its plain ref it
    sends on in its turn: an ask is answered by the routee; a message told that no routee takes is a dead letter.

    Args: as of `Router`.
    """

    use_daemon_thread = True

    def __init__(self, routees: Iterable[ActorRef[Any]] = (), *, routing: Way = _ROUND_ROBIN, switch: Switch | None = None) -> None:
        super().__init__()
        check_routing(routing)
        self._refs = check_refs(routees)
        self._routing = routing
        self._switch = switch  # of a supervised one, that of the former instance comes in `on_takeover`; handles read it

    def on_handover(self) -> Switch | None:
        """Hand the routees to the next instance."""
        return self._switch

    def on_takeover(self, state: Switch) -> None:
        """Take the routees of the former instance."""
        self._switch = state

    def on_start(self) -> None:
        """Watch the routees there are."""
        cell = self._greenroom_cell
        switch = self._switch
        if switch is None:
            switch = Switch(cell.system.ports, self._routing, self._refs)
        switch.attach(cell)
        self._switch = switch
        self._ref: RouterRef[Any] = RouterRef(cell, switch)
        switch.watch(switch.routees)

    def on_receive(self, message: Any) -> Any:
        """Send `message` on."""
        entry = current_entry(self._greenroom_cell)
        future, note = (entry[1], entry[2]) if type(entry) is Entry else (None, None)
        if type(note) is WatchNote and type(message) is Down:
            assert self._switch is not None
            self._switch.forget(message.ref)
        elif type(message) is _Ready:
            return None
        elif future is None:
            self._tell(message, note)
        else:
            self._ref._send(message, future, note if type(note) in FROM_USERS else None, None)
            take_reply(self._greenroom_cell)  # the asker waits for the routee now
        return None

    def _tell(self, message: Any, note: Any) -> None:
        system = self._greenroom_cell.system
        try:
            self._ref._send(message, None, note if type(note) in FROM_USERS else None, None)
        except ActorError:
            system.dead_letter(self._greenroom_cell, message, DeadLetterReason.UNROUTED)
        except Exception as error:  # noqa: BLE001  # published: one message that no key can be made of must not end the router of all
            system.callback_failed(self._routing, error)
            system.dead_letter(self._greenroom_cell, message, DeadLetterReason.UNROUTED)


class Router(Generic[A]):
    """Several actors behind one ref. The routing decides to whom a message goes, in the call that sends it: no actor stands in between.

    It may be used from any thread, handler and coroutine. With ``with`` or ``async with`` it is closed at the end; it also ends with its
    system. The routees are not its own: they live on. For workers that are started and replaced as well there is `Pool`.

    Messages of one sender to one routee arrive in the order sent; messages of one sender that go to different routees may overtake each
    other.

    Args:
        system: where the router's actor lives.
        routees: refs of actors, routers or pools. One that is there twice counts once.
        routing: a strategy; or a function of a message and the tuple of the routees, never empty, that returns one of these. It is called
            in the senders' own calls, so by several threads at once, and must not block.
        name: of the router's actor; unique in the system.

    Raises:
        TypeError: an argument is of the wrong kind.
        NameTakenError, InvalidNameError: because of `name`.
        SystemStoppedError: the system is shut down.
    """

    def __init__(
        self, system: ActorSystem, routees: Iterable[ActorRef[A]] = (), *, routing: Way = _ROUND_ROBIN, name: str = "router"
    ) -> None:
        if isinstance(system, type) or not callable(getattr(system, "start", None)) or not hasattr(system, "ports"):
            msg = f"system={system!r} is not valid: an ActorSystem"
            raise TypeError(msg)
        check_routing(routing)
        switch = Switch(system.ports, routing, check_refs(routees))
        ref = system.start(RouterActor, routing=routing, name=name, switch=switch)
        switch.attach(ref._target)
        self._switch = switch

    @classmethod
    def of(cls, ref: ActorRef[Any]) -> Router[Any]:
        """Return a handle of a RouterActor, such as a supervised one.

        Raises:
            TypeError: `ref` is of another actor.
            ActorDeadError: it has ended.
            Timeout: it has not started within five seconds.
        """
        if not isinstance(ref, ActorRef) or not issubclass(ref.actor_class, RouterActor):
            msg = f"ref={ref!r} is not valid: a ref of a RouterActor"
            raise TypeError(msg)
        switch = _switch_of(ref)
        if switch is None:
            plain: ActorRef[Any] = ref._target.ref
            plain.ask(_Ready(), timeout=STARTS_WITHIN)
            switch = _switch_of(ref)
        if switch is None:
            label = ref._target.label()
            raise ActorDeadError(f"{label} not found", label)
        router: Router[Any] = cls.__new__(cls)
        router._switch = switch
        return router

    def __repr__(self) -> str:
        return f"<Router {self.ref.path!r} of {len(self.routees)}>"

    @property
    def ref(self) -> RouterRef[A]:
        """What to send to."""
        return RouterRef(self._switch.cell, self._switch)

    @property
    def routees(self) -> tuple[ActorRef[A], ...]:
        """To whom it sends, in the order they came. One that has ended is there until the router has heard of that."""
        return self._switch.routees

    def add(self, *refs: ActorRef[A]) -> None:
        """Send to `refs` from now on, too. Those that are routees already stay what they are.

        Raises:
            TypeError: one is no ref of an actor.
            ValueError: one is this router, or a router that sends to it.
            ActorDeadError: the router has ended.
        """
        for ref in check_refs(refs):
            if _leads_to(ref, self._switch):
                msg = f"routees={ref!r} is not valid: it sends to this router, so a message might go round for ever"
                raise ValueError(msg)
        self._switch.add(refs)

    def remove(self, ref: ActorRef[A]) -> bool:
        """Send nothing more to `ref`. The mail that it has stays with it, and what others are just sending may still come.

        Returns:
            False if it was no routee.
        """
        return self._switch.remove(check_refs((ref,))[0])

    def broadcast(self, message: Any) -> int:
        """Tell `message` to all routees, whatever the routing.

        Returns:
            How many have got it. Those that have ended have not, nor those that refused it because they are full.
        """
        return tell_each(self.routees, lambda ref: ref.tell(message))[0]

    # -- the end -----------------------------------------------------------------------------------------------------------

    def close(self, *, timeout: float | None = 5.0) -> None:
        """End the router behind the mail that its actor has. The routees live on. Idempotent.

        Args:
            timeout: seconds after which the router's actor is killed. None: never.
        """
        deadline = _deadline(timeout)
        self._switch.cell.system.ports.waiter.check(
            "close() would block the event loop; write `await router.close_async()`, or `async with`"
        )
        self._switch.cell.ref.stop(deadline=deadline)
        self._switch.close()

    async def close_async(self, *, timeout: float | None = 5.0) -> None:
        """Await what `close` waits for."""
        await self._switch.cell.ref.stop(block=False, deadline=_deadline(timeout))
        self._switch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close_async()


def _deadline(timeout: float | None) -> float | None:
    seconds = check_timeout(timeout)
    return None if seconds is None else max(0.0, seconds)


def _switch_of(ref: ActorRef[Any]) -> Switch | None:
    """Return the switch of a running RouterActor, None of one that is only starting."""
    actor = ref._target.actor
    return actor._switch if isinstance(actor, RouterActor) else None


def _leads_to(ref: ActorRef[Any], switch: Switch) -> bool:
    """Tell whether `ref` is of the router of `switch`, or of one that sends to it."""
    todo, seen = [ref], set()
    while todo:
        one = todo.pop()
        if one._target is switch.cell:
            return True
        if isinstance(one, RouterRef) and one not in seen:
            seen.add(one)
            todo += one._switch.routees
    return False
