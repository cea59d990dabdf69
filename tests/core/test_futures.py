"""Futures: resolved exactly once, awaitable from anywhere, lazy where they are combined, at home among other kinds of futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import operator
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorSystem,
    AskCancelled,
    CancelToken,
    DeadLetter,
    DeadLetterReason,
    DeadlockError,
    Future,
    ReplyHandle,
    Timeout,
    get_all,
    wait_any,
)
from actors.events import CallbackFailed
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0  # seconds; nothing here is expected to take a hundredth of it


class Echo(Actor):
    """Answers with the message; an exception is raised."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        return message


class AsyncEcho(Actor):
    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        return message


class Keeper(Actor):
    """Answers "keep" only when told to "release"."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: ReplyHandle | None = None

    def on_receive(self, message: Any) -> Any:
        if message == "keep":
            self.kept = self.reply_later()
            return None
        assert self.kept is not None
        if message == "token":
            return self.kept.cancel_token
        return self.kept.reply(message)


class Held(Actor):
    """Handles one message for as long as the test likes."""

    def __init__(self, begun: threading.Event, release: threading.Event) -> None:
        super().__init__()
        self.begun = begun
        self.release = release

    def on_receive(self, message: Any) -> Any:
        if message == "hold":
            self.begun.set()
            self.release.wait(SAFETY)
        return message


@contextmanager
def switching_often() -> Iterator[None]:
    """Lets threads take turns after nearly every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def race(*contenders: Callable[[], Any]) -> list[Any]:
    """Runs all at once, a thread each; returns what each returned."""
    barrier = threading.Barrier(len(contenders))
    results: list[Any] = [None] * len(contenders)

    def run(index: int, contender: Callable[[], Any]) -> None:
        barrier.wait(SAFETY)
        results[index] = contender()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(contenders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SAFETY)
        assert not thread.is_alive()
    return results


# -- set once --------------------------------------------------------------------------------------------------------------


def resolve_with_set(future: Future[Any]) -> None:
    future.set("a")


def resolve_with_exception(future: Future[Any]) -> None:
    future.set_exception(KeyError("a"))


def resolve_with_hook(future: Future[Any]) -> None:
    future.set_get_hook(lambda _: "a")


RESOLVERS = [resolve_with_set, resolve_with_exception, resolve_with_hook]


@pytest.mark.parametrize(
    ("first", "second"),
    [(first, second) for first in RESOLVERS for second in RESOLVERS if (first, second) != (resolve_with_hook, resolve_with_hook)],
)
def test_a_second_resolution_raises_queue_full(first: Callable[[Future[Any]], None], second: Callable[[Future[Any]], None]) -> None:
    future: Future[Any] = Future()
    first(future)
    with pytest.raises(queue.Full):
        second(future)


@pytest.mark.parametrize("kind", [Future, pykka.ThreadingFuture])
def test_another_get_hook_takes_the_place_of_one_that_has_not_run(kind: type[Future[str]]) -> None:
    future = kind()
    future.set_get_hook(lambda _: "first")
    future.set_get_hook(lambda _: "second")
    assert future.get() == "second"
    future.set_get_hook(lambda _: "too late")
    assert future.get() == "second"


def test_another_get_hook_takes_the_place_of_a_combinators_function() -> None:
    source: Future[int] = Future()
    lazy = source.map(lambda value: value + 1)
    lazy.set_get_hook(lambda _: 7)
    assert lazy.get() == 7
    assert not source.done()


@pytest.mark.parametrize("first", [resolve_with_set, resolve_with_exception])
def test_a_try_to_resolve_a_resolved_future_changes_nothing(first: Callable[[Future[Any]], None]) -> None:
    future: Future[Any] = Future()
    first(future)
    before = (future.exception(), future.done())
    assert not future.try_set("late")
    assert not future.try_fail(ValueError("late"))
    assert not future.cancel()
    assert (future.exception(), future.done()) == before


def test_of_many_resolvers_at_once_exactly_one_wins_and_every_getter_sees_it() -> None:
    with switching_often():
        for _ in range(scaled(5_000, 150)):
            future: Future[Any] = Future()
            results = race(
                lambda f=future: ("set", f.try_set("set")),  # type: ignore[misc]
                lambda f=future: ("fail", f.try_fail(KeyError("fail"))),  # type: ignore[misc]
                lambda f=future: ("cancel", f.cancel()),  # type: ignore[misc]
                lambda f=future: ("got", f.exception(timeout=SAFETY)),  # type: ignore[misc]
            )
            winners = [name for name, won in results[:3] if won]
            assert len(winners) == 1
            seen = results[3][1]
            kinds = {"set": type(None), "fail": KeyError, "cancel": AskCancelled}
            assert type(seen) is kinds[winners[0]]


