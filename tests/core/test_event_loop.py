"""Async actors: on the user's loop or on one of the system's own, one message at a time, and nothing left afterwards."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    BlockingInLoopError,
    Bounded,
    DispatcherKind,
    Down,
    DownReason,
    Future,
    Lifecycle,
    SystemConfig,
    SystemState,
    Timeout,
    WouldBlockError,
)
from actors.events import ActorStopped
from tests.support import scaled, transient_threads

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0


class Echo(Actor):
    async def on_receive(self, message: Any) -> Any:
        return message


class Where(Actor):
    """Says where it runs."""

    async def on_start(self) -> None:
        self.started = asyncio.get_running_loop(), threading.current_thread()

    async def on_receive(self, message: Any) -> Any:
        assert self.started == (asyncio.get_running_loop(), threading.current_thread())
        return self.started


class Hanging(Actor):
    """Awaits for ever when told to, and notes how that ended."""

    def __init__(self, notes: queue.SimpleQueue[Any]) -> None:
        super().__init__()
        self.notes = notes

    async def on_receive(self, message: Any) -> Any:
        if message != "hang":
            return message
        self.notes.put("hangs")
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            self.notes.put(type(error))
            raise

    async def on_stop(self) -> None:
        self.notes.put("on_stop")


# -- where ----------------------------------------------------------------------------------------------------------------


def test_inside_async_with_async_actors_run_on_the_users_loop() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Where)
            assert await ref.ask_async("where") == (asyncio.get_running_loop(), threading.current_thread())
            assert system.stats().threads == 0
        assert system.state is SystemState.STOPPED
        assert not ref.is_alive()

    asyncio.run(main())


def test_otherwise_async_actors_share_one_loop_thread_of_the_system() -> None:
    with ActorSystem() as system:
        first, second = system.spawn(Where).ask("where", timeout=SAFETY), system.spawn(Where).ask("where", timeout=SAFETY)
        assert first == second
        assert first[1] is not threading.current_thread()
        assert first[1].daemon
    first[1].join(SAFETY)
    assert not first[1].is_alive()
    assert first[0].is_closed()


def test_a_loop_factory_makes_the_loop_of_the_systems_own_thread() -> None:
    class MyLoop(asyncio.SelectorEventLoop):
        pass

    with ActorSystem(config=SystemConfig(loop_factory=MyLoop)) as system:
        loop, _ = system.spawn(Where).ask("where", timeout=SAFETY)
        assert type(loop) is MyLoop


def test_plain_and_async_actors_of_one_system_talk_to_each_other_on_the_users_loop() -> None:
    class Plain(Actor):
        def on_receive(self, message: Any) -> Any:
            ref, text = message
            return "plain got " + ref.ask(text)

    class Async(Actor):
        async def on_receive(self, message: Any) -> Any:
            if isinstance(message, str):
                return message
            plain, echo, text = message
            return "async got " + await plain.ask_async((echo, text))

    async def main() -> None:
        async with ActorSystem() as system:
            plain, echo, asynchronous = [await system.spawn_async(one) for one in (Plain, Echo, Async)]
            assert await asynchronous.ask_async((plain, echo, "hello")) == "async got plain got hello"

    asyncio.run(main())


def test_hooks_may_be_async_and_run_in_order() -> None:
    notes: list[str] = []

    class Hooked(Actor):
        async def on_start(self) -> None:
            await asyncio.sleep(0)
            notes.append("on_start")

        async def on_receive(self, message: Any) -> Any:
            if isinstance(message, Exception):
                raise message
            await asyncio.sleep(0)
            notes.append(message)

        async def on_stop(self) -> None:
            await asyncio.sleep(0)
            notes.append("on_stop")

        async def on_failure(self, *_: Any) -> None:
            await asyncio.sleep(0)
            notes.append("on_failure")

    with ActorSystem() as system:
        stopping = system.spawn(Hooked)
        stopping.tell("message")
        stopping.stop(timeout=SAFETY)
        failing = system.spawn(Hooked)
        failing.tell(ValueError())
        stopped = failing.stop(timeout=SAFETY)
        assert isinstance(stopped, bool)
        system.shutdown()
    assert notes == ["on_start", "message", "on_stop", "on_start", "on_failure"]


# -- one at a time, in order -----------------------------------------------------------------------------------------------


class Pausing(Actor):
    """Awaits in the middle of every message, as often as the message says."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[str, int]] = []

    async def on_receive(self, message: tuple[int, int] | None) -> Any:
        if message is None:
            return self.log
        number, pauses = message
        self.log.append(("begin", number))
        for _ in range(pauses):
            await asyncio.sleep(0)
        self.log.append(("end", number))
        return number


