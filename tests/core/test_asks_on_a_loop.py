"""Asks that a coroutine makes of an idle actor on its own loop: begun at once, with all that is promised of any other message."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import ActorRef, ActorSystem, DeadlockError, Future
from actors.events import DeadLetter, DeadLetterReason
from tests.core.asking import SAFETY, Doer, begun, holding, idle, log_of, run
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")


# -- at once ----------------------------------------------------------------------------------------------------------------


def test_an_idle_actor_has_answered_before_its_asker_goes_on() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            others: list[str] = []
            asyncio.get_running_loop().call_soon(others.append, "had a turn")
            assert await ref.ask_async("y") == "y"
            assert others == []
            assert (await begun(ref, "z")).done()
            sent = ref.ask("sent", block=False)
            assert not sent.done()  # a call without an await: nobody else's turn
            assert await ref.call(Doer.entries) == 3

    run(main)


def test_an_ask_of_a_busy_actor_waits_in_its_mailbox() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            event = asyncio.Event()
            first = await begun(ref, holding(event))
            second = ref.ask("second", block=False)
            ref.tell("told")
            third = asyncio.create_task(ref.ask_async("third"))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not first.done()
            assert not second.done()
            assert not third.done()
            event.set()
            assert [await first, await second, await third] == ["answer", "second", "third"]
            assert await ref.ask_async(log_of) == ["begin", "end", "second", "told", "third"]

    run(main)


def test_an_ask_behind_a_tell_is_handled_behind_it() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            ref.tell(1)
            ref.tell(2)
            future = ref.ask(3, block=False)
            ref.tell(4)
            assert await ref.ask_async(log_of) == [1, 2, 3, 4]
            assert future.get() == 3

    run(main)


STEPS = st.tuples(st.integers(0, 2), st.sampled_from(["tell", "ask", "await the ask", "pass"]), st.integers(0, 3))
Script = list[tuple[int, str, int]]


def noting(sender: int, number: int, pauses: int) -> Callable[[Doer], Coroutine[Any, Any, tuple[int, int]]]:
    """A handler that notes its message at its begin and at its end."""

    async def handler(me: Doer) -> tuple[int, int]:
        me.log.append((sender, number))
        for _ in range(pauses):
            await asyncio.sleep(0)
        me.log.append((sender, number))
        return sender, number

    return handler


async def play(refs: list[ActorRef[Doer]], sender: int, script: Script) -> None:
    """Send what `script` says; every ask gets its own answer."""
    asked: list[tuple[int, Future[Any]]] = []
    for number, (index, how, pauses) in enumerate(script):
        handler = noting(sender, number, pauses)
        if how == "tell":
            refs[index].tell(handler)
        elif how == "ask":
            asked.append((number, refs[index].ask(handler, block=False)))
        elif how == "await the ask":
            assert await refs[index].ask_async(handler) == (sender, number)
        else:
            await asyncio.sleep(0)
    for number, future in asked:
        assert await future == (sender, number)


@given(st.lists(st.lists(STEPS, max_size=25), min_size=1, max_size=3))
@settings(max_examples=scaled(500, 60), deadline=None)
def test_each_senders_messages_are_handled_in_order_one_at_a_time(scripts: list[Script]) -> None:
    async def main() -> None:
        async with idle(3) as refs:
            await asyncio.gather(*(play(refs, sender, script) for sender, script in enumerate(scripts)))
            for index, ref in enumerate(refs):
                log = await ref.ask_async(log_of)
                assert log[::2] == log[1::2], "two messages at a time"
                for sender, script in enumerate(scripts):
                    sent = [number for number, (to, how, _) in enumerate(script) if to == index and how != "pass"]
                    assert [number for who, number in log[::2] if who == sender] == sent
                stats = ref.stats()
                assert stats.accepted == stats.handled == len(log) // 2 + 2  # and two looks at the log

    run(main)


# -- as the actor, not as the asker -----------------------------------------------------------------------------------------


def test_a_handler_runs_in_the_actors_own_task_and_the_asker_in_its_own() -> None:
    async def tasks(_: Doer) -> list[Any]:
        before = asyncio.current_task()
        await asyncio.sleep(0)
        return [before, asyncio.current_task()]

    async def main() -> None:
        async with idle() as [ref]:
            mine = asyncio.current_task()
            at_once = await ref.ask_async(lambda _: asyncio.current_task())
            assert asyncio.current_task() is mine
            first, second = await ref.ask_async(tasks)
            assert asyncio.current_task() is mine
            assert at_once is first is second is not mine
            with pytest.raises(ZeroDivisionError):
                await ref.ask_async(lambda _: 1 / 0)
            assert asyncio.current_task() is mine

    run(main)


def test_context_variables_cross_neither_way() -> None:
    variable = contextvars.ContextVar("variable", default="nobody's")

    async def change(_: Doer) -> list[str]:
        seen = [variable.get()]
        variable.set("the actor's")
        await asyncio.sleep(0)
        return [*seen, variable.get()]

    async def main() -> None:
        variable.set("the spawner's")
        async with idle() as [ref]:
            variable.set("the asker's")
            assert await ref.ask_async(lambda _: variable.get()) == "nobody's"
            assert await ref.ask_async(change) == ["nobody's", "the actor's"]
            assert variable.get() == "the asker's"

    run(main)


def test_a_plain_callback_of_the_loop_may_ask() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            asked: asyncio.Future[tuple[Future[Any], Any]] = asyncio.get_running_loop().create_future()

            def callback() -> None:
                asked.set_result((ref.ask(lambda me: me.actor_ref, block=False), asyncio.current_task()))

            asyncio.get_running_loop().call_soon(callback)
            future, task = await asked
            assert await future == ref
            assert task is None

    run(main)


def test_a_coroutine_that_is_stepped_outside_of_any_task_may_ask() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            stepped: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()

            def callback() -> None:
                try:
                    ref.ask_async(lambda _: asyncio.current_task()).send(None)
                except StopIteration as answer:
                    stepped.set_result((answer.value, asyncio.current_task()))

            asyncio.get_running_loop().call_soon(callback)
            inside, outside = await stepped
            assert isinstance(inside, asyncio.Task)
            assert outside is None

    run(main)


def test_an_asker_in_trouble_does_not_trouble_the_handler() -> None:
    """The exception that the asker deals with is not the handler's to see."""

    def own_trouble(_: Doer) -> BaseException | None:
        try:
            raise ValueError  # noqa: TRY301  # to be dealing with it below
        except ValueError as error:
            return error.__context__

    async def main() -> None:
        async with idle() as [ref]:
            try:
                raise KeyError("the asker's")  # noqa: TRY301  # to be dealing with it below
            except KeyError:
                assert await ref.ask_async(lambda _: sys.exc_info()) == (None, None, None)
                assert await ref.ask_async(own_trouble) is None

    run(main)