def test_a_callback_runs_once_when_it_is_added_while_the_future_resolves() -> None:
    with switching_often():
        for _ in range(scaled(5_000, 150)):
            future: Future[int] = Future()
            called: list[Future[int]] = []
            race(lambda f=future: f.set(1), lambda f=future, c=called: f.add_done_callback(c.append))  # type: ignore[misc]
            assert called == [future]


def test_a_constructed_future_takes_no_arguments() -> None:
    with pytest.raises(TypeError):
        Future("value")  # type: ignore[call-arg]
    assert isinstance(Future(), pykka.Future)


# -- outcomes --------------------------------------------------------------------------------------------------------------


def test_a_value_may_be_read_any_number_of_times() -> None:
    future: Future[str] = Future()
    future.set("x")
    assert [future.get(), future.get(timeout=0)] == ["x", "x"]
    assert future.exception() is None


def test_set_without_a_value_means_none() -> None:
    future: Future[None] = Future()
    future.set()
    assert future.get() is None  # type: ignore[func-returns-value]


def test_a_failure_is_raised_each_time_with_its_own_traceback() -> None:
    future: Future[None] = Future()

    def deep() -> None:
        raise LookupError("deep")

    try:
        deep()
    except LookupError:
        future.set_exception()
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            future.get()
        assert "deep" in {frame.name for frame in traceback.extract_tb(caught.value.__traceback__)}
    assert isinstance(future.exception(), LookupError)


def test_set_exception_takes_an_exception_or_a_triple() -> None:
    single, triple = Future[None](), Future[None]()
    error = KeyError("k")
    single.set_exception(error)
    triple.set_exception((KeyError, error, None))
    assert single.exception() is error
    assert triple.exception() is error


@pytest.mark.parametrize("timeout", [0, 0.001])
def test_a_get_that_times_out_raises_timeout_and_the_future_goes_on(timeout: float) -> None:
    future: Future[int] = Future()
    with pytest.raises(Timeout) as caught:
        future.get(timeout=timeout)
    assert isinstance(caught.value, pykka.Timeout)
    with pytest.raises(Timeout):
        future.exception(timeout=timeout)
    future.set(1)
    assert future.get() == 1


def test_get_many_times_out_leaves_nothing_on_the_future() -> None:
    future: Future[int] = Future()
    for _ in range(100):
        with pytest.raises(Timeout):
            future.get(timeout=0)
    assert future._waiters == []


def test_done_tells_whether_the_value_is_there() -> None:
    future: Future[int] = Future()
    assert not future.done()
    future.set(1)
    assert future.done()
    assert not future.cancelled()


# -- callbacks -------------------------------------------------------------------------------------------------------------


def test_callbacks_run_in_order_in_the_resolving_thread() -> None:
    future: Future[int] = Future()
    seen: list[tuple[int, threading.Thread]] = []
    for number in range(3):
        future.add_done_callback(lambda _, n=number: seen.append((n, threading.current_thread())))  # type: ignore[misc]
    resolver = threading.Thread(target=future.set, args=(1,))
    resolver.start()
    resolver.join()
    assert seen == [(0, resolver), (1, resolver), (2, resolver)]


def test_a_callback_on_a_resolved_future_runs_at_once() -> None:
    future: Future[int] = Future()
    future.set(1)
    seen: list[int] = []
    future.add_done_callback(lambda done: seen.append(done.get()))
    assert seen == [1]


def broken(_: Future[Any]) -> None:
    raise ValueError("callback")


def test_a_callback_that_raises_is_published_and_the_others_still_run() -> None:
    begun, release = threading.Event(), threading.Event()
    with ActorSystem() as system:
        published: Future[CallbackFailed] = Future()
        system.events.subscribe(CallbackFailed, published.set)
        ref = system.spawn(Held, begun, release)
        future = ref.ask("hold", block=False)
        later: Future[Any] = Future()
        future.add_done_callback(broken)
        future.add_done_callback(lambda done: later.set(done.get()))
        release.set()
        assert later.get(timeout=SAFETY) == "hold"
        failure = published.get(timeout=SAFETY)
        assert isinstance(failure.error, ValueError)
        assert failure.callback is broken
        assert ref.is_alive()


def leave(_: Any) -> None:
    raise SystemExit


def test_a_callback_that_would_leave_is_published_and_hurts_neither_the_resolver_nor_the_others() -> None:
    with ActorSystem() as system:
        published: queue.SimpleQueue[CallbackFailed] = queue.SimpleQueue()
        system.events.subscribe(CallbackFailed, published.put)
        begun, release = threading.Event(), threading.Event()
        ref = system.spawn(Held, begun, release)
        future = ref.ask("hold", block=False)
        later: Future[Any] = Future()
        future.add_done_callback(leave)
        future.add_done_callback(lambda done: later.set(done.get()))
        release.set()
        assert later.get(timeout=SAFETY) == "hold"
        assert isinstance(published.get(timeout=SAFETY).error, SystemExit)
        assert ref.is_alive()


