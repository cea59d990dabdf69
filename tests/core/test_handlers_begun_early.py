"""Asks begun on their asker's stack: what a handler may do inside of one, how it may fail, and what may end it in the middle."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from actors import ActorDeadError, ActorSystem, AskCancelled, Future, ReplyHandle
from actors.events import UnreadFailure
from tests.core.asking import Doer, begun, holding, idle, log_of, run

pytestmark = pytest.mark.usefixtures("no_leaks")


# -- waits and failures -----------------------------------------------------------------------------------------------------


async def in_a_group(_: Doer) -> list[int]:
    async def child(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(child(number)) for number in range(3)]
    return [task.result() for task in tasks]


async def in_a_group_that_fails(_: Doer) -> list[str]:
    async def child() -> None:
        raise ValueError

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            await asyncio.Event().wait()
    except ExceptionGroup as group_error:
        return [type(error).__name__ for error in group_error.exceptions]
    return []


async def timed_out(_: Doer) -> str:
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        return "timed out"
    return "not"


async def in_another_thread(_: Doer) -> int:
    return await asyncio.to_thread(sum, [1, 2])


@pytest.mark.parametrize(
    ("handler", "answer"),
    [(in_a_group, [0, 1, 2]), (in_a_group_that_fails, ["ValueError"]), (timed_out, "timed out"), (in_another_thread, 3)],
)
def test_what_asyncio_offers_works_in_a_handler_from_its_first_step_on(handler: Any, answer: Any) -> None:
    async def main() -> None:
        async with idle() as [ref]:
            assert await ref.ask_async(handler) == answer
            assert await ref.ask_async("next") == "next"
            assert await (await begun(ref, handler)) == answer
            assert await ref.ask_async("next") == "next"

    run(main)


@pytest.mark.parametrize("kind", ["future", "task"])
def test_handlers_may_wait_for_one_future_at_their_first_step(kind: str) -> None:
    async def main() -> None:
        async with idle(3) as refs:
            opened = asyncio.Event()
            loop = asyncio.get_running_loop()
            shared: asyncio.Future[Any] = loop.create_future() if kind == "future" else loop.create_task(opened.wait())

            async def handler(_: Doer) -> Any:
                return await shared, await shared

            asks = [asyncio.create_task(ref.ask_async(handler)) for ref in refs]  # all begun in one pass of the loop
            other = asyncio.ensure_future(refs[0].ask_async("behind"))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not any(ask.done() for ask in asks)
            opened.set()
            if kind == "future":
                shared.set_result(True)
            assert [await ask for ask in asks] == [(True, True)] * 3
            assert await shared is True
            assert await other == "behind"

    run(main)


def raising(error: BaseException, waits: int) -> Callable[[Doer], Coroutine[Any, Any, Any]]:
    async def handler(me: Doer) -> None:
        me.log.append(waits)
        for _ in range(waits):
            await asyncio.sleep(0)
        raise error

    return handler


@pytest.mark.parametrize("waits", [0, 1, 2])
@pytest.mark.parametrize(("error", "told"), [(ValueError("x"), ValueError), (asyncio.CancelledError(), AskCancelled)])
def test_a_handler_that_raises_fails_its_ask_and_the_actor_lives_on(error: BaseException, told: type[Exception], waits: int) -> None:
    async def main() -> None:
        async with idle() as [ref]:
            ask = await begun(ref, raising(error, waits))
            behind = ref.ask("behind", block=False)
            with pytest.raises(told):
                await ask
            assert await behind == "behind"
            with pytest.raises(told):
                await ref.ask_async(raising(error, waits))
            assert await ref.ask_async("next") == "next"

    run(main)


@pytest.mark.parametrize("waits", [0, 1])
def test_a_system_exit_in_the_handler_ends_the_system_and_not_the_asker(waits: int) -> None:
    async def main() -> None:
        async with idle() as [ref]:
            with pytest.raises(ActorDeadError):
                await ref.ask_async(raising(SystemExit(3), waits))
            assert not ref.is_alive()
        assert ref.state.value == "stopped"

    run(main)


def test_a_failure_that_nobody_reads_is_published() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn_async(Doer)
            await ref.ask_async("warm")
            published: Future[UnreadFailure] = Future()
            system.events.subscribe(UnreadFailure, published.set)
            ref.ask(raising(ValueError("unread"), 0), block=False)
            await ref.ask_async("next")
            gc.collect()
            assert str((await published).error) == "unread"

    run(main)


# -- cancelled, killed, stopped ---------------------------------------------------------------------------------------------


def test_a_cancelled_asker_cancels_the_ask_and_not_the_handler() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            event, tokens = asyncio.Event(), []

            async def handler(me: Doer) -> None:
                tokens.append(me.cancel_token)
                await holding(event)(me)

            asker = asyncio.create_task(ref.ask_async(handler))
            await asyncio.sleep(0)
            assert not tokens[0].cancelled
            asker.cancel()
            await asyncio.wait([asker])
            assert asker.cancelled()
            assert tokens[0].cancelled
            event.set()
            assert await ref.ask_async(log_of) == ["begin", "end"]

    run(main)


def test_a_kill_reaches_a_handler_between_its_first_step_and_its_next() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            log = await ref.ask_async(log_of)
            ask = await begun(ref, holding(asyncio.Event()))
            assert log == ["begin"]
            behind = ref.ask("behind", block=False)
            killed = ref.kill(block=False)
            assert isinstance(killed, Future)
            assert await killed is True
            for one in (ask, behind):
                with pytest.raises(ActorDeadError):
                    await one
            assert log == ["begin", asyncio.CancelledError]

    run(main)


def test_a_stop_waits_for_a_handler_between_its_first_step_and_its_next() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            event = asyncio.Event()
            ask = await begun(ref, holding(event))
            stopped = ref.stop(block=False)
            event.set()
            assert await stopped is True
            assert await ask == "answer"

    run(main)


@pytest.mark.parametrize("end", [lambda me: me.stop(), lambda me: me.actor_ref.kill(block=False)], ids=["stop", "kill"])
def test_an_actor_may_end_itself_in_the_handler(end: Callable[[Doer], Any]) -> None:
    async def main() -> None:
        async with idle() as [ref]:
            assert await ref.ask_async(lambda me: end(me) and None) is None
            with pytest.raises(ActorDeadError):
                await ref.ask_async("late")

    run(main)


async def cancels_itself(me: Doer) -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        task.uncancel()
        me.log.append("cancelled")
    await asyncio.sleep(0)
    return "went on"


async def out_of_time(_: Doer) -> str:
    try:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    except TimeoutError:
        return "timed out"
    return "not"


@pytest.mark.parametrize(("handler", "answer"), [(cancels_itself, "went on"), (out_of_time, "timed out")])
def test_a_cancellation_at_the_first_step_reaches_the_handler_at_its_wait(handler: Any, answer: str) -> None:
    async def main() -> None:
        async with idle() as [ref]:
            assert await ref.ask_async(handler) == answer
            assert await ref.ask_async("next") == "next"
            assert await (await begun(ref, handler)) == answer

    run(main)


def test_a_cancellation_at_the_first_step_that_the_handler_lets_through_fails_the_ask() -> None:
    async def lets_through(_: Doer) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def main() -> None:
        async with idle() as [ref]:
            ask = await begun(ref, lets_through)
            behind = ref.ask("behind", block=False)
            with pytest.raises(AskCancelled):
                await ask
            assert await behind == "behind"

    run(main)


@pytest.mark.parametrize("kill", ["by itself", "by another"])
def test_a_kill_cancels_what_the_handler_waits_for(kill: str) -> None:
    async def main() -> None:
        async with idle(2) as [ref, killer]:
            tasks: list[asyncio.Task[Any]] = []

            async def handler(me: Doer) -> None:
                tasks.append(asyncio.create_task(asyncio.Event().wait()))
                if kill == "by itself":
                    me.actor_ref.kill(block=False)
                else:
                    await killer.ask_async(lambda _: ref.kill(block=False) and None)
                await tasks[0]

            with pytest.raises(ActorDeadError):
                await ref.ask_async(handler)
            await asyncio.wait(tasks)
            assert tasks[0].cancelled()

    run(main)


# -- what a handler may do ---------------------------------------------------------------------------------------------------


def test_a_reply_may_come_later() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            handles: list[ReplyHandle] = []
            future = await begun(ref, lambda me: handles.append(me.reply_later()))
            assert await ref.ask_async("next") == "next"
            assert not future.done()
            assert handles[0].reply("late")
            assert await future == "late"

    run(main)


def test_an_ask_may_be_stashed() -> None:
    def unless_open(me: Doer) -> Any:
        if "open" not in me.log:
            return me.stash()
        me.log.append("handled")
        return "answer"

    async def main() -> None:
        async with idle() as [ref]:
            stashed = await begun(ref, unless_open)
            assert ref.stats().stashed == 1
            assert await ref.ask_async("open") == "open"
            assert not stashed.done()
            assert await ref.ask_async(lambda me: me.unstash()) == 1
            assert await stashed == "answer"
            assert await ref.ask_async(log_of) == ["open", "handled"]

    run(main)


def test_the_outcome_of_an_ask_may_be_piped_to_oneself() -> None:
    async def main() -> None:
        async with idle(2) as [ref, other]:
            event = asyncio.Event()
            piped: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()

            def message(value: str) -> Callable[[Doer], None]:
                return lambda me: piped.put_nowait((value, me.actor_ref == ref))

            await ref.ask_async(lambda me: me.pipe_to_self(other.ask("at once", block=False), on_success=message))
            await ref.ask_async(lambda me: me.pipe_to_self(other.ask(holding(event, "later"), block=False), on_success=message))
            event.set()
            assert [await piped.get(), await piped.get()] == [("at once", True), ("later", True)]

    run(main)


def test_the_counters_add_up_in_the_middle_of_a_handler() -> None:
    async def main() -> None:
        async with idle() as [ref]:
            event = asyncio.Event()
            before = ref.stats()
            ask = await begun(ref, holding(event))
            ref.tell("behind")
            now = ref.stats()
            assert (now.in_progress, now.waiting, now.handled) == (1, 1, before.handled)
            assert now.accepted == before.accepted + 2
            event.set()
            await ask
            assert await ref.ask_async("last") == "last"
            assert ref.stats().handled == before.handled + 3

    run(main)