# -- off the loop -----------------------------------------------------------------------------------------------------------


def test_while_the_loop_does_not_run_an_ask_waits_for_it() -> None:
    async def enter(system: ActorSystem) -> ActorRef[Doer]:
        await system.__aenter__()
        ref = await system.spawn_async(Doer)
        assert await ref.ask_async("warm") == "warm"
        await asyncio.sleep(0)
        return ref

    async def leave(system: ActorSystem, ref: ActorRef[Doer], futures: list[Future[Any]]) -> list[Any]:
        async with asyncio.timeout(SAFETY):
            got = [await future for future in futures] + [await ref.ask_async("last")]
            await system.__aexit__(None, None, None)
        return got

    async def ask(ref: ActorRef[Doer]) -> Future[Any]:
        asked = await begun(ref, "nobody waits for it")
        assert not asked.done()
        asked.cancel()
        await asyncio.wait([asked])
        return ref.ask("from another loop of the thread", block=False)

    system = ActorSystem()
    with asyncio.Runner() as runner:
        ref = runner.run(enter(system))
        futures = [asyncio.run(ask(ref)), ref.ask("from no loop", block=False)]
        assert not any(future.done() for future in futures)
        assert runner.run(leave(system, ref, futures)) == ["from another loop of the thread", "from no loop", "last"]


# -- one through the other --------------------------------------------------------------------------------------------------


def chained(refs: list[ActorRef[Doer]]) -> Callable[[Doer], Coroutine[Any, Any, int]]:
    """A handler that asks the next of `refs`, which asks the one after it, and so on."""

    async def handler(_: Doer) -> int:
        return 1 + await refs[0].ask_async(chained(refs[1:])) if refs else 1

    return handler