class ReentrantPausing(Pausing, reentrant=True):
    pass


@given(st.lists(st.integers(0, 4), max_size=30))
@settings(max_examples=scaled(300, 25))
def test_an_await_does_not_admit_the_next_message(pauses: list[int]) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Pausing)
        for pair in enumerate(pauses):
            ref.tell(pair)
        log = ref.ask(None, timeout=SAFETY)
    assert log == [(what, number) for number in range(len(pauses)) for what in ("begin", "end")]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=20))
@settings(max_examples=scaled(300, 25))
def test_a_reentrant_actor_begins_messages_in_order_and_at_awaits(pauses: list[int]) -> None:
    with ActorSystem() as system:
        ref = system.spawn(ReentrantPausing)
        answers = [ref.ask(pair, block=False) for pair in enumerate(pauses)]
        assert [answer.get(timeout=SAFETY) for answer in answers] == list(range(len(pauses)))
        log = ref.ask(None, timeout=SAFETY)
    assert [number for what, number in log if what == "begin"] == list(range(len(pauses)))
    assert sorted(number for what, number in log if what == "end") == list(range(len(pauses)))


def test_a_reentrant_actor_answers_one_message_while_another_waits() -> None:
    class Reentrant(Actor, reentrant=True):
        def __init__(self) -> None:
            super().__init__()
            self.event = asyncio.Event()

        async def on_receive(self, message: Any) -> Any:
            if message == "wait":
                await self.event.wait()
            if message == "open":
                self.event.set()
            return message

    with ActorSystem() as system:
        ref = system.spawn(Reentrant)
        waiting = [ref.ask("wait", block=False) for _ in range(3)]
        assert ref.ask("other", timeout=SAFETY) == "other"
        assert not any(one.done() for one in waiting)
        assert ref.ask("open", timeout=SAFETY) == "open"
        assert [one.get(timeout=SAFETY) for one in waiting] == ["wait"] * 3


def test_a_stop_waits_for_the_messages_a_reentrant_actor_is_at() -> None:
    finished: queue.SimpleQueue[int] = queue.SimpleQueue()

    class Reentrant(Actor, reentrant=True):
        async def on_receive(self, message: int) -> Any:
            for _ in range(message):
                await asyncio.sleep(0)
            finished.put(message)
            return message

    with ActorSystem() as system:
        ref = system.spawn(Reentrant)
        answers = [ref.ask(number, block=False) for number in (50, 20, 5)]
        assert ref.stop(timeout=SAFETY) is True
        assert [answer.get(timeout=SAFETY) for answer in answers] == [50, 20, 5]
        assert finished.qsize() == 3


def test_senders_in_many_threads_keep_their_own_order_and_wake_the_loop() -> None:
    class Collecting(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.got: list[tuple[int, int]] = []

        async def on_receive(self, message: Any) -> Any:
            if message is None:
                return self.got
            self.got.append(message)
            return None

    count = scaled(20_000, 500)
    with ActorSystem() as system:
        ref = system.spawn(Collecting)

        def send(sender: int) -> None:
            for number in range(count):
                ref.tell((sender, number))

        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = ref.ask(None, timeout=SAFETY)
    for sender in range(4):
        assert [number for who, number in got if who == sender] == list(range(count))


def test_an_ask_from_another_thread_wakes_a_sleeping_loop_every_time() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Echo)
        for number in range(scaled(20_000, 500)):
            assert ref.ask(number, timeout=SAFETY) == number


def test_an_ask_from_another_thread_wakes_the_users_sleeping_loop() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Echo)

            def ask() -> list[int]:
                return [ref.ask(number, timeout=SAFETY) for number in range(200)]

            assert await asyncio.to_thread(ask) == list(range(200))

    asyncio.run(main())


