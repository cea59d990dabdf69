"""What the contract tests are made of: one set of plain test actors that runs under every dispatcher, gates, and virtual time."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import inspect
import itertools
import random
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from actors import Actor, ActorRef, ActorSystem, DeadLetter, DispatcherKind, Down, Future, SystemConfig
from actors._core.ports import Ports
from actors.dispatch.real import RealIds
from actors.dispatch.waiting import AsyncioAwaiter, RealWaiter

A = TypeVar("A", bound=Actor)

WAIT = 30.0  # a safety net for what should come at once
EVERY_KIND = tuple(DispatcherKind)
HOOKS = ("on_receive", "on_start", "on_stop", "on_failure")


# -- one actor class, three dispatchers ------------------------------------------------------------------------------------


class _Bridge(greenlet):
    """Runs a plain handler in the middle of a coroutine, so that the handler can await by `pause`."""


async def _bridged(function: Callable[..., Any], *args: Any) -> Any:
    bridge = _Bridge(function)
    bridge.gr_context = contextvars.copy_context()
    value = bridge.switch(*args)
    while not bridge.dead:
        try:
            outcome = await value
        except BaseException as error:  # noqa: BLE001  # the handler's to deal with
            value = bridge.throw(error)
        else:
            value = bridge.switch(outcome)
    return value


def pause(awaitable: Any) -> Any:
    """Wait in a handler as its dispatcher has it: await on an event loop, `get()` elsewhere."""
    here = getcurrent()
    if isinstance(here, _Bridge):
        return here.parent.switch(awaitable)
    return awaitable.get()


def _awaiting(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    async def hook(self: Actor, *args: Any) -> Any:
        return await _bridged(plain, self, *args)

    hook.__name__ = name
    return hook


def under(kind: DispatcherKind, actor_class: type[A], **options: Any) -> type[A]:
    """Return `actor_class` made for the dispatcher `kind`; on the event loop its handlers and hooks are coroutines."""
    body: dict[str, Any] = {}
    if kind is DispatcherKind.EVENT_LOOP:
        for name in {*HOOKS, *actor_class._greenroom_handlers.values()}:
            plain = getattr(actor_class, name)
            if name == "on_receive" or plain is not getattr(Actor, name, None):
                body[name] = _awaiting(name, plain)
    made: type[A] = types.new_class(actor_class.__name__, (actor_class,), {"dispatcher": kind, **options}, lambda ns: ns.update(body))
    return made


def spawn_child(parent: Actor, actor_class: type[A], *args: Any, **options: Any) -> ActorRef[A]:
    """Spawn a child from a handler, under any dispatcher."""
    if isinstance(getcurrent(), _Bridge):
        child: ActorRef[A] = pause(parent.spawn_async(actor_class, *args, **options))
        return child
    return parent.spawn(actor_class, *args, **options)


class Puppet(Actor):
    """Does what it is told: a callable is called with the actor, everything else is noted in `log`."""

    def __init__(self, log: list[Any] | None = None) -> None:
        super().__init__()
        self.log: list[Any] = [] if log is None else log

    def on_receive(self, message: Any) -> Any:
        if inspect.isroutine(message):
            return message(self)
        self.log.append(message)
        return message


class Diary(Puppet):
    """A puppet that notes its hooks, too, and tells of its undelivered messages."""

    def __init__(self, log: list[Any] | None = None) -> None:
        super().__init__(log)
        self.log.append("init")

    def on_start(self) -> None:
        self.log.append("on_start")

    def on_stop(self) -> None:
        self.log.append("on_stop")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.log.append("on_failure")

    def on_undelivered(self, message: Any, reason: Any) -> None:
        self.log.append(("undelivered", message, reason))


# -- synchronisation -------------------------------------------------------------------------------------------------------


class Gate:
    """Holds a handler in the middle until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened: Future[Any] = Future()

    def hold(self, _: Actor | None = None) -> Any:
        self.entered.set()
        return pause(self.opened)

    def reached(self) -> None:
        assert self.entered.wait(WAIT), "no handler came to the gate"

    def open(self) -> None:
        self.opened.try_set("opened")