def test_an_interrupt_in_a_callback_comes_out_after_all_others_were_called() -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    called: list[Any] = []
    future: Future[int] = Future()
    future.add_done_callback(interrupted)
    future.add_done_callback(called.append)
    with pytest.raises(KeyboardInterrupt):
        future.set(1)
    assert called == [future]


def test_awaiting_what_another_thread_is_computing_does_not_block_the_loop() -> None:
    computing, release = threading.Event(), threading.Event()

    def compute(_: Any) -> bool:
        computing.set()
        return release.wait(SAFETY)

    async def main() -> bool:
        base: Future[int] = Future()
        base.set(1)
        lazy = base.map(compute)
        thread = threading.Thread(target=lazy.get)
        thread.start()
        await asyncio.to_thread(computing.wait, SAFETY)

        async def wait() -> bool:
            return await lazy

        task = asyncio.get_running_loop().create_task(wait())
        await asyncio.sleep(0)
        release.set()
        computed = await task
        thread.join(SAFETY)
        return computed

    assert asyncio.run(main()) is True


def test_a_callback_that_raises_on_a_later_reply_is_published_too() -> None:
    with ActorSystem() as system:
        published: Future[CallbackFailed] = Future()
        system.events.subscribe(CallbackFailed, published.set)
        ref = system.spawn(Keeper)
        future = ref.ask("keep", block=False)
        future.add_done_callback(broken)
        assert ref.ask("value") is True
        assert isinstance(published.get(timeout=SAFETY).error, ValueError)
        assert future.get() == "value"


def test_a_callback_that_raises_without_a_system_is_logged_and_the_others_still_run(caplog: pytest.LogCaptureFixture) -> None:
    future: Future[int] = Future()
    seen: list[int] = []
    future.add_done_callback(broken)
    future.add_done_callback(lambda done: seen.append(done.get()))
    future.set(1)
    assert seen == [1]
    [record] = [one for one in caplog.records if one.name == "actors"]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_a_callback_on_a_lazy_future_gets_the_computed_value() -> None:
    source: Future[int] = Future()
    seen: Future[int] = Future()
    source.map(lambda value: value + 1).add_done_callback(lambda done: seen.set(done.get()))
    assert not seen.done()
    source.set(1)
    assert seen.get(timeout=SAFETY) == 2


def test_a_callback_on_a_lazy_future_that_fails_gets_the_failure() -> None:
    source: Future[int] = Future()
    seen: Future[Any] = Future()
    source.map(lambda value: value // 0).add_done_callback(lambda done: seen.set(done.exception()))
    source.set(1)
    assert isinstance(seen.get(timeout=SAFETY), ZeroDivisionError)


# -- cancelling ------------------------------------------------------------------------------------------------------------


def test_a_cancelled_future_raises_ask_cancelled() -> None:
    future: Future[int] = Future()
    assert future.cancel()
    assert future.done()
    assert future.cancelled()
    assert not future.cancel()
    with pytest.raises(AskCancelled):
        future.get()


def test_a_cancelled_ask_that_still_waits_is_not_handled() -> None:
    begun, release = threading.Event(), threading.Event()
    with ActorSystem() as system:
        letters: Future[DeadLetter] = Future()
        system.events.subscribe(DeadLetter, letters.set)
        ref = system.spawn(Held, begun, release)
        ref.tell("hold")
        assert begun.wait(SAFETY)
        future = ref.ask("never handled", block=False)
        assert future.cancel()
        release.set()
        letter = letters.get(timeout=SAFETY)
        assert letter == DeadLetter("never handled", DeadLetterReason.CANCELLED, ref)
        assert ref.ask("alive") == "alive"


class Tokens(Actor):
    def __init__(self, seen: Future[bool], token: Future[CancelToken], go_on: Future[None]) -> None:
        super().__init__()
        self.seen, self.token, self.go_on = seen, token, go_on

    def on_receive(self, message: Any) -> Any:
        token = self.cancel_token
        self.token.set(token)
        self.go_on.get(timeout=SAFETY)
        self.seen.set(token.cancelled)
        token.raise_if_cancelled()
        return message


def test_cancelling_sets_the_token_of_a_handler_at_work_and_calls_its_callbacks() -> None:
    seen, token, go_on = Future[bool](), Future[CancelToken](), Future[None]()
    with ActorSystem() as system:
        future = system.spawn(Tokens, seen, token, go_on).ask("work", block=False)
        calls: list[str] = []
        token.get(timeout=SAFETY).add_callback(lambda: calls.append("called"))
        assert not token.get().cancelled
        assert future.cancel()
        assert calls == ["called"]
        token.get().add_callback(lambda: calls.append("late"))
        assert calls == ["called", "late"]
        go_on.set()
        assert seen.get(timeout=SAFETY)


def test_the_late_reply_to_a_cancelled_ask_is_fenced_off() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Keeper)
        future = ref.ask("keep", block=False)
        assert ref.ask("token").cancelled is False
        assert future.cancel()
        assert ref.ask("late") is False
        with pytest.raises(AskCancelled):
            future.get()