def test_a_thousand_actors_share_a_loop() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            refs = [system.start(Echo) for _ in range(scaled(10_000, 1_000))]
            for _ in range(3):
                assert await asyncio.gather(*(ref.ask_async(number) for number, ref in enumerate(refs))) == list(range(len(refs)))
            assert len(system.actors()) == len(refs)

    asyncio.run(main())


def test_idle_actors_beyond_some_lingering_ones_hold_no_task() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            refs = [system.start(Echo) for _ in range(1_500)]
            await asyncio.gather(*(ref.ask_async("x") for ref in refs))
            for _ in range(10):  # those that were sent away get to their end
                await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) <= 1_002
            assert await asyncio.gather(*(ref.ask_async("y") for ref in refs)) == ["y"] * len(refs)

    asyncio.run(main())


def test_a_chain_of_a_thousand_actors_awaiting_each_other() -> None:
    class Link(Actor):
        def __init__(self, following: ActorRef[Any] | None) -> None:
            super().__init__()
            self.following = following

        async def on_receive(self, message: Any) -> Any:
            return 0 if self.following is None else await self.following.ask_async(message) + 1

    with ActorSystem() as system:
        number = scaled(10_000, 1_000)
        ref: ActorRef[Any] | None = None
        for _ in range(number):
            ref = system.start(Link, ref)
        assert ref is not None
        assert ref.ask("count", timeout=SAFETY) == number - 1


# -- sending from the loop -------------------------------------------------------------------------------------------------


def test_on_a_loop_a_send_that_would_block_raises_and_names_its_awaitable_form() -> None:
    begun: Future[None] = Future()

    class Full(Actor, mailbox=Bounded(1)):
        def on_receive(self, message: Any) -> Any:
            if not isinstance(message, Future):
                return message
            begun.set()
            return message.get()

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Full)
            gate: Future[str] = Future()
            held = ref.ask(gate, block=False)
            await begun
            ref.tell("takes the room")
            with pytest.raises(WouldBlockError, match="tell_async") as caught:
                ref.tell("has no room")
            assert caught.value.message == "has no room"
            waiting = asyncio.create_task(ref.tell_async("waits for room"))
            await asyncio.sleep(0)
            assert not waiting.done()
            gate.set("go on")
            await asyncio.wait_for(waiting, SAFETY)
            assert await held == "go on"
            assert await ref.ask_async("last") == "last"

    asyncio.run(main())


def test_shutdown_on_the_loop_of_its_actors_is_refused_and_the_awaitable_form_works() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Echo)
            with pytest.raises(BlockingInLoopError, match="shutdown_async"):
                system.shutdown()
            assert ref.is_alive()
            report = await system.shutdown_async()
            assert report.stopped == 1
            assert await system.shutdown_async() == report

    asyncio.run(main())


# -- ending ----------------------------------------------------------------------------------------------------------------


class ReentrantHanging(Hanging, reentrant=True):
    pass


def killed_while_told(actor_class: type[Hanging]) -> None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with ActorSystem() as system:
        stopped: Future[ActorStopped] = Future()
        system.events.subscribe(ActorStopped, stopped.set)
        ref = system.spawn(actor_class, notes)
        ref.tell("hang")
        assert notes.get(timeout=SAFETY) == "hangs"
        assert ref.kill(timeout=SAFETY) is True
        assert notes.get(timeout=SAFETY) is asyncio.CancelledError
        assert stopped.get(timeout=SAFETY).reason is DownReason.KILLED
    assert notes.empty()  # no on_stop


def test_a_kill_cancels_what_the_handler_awaits() -> None:
    for _ in range(scaled(500, 20)):
        killed_while_told(Hanging)


def test_a_kill_cancels_what_a_reentrant_actor_awaits() -> None:
    for _ in range(scaled(500, 20)):
        killed_while_told(ReentrantHanging)


def killed_while_asked(actor_class: type[Hanging]) -> BaseException | None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with ActorSystem() as system:
        ref = system.spawn(actor_class, notes)
        asked = ref.ask("hang", block=False)
        assert notes.get(timeout=SAFETY) == "hangs"
        ref.kill(timeout=SAFETY)
        return asked.exception(timeout=SAFETY)


