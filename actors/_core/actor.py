"""The base class of actors."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pykka

from actors._core import handlers, timers, watch
from actors._core.callbacks import check_callback
from actors._core.context import correlation_of, current_cell, current_entry, current_reply, forget_entry, take_reply
from actors._core.lineage import Carried, lineage_of
from actors._core.log import LogAttribute
from actors._core.messages import Control, Entry, Note, Stashed
from actors._core.options import DispatcherKind, Options, Overrides, check_async, fold_options
from actors._core.ports import touched
from actors._core.receivers import receiver_of
from actors._core.ref import ActorRef
from actors._core.reply import CancelToken, ReplyHandle, token_of, why_no_reply
from actors._core.seconds import check_seconds
from actors._core.shadowable import Shadowable
from actors._core.timers import TimerMode, Timers
from actors.errors import HandlerDeclarationError, NotInActorError, StashFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from threading import Event
    from types import TracebackType

    from actors._core.cell import Cell
    from actors._core.events import DeadLetterReason
    from actors._core.future import Future
    from actors._core.isolation import Isolation
    from actors._core.mailbox import Mailbox
    from actors.system import ActorSystem

__all__ = ["Actor", "ThreadingActor"]

logger = logging.getLogger("pykka")

A = TypeVar("A", bound="Actor")


class Actor(pykka.Actor):
    """An object with a private mailbox that handles one message at a time.

    Subclass it, override `on_receive` or declare methods with `@handler`, and start it with `start()` (root level, as in pykka) or
    with `spawn()` of a system or of another actor (a child).

    Class keywords choose how its actors run::

        class Worker(Actor, dispatcher=DispatcherKind.THREAD, mailbox=Bounded(100)): ...

    Args (class keywords):
        dispatcher: see `DispatcherKind`. None takes EVENT_LOOP for a class with any async handler, hook or public method, else POOL.
        mailbox: `Unbounded()`, `Bounded(...)` or `Priority(...)`; None takes the system's default.
        stash_capacity: how many messages `stash()` may put aside.
        reentrant: async classes only: the next message is admitted whenever a handler awaits.
        own_context: run all handlers of one actor in one contextvars context of its own.
        isolation: whether it shares messages and answers with those it talks to, see `Isolation`; None takes the system's default.

    Do not call an actor's methods from outside: everything goes through its `ActorRef`.
    """

    use_daemon_thread: ClassVar[bool] = False
    """As in pykka: a living actor keeps the process alive unless this is True."""

    log = LogAttribute()
    """Writes log lines that say which actor, incarnation and message they are of; see `Log`."""

    _greenroom_options: ClassVar[Options] = Options()
    _greenroom_handlers: ClassVar[dict[type[Any], str]] = {}
    _greenroom_cell: Cell = None  # type: ignore[assignment]  # set before __init__ runs

    def __init_subclass__(
        cls,
        *,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        stash_capacity: int | None = None,
        reentrant: bool | None = None,
        own_context: bool | None = None,
        isolation: Isolation | None = None,
        **keywords: Any,
    ) -> None:
        try:
            super().__init_subclass__(**keywords)
        except TypeError:
            if not keywords:  # another base class wants something
                raise
            known = "dispatcher, mailbox, stash_capacity, reentrant, own_context, isolation"
            msg = f"{cls.__qualname__}: unknown class keyword {', '.join(keywords)}; the keywords of an actor are {known}"
            raise TypeError(msg) from None
        declared = {
            "dispatcher": dispatcher,
            "mailbox": mailbox,
            "stash_capacity": stash_capacity,
            "reentrant": reentrant,
            "own_context": own_context,
            "isolation": isolation,
        }
        cls._greenroom_options = fold_options(cls, declared)
        cls._greenroom_handlers = handlers.collect(cls, handlers.enclosing_names(cls))
        if inspect.iscoroutinefunction(cls.on_undelivered):
            msg = f"{cls.__qualname__}.on_undelivered() is async, but nobody can await it; make it a plain def"
            raise HandlerDeclarationError(msg)
        cls._greenroom_async = check_async(cls, cls._greenroom_options)
        cls._greenroom_found = {}
        cls._greenroom_undelivered = cls.on_undelivered is not Actor.on_undelivered
        cls._greenroom_hands_over = cls.on_handover is not Actor.on_handover

    _greenroom_async: ClassVar[bool] = False
    _greenroom_awaits: ClassVar[bool] = False  # whether what it does for messages is async, where its methods do not tell
    # {message type: handler's name or None}: what lookups found; a plain dict store, the same whoever is first
    _greenroom_found: ClassVar[dict[type[Any], str | None]] = {}
    _greenroom_undelivered: ClassVar[bool] = False  # whether the hook is overridden
    _greenroom_hands_over: ClassVar[bool] = False  # whether the hook is overridden
    _greenroom_supervises: ClassVar[bool] = False  # whether `_greenroom_begin` says when it is running

    # -- pykka's life cycle ------------------------------------------------------------------------------------------------

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:  # pyright: ignore[reportMissingSuperCall]
        """Prepare the actor. An override calls ``super().__init__()`` first."""
        cell = self._greenroom_cell
        if cell is None:
            from actors.system import adopt  # noqa: PLC0415  # an actor made by hand belongs to the ambient system

            self._greenroom_cell = cell = adopt(self)
        cell.receiver = receiver_of(cell, self)

    @classmethod
    def start(cls, /, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Start an actor at root level and return its ref at once, as in pykka.

        It belongs to the system of the handler that calls this, or else to the default system. All arguments go to ``__init__``, which
        runs here; `on_start` runs in the actor's own turn.
        """
        from actors.system import ambient_system  # noqa: PLC0415  # the system is an outer layer

        return ambient_system()._runtime.start(cls, args, kwargs)

    def __str__(self) -> str:
        return self._greenroom_cell.label()

    def stop(self) -> None:
        """Stop this actor behind the mail it has, as `ActorRef.stop(block=False)` does."""
        self._greenroom_cell.ref.stop(block=False)

    # The hooks may be async, which pykka's declarations forbid. They pass on to whatever comes behind this class.

    def on_start(self) -> Any:
        """Override to run code before the first message, in the actor's own turn, of each incarnation. May be async.

        What it raises ends the actor.
        """
        return super().on_start()

    def on_stop(self) -> Any:
        """Override to run code after the last message of an actor that is stopped. May be async. Not called after a crash or kill."""
        return super().on_stop()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        """Override to run code after a crash, or before a restart: then with what caused it, or three None. May be async."""
        return super().on_failure(exception_type, exception_value, traceback)

    def on_handover(self) -> Any:
        """Override to hand state to the next instance at a restart, in place of nothing. Runs after `on_failure`. May be async.

        What is returned goes to `on_takeover` of the next instance that gets so far; None is nothing. Do not hand over what the failure
        may have spoiled: it would come back with every restart. What this raises is logged, and nothing is handed over.
        """
        return None

    def on_takeover(self, state: Any) -> None:
        """Override to take what `on_handover` of the former instance gave; runs between ``__init__`` and `on_start`.

        What it raises is a failure to start. Not called if nothing was handed over.
        """

    def on_undelivered(self, message: Any, reason: DeadLetterReason) -> None:
        """Override to learn of own messages that will not be handled. Called in the actor's turn, at its end also for what is left."""

    def on_receive(self, message: Any) -> Any:
        """Override to handle messages; what is returned answers an ask. The default logs a warning."""
        logger.warning(f"Unexpected message received by {self}: {message}")

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """A UUID4 URN, made when first asked for."""
        return self._greenroom_cell.get_urn()

    @property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """Pykka's view of the mailbox."""
        return self._greenroom_cell.ref.actor_inbox

    @property
    def actor_ref(self) -> ActorRef[Self]:
        """The actor's own ref."""
        return self._greenroom_cell.ref

    @property
    def _actor_ref(self) -> ActorRef[Any]:  # type: ignore[override]
        return self._greenroom_cell.ref

    @property
    def actor_stopped(self) -> Event:  # type: ignore[override]
        """An event that is set once the mailbox is closed."""
        return self._greenroom_cell.system.stopped_event(self._greenroom_cell)

    @staticmethod
    def _create_actor_inbox() -> Any:
        msg = "the kernel makes mailboxes; declare one with the class keyword mailbox="
        raise NotImplementedError(msg)

    @staticmethod
    def _create_future() -> Future[Any]:
        from actors._core.future import Future  # noqa: PLC0415  # pykka's factory hook, unused by the kernel

        return Future()

    def _start_actor_loop(self) -> None:
        self._greenroom_cell.system.begin(self._greenroom_cell)

    # -- place in the tree -------------------------------------------------------------------------------------------------

    @Shadowable
    def system(self) -> ActorSystem:
        """The system the actor belongs to."""
        return self._greenroom_cell.system.face

    @Shadowable
    def parent(self) -> ActorRef[Any] | None:
        """The ref of the actor that spawned this one; None at root level."""
        parent = self._greenroom_cell.parent
        return parent.ref if parent is not None else None

    @Shadowable
    def children(self) -> tuple[ActorRef[Any], ...]:
        """The refs of the living children, in start order."""
        rare = self._greenroom_cell.rare
        if rare is None:
            return ()
        touched(self._greenroom_cell.system.ports, None)
        return tuple(child.ref for child in self._greenroom_cell.system.tree.children(self._greenroom_cell))

    @Shadowable
    def path(self) -> str:
        """The names from the root down."""
        return self._greenroom_cell.path

    def spawn(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        isolation: Isolation | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start a child and return its ref once its `on_start` is done. See `ActorSystem.spawn`."""
        cell = _own(self, "spawn()")
        cell.system.ports.waiter.check("spawn() would block the event loop; write `await self.spawn_async(...)`")
        return cell.system.spawn_under(cell, actor_class, args, kwargs, name, Overrides(dispatcher, mailbox, isolation)).get()

    async def spawn_async(
        self,
        actor_class: type[A],
        *args: Any,
        name: str | None = None,
        dispatcher: DispatcherKind | None = None,
        mailbox: Mailbox | None = None,
        isolation: Isolation | None = None,
        **kwargs: Any,
    ) -> ActorRef[A]:
        """Start a child and return its ref once its `on_start` is done, awaiting. See `ActorSystem.spawn`."""
        cell = _own(self, "spawn_async()")
        return await cell.system.spawn_under(cell, actor_class, args, kwargs, name, Overrides(dispatcher, mailbox, isolation))

    # -- watching ----------------------------------------------------------------------------------------------------------

    def watch(self, ref: ActorRef[Any]) -> None:
        """Be told once when `ref` ends: a `Down`, after every message it sent this actor; at once if it has ended."""
        watch.watch(_own(self, "watch()"), _target(ref))

    def unwatch(self, ref: ActorRef[Any]) -> None:
        """Give the watch up; a `Down` that waits in the mailbox already is not delivered."""
        watch.unwatch(_own(self, "unwatch()"), _target(ref))

    def link(self, ref: ActorRef[Any]) -> None:
        """Share the fate of `ref`: if either ends other than by a graceful stop, the other crashes with LinkedActorDied."""
        watch.link(_own(self, "link()"), _target(ref))

    def unlink(self, ref: ActorRef[Any]) -> None:
        """Undo `link`."""
        watch.unlink(_own(self, "unlink()"), _target(ref))

    # -- stash -------------------------------------------------------------------------------------------------------------

    def stash(self) -> None:
        """Put the message being handled aside until `unstash()`; what the handler returns is not its answer.

        Raises:
            StashFullError: `stash_capacity` messages are aside already; this one is still being handled.
        """
        cell = _own(self, "stash()")
        entry = current_entry(cell)
        if isinstance(entry, Control):
            raise NotInActorError("stash()", "puts the message being handled aside: there is none in a hook, nor once it was stashed")
        if cell.end is not None:
            raise NotInActorError("stash()", "keeps a message for later: this actor is ending and has no later")
        rare = cell.extras()
        if rare.stash is None:
            rare.stash = deque()
        if len(rare.stash) >= cell.options.stash_capacity:
            raise StashFullError(cell.label(), cell.options.stash_capacity)
        if type(entry) is Entry and entry[2] is not None and type(entry[2]) is not Note and not entry[2].stays:
            lineage = lineage_of(entry)  # a tick or notice that has passed its fence
            entry = Entry((*entry[:2], None if lineage is None else Carried(lineage), *entry[3:]))
        rare.stash.append(entry)
        forget_entry(cell, Stashed(entry))
        cell.handled -= 1

    def unstash(self, count: int | None = None) -> int:
        """Put the oldest `count` stashed messages (None: all) back to the front of the mailbox, in order; return how many."""
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            msg = f"count={count!r} is not valid: a whole number, 0 or more, or None for all"
            raise ValueError(msg)
        cell = _own(self, "unstash()")
        stash = cell.rare.stash if cell.rare is not None else None
        if not stash or cell.end is not None:
            return 0
        number = len(stash) if count is None else min(count, len(stash))
        entries = [stash.popleft() for _ in range(number)]
        cell.system.put_back(cell, entries)
        return number

    # -- time --------------------------------------------------------------------------------------------------------------

    def start_timer(self, key: Hashable, delay: float, message: Any) -> None:
        """Tell this actor `message` after `delay` seconds, unless the timer is cancelled or replaced by one with the same key."""
        _timers(self, "start_timer()").start(key, check_seconds("delay", delay), message, interval=None, mode=TimerMode.FIXED_DELAY)

    def start_periodic_timer(
        self,
        key: Hashable,
        interval: float,
        message: Any,
        *,
        mode: TimerMode = TimerMode.FIXED_DELAY,
        initial_delay: float | None = None,
    ) -> None:
        """Tell this actor `message` every `interval` seconds; at most one tick waits in the mailbox.

        Args:
            key: the timer's name; a timer of this name is replaced.
            interval: seconds, more than 0.
            message: what is told.
            mode: what the interval is counted from.
            initial_delay: seconds to the first tick; None means `interval`.
        """
        if check_seconds("interval", interval) == 0:
            msg = "interval=0 is not valid: more than 0 seconds"
            raise ValueError(msg)
        if not isinstance(mode, TimerMode):
            msg = f"mode={mode!r} is not valid: use a member of TimerMode"
            raise TypeError(msg)
        first = interval if initial_delay is None else check_seconds("initial_delay", initial_delay)
        _timers(self, "start_periodic_timer()").start(key, first, message, interval=interval, mode=mode)

    def cancel_timer(self, key: Hashable) -> bool:
        """Cancel a timer; a tick that waits already is not delivered. Return False if there is no such timer."""
        return _timers(self, "cancel_timer()").cancel(key)

    def timer_active(self, key: Hashable) -> bool:
        """Tell whether the timer with `key` has a tick to come."""
        return _timers(self, "timer_active()").active(key)

    def set_receive_timeout(self, seconds: float | None) -> None:
        """Be told `ReceiveTimeout()` whenever no message came for `seconds`; None switches that off."""
        if seconds is not None and check_seconds("seconds", seconds) == 0:
            msg = "seconds=0 is not valid: more than 0, or None"
            raise ValueError(msg)
        _timers(self, "set_receive_timeout()").set_receive_timeout(seconds)

    # -- the message being handled -----------------------------------------------------------------------------------------

    def reply_later(self) -> ReplyHandle:
        """Take the duty to answer the ask being handled out of the handler; what it returns is not the answer then.

        Raises:
            NotInActorError: the message being handled was told and not asked, its handle was taken already, or there is none.
        """
        cell = _own(self, "reply_later()")
        future = current_reply(cell)
        if future is None:
            raise NotInActorError("reply_later()", why_no_reply(current_entry(cell)))
        token = token_of(cell)
        take_reply(cell)
        return ReplyHandle(cell, future, token)

    def pipe_to_self(
        self,
        future: Any,
        *,
        on_success: Callable[[Any], Any] | None = None,
        on_failure: Callable[[BaseException], Any] | None = None,
    ) -> None:
        """Be told the outcome of `future` as a message, without waiting for it.

        Args:
            future: a `Future`, `concurrent.futures.Future`, `asyncio.Future`, or (on an event loop) any awaitable.
            on_success: makes the message from the value; None tells the value itself. Runs where the future is resolved.
            on_failure: makes the message from the exception; None tells `PipeFailed(error)`.
        """
        for what, function in (("on_success", on_success), ("on_failure", on_failure)):
            if function is not None:
                check_callback(what, function, "a function, or None")
        cell = _own(self, "pipe_to_self()")
        timers.pipe(cell, cell.system.attach(cell, future), on_success, on_failure)

    @Shadowable
    def deadline(self) -> float | None:
        """Seconds left until the deadline of the message being handled, 0.0 if it has passed, None without one."""
        return token_of(self._greenroom_cell).deadline

    @Shadowable
    def cancel_token(self) -> CancelToken:
        """The token that tells whether anybody still wants the result of the message being handled."""
        return token_of(self._greenroom_cell)

    @Shadowable
    def correlation_id(self) -> str | None:
        """The id shared by everything that one message from outside brought about; None unless the system traces."""
        return correlation_of(self._greenroom_cell)


def _own(actor: Actor, call: str) -> Cell:
    """Return the actor's cell if its turn is running here; an actor is nobody else's to use."""
    cell = actor._greenroom_cell
    if current_cell() is not cell or cell.actor is not actor:  # not the actor's turn, or an instance that was replaced
        raise NotInActorError(call)
    return cell


def _timers(actor: Actor, call: str) -> Timers:
    cell = _own(actor, call)
    rare = cell.extras()
    if rare.timers is None:
        rare.timers = Timers(cell)
    return rare.timers


def _target(ref: Any) -> Cell:
    if not isinstance(ref, ActorRef):
        msg = f"ref={ref!r} is not valid: a ref of an actor of this framework (pykka's own actors cannot be watched)"
        raise TypeError(msg)
    return ref._target


class ThreadingActor(Actor, dispatcher=DispatcherKind.THREAD):
    """An actor with a thread of its own, as pykka's `ThreadingActor`."""