def test_cancelling_the_await_of_ask_async_cancels_the_ask() -> None:
    async def main(system: ActorSystem) -> None:
        ref = await system.spawn_async(Keeper)
        asking = asyncio.create_task(ref.ask_async("keep"))
        await asyncio.sleep(0)  # the ask is on its way
        token = await ref.ask_async("token")
        assert not token.cancelled
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert token.cancelled
        assert await ref.ask_async("late") is False

    with ActorSystem() as system:
        asyncio.run(main(system))


def test_a_timeout_of_ask_async_bounds_the_wait_only() -> None:
    async def main(system: ActorSystem) -> None:
        ref = await system.spawn_async(Keeper)
        with pytest.raises(Timeout):
            await ref.ask_async("keep", timeout=0.01)
        token = await ref.ask_async("token")
        assert not token.cancelled

    with ActorSystem() as system:
        asyncio.run(main(system))


# -- combinators -----------------------------------------------------------------------------------------------------------


def test_combinators_compute_nothing_before_the_first_get() -> None:
    calls: list[str] = []
    source: Future[list[int]] = Future()
    source.set([3, 1, 2])

    def note(name: str, result: Any) -> Any:
        calls.append(name)
        return result

    lazy: list[Future[Any]] = [
        source.map(lambda value: note("map", len(value))),
        source.filter(lambda item: note("filter", item > 1)),
        source.reduce(lambda one, other: note("reduce", one + other)),
    ]
    assert calls == []
    assert get_all(lazy) == [3, [3, 2], 6]
    assert sorted(set(calls)) == ["filter", "map", "reduce"]


def test_a_combinator_runs_once_under_concurrent_getters() -> None:
    with switching_often():
        for _ in range(scaled(2_000, 60)):
            source: Future[int] = Future()
            calls: list[int] = []

            def count(value: int, calls: list[int] = calls) -> int:
                calls.append(value)
                return value + 1

            lazy = source.map(count)
            got = race(
                *[functools.partial(lazy.get, timeout=SAFETY)] * 3,
                functools.partial(source.set, 1),
            )
            assert got[:3] == [2, 2, 2]
            assert calls == [1]


def test_a_combinator_runs_once_under_awaiters_of_several_loops_and_getters() -> None:
    for _ in range(scaled(200, 10)):
        source: Future[int] = Future()
        calls: list[int] = []

        def count(value: int, calls: list[int] = calls) -> int:
            calls.append(value)
            return value + 1

        lazy = source.map(count)

        async def wait(lazy: Future[int] = lazy) -> int:
            return await lazy

        got = race(lambda w=wait: asyncio.run(w()), lambda w=wait: asyncio.run(w()), lazy.get, functools.partial(source.set, 1))  # type: ignore[misc]
        assert got[:3] == [2, 2, 2]
        assert calls == [1]


def test_a_function_that_raises_is_retried_by_the_next_getter_as_in_pykka() -> None:
    def outcomes(future: pykka.Future[int]) -> list[Any]:
        calls = iter([ValueError("first"), 7])

        def hook(_: float | None) -> int:
            result = next(calls)
            if isinstance(result, Exception):
                raise result
            return result

        future.set_get_hook(hook)
        seen: list[Any] = []
        for _ in range(3):
            try:
                seen.append(future.get())
            except ValueError as error:
                seen.append(str(error))
        return seen

    assert outcomes(Future()) == outcomes(pykka.ThreadingFuture()) == ["first", 7, 7]


def test_a_waiting_getter_takes_over_from_one_whose_hook_raised() -> None:
    first_is_in, go_on = threading.Event(), threading.Event()
    calls: list[int] = []
    future: Future[int] = Future()

    def hook(_: float | None) -> int:
        calls.append(1)
        if len(calls) > 1:
            return 7
        first_is_in.set()
        assert go_on.wait(SAFETY)
        raise ValueError("first")

    future.set_get_hook(hook)
    outcomes: list[Any] = []

    def first() -> None:
        with pytest.raises(ValueError, match="first"):
            future.get()

    def second() -> None:
        outcomes.append(future.get(timeout=SAFETY))

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert first_is_in.wait(SAFETY)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(SAFETY)
    assert outcomes == [7]
    assert len(calls) == 2


def test_the_get_hook_is_given_the_timeout() -> None:
    future: Future[float | None] = Future()
    future.set_get_hook(lambda timeout: timeout)
    assert future.get(timeout=3) == 3


