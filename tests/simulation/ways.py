"""Ways for an actor to learn that a message was sent: programs in which one actor tells a sink 1, and one that knows of it tells it 2."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from typing import TYPE_CHECKING, Any

from actors import (
    Actor,
    ActorDeadError,
    ActorKilled,
    ActorRef,
    ActorRegistry,
    Bounded,
    DeadLetter,
    DeadlockError,
    Down,
    Future,
    MailboxFullError,
    Overflow,
    Timeout,
    wait_any,
)
from tests.simulation.scenarios import Forward, Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.testing import Simulation

    Call = Callable[[Any], object]
    Way = Callable[[Simulation, ActorRef[Any]], None]

WAYS: list[Way] = []  # over a network, 2 may overtake 1
OF_ONE_SENDER: list[Way] = []  # it may not even there


def way(program: Way) -> Way:
    """Note a program."""
    WAYS.append(program)
    return program


def of_one_sender(program: Way) -> Way:
    """Note a program in which one actor sends both."""
    OF_ONE_SENDER.append(program)
    return program


def nothing(_: Any) -> None:
    """Do nothing."""


class Doer(Actor):
    """Does what it is told."""

    def on_receive(self, call: Call) -> Any:
        return call(self)


class Other(Doer):
    """A class of its own, to be looked up."""


def tells_first(sink: ActorRef[Any], then: Call) -> Call:
    """Return what the first does: it tells the sink 1, and then what the other may learn of."""

    def call(doer: Any) -> None:
        sink.tell(1)
        then(doer)

    return call


def meeting(sim: Simulation, first: Call, second: Callable[[Any, ActorRef[Any]], object], sink: ActorRef[Any]) -> None:
    one = sim.spawn(Doer)
    other = sim.spawn(Doer)
    one.tell(tells_first(sink, first))
    other.tell(lambda doer: sink.tell(2) if second(doer, one) else None)


@way
def an_end(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: not one.is_alive(), sink)


@way
def an_end_met_by_a_send(sim: Simulation, sink: ActorRef[Any]) -> None:
    def refused(_: Any, one: ActorRef[Any]) -> bool:
        try:
            one.tell(lambda _: None)
        except ActorDeadError:
            return True
        return False

    meeting(sim, lambda doer: doer.stop(), refused, sink)


@way
def the_registry(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda _: Other.start(), lambda *_: ActorRegistry.get_by_class(Other), sink)


@way
def a_name(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda _: sim.spawn(Other, name="other"), lambda *_: sim.system.lookup("/other"), sink)


@way
def a_full_mailbox(sim: Simulation, sink: ActorRef[Any]) -> None:
    box = sim.spawn(Log, mailbox=Bounded(1, overflow=Overflow.REJECT))

    def refused(*_: Any) -> bool:
        try:
            box.tell("mine")
        except MailboxFullError:
            return True
        return False

    meeting(sim, lambda _: box.tell("theirs"), refused, sink)


@way
def something_shared(sim: Simulation, sink: ActorRef[Any]) -> None:
    shared: list[int] = []
    one, other = sim.spawn(Doer), sim.spawn(Doer)
    sim.shares("a list", one, other)
    one.tell(tells_first(sink, lambda _: shared.append(1)))
    other.tell(lambda _: sink.tell(2) if shared else None)


@way
def an_answer(sim: Simulation, sink: ActorRef[Any]) -> None:
    """Of two answers, the other one is waited for; then it is looked which are there."""
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answers = [one.ask(tells_first(sink, lambda _: None), block=False), quick.ask(lambda _: 0, block=False)]
        answers[1].get()
        if wait_any(answers) is answers[0]:
            sink.tell(2)

    sim.spawn(Doer).tell(ask_both)


def late_answer(sim: Simulation, sink: ActorRef[Any], then: Callable[[ActorRef[Any]], object]) -> None:
    """The answer is there when it is read, or not; then the reader goes on."""
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answer = one.ask(tells_first(sink, lambda _: None), block=False)
        quick.ask(lambda _: 0)
        answer.get()
        then(quick)

    sim.spawn(Doer).tell(ask_both)


@way
def an_answer_read_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_answer(sim, sink, lambda _: sink.tell(2))


@way
def an_answer_read_late_and_passed_on(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_answer(sim, sink, lambda other: other.tell(lambda _: sink.tell(2)))


@way
def an_answer_awaited_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    class Awaiting(Actor):
        async def on_receive(self, _: Any) -> None:
            answer = one.ask(tells_first(sink, lambda _: None), block=False)
            await quick.ask_async(lambda _: 0)
            await answer
            sink.tell(2)

    sim.spawn(Awaiting).tell("go")


@way
def a_future_that_is_done(sim: Simulation, sink: ActorRef[Any]) -> None:
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        answer = one.ask(tells_first(sink, lambda _: None), block=False)
        quick.ask(lambda _: 0)
        if answer.done():
            sink.tell(2)

    sim.spawn(Doer).tell(ask_both)


@way
def a_future_made_by_hand(sim: Simulation, sink: ActorRef[Any]) -> None:
    """The answer may be there already when it is read."""
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.get(), sink)


@way
def a_look_at_a_future_made_by_hand(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.done(), sink)


@way
def a_callback(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.set(1), lambda *_: answer.add_done_callback(lambda _: sink.tell(2)), sink)


# -- who was faster ----------------------------------------------------------------------------------------------------------


@way
def a_future_that_somebody_else_has_set(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()

    def refused(*_: Any) -> bool:
        try:
            answer.set(2)
        except queue.Full:
            return True
        return False

    meeting(sim, lambda _: answer.try_set(1), refused, sink)


@way
def a_hook_that_somebody_else_has_installed(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()

    def refused(*_: Any) -> bool:
        return not answer.try_set(1)

    meeting(sim, lambda _: answer.set_get_hook(lambda _: 1), refused, sink)


@way
def what_a_hook_gives(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    answer.set_get_hook(lambda _: 1)
    meeting(sim, lambda _: answer.set_get_hook(lambda _: 2), lambda *_: answer.get() == 2, sink)


@way
def a_message_that_nobody_handles(sim: Simulation, sink: ActorRef[Any]) -> None:
    """The dead letter of a message that came behind a stop is told of by the actor that has stopped."""
    idle = sim.spawn(Doer)
    sim.system.events.subscribe(DeadLetter, lambda _: sink.tell(2))

    def tells(_: Any) -> None:
        sink.tell(1)
        with contextlib.suppress(ActorDeadError):
            idle.tell(nothing)

    idle.stop(block=False)
    sim.spawn(Doer).tell(tells)


@way
def a_cancellation_that_came_too_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    meeting(sim, lambda _: answer.try_set(1), lambda *_: not answer.cancel(), sink)


@way
def a_stop_that_came_too_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: one.stop() is False, sink)


@way
def a_kill_that_came_too_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: one.kill() is False, sink)


@way
def a_deadlock(sim: Simulation, sink: ActorRef[Any]) -> None:
    one, other = sim.spawn(Doer), sim.spawn(Doer)

    def meets(_: Any) -> None:
        try:
            one.ask(nothing)
        except DeadlockError:
            sink.tell(2)

    one.tell(tells_first(sink, lambda _: other.ask(nothing)))
    other.tell(meets)


# -- what ends and begins ----------------------------------------------------------------------------------------------------


def late_end(sim: Simulation, sink: ActorRef[Any], end: Callable[[ActorRef[Any]], Future[bool]]) -> None:
    """The future of an end or restart is read when it may have come about already."""

    class Parting(Doer):
        def on_stop(self) -> None:
            sink.tell(1)

        def on_failure(self, *_: Any) -> None:
            sink.tell(1)

    one, quick = sim.spawn(Parting), sim.spawn(Doer)

    def ask_both(_: Any) -> None:
        ended = end(one)
        quick.ask(nothing)
        ended.get()
        sink.tell(2)

    sim.spawn(Doer).tell(ask_both)


@way
def an_end_waited_for_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_end(sim, sink, lambda one: one.stop(block=False))


@way
def a_restart_waited_for_late(sim: Simulation, sink: ActorRef[Any]) -> None:
    late_end(sim, sink, lambda one: one.restart(block=False))


@way
def an_event_that_says_stopped(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: one.actor_stopped.is_set(), sink)


@way
def a_path_of_an_unnamed_actor(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda doer: doer.stop(), lambda _, one: sim.system.lookup(one.path) is None, sink)


@way
def a_path_with_a_slash_too_many(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, lambda _: sim.spawn(Other, name="other"), lambda *_: sim.system.lookup("/other/"), sink)


@way
def counters(sim: Simulation, sink: ActorRef[Any]) -> None:
    meeting(sim, nothing, lambda _, one: one.stats().handled == 1, sink)


@way
def counters_of_restarts(sim: Simulation, sink: ActorRef[Any]) -> None:
    third = sim.spawn(Doer)
    meeting(sim, lambda _: third.restart(), lambda *_: third.stats().restarts == 1, sink)


# -- what is there already, and what is done for others ------------------------------------------------------------------------


@way
def a_lazy_future_that_somebody_else_has_computed(sim: Simulation, sink: ActorRef[Any]) -> None:
    lazy = done_future().map(lambda value: value)
    meeting(sim, lambda _: lazy.get(), lambda *_: lazy.done(), sink)


@way
def what_a_lazy_future_does(sim: Simulation, sink: ActorRef[Any]) -> None:
    lazy = done_future().map(lambda _: sink.tell(1))
    sim.spawn(Doer).tell(lambda _: lazy.get())

    def reads(_: Any) -> None:
        lazy.get()
        sink.tell(2)

    sim.spawn(Doer).tell(reads)


def done_future() -> Future[int]:
    """Return a future that the scenario has set."""
    future: Future[int] = Future()
    future.set(0)
    return future


@way
def a_pipe(sim: Simulation, sink: ActorRef[Any]) -> None:
    """Who sets it sends on behalf of who waits for it, after what that has sent itself."""
    answer: Future[int] = Future()

    def waits(doer: Any) -> None:
        doer.actor_ref.tell(lambda _: sink.tell(1))
        doer.pipe_to_self(answer, on_success=lambda _: lambda _: sink.tell(2))

    sim.spawn(Doer).tell(waits)
    sim.spawn(Doer).tell(lambda _: answer.set(1))


@way
def a_subscription(sim: Simulation, sink: ActorRef[Any]) -> None:
    events = sim.system.events
    sim.spawn(Doer).tell(tells_first(sink, lambda _: events.subscribe(int, lambda _: sink.tell(2))))
    sim.spawn(Doer).tell(lambda _: events.publish(0))


@way
def a_watch_that_follows_what_was_sent(sim: Simulation, sink: ActorRef[Any]) -> None:
    """The sink is told what comes to the watcher, in that order; over a network the end of another overtakes a message."""
    watched = sim.spawn(Doer)

    class Watching(Actor):
        def on_receive(self, message: Any) -> None:
            if message == "go":
                self.actor_ref.tell(1)
                self.watch(watched)
            else:
                sink.tell(2 if isinstance(message, Down) else message)

    sim.spawn(Watching).tell("go")
    watched.tell(lambda doer: doer.stop())


@way
def room_in_a_mailbox(sim: Simulation, sink: ActorRef[Any]) -> None:
    """There is room for the third message once the first one has been handled, and so 1 has been sent."""

    class Box(Actor):
        def on_receive(self, message: int) -> None:
            if message == 0:
                sink.tell(1)

    box = sim.spawn(Box, mailbox=Bounded(1))

    def fills(_: Any) -> None:
        for number in range(3):
            box.tell(number)
        sink.tell(2)

    sim.spawn(Doer).tell(fills)


class AsyncDoer(Actor):
    """Does what it is told, and awaits it."""

    async def on_receive(self, call: Callable[[], Any]) -> None:
        await call()


@of_one_sender
def two_messages_for_which_there_is_room(sim: Simulation, sink: ActorRef[Any]) -> None:
    box = sim.spawn(Forward, sink, mailbox=Bounded(2))

    async def tells() -> None:
        await box.tell_async(1)
        await box.tell_async(2)

    sim.spawn(AsyncDoer).tell(tells)


@of_one_sender
def a_message_that_waited_for_room(sim: Simulation, sink: ActorRef[Any]) -> None:
    box = sim.spawn(Forward, sink, mailbox=Bounded(1))
    sim.system.events.subscribe(int, box)

    def tells(_: Any) -> None:
        box.tell("first")
        box.tell(1)
        sim.system.events.publish(2)

    sim.spawn(Doer).tell(tells)


@of_one_sender
def the_same_object_that_another_could_not_send(sim: Simulation, sink: ActorRef[Any]) -> None:
    box = sim.spawn(Forward, sink, mailbox=Bounded(1, timeout=1))

    def gives_up(_: Any) -> None:
        with contextlib.suppress(MailboxFullError):
            box.tell(1)

    def tells(_: Any) -> None:
        box.tell(1)
        box.tell(2)

    box.tell("first")
    sim.spawn(Doer).tell(gives_up)
    sim.run()
    if box.stats().accepted == 1:
        sim.spawn(Doer).tell(tells)


@of_one_sender
def an_answer_by_way_of_asyncio(sim: Simulation, sink: ActorRef[Any]) -> None:
    one = sim.spawn(Doer)

    async def asks() -> None:
        answer = one.ask(nothing, block=False)
        sink.tell(1)
        await answer.as_asyncio()
        sink.tell(2)

    sim.spawn(AsyncDoer).tell(asks)


@of_one_sender
def an_event_of_asyncio(sim: Simulation, sink: ActorRef[Any]) -> None:
    """It goes on in the step of the other, and speaks for itself there."""
    event = asyncio.Event()

    async def waits() -> None:
        sink.tell(1)
        await event.wait()
        sink.tell(2)

    async def sets() -> None:
        event.set()

    sim.spawn(AsyncDoer).tell(waits)
    sim.spawn(AsyncDoer).tell(sets)


# -- waits that may end otherwise ----------------------------------------------------------------------------------------------


def timed(sim: Simulation, sink: ActorRef[Any], read: Callable[[Future[Any]], object]) -> None:
    """An answer is read that is there already, or comes, or comes too late."""
    one, quick = sim.spawn(Doer), sim.spawn(Doer)

    def reads(_: Any) -> None:
        answer = one.ask(nothing, block=False)
        quick.ask(nothing)
        try:
            read(answer)
        except Timeout:
            sink.tell("late")

    sim.spawn(Doer).tell(reads)


def a_timeout(sim: Simulation, sink: ActorRef[Any]) -> None:
    timed(sim, sink, lambda answer: answer.get(timeout=1))


def a_timeout_of_exception(sim: Simulation, sink: ActorRef[Any]) -> None:
    timed(sim, sink, lambda answer: answer.exception(timeout=1))


def a_timeout_of_map(sim: Simulation, sink: ActorRef[Any]) -> None:
    timed(sim, sink, lambda answer: answer.map(nothing).get(timeout=1))


def a_kill_of_a_wait(sim: Simulation, sink: ActorRef[Any]) -> None:
    answer: Future[int] = Future()
    waiting = sim.spawn(Doer)

    def waits(_: Any) -> None:
        try:
            answer.get()
            sink.tell("answered")
        except ActorKilled:
            sink.tell("killed")
            raise

    waiting.tell(waits)
    sim.spawn(Doer).tell(lambda _: answer.set(1))
    sim.spawn(Doer).tell(lambda _: waiting.kill(block=False) and None)


def a_look_that_a_kill_may_forestall(sim: Simulation, sink: ActorRef[Any]) -> None:
    """In the run in which it comes too late, nobody sees at what it would have looked."""
    looking, killing, ending = (sim.spawn(Doer) for _ in range(3))
    looking.tell(lambda _: sink.tell("ended") if not ending.is_alive() else None)
    killing.tell(lambda _: looking.kill(block=False) and None)
    ending.tell(lambda doer: doer.stop())


TIMED = {
    a_look_that_a_kill_may_forestall: {(), ("ended",)},
    a_timeout: {(), ("late",)},
    a_timeout_of_exception: {(), ("late",)},
    a_timeout_of_map: {(), ("late",)},
    a_kill_of_a_wait: {(), ("answered",), ("killed",)},
}