def test_the_asker_of_a_killed_actor_is_told_that_it_died() -> None:
    assert isinstance(killed_while_asked(Hanging), ActorDeadError)


def test_the_asker_of_a_killed_reentrant_actor_is_told_that_it_died() -> None:
    assert isinstance(killed_while_asked(ReentrantHanging), ActorDeadError)


def test_a_kill_cancels_an_actor_that_awaits_another_actor() -> None:
    class Asking(Actor):
        async def on_receive(self, message: Any) -> Any:
            return await message.ask_async("hang")

    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with ActorSystem() as system:
        hanging, asking = system.spawn(Hanging, notes), system.spawn(Asking)
        asked = asking.ask(hanging, block=False)
        assert notes.get(timeout=SAFETY) == "hangs"
        assert asking.kill(timeout=SAFETY) is True
        with pytest.raises(ActorDeadError):
            asked.get(timeout=SAFETY)
        assert hanging.is_alive()
        hanging.kill(timeout=SAFETY)


def test_a_stop_with_a_deadline_kills_a_handler_that_awaits_for_ever() -> None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with ActorSystem() as system:
        ref = system.spawn(Hanging, notes)
        ref.tell("hang")
        assert notes.get(timeout=SAFETY) == "hangs"
        assert ref.stop(deadline=0.01, timeout=SAFETY) is True
        assert not ref.is_alive()
        assert notes.get(timeout=SAFETY) is asyncio.CancelledError


def test_async_actors_watch_and_have_children() -> None:
    class Parent(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.down: Down | None = None

        async def on_receive(self, message: Any) -> Any:
            match message:
                case "spawn":
                    child = await self.spawn_async(Echo, name="child")
                    self.watch(child)
                    return child
                case Down():
                    self.down = message
                    return None
                case _:
                    return self.down

    with ActorSystem() as system:
        parent = system.spawn(Parent, name="parent")
        child = parent.ask("spawn", timeout=SAFETY)
        assert child.path == "/parent/child"
        assert child.ask("x", timeout=SAFETY) == "x"
        child.stop(timeout=SAFETY)
        assert parent.ask("down", timeout=SAFETY) == Down(child, DownReason.STOPPED)
        again = parent.ask("spawn", timeout=SAFETY)
        parent.stop(timeout=SAFETY)
        assert not again.is_alive()


def test_after_a_shutdown_no_task_of_the_system_is_left_on_the_users_loop() -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        async with ActorSystem(config=SystemConfig(shutdown_timeout=0.05)) as system:
            refs = [await system.spawn_async(Echo) for _ in range(50)]
            await asyncio.gather(*(ref.ask_async("x") for ref in refs))
            hanging = await system.spawn_async(Hanging, notes)
            hanging.tell("hang")
            assert await asyncio.to_thread(notes.get, timeout=SAFETY) == "hangs"
            assert len(asyncio.all_tasks()) > len(before)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    asyncio.run(main())


def test_a_shutdown_that_was_begun_elsewhere_leaves_nothing_on_the_users_loop() -> None:
    async def first() -> None:
        before = asyncio.all_tasks()
        async with ActorSystem() as system:
            ref = await system.spawn_async(Echo)
            assert await ref.ask_async("x") == "x"
            await asyncio.to_thread(system.shutdown)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    async def second(ref: ActorRef[Any]) -> Any:
        """Blocks a loop that no actors run on, which is its own business."""
        return ref.ask("x", timeout=SAFETY)

    asyncio.run(first())
    with ActorSystem() as system:
        assert asyncio.run(second(system.spawn(Echo))) == "x"


def test_one_of_two_systems_on_a_loop_ends_and_the_other_is_still_guarded() -> None:
    async def main() -> None:
        async with ActorSystem() as outer:
            async with ActorSystem() as inner:
                await inner.spawn_async(Echo)
            ref = await outer.spawn_async(Echo)
            with pytest.raises(BlockingInLoopError):
                ref.ask("x")
            assert await ref.ask_async("x") == "x"

    asyncio.run(main())


def test_after_a_shutdown_no_thread_of_the_system_is_left() -> None:
    before = set(threading.enumerate())
    for _ in range(5):
        with ActorSystem() as system:
            assert system.spawn(Echo).ask("x", timeout=SAFETY) == "x"
            assert system.spawn(Echo, dispatcher=DispatcherKind.EVENT_LOOP).ask("y", timeout=SAFETY) == "y"
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(SAFETY)
    assert not {thread for thread in left if thread.is_alive() and not thread.name.startswith("greenroom-ambient")}
    assert transient_threads() <= before | left


def test_a_system_entered_on_one_loop_may_be_used_from_another() -> None:
    """The refs are the same; only the actors live on the first loop."""
    ready: Future[ActorRef[Any]] = Future()
    done: Future[None] = Future()

    async def serve() -> None:
        async with ActorSystem() as system:
            ready.set(await system.spawn_async(Echo))
            await done

    async def use() -> Any:
        try:
            return await (await ready).ask_async("from another loop", timeout=SAFETY)
        finally:
            done.set()

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    assert asyncio.run(use()) == "from another loop"
    server.join(SAFETY)
    assert not server.is_alive()


def test_a_task_that_a_handler_started_may_ask_the_actor_itself() -> None:
    """It is no part of the turn: the actor is free when its handler has returned."""

    class Spinning(Actor):
        async def on_receive(self, message: Any) -> Any:
            if isinstance(message, Future):
                self.task = asyncio.create_task(self.later(message))
            return message

        async def later(self, result: Future[Any]) -> None:
            result.set(await self.actor_ref.ask_async("x"))

    with ActorSystem() as system:
        ref = system.spawn(Spinning)
        result: Future[Any] = Future()
        ref.ask(result, timeout=SAFETY)
        assert result.get(timeout=SAFETY) == "x"


def test_timeouts_of_asyncio_work_in_handlers() -> None:
    class Limited(Actor):
        async def on_receive(self, message: Any) -> Any:
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()
            except TimeoutError:
                return "timed out"

    with ActorSystem() as system:
        ref = system.spawn(Limited)
        assert ref.ask("x", timeout=SAFETY) == "timed out"
        assert ref.ask("x", timeout=SAFETY) == "timed out"


def test_a_user_loop_that_is_cancelled_ends_the_system_in_order() -> None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    served = asyncio.Event()

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Hanging, notes)
            assert await ref.ask_async("x") == "x"
            served.set()
            await asyncio.Event().wait()

    async def outer() -> None:
        task = asyncio.create_task(main())
        await served.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(outer())
    assert notes.get(timeout=SAFETY) == "on_stop"