def test_a_combinator_passes_the_timeout_on_and_may_be_asked_again() -> None:
    source: Future[int] = Future()
    lazy = source.map(lambda value: value + 1)
    with pytest.raises(Timeout):
        lazy.get(timeout=0.001)
    source.set(1)
    assert lazy.get() == 2


def test_no_lock_is_held_while_a_combinator_computes() -> None:
    """A function may use the very future it computes: its state, its callbacks, other getters with a timeout."""
    source: Future[int] = Future()
    source.set(1)
    lazy: Future[int]
    seen: list[Any] = []

    def function(value: int) -> int:
        seen.append(lazy.done())
        lazy.add_done_callback(lambda done: seen.append(done.get()))
        return value

    lazy = source.map(function)
    assert lazy.get(timeout=SAFETY) == 1
    assert seen[0] is False


def test_join_keeps_order_and_takes_pykkas_futures() -> None:
    ours, theirs = Future[int](), pykka.ThreadingFuture[int]()
    joined = ours.join(theirs, theirs)  # type: ignore[arg-type]
    theirs.set(2)
    ours.set(1)
    assert joined.get(timeout=SAFETY) == [1, 2, 2]


def test_pykkas_future_joins_ours() -> None:
    ours, theirs = Future[int](), pykka.ThreadingFuture[int]()
    joined = theirs.join(ours)
    theirs.set(2)
    ours.set(1)
    assert joined.get(timeout=SAFETY) == [2, 1]


@given(st.lists(st.integers(), max_size=20), st.integers())
def test_combinators_agree_with_the_functions_they_are_named_after(values: list[int], start: int) -> None:
    source: Future[list[int]] = Future()
    source.set(values)
    assert source.map(len).get() == len(values)
    assert source.filter(lambda value: value > 0).get() == [value for value in values if value > 0]
    assert source.reduce(operator.add, start).get() == sum(values, start)
    assert source.filter(lambda value: value % 2 == 0).map(lambda even: [v * v for v in even]).reduce(operator.add, 0).get() == sum(
        value * value for value in values if value % 2 == 0
    )


def test_reduce_of_nothing_without_a_start_raises_as_reduce_does() -> None:
    source: Future[list[int]] = Future()
    source.set([])
    with pytest.raises(TypeError, match="empty"):
        source.reduce(operator.add).get()


@pytest.mark.parametrize("base", [Future, pykka.ThreadingFuture], ids=["ours", "pykka"])
def test_a_subclass_stays_itself_in_combinators(base: type[Future[Any]]) -> None:
    kind = type("Kind", (base,), {})
    future = kind()
    combined = [future.map(str), future.filter(bool), future.join(Future()), future.reduce(max)]
    assert [type(one) for one in combined] == [kind] * 4


# -- cancelling lazy futures -----------------------------------------------------------------------------------------------

COMBINATORS: dict[str, Callable[[Future[Any]], Future[Any]]] = {
    "map": lambda future: future.map(lambda value: value),
    "filter": lambda future: future.filter(bool),
    "join": lambda future: future.join(Future()),
    "join pykka's": lambda future: future.join(pykka.ThreadingFuture()),  # type: ignore[arg-type]
    "reduce": lambda future: future.reduce(max),
    "a chain": lambda future: future.map(lambda value: value).map(lambda value: value),
}
every_combinator = pytest.mark.parametrize("combine", COMBINATORS.values(), ids=COMBINATORS)


@every_combinator
def test_cancelling_a_lazy_future_resolves_it_and_cancels_what_it_computes_from(combine: Callable[[Future[Any]], Future[Any]]) -> None:
    source: Future[Any] = Future()
    lazy = combine(source)
    assert lazy.cancel()
    assert (lazy.done(), lazy.cancelled(), source.cancelled()) == (True, True, True)
    assert not lazy.cancel()
    with pytest.raises(AskCancelled):
        lazy.get()
    assert isinstance(lazy.exception(), AskCancelled)
    with pytest.raises(queue.Full):
        lazy.set_get_hook(lambda _: 7)


@every_combinator
def test_cancelling_the_concurrent_future_of_a_lazy_one_cancels_what_it_computes_from(
    combine: Callable[[Future[Any]], Future[Any]],
) -> None:
    source: Future[Any] = Future()
    lazy = combine(source)
    if lazy._blocks:
        return  # its function is at work already, on a thread that waits for pykka's future
    assert lazy.as_concurrent().cancel()
    assert (lazy.cancelled(), source.cancelled()) == (True, True)


def test_cancelling_the_asyncio_future_of_a_lazy_one_cancels_the_ask() -> None:
    begun, go_on = threading.Event(), threading.Event()
    handled: list[Any] = []

    class Busy(Actor):
        def on_receive(self, message: Any) -> None:
            handled.append(message)
            begun.set()
            go_on.wait(SAFETY)

    async def main(ref: ActorRef[Busy]) -> None:
        waiting = ref.ask("cancelled", block=False).map(str).as_asyncio()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with ActorSystem() as system:
        ref = system.spawn(Busy)
        ref.tell("first")
        assert begun.wait(SAFETY)
        asyncio.run(main(ref))
        go_on.set()
    assert handled == ["first"]


