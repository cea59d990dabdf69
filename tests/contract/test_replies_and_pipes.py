"""Delivery: replies that come later, results piped to oneself, and the fences around both."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorDeadError, ActorSystem, DeadLetterReason, DispatcherKind, Future, NotInActorError, PipeFailed
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Gate, Puppet, dead_letters, emptied, eventually, held, in_threads, settle, under


class Later(Puppet):
    """Answers texts later: keeps their handles."""

    def __init__(self, handles: list[Any]) -> None:
        super().__init__()
        self.handles = handles

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, str):
            self.handles.append(self.reply_later())
            return "not the answer"
        return super().on_receive(message)


def test_a_reply_comes_after_the_handler_has_returned(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    settle(ref)
    assert not future.done()
    assert not handles[0].done
    assert handles[0].reply("answer") is True
    assert future.get(timeout=WAIT) == "answer"
    assert handles[0].done


def test_a_reply_handle_may_fail_the_ask(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    settle(ref)
    assert handles[0].fail(LookupError("no answer")) is True
    with pytest.raises(LookupError, match="no answer"):
        future.get(timeout=WAIT)
    assert ref.is_alive()


def test_a_second_reply_is_refused(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    settle(ref)
    assert (handles[0].reply(1), handles[0].reply(2), handles[0].fail(ValueError())) == (True, False, False)
    assert future.get(timeout=WAIT) == 1


def test_a_handle_is_given_up_when_its_handler_fails(system: ActorSystem, on: On) -> None:
    kept: list[Any] = []

    def fail(actor: Puppet) -> None:
        rider = Gate()
        actor.reply_later().cancel_token.add_callback(rider.open)
        kept.append(weakref.ref(rider))
        raise LookupError

    ref = system.spawn(on(Puppet))
    assert isinstance(ref.ask(fail, block=False).exception(timeout=WAIT), LookupError)
    settle(ref)

    def forgotten() -> bool:
        gc.collect()
        return kept[0]() is None

    eventually(forgotten)


def test_other_messages_are_handled_while_a_reply_is_open(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    futures = [ref.ask(f"question {number}", block=False) for number in range(3)]
    settle(ref)
    for number in (2, 0, 1):
        handles[number].reply(number)
    assert [future.get(timeout=WAIT) for future in futures] == [0, 1, 2]


def test_an_actor_may_answer_in_a_later_message(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    ref.tell(lambda actor: actor.handles[0].reply("answer"))
    assert future.get(timeout=WAIT) == "answer"


def test_the_reply_to_a_cancelled_ask_is_refused(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    settle(ref)
    assert not handles[0].cancel_token.cancelled
    future.cancel()
    assert handles[0].done
    assert handles[0].cancel_token.cancelled
    assert handles[0].reply("too late") is False


def test_only_an_ask_has_a_reply_and_only_one(system: ActorSystem, on: On) -> None:
    def twice(actor: Puppet) -> None:
        actor.reply_later()
        with pytest.raises(NotInActorError):
            actor.reply_later()
        log.append("asked")

    def told(actor: Puppet) -> None:
        with pytest.raises(NotInActorError):
            actor.reply_later()
        log.append("told")

    log: list[Any] = []
    ref = system.spawn(on(Puppet))
    ref.tell(told)
    ref.ask(twice, block=False)
    settle(ref)
    assert log == ["told", "asked"]


def test_a_handler_that_fails_after_taking_the_handle_crashes_nobody_and_the_ask_is_answered_once(system: ActorSystem, on: On) -> None:
    def fail(actor: Puppet) -> None:
        handles.append(actor.reply_later())
        raise LookupError

    handles: list[Any] = []
    ref = system.spawn(on(Puppet))
    future = ref.ask(fail, block=False)
    with pytest.raises(LookupError):
        future.get(timeout=WAIT)
    assert handles[0].reply("too late") is False


# -- pipes -----------------------------------------------------------------------------------------------------------------


def resolved_by(future: Any) -> Callable[[Any], Any]:
    return future.set if isinstance(future, Future) else future.set_result


@pytest.mark.parametrize("kind_of_future", [Future, concurrent.futures.Future])
@pytest.mark.parametrize("early", [True, False])
def test_the_value_of_a_future_is_told_to_self(system: ActorSystem, on: On, kind_of_future: Any, early: bool) -> None:
    log: list[Any] = []
    future = kind_of_future()
    if early:
        resolved_by(future)("value")
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: actor.pipe_to_self(future))
    if not early:
        resolved_by(future)("value")
    eventually(lambda: log)
    assert log == ["value"]


@pytest.mark.parametrize("kind_of_future", [Future, concurrent.futures.Future])
def test_the_failure_of_a_future_is_told_to_self(system: ActorSystem, on: On, kind_of_future: Any) -> None:
    log: list[Any] = []
    error = LookupError("lost")
    future = kind_of_future()
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: actor.pipe_to_self(future))
    future.set_exception(error)
    eventually(lambda: log)
    assert log == [PipeFailed(error)]


@pytest.mark.parametrize("resolved", [True, False])
def test_an_asyncio_future_of_another_thread_can_be_piped(system: ActorSystem, on: On, resolved: bool) -> None:
    ref = system.spawn(on(Puppet))

    async def elsewhere() -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[str] = loop.create_future()
        if resolved:
            future.set_result("came")
        told: Future[str] = Future()
        await ref.ask_async(lambda actor: actor.pipe_to_self(future, on_success=lambda value: lambda _: told.set(value)))
        if not resolved:
            future.set_result("came")
        return await told

    assert asyncio.run(asyncio.wait_for(elsewhere(), WAIT), debug=True) == "came"


def test_an_asyncio_future_of_a_closed_loop_cannot_be_piped_unless_it_is_resolved(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    loop = asyncio.new_event_loop()
    pending, resolved = loop.create_future(), loop.create_future()
    resolved.set_result("came")
    loop.close()
    ref.ask(lambda actor: actor.pipe_to_self(resolved))
    eventually(lambda: ref.ask(lambda actor: list(actor.log)) == ["came"])
    with pytest.raises(ValueError, match="closed"):
        ref.ask(lambda actor: actor.pipe_to_self(pending))


def test_an_asyncio_future_or_any_awaitable_can_be_piped_on_an_event_loop(system: ActorSystem) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "from a coroutine"

    async def broken() -> str:
        raise LookupError("lost")

    def pipe(actor: Puppet) -> None:
        future = asyncio.get_running_loop().create_future()
        actor.pipe_to_self(future)
        actor.pipe_to_self(work())
        actor.pipe_to_self(broken())
        future.set_result("from a future")

    log: list[Any] = []
    ref = system.spawn(under(DispatcherKind.EVENT_LOOP, Puppet), log)
    ref.ask(pipe)
    eventually(lambda: len(log) == 3)
    assert {message for message in log if isinstance(message, str)} == {"from a future", "from a coroutine"}
    assert [repr(message.error) for message in log if isinstance(message, PipeFailed)] == ["LookupError('lost')"]


def test_a_cancelled_future_is_a_failure(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: actor.pipe_to_self(future))
    future.cancel()
    eventually(lambda: log)
    assert isinstance(log[0], PipeFailed)


def test_functions_make_the_messages_of_a_pipe(system: ActorSystem, on: On) -> None:
    def pipe(actor: Puppet) -> None:
        for future in (good, bad):
            actor.pipe_to_self(future, on_success=lambda value: ("good", value), on_failure=lambda error: ("bad", str(error)))

    log: list[Any] = []
    good, bad = Future[Any](), Future[Any]()
    ref = system.spawn(on(Puppet), log)
    ref.ask(pipe)
    good.set(1)
    bad.set_exception(LookupError("lost"))
    eventually(lambda: len(log) == 2)
    assert log == [("good", 1), ("bad", "lost")]


def test_a_function_that_raises_makes_a_failure(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    future: Future[Any] = Future()
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: actor.pipe_to_self(future, on_success=lambda value: 1 / value))
    future.set(0)
    eventually(lambda: log)
    assert isinstance(log[0], PipeFailed)
    assert isinstance(log[0].error, ZeroDivisionError)


def test_the_answer_of_an_ask_can_be_piped(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    ref, other = system.spawn(on(Puppet), log), system.spawn(on(Puppet))
    with held(other):
        ref.ask(lambda actor: actor.pipe_to_self(other.ask("answer", block=False)), timeout=WAIT)
        settle(ref)  # it goes on with its mail meanwhile
    eventually(lambda: log)
    assert log == ["answer"]


def test_each_of_many_pipes_is_told_once(system: ActorSystem, on: On) -> None:
    log: list[Any] = []
    futures = [Future[Any]() for _ in range(200)]
    ref = system.spawn(on(Puppet), log)
    ref.ask(lambda actor: [actor.pipe_to_self(future) for future in futures])
    in_threads([lambda part=part: [futures[number].set(number) for number in range(part, 200, 4)] for part in range(4)])
    emptied(ref)
    assert sorted(log) == list(range(200))


def test_what_is_piped_to_a_stopped_actor_is_a_dead_letter(system: ActorSystem, on: On) -> None:
    letters = dead_letters(system)
    future: Future[Any] = Future()
    ref = system.spawn(on(Puppet))
    ref.ask(lambda actor: actor.pipe_to_self(future))
    ref.stop(timeout=WAIT)
    future.set("late")
    assert letters == [("late", DeadLetterReason.STOPPED)]


def test_what_is_no_future_cannot_be_piped(system: ActorSystem, on: On) -> None:
    ref = system.spawn(on(Puppet))
    with pytest.raises(TypeError, match="future"):
        ref.ask(lambda actor: actor.pipe_to_self("no future"))
    assert ref.is_alive()


def test_a_dead_actors_handle_is_done(system: ActorSystem, on: On) -> None:
    handles: list[Any] = []
    ref = system.spawn(on(Later), handles)
    future = ref.ask("question", block=False)
    settle(ref)
    ref.kill(timeout=WAIT)
    with pytest.raises(ActorDeadError):
        future.get(timeout=WAIT)
    assert handles[0].done
    assert handles[0].reply("too late") is False