@pytest.mark.parametrize("length", [1, 2, 8, 9, 10, 40, 800])
def test_a_chain_of_asks_of_any_length_is_answered(length: int) -> None:
    async def main() -> None:
        async with idle(length) as [first, *others]:
            for _ in range(2):
                assert await first.ask_async(chained(others)) == length

    run(main)


def test_however_long_a_chain_of_asks_few_handlers_stand_on_one_stack() -> None:
    heights: list[int] = []

    def chained_and_measured(refs: list[ActorRef[Doer]]) -> Callable[[Doer], Coroutine[Any, Any, None]]:
        async def handler(_: Doer) -> None:
            frame, height = sys._getframe(), 0
            while frame.f_back is not None:
                height += frame.f_code is handler.__code__
                frame = frame.f_back
            heights.append(height)
            if refs:
                await refs[0].ask_async(chained_and_measured(refs[1:]))

        return handler

    async def main() -> None:
        async with idle(100) as [first, *others]:
            await first.ask_async(chained_and_measured(others))

    run(main)
    assert len(heights) == 100
    assert 2 <= max(heights) <= 10


def test_a_failure_travels_back_along_a_chain_of_asks_on_a_loop() -> None:
    def handler(refs: list[ActorRef[Doer]]) -> Callable[[Doer], Coroutine[Any, Any, None]]:
        async def ask_on(me: Doer) -> None:
            me.log.append("asked")
            if not refs:
                raise ValueError("x")
            await refs[0].ask_async(handler(refs[1:]))

        return ask_on

    async def main() -> None:
        async with idle(12) as refs:
            with pytest.raises(ValueError, match="x"):
                await refs[0].ask_async(handler(refs[1:]))
            assert [await ref.ask_async(log_of) for ref in refs] == [["asked"]] * 12

    run(main)


@pytest.mark.parametrize("length", [1, 2, 3, 12])
def test_asks_in_a_ring_are_a_deadlock_and_nobody_hangs(length: int) -> None:
    told: list[DeadlockError] = []

    def around(refs: list[ActorRef[Doer]]) -> Callable[[Doer], Coroutine[Any, Any, None]]:
        async def handler(_: Doer) -> None:
            if refs:
                try:
                    await refs[0].ask_async(around(refs[1:]))
                except DeadlockError as error:
                    told.append(error)
                    raise

        return handler

    async def main() -> None:
        async with idle(length) as refs:
            with contextlib.suppress(DeadlockError):
                await refs[0].ask_async(around([*refs[1:], refs[0]]))
            assert told
            assert set(told[0].cycle) == {ref.path for ref in refs}
            assert [await ref.ask_async("next") for ref in refs] == ["next"] * length

    run(main)


def test_a_message_whose_asker_was_told_of_a_deadlock_is_not_handled() -> None:
    """The actor asked last waits for its asker already."""

    async def main() -> None:
        async with idle(2) as [first, second]:

            async def back(_: Doer) -> None:
                for _turn in range(5):  # until the asker waits
                    await asyncio.sleep(0)
                await first.ask_async("refused")

            async def forth(_: Doer) -> None:
                await second.ask_async(back)

            letters: list[tuple[Any, DeadLetterReason]] = []
            await first.ask_async(
                lambda me: me.system.events.subscribe(DeadLetter, lambda letter: letters.append((letter.message, letter.reason))) and None
            )
            with pytest.raises(DeadlockError):
                await first.ask_async(forth)
            assert await first.ask_async(log_of) == []
            assert letters == [("refused", DeadLetterReason.CANCELLED)]

    run(main)


def test_who_asks_and_asks_lets_others_have_their_turns() -> None:
    async def main() -> None:
        async with idle(2) as [ref, relay]:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0)
                    ticks += 1

            async def ask_on(_: Doer | None) -> int:
                before = ticks
                for number in range(1_000):
                    assert await ref.ask_async(number) == number
                return ticks - before

            ticker = asyncio.create_task(tick())
            await asyncio.sleep(0)
            assert await ask_on(None) >= 10
            assert await relay.ask_async(ask_on) >= 10
            ticker.cancel()

    run(main)