def test_a_computed_lazy_future_cannot_be_cancelled_and_leaves_its_sources_alone() -> None:
    source: Future[int] = Future()
    source.set(1)
    lazy = source.map(str)
    assert lazy.get() == "1"
    assert not lazy.cancel()
    assert lazy.get() == "1"


def test_a_getter_that_waits_for_a_source_sees_the_cancellation() -> None:
    lazy: Future[str] = Future[int]().map(str)
    outcomes: list[Any] = []
    waits = threading.Event()
    source = lazy._sources[0]
    listen = source._listen

    def noted(waiter: Callable[[Future[int]], object]) -> None:
        listen(waiter)
        waits.set()

    source._listen = noted  # type: ignore[method-assign]
    getter = threading.Thread(target=lambda: outcomes.append(lazy.exception(timeout=SAFETY)))
    getter.start()
    assert waits.wait(SAFETY)
    assert lazy.cancel()
    getter.join(SAFETY)
    assert lazy.cancelled()
    assert isinstance(outcomes[0], AskCancelled)


def test_what_a_function_returns_after_its_future_was_cancelled_is_dropped() -> None:
    source: Future[int] = Future()
    source.set(1)

    def cancels(value: int) -> int:
        assert lazy.cancel()
        return value

    lazy: Future[int] = source.map(cancels)
    with pytest.raises(AskCancelled):
        lazy.get()
    assert lazy.cancelled()


def test_a_callback_on_a_lazy_future_that_is_cancelled_gets_the_cancellation() -> None:
    lazy = Future[int]().map(str)
    outcomes: list[Any] = []
    lazy.add_done_callback(lambda future: outcomes.append(future.exception()))
    lazy.cancel()
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], AskCancelled)


# -- exception() of lazy futures -------------------------------------------------------------------------------------------


