"""Reentrant actors, and the tasks that handlers make: what is under way while other messages are handled, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorRestarting,
    ActorSystem,
    AskCancelled,
    DeadlockError,
    Future,
    Lifecycle,
    NotInActorError,
)
from actors.dispatch.event_loop import LINGERING
from actors.events import ActorCrashed
from tests.contract.kit import eventually

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0


class Doing(Actor, reentrant=True):
    """Calls what it is sent with itself, and awaits what comes back."""

    def __init__(self, log: list[Any] | None = None) -> None:
        super().__init__()
        self.log = [] if log is None else log

    async def on_receive(self, message: Any) -> Any:
        return await message(self) if callable(message) else message

    async def on_stop(self) -> None:
        self.log.append("on_stop")


class Echo(Actor):
    async def on_receive(self, message: Any) -> Any:
        return message


class Gate:
    """Holds one handler until it is opened, whatever is thrown at it."""

    def __init__(self) -> None:
        self.entered: Future[None] = Future()
        self.opened: Future[None] = Future()
        self.stubborn = False

    async def hold(self, _: Any) -> str:
        self.entered.set()
        while True:
            try:
                await self.opened
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
            else:
                return "opened"


def at_work(ref: ActorRef[Any], gate: Gate) -> Future[Any]:
    asked: Future[Any] = ref.ask(gate.hold, block=False)
    gate.entered.get(timeout=SAFETY)
    return asked


def test_a_stop_admits_nothing_while_it_waits_for_what_is_under_way() -> None:
    """A handler under way that asks its own actor, or is asked in a ring, is told instead of waiting for ever."""
    stopping: Future[None] = Future()

    async def ask_oneself(actor: Doing) -> Any:
        entered.set()
        await stopping
        with pytest.raises(ActorDeadError):
            await actor.actor_ref.ask_async("me")
        return "told"

    entered: Future[None] = Future()
    log: list[Any] = []
    with ActorSystem() as system:
        ref = system.spawn(Doing, log)
        asked = ref.ask(ask_oneself, block=False)
        entered.get(timeout=SAFETY)
        stopped = ref.stop(block=False)
        assert ref.actor_stopped.wait(SAFETY)
        stopping.set()
        assert asked.get(timeout=SAFETY) == "told"
        assert stopped.get(timeout=SAFETY) is True
        assert log == ["on_stop"]


def test_a_reply_handle_of_a_handler_under_way_may_be_used_until_the_handler_has_ended() -> None:
    gate = Gate()

    async def later(actor: Doing) -> None:
        handle = actor.reply_later()
        await gate.hold(actor)
        handle.reply("in time")

    with ActorSystem() as system:
        ref = system.spawn(Doing)
        asked = ref.ask(later, block=False)
        gate.entered.get(timeout=SAFETY)
        stopped = ref.stop(block=False)
        assert ref.actor_stopped.wait(SAFETY)
        gate.opened.set()
        assert asked.get(timeout=SAFETY) == "in time"
        assert stopped.get(timeout=SAFETY) is True


def test_a_kill_of_a_stop_that_waits_runs_no_on_stop() -> None:
    gate, log = Gate(), []
    with ActorSystem() as system:
        ref = system.spawn(Doing, log)
        asked = at_work(ref, gate)
        stopped = ref.stop(block=False)
        assert ref.actor_stopped.wait(SAFETY)
        assert ref.kill(timeout=SAFETY) is True
        assert stopped.get(timeout=SAFETY) is True
        assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)
        assert log == []


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_the_ask_of_a_handler_that_swallows_its_cancellation_fails_at_once(how: str) -> None:
    gate = Gate()
    gate.stubborn = True
    with ActorSystem() as system:
        ref = system.spawn(Doing)
        asked = at_work(ref, gate)
        try:
            assert getattr(ref, how)(timeout=SAFETY) is True
            error = asked.exception(timeout=SAFETY)
            assert isinstance(error, ActorDeadError if how == "kill" else ActorRestarting)
        finally:
            gate.opened.set()


def test_what_the_old_instance_fails_with_does_not_crash_the_new_one() -> None:
    gate, failed = Gate(), Future[None]()
    gate.stubborn = True

    async def fail_late(actor: Doing) -> None:
        await gate.hold(actor)
        failed.set()
        raise LookupError

    with ActorSystem() as system:
        crashes: list[Any] = []
        system.events.subscribe(ActorCrashed, crashes.append)
        ref = system.spawn(Doing)
        ref.tell(fail_late)
        gate.entered.get(timeout=SAFETY)
        assert ref.restart(timeout=SAFETY) is True
        gate.opened.set()
        failed.get(timeout=SAFETY)
        assert ref.ask("alive", timeout=SAFETY) == "alive"
        assert ref.ask("still", timeout=SAFETY) == "still"
        assert [type(crash.error) for crash in crashes] == [LookupError], "told, but not held against the new one"


def test_a_system_exit_in_a_handler_fails_its_ask_and_ends_the_system_in_order() -> None:
    async def leave(_: Any) -> None:
        raise SystemExit(3)

    log: list[Any] = []
    with ActorSystem() as system:
        other, ref = system.spawn(Doing, log), system.spawn(Doing)
        asked = ref.ask(leave, block=False)
        assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)
        assert other.actor_stopped.wait(SAFETY)
    assert log == ["on_stop"]


def test_a_handler_cannot_wait_for_the_end_of_its_own_actor_or_of_one_above_it() -> None:
    async def stop_oneself(actor: Doing) -> Any:
        return await actor.actor_ref.stop(block=False)

    async def stop_parent(actor: Doing) -> Any:
        assert actor.parent is not None
        return await actor.parent.stop(block=False)

    with ActorSystem() as system:
        ref = system.spawn(Doing, name="alone")
        error = ref.ask(stop_oneself, block=False).exception(timeout=SAFETY)
        assert isinstance(error, DeadlockError)
        assert error.cycle == ("/alone", "/alone")
        assert ref.stop(timeout=SAFETY) in {True, False}
        parent = system.spawn(Doing, name="parent")
        child = parent.ask(lambda actor: actor.spawn_async(Doing, name="child"), timeout=SAFETY)
        assert isinstance(child.ask(stop_parent, block=False).exception(timeout=SAFETY), DeadlockError)
        assert parent.stop(timeout=SAFETY) in {True, False}


def test_a_task_of_its_own_may_wait_for_the_end_of_the_actor() -> None:
    ended: Future[Any] = Future()

    async def wait_for_the_end(ref: ActorRef[Any]) -> None:
        ended.set(await ref.stop(block=False))

    async def begin(actor: Doing) -> None:
        tasks.append(asyncio.get_running_loop().create_task(wait_for_the_end(actor.actor_ref)))

    tasks: list[Any] = []
    with ActorSystem() as system:
        ref = system.spawn(Doing)
        ref.ask(begin, timeout=SAFETY)
        assert ended.get(timeout=SAFETY) is True
        assert ref.state is Lifecycle.STOPPED


def test_messages_under_way_are_in_progress() -> None:
    first, second = Gate(), Gate()
    with ActorSystem() as system:
        ref = system.spawn(Doing)
        asked = [at_work(ref, first), at_work(ref, second)]
        stats = ref.stats()
        assert (stats.accepted, stats.handled, stats.in_progress) == (2, 0, 2)
        first.opened.set()
        second.opened.set()
        assert [one.get(timeout=SAFETY) for one in asked] == ["opened", "opened"]
        ref.ask("next", timeout=SAFETY)
        stats = ref.stats()
        assert stats.accepted == stats.handled + stats.in_progress == 3


# -- tasks that a handler makes --------------------------------------------------------------------------------------------


class Plain(Doing, reentrant=False):
    pass


def leftover(outcome: Future[Any], act: Any) -> Any:
    """A message whose handler leaves a task behind that does `act` while the next message is handled."""

    async def do(actor: Doing) -> None:
        async def task() -> None:
            await actor.next_one
            try:
                outcome.set(act(actor))
            except Exception as error:  # noqa: BLE001  # the test looks at it
                outcome.try_fail(error)

        actor.next_one = Future()
        actor.task = asyncio.get_running_loop().create_task(task())

    return do


async def next_message(actor: Any) -> str:
    actor.next_one.set(None)
    await actor.task
    return "its own answer"


@pytest.mark.parametrize("call", ["reply_later", "stash"])
def test_a_task_left_over_cannot_lay_hands_on_the_message_being_handled_now(call: str) -> None:
    outcome: Future[Any] = Future()
    with ActorSystem() as system:
        ref = system.spawn(Plain)
        ref.ask(leftover(outcome, lambda actor: getattr(actor, call)()), timeout=SAFETY)
        assert ref.ask(next_message, timeout=SAFETY) == "its own answer"
        assert isinstance(outcome.exception(timeout=SAFETY), NotInActorError)


def test_a_task_left_over_inherits_no_deadline_of_the_message_being_handled_now() -> None:
    outcome: Future[Any] = Future()
    with ActorSystem() as system:
        ref = system.spawn(Plain)
        ref.ask(leftover(outcome, lambda actor: (actor.deadline, actor.correlation_id)), timeout=SAFETY)
        assert ref.ask(next_message, timeout=SAFETY, deadline=SAFETY) == "its own answer"
        assert outcome.get(timeout=SAFETY) == (None, None)


@pytest.mark.parametrize("kind", [Plain, Doing], ids=["plain", "reentrant"])
def test_a_task_made_for_the_message_being_handled_is_part_of_it(kind: type[Doing]) -> None:
    async def ask_other(actor: Doing) -> Any:
        return await other.ask_async(lambda actor: asyncio.sleep(0, actor.deadline))

    async def gather(actor: Doing) -> Any:
        return actor.deadline, *await asyncio.gather(ask_other(actor), ask_other(actor))

    async def later(actor: Doing) -> None:
        async def take() -> None:
            actor.reply_later().reply("from a task")

        await asyncio.gather(take())

    with ActorSystem() as system:
        other, ref = system.spawn(Plain), system.spawn(kind)
        assert all(0 < left <= SAFETY for left in ref.ask(gather, timeout=SAFETY, deadline=SAFETY))
        assert ref.ask(later, timeout=SAFETY) == "from a task"


@pytest.mark.parametrize("kind", [Plain, Doing], ids=["plain", "reentrant"])
def test_a_helper_thread_of_a_handler_sees_whether_its_message_is_still_wanted(kind: type[Doing]) -> None:
    async def help_out(actor: Doing) -> Any:
        return await asyncio.to_thread(lambda: (actor.deadline, actor.cancel_token.cancelled))

    with ActorSystem() as system:
        left, cancelled = system.spawn(kind).ask(help_out, timeout=SAFETY, deadline=SAFETY)
        assert 0 < left <= SAFETY
        assert cancelled is False


def test_children_can_be_started_side_by_side() -> None:
    async def start(actor: Doing) -> Any:
        return await asyncio.gather(*(actor.spawn_async(Plain) for _ in range(3)))

    with ActorSystem() as system:
        assert len(set(system.spawn(Plain).ask(start, timeout=SAFETY))) == 3


def test_what_a_reentrant_actor_is_at_outlives_the_idle_tasks_of_the_loop() -> None:
    """A loop keeps so many idle tasks; that of an actor with messages under way is none of them."""
    gate = Gate()
    with ActorSystem() as system:
        log: list[Any] = []
        ref = system.spawn(Doing, log)
        asked = at_work(ref, gate)
        others = [system.spawn(Echo) for _ in range(LINGERING + 10)]
        for other in others:
            other.ask("busy", timeout=SAFETY)
        stats = ref.stats()
        assert (stats.in_progress, stats.handled) == (1, 0)
        stopped = ref.stop(block=False)
        eventually(lambda: not ref.is_alive())
        assert not stopped.done()
        gate.opened.set()
        assert asked.get(timeout=SAFETY) == "opened"
        assert stopped.get(timeout=SAFETY) is True
        assert log == ["on_stop"]


@pytest.mark.parametrize("steps", range(6))
def test_a_kill_fails_what_is_under_way_at_once_also_with_mail_in_the_queue(steps: int) -> None:
    """Whatever the actor's task is at when the kill comes."""
    gate = Gate()
    gate.stubborn = True
    with ActorSystem() as system:
        ref = system.spawn(Doing)
        asked = at_work(ref, gate)

        async def flood_and_kill(_: Doing) -> Any:
            for number in range(100):
                ref.tell(number)
            for _ in range(steps):
                await asyncio.sleep(0)
            return await ref.kill(block=False)

        assert system.spawn(Doing).ask(flood_and_kill, timeout=SAFETY) is True
        assert isinstance(asked.exception(timeout=SAFETY), ActorDeadError)
        gate.opened.set()