def test_ask_async_times_out_without_ending_the_handler() -> None:
    notes: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def main(ref: ActorRef[Any]) -> None:
        with pytest.raises(Timeout):
            await ref.ask_async("hang", timeout=0.01)

    with ActorSystem() as system:
        ref = system.spawn(Hanging, notes)
        asyncio.run(main(ref))
        assert notes.get(timeout=SAFETY) == "hangs"
        assert notes.empty()
        ref.kill(timeout=SAFETY)


def test_an_actor_that_is_never_without_mail_leaves_the_loop_to_others() -> None:
    total = 10_000

    class Restless(Actor):
        async def on_receive(self, left: int) -> None:
            counts.append(left)
            if left:
                self.actor_ref.tell(left - 1)

    counts: list[int] = []

    async def main() -> int:
        async with ActorSystem() as system:
            restless = await system.spawn_async(Restless)
            restless.tell(total)
            for _ in range(3):
                await asyncio.sleep(0)
            return len(counts)

    assert asyncio.run(main()) < total


def test_a_kill_before_an_async_actors_first_step_ends_it() -> None:
    begun, release = threading.Event(), threading.Event()

    class Blocking(Actor):
        async def on_receive(self, message: Any) -> None:
            begun.set()
            release.wait(30)

    class Fresh(Actor):
        async def on_receive(self, message: Any) -> Any:
            return message

    with ActorSystem(config=SystemConfig(blocked_after=30.0)) as system:  # a turn that does not come is given up much later
        system.spawn(Blocking).tell("block")
        assert begun.wait(30)
        fresh = system.start(Fresh)  # the loop will make its task and cancel it in one go
        killed = fresh.kill(block=False)
        release.set()
        assert killed.get(timeout=10) is True
        assert fresh.state is Lifecycle.STOPPED