def test_exception_of_a_lazy_future_returns_what_its_function_raises() -> None:
    source: Future[int] = Future()
    source.set(0)
    assert isinstance(source.map(lambda value: 1 // value).exception(), ZeroDivisionError)
    assert source.map(str).exception() is None


@every_combinator
@pytest.mark.parametrize("failure", [LookupError("gone"), Timeout("of the handler's own"), DeadlockError(("/a", "/a"))], ids=repr)
def test_exception_of_a_lazy_future_returns_what_its_source_failed_with(
    combine: Callable[[Future[Any]], Future[Any]], failure: Exception
) -> None:
    source: Future[Any] = Future()
    source.set_exception(failure)
    lazy = combine(source)
    if len(lazy._sources) > 1 and not isinstance(failure, LookupError):
        return  # the other source may still have to be waited for, so this may be of the wait
    assert lazy.exception(timeout=SAFETY) is failure


def test_exception_of_a_lazy_future_raises_what_concerns_the_wait_itself() -> None:
    lazy = Future[int]().map(str)
    with pytest.raises(Timeout):
        lazy.exception(timeout=0)
    assert not lazy.done()


def test_exception_of_a_future_with_a_hook_of_ones_own_returns_what_the_hook_raises() -> None:
    def hook(timeout: float | None) -> int:
        if timeout == 0:
            raise pykka.Timeout
        raise LookupError("gone")

    future: Future[int] = Future()
    future.set_get_hook(hook)
    with pytest.raises(pykka.Timeout):
        future.exception(timeout=0)
    assert isinstance(future.exception(), LookupError)


# -- several at once -------------------------------------------------------------------------------------------------------


def test_get_all_keeps_order() -> None:
    futures = [Future[int]() for _ in range(3)]
    for number in (2, 0, 1):
        futures[number].set(number)
    assert get_all(futures) == [0, 1, 2]


def test_get_all_times_out() -> None:
    done = Future[int]()
    done.set(1)
    with pytest.raises(Timeout):
        get_all([done, Future()], timeout=0.001)


def test_wait_any_returns_the_first_resolved_one_in_order() -> None:
    futures = [Future[int]() for _ in range(4)]
    futures[2].set(2)
    futures[1].set_exception(KeyError("1"))
    assert wait_any(futures) is futures[1]


def test_wait_any_wakes_when_any_resolves() -> None:
    for index in range(3):
        futures = [Future[int]() for _ in range(3)]
        got = race(functools.partial(wait_any, futures, timeout=SAFETY), functools.partial(futures[index].set, 1))
        assert got[0] is futures[index]
        assert all(future._waiters == [] for future in futures)


def test_wait_any_times_out() -> None:
    with pytest.raises(Timeout):
        wait_any([Future[int](), Future[int]()], timeout=0.001)


def test_wait_any_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        wait_any([])


def test_wait_any_in_a_handler_parks() -> None:
    class Both(Actor):
        def on_receive(self, message: list[Any]) -> Any:
            return wait_any([ref.ask("x", block=False) for ref in message], timeout=SAFETY).get()

    with ActorSystem() as system:
        keeper, echo = system.spawn(Keeper), system.spawn(Echo)
        assert keeper.ask("keep", block=False).done() is False
        assert system.spawn(Both).ask([echo, echo], timeout=SAFETY) == "x"


# -- awaiting --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor_class", [Echo, AsyncEcho])
def test_a_future_is_awaited_from_a_plain_asyncio_loop(actor_class: type[Actor]) -> None:
    async def main() -> Any:
        return await ref.ask("hello", block=False)

    with ActorSystem() as system:
        ref = system.spawn(actor_class)
        assert asyncio.run(main()) == "hello"


def test_one_future_is_awaited_from_several_loops_at_once() -> None:
    future: Future[str] = Future()

    async def wait() -> list[str]:
        async def one() -> str:
            return await future

        return await asyncio.gather(one(), one())

    got = race(lambda: asyncio.run(wait()), lambda: asyncio.run(wait()), lambda: future.set("x"))
    assert got[:2] == [["x", "x"], ["x", "x"]]


def test_awaiting_never_blocks_the_loop() -> None:
    """The only thing that can resolve these futures is another task of the same loop."""

    async def main() -> list[int]:
        pending: Future[int] = Future()
        lazy = pending.map(lambda value: value + 1)
        joined = pending.join(lazy)

        async def resolve() -> None:
            pending.set(1)

        async def wait_for(future: Future[Any]) -> Any:
            return await future

        waiting = [asyncio.create_task(wait_for(one)) for one in (pending, lazy, joined)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        await resolve()
        return list(await asyncio.wait_for(asyncio.gather(*waiting), SAFETY))

    assert asyncio.run(main()) == [1, 2, [1, 2]]


def test_awaiting_a_hook_of_ones_own_runs_it_off_the_loop() -> None:
    async def main() -> tuple[int, threading.Thread]:
        ticks = asyncio.Event()
        loop = asyncio.get_running_loop()
        future: Future[int] = Future()
        ran: list[threading.Thread] = []

        def hook(_: float | None) -> int:
            ran.append(threading.current_thread())
            asyncio.run_coroutine_threadsafe(_set(ticks), loop).result(SAFETY)  # hangs if this blocks the loop
            return 5

        future.set_get_hook(hook)
        return await future, ran[0]

    async def _set(event: asyncio.Event) -> None:
        event.set()

    value, thread = asyncio.run(main())
    assert value == 5
    assert thread is not threading.current_thread()


def test_awaiting_a_failed_future_raises_what_it_failed_with() -> None:
    async def main() -> None:
        with pytest.raises(LookupError, match="told"):
            await ref.ask(LookupError("told"), block=False)
        with pytest.raises(LookupError, match="told"):
            await ref.ask_async(LookupError("told"))

    with ActorSystem() as system:
        ref = system.spawn(Echo)
        asyncio.run(main())


def test_awaiting_a_dead_actor_raises_actor_dead_error() -> None:
    async def main() -> None:
        with pytest.raises(ActorDeadError):
            await ref.ask_async("x")

    with ActorSystem() as system:
        ref = system.spawn(Echo)
        ref.stop()
        asyncio.run(main())


def test_an_await_that_is_given_up_leaves_nothing_on_the_future() -> None:
    async def main() -> None:
        future: Future[int] = Future()

        async def wait() -> int:
            return await future

        for _ in range(50):
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert future._waiters == []
        future.set(1)
        assert await future == 1

    asyncio.run(main())


def test_giving_up_one_await_does_not_cancel_the_future() -> None:
    async def main() -> None:
        future: Future[int] = Future()

        async def wait() -> int:
            return await future

        first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert not future.done()
        future.set(1)
        assert await second == 1
        assert first.cancelled()

    asyncio.run(main())


def test_a_future_outlives_the_loop_that_awaited_it() -> None:
    future: Future[int] = Future()

    async def main() -> None:
        async def wait() -> int:
            return await future

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    future.set(1)
    assert future.get() == 1


# -- the standard library's futures ----------------------------------------------------------------------------------------


def test_as_concurrent_has_the_same_value_or_failure() -> None:
    good, bad = Future[int](), Future[int]()
    others = [good.as_concurrent(), bad.as_concurrent()]
    good.set(1)
    bad.set_exception(KeyError("k"))
    assert others[0].result(SAFETY) == 1
    assert isinstance(others[1].exception(SAFETY), KeyError)
    done, pending = concurrent.futures.wait(others, SAFETY)
    assert done == set(others)
    assert not pending


def test_as_concurrent_of_a_lazy_future_computes_it() -> None:
    source: Future[int] = Future()
    other = source.map(lambda value: value + 1).as_concurrent()
    source.set(1)
    assert other.result(SAFETY) == 2


def test_cancelling_the_concurrent_future_cancels_ours() -> None:
    future: Future[int] = Future()
    assert future.as_concurrent().cancel()
    assert future.cancelled()


def test_cancelling_ours_cancels_the_concurrent_future() -> None:
    future: Future[int] = Future()
    other = future.as_concurrent()
    assert future.cancel()
    assert other.cancelled()
    assert concurrent.futures.wait([other], SAFETY).done == {other}


def test_cancelling_ours_cancels_the_asyncio_future() -> None:
    async def main() -> bool:
        future: Future[int] = Future()
        other = future.as_asyncio()
        future.cancel()
        await asyncio.wait([other], timeout=SAFETY)
        return other.cancelled()

    assert asyncio.run(main())


def test_cancelling_the_end_of_a_long_chain_cancels_its_beginning() -> None:
    first: Future[int] = Future()
    last = first
    for _ in range(5000):
        last = last.map(lambda value: value + 1)
    assert last.cancel()
    assert first.cancelled()


def test_a_ladder_of_joins_is_climbed_once() -> None:
    first: Future[int] = Future()
    ladder: Future[Any] = first
    for _ in range(40):
        ladder = ladder.join(ladder).map(operator.itemgetter(0))
    with pytest.raises(Timeout):
        ladder.exception(timeout=0)
    called: Future[int] = Future()
    ladder.add_done_callback(lambda done: called.set(done.get()))
    first.set(7)
    assert called.get(timeout=SAFETY) == 7


@pytest.mark.parametrize("steps", [1, 5000])
def test_a_chain_of_lazy_futures_may_be_of_any_length(steps: int) -> None:
    def chain() -> tuple[Future[int], Future[int]]:
        first: Future[int] = Future()
        last = first
        for _ in range(steps):
            last = last.map(lambda value: value + 1)
        return first, last

    async def awaited(future: Future[int]) -> int:
        return await future

    first, last = chain()
    with pytest.raises(Timeout):
        last.exception(timeout=0)
    first.set(0)
    assert last.get(timeout=SAFETY) == steps
    first, last = chain()
    first.set(0)
    assert asyncio.run(awaited(last)) == steps
    first, last = chain()
    called: Future[int] = Future()
    last.add_done_callback(lambda done: called.set(done.get()))
    first.set(0)
    assert called.get(timeout=SAFETY) == steps
    first, last = chain()
    first.set_exception(LookupError())
    with pytest.raises(LookupError):
        asyncio.run(awaited(last))
    assert isinstance(last.exception(timeout=SAFETY), LookupError)


def test_from_concurrent_has_the_same_value_or_failure() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        assert Future.from_concurrent(executor.submit(operator.add, 1, 2)).get(timeout=SAFETY) == 3
        failed = Future.from_concurrent(executor.submit(operator.truediv, 1, 0))
        assert isinstance(failed.exception(timeout=SAFETY), ZeroDivisionError)


def test_cancelling_ours_cancels_the_concurrent_future_it_came_from() -> None:
    other: concurrent.futures.Future[int] = concurrent.futures.Future()
    future = Future.from_concurrent(other)
    assert future.cancel()
    assert other.cancelled()


def test_cancelling_the_concurrent_future_fails_ours_with_ask_cancelled() -> None:
    other: concurrent.futures.Future[int] = concurrent.futures.Future()
    future = Future.from_concurrent(other)
    assert other.cancel()
    with pytest.raises(AskCancelled):
        future.get(timeout=SAFETY)
    assert future.cancelled()


def test_as_asyncio_has_the_same_value_or_failure_and_cancels_both_ways() -> None:
    async def main() -> None:
        future: Future[int] = Future()
        other = future.as_asyncio()
        threading.Thread(target=future.set, args=(1,)).start()
        assert await asyncio.wait_for(other, SAFETY) == 1

        bad: Future[int] = Future()
        other = bad.as_asyncio()
        bad.set_exception(KeyError("k"))
        with pytest.raises(KeyError):
            await asyncio.wait_for(other, SAFETY)

        given_up: Future[int] = Future()
        ended = asyncio.Event()
        given_up.add_done_callback(lambda _: ended.set())
        given_up.as_asyncio().cancel()
        await asyncio.wait_for(ended.wait(), SAFETY)
        assert given_up.cancelled()

    asyncio.run(main())


def test_as_asyncio_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError):
        Future[int]().as_asyncio()


def test_reading_a_failure_again_and_again_does_not_lengthen_its_traceback() -> None:
    future: Future[None] = Future()
    future.set_exception(LookupError("once"))
    lengths = []
    for _ in range(3):
        with pytest.raises(LookupError) as caught:
            future.get()
        lengths.append(len(caught.traceback))
    assert len(set(lengths)) == 1