@contextmanager
def held(ref: ActorRef[Any]) -> Iterator[Gate]:
    """Keep `ref` in the middle of a message for as long as the block lasts."""
    gate = Gate()
    ref.tell(gate.hold)
    gate.reached()
    try:
        yield gate
    finally:
        gate.open()


def settle(ref: ActorRef[Any]) -> None:
    """Return when `ref` has handled what it was sent before."""
    ref.ask(lambda _: None, timeout=WAIT)


def emptied(ref: ActorRef[Any]) -> None:
    """Return when `ref` has nothing left to do; unlike `settle` it needs no room in the mailbox."""

    def idle() -> bool:
        stats = ref.stats()
        return not stats.waiting and not stats.in_progress

    eventually(idle)


def eventually(condition: Callable[[], object]) -> None:
    """Return once `condition()` is true; for states that only another thread's progress brings about."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.0005)


def until_down(system: ActorSystem, ref: ActorRef[Any]) -> Future[Down]:
    """Return the future of the Down of `ref`."""
    future: Future[Down] = Future()

    class Mourner(Actor):
        def on_receive(self, message: Any) -> None:
            if isinstance(message, Down):
                future.set(message)
            else:
                self.watch(ref)

    system.spawn(Mourner).ask("watch", timeout=WAIT)
    return future


def dead_letters(system: ActorSystem) -> list[tuple[Any, Any]]:
    """Return the list that the dead letters of `system` will be noted in from now on, as (message, reason)."""
    letters: list[tuple[Any, Any]] = []
    system.events.subscribe(DeadLetter, lambda letter: letters.append((letter.message, letter.reason)))
    return letters


def in_threads(jobs: Sequence[Callable[[], object]]) -> None:
    """Run `jobs` at the same time and return when all are done; raise what one of them raised."""
    barrier = threading.Barrier(len(jobs))
    failures: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            barrier.wait(WAIT)
            job()
        except BaseException as error:  # noqa: BLE001  # raised in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    if failures:
        raise failures[0]


# -- virtual time ----------------------------------------------------------------------------------------------------------


class _Call:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class FakeClock:
    """Time that passes when a test says so; calls that are due are made in the thread that says it."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, _Call]] = []
        self._soon: deque[Callable[[], object]] = deque()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now

    def call_at(self, when: float, call: Callable[[], object]) -> _Call:
        handle = _Call(call)
        with self._lock:
            heapq.heappush(self._heap, (when, next(self._numbers), handle))
        return handle

    def soon(self, call: Callable[[], object]) -> None:
        self._soon.append(call)

    def advance(self, seconds: float = 0.0) -> int:
        """Let `seconds` pass; return how many calls were made."""
        target = self._now + seconds
        made = 0
        while True:
            while self._soon:
                self._soon.popleft()()
                made += 1
            with self._lock:
                if not self._heap or self._heap[0][0] > target:
                    break
                when, _, handle = heapq.heappop(self._heap)
            self._now = max(self._now, when)
            if handle.call is not None:
                handle.call()
                made += 1
        self._now = target
        return made

    def pass_for(self, ref: ActorRef[Any], seconds: float) -> None:
        """Let `seconds` pass; return when `ref` has handled all that this brought about."""
        self.advance(seconds)
        settle(ref)
        while self.advance():
            settle(ref)


def timeless(clock: FakeClock, **options: Any) -> SystemConfig:
    """Return the config of a system on `clock`; everything else is real."""
    ports = Ports(
        clock=clock,
        random=random.Random(0),
        ids=RealIds(),
        waiter=RealWaiter(),
        awaiter=AsyncioAwaiter(),
        cancelled=(asyncio.CancelledError,),
    )
    return SystemConfig(ports=ports, **options)