def test_a_cancellation_after_taking_the_handle_answers_the_ask() -> None:
    async def cancelled(actor: Doing) -> None:
        actor.reply_later()
        raise asyncio.CancelledError

    with ActorSystem() as system:
        asked = system.spawn(Doing).ask(cancelled, block=False)
        assert isinstance(asked.exception(timeout=SAFETY), AskCancelled)


def test_the_failure_of_an_old_instance_is_reported_and_does_not_end_the_restart() -> None:
    gate, child_gate = Gate(), Gate()

    async def fail(actor: Doing) -> None:
        await gate.hold(actor)
        raise LookupError

    async def make_child(actor: Doing) -> ActorRef[Any]:
        return await actor.spawn_async(Doing)

    with ActorSystem() as system:
        crashed: Future[Any] = Future()
        system.events.subscribe(ActorCrashed, crashed.try_set)
        ref = system.spawn(Doing)
        child = ref.ask(make_child, timeout=SAFETY)
        at_work(child, child_gate)
        ref.tell(fail)
        gate.entered.get(timeout=SAFETY)
        restarted = ref.restart(block=False)
        eventually(lambda: ref.state is Lifecycle.RESTARTING)
        gate.opened.set()
        assert isinstance(crashed.get(timeout=SAFETY).error, LookupError)
        child_gate.opened.set()
        assert restarted.get(timeout=SAFETY) is True
        assert ref.ask("alive", timeout=SAFETY) == "alive"


def test_an_actor_whose_task_is_cancelled_before_its_first_step_gets_another() -> None:
    async def main() -> Any:
        async with ActorSystem() as system:
            ref = system.start(Echo)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            return await ref.ask_async("alive", timeout=SAFETY)

    assert asyncio.run(main()) == "alive"


@pytest.mark.parametrize("steps", range(4))
def test_an_ask_whose_task_is_cancelled_before_its_first_step_is_told(steps: int) -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Doing)
            await ref.ask_async("busy")
            asked = ref.ask("asked", block=False)

            def cancel(left: int) -> None:
                if left:
                    asyncio.get_running_loop().call_soon(cancel, left - 1)
                    return
                for task in asyncio.all_tasks() - {me}:
                    task.cancel()

            me = asyncio.current_task()
            asyncio.get_running_loop().call_soon(cancel, steps)
            with contextlib.suppress(AskCancelled):
                assert await asked == "asked"

    asyncio.run(main())
