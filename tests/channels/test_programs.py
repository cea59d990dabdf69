"""Programs from the literature of CSP and Go, as threads, as actors and as coroutines: they come to the known results and leave nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self

import pytest

from actors import Actor, ActorSystem
from actors.channels import Channel, ChannelClosedError, Receiver, Sender, open_channel, select, select_async
from tests.channels.kit import PATIENCE, until
from tests.support import scaled

pytestmark = pytest.mark.usefixtures("no_leaks")

PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71]


class Run(Actor):
    """Runs a function."""

    def on_receive(self, message: Callable[[], Any]) -> Any:
        return message()


class RunAsync(Actor):
    """Runs a coroutine function."""

    async def on_receive(self, message: Callable[[], Any]) -> Any:
        return await message()


class Go:
    """Starts functions as Go does goroutines, each as a thread or as an actor."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.threads: list[threading.Thread] = []
        self.system = ActorSystem("programs")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a program left a thread behind"
        report = self.system.shutdown(timeout=PATIENCE)
        assert report.killed == ()

    def __call__(self, function: Callable[..., Any], *args: Any) -> None:
        if self.kind == "threads":
            thread = threading.Thread(target=function, args=args, daemon=True)
            thread.start()
            self.threads.append(thread)
        else:
            self.system.start(Run).tell(lambda: function(*args))


both = pytest.mark.parametrize("kind", ["threads", "actors"])


# -- the prime sieve: McIlroy's daisy chain of filters -----------------------------------------------------------------------


def count_up(out: Sender[int]) -> None:
    with out:
        try:
            number = 2
            while True:
                out.send(number)
                number += 1
        except ChannelClosedError:
            pass


def strain(into: Receiver[int], out: Sender[int], prime: int) -> None:
    with into, out:
        try:
            for number in into:
                if number % prime:
                    out.send(number)
        except ChannelClosedError:
            pass


@both
@pytest.mark.parametrize("capacity", [0, 3])
def test_the_prime_sieve_finds_primes_and_ends_when_nobody_wants_more(kind: str, capacity: int) -> None:
    with Go(kind) as go:
        sender, receiver = open_channel(capacity, of=int)
        go(count_up, sender)
        found = []
        for _ in PRIMES:
            prime = receiver.receive(timeout=PATIENCE)
            found.append(prime)
            sender, following = open_channel(capacity, of=int)
            go(strain, receiver, sender, prime)
            receiver = following
        receiver.close()  # the end travels up the chain: every send fails, every filter closes
    assert found == PRIMES


def test_the_prime_sieve_as_coroutines() -> None:
    async def count(out: Channel[int]) -> None:
        number = 2
        while True:
            await out.send_async(number)
            number += 1

    async def strain_async(into: Channel[int], out: Channel[int], prime: int) -> None:
        async for number in into:
            if number % prime:
                await out.send_async(number)

    async def main() -> list[int]:
        channel = Channel[int](0)
        tasks = [asyncio.create_task(count(channel))]
        found = []
        for _ in PRIMES:
            prime = await channel.receive_async()
            found.append(prime)
            following = Channel[int](0)
            tasks.append(asyncio.create_task(strain_async(channel, following, prime)))
            channel = following
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found

    assert asyncio.run(main()) == PRIMES


# -- ping-pong -------------------------------------------------------------------------------------------------------------


@both
def test_ping_pong_by_rendezvous_alternates(kind: str) -> None:
    table, trace = Channel[int](0), []
    rounds = scaled(10_000, 500)

    def player(name: str) -> None:
        try:
            for ball in table:
                trace.append(name)
                if ball == rounds:
                    table.close()
                    return
                table.send(ball + 1)
        except ChannelClosedError:
            pass

    with Go(kind) as go:
        go(player, "ping")
        go(player, "pong")
        table.send(1, timeout=PATIENCE)
    assert len(trace) == rounds
    assert all(one != other for one, other in itertools.pairwise(trace))


# -- fan-in (Pike: Go Concurrency Patterns) ----------------------------------------------------------------------------------


@both
def test_fan_in_by_select_gets_all_of_each_in_order(kind: str) -> None:
    def talk(name: str, out: Sender[str]) -> None:
        with out:
            for number in range(50):
                out.send(f"{name}{number}")

    def fan_in(sources: list[Receiver[str]], out: Sender[str]) -> None:
        with out:
            while sources:
                chosen = select(*sources)
                if chosen.ended:
                    sources.remove(chosen.case)
                else:
                    out.send(chosen.value)

    with Go(kind) as go:
        sources = []
        for name in ("joe", "ann", "kim"):
            sender, receiver = open_channel(0, of=str)
            go(talk, name, sender)
            sources.append(receiver)
        out, everything = open_channel(0, of=str)
        go(fan_in, sources, out)
        heard = list(everything)
    for name in ("joe", "ann", "kim"):
        assert [text for text in heard if text.startswith(name)] == [f"{name}{number}" for number in range(50)]


# -- Hoare: the bounded buffer (Communicating Sequential Processes, 5.1) -----------------------------------------------------


@both
def test_a_bounded_buffer_is_a_process_that_selects(kind: str) -> None:
    places = 10

    def buffer(into: Receiver[int], out: Sender[int]) -> None:
        held: list[int] = []
        still_open = True
        with out:
            while still_open or held:
                cases: list[Any] = []
                if still_open and len(held) < places:
                    cases.append(into)
                if held:
                    cases.append(out.sending(held[0]))
                chosen = select(*cases)
                if chosen.case is not into:
                    held.pop(0)
                elif chosen.ended:
                    still_open = False
                else:
                    held.append(chosen.value)
                assert len(held) <= places

    def produce(out: Sender[int]) -> None:
        with out:
            for number in range(500):
                out.send(number)

    with Go(kind) as go:
        (producer, into), (out, consumer) = open_channel(0, of=int), open_channel(0, of=int)
        go(buffer, into, out)
        go(produce, producer)
        assert list(consumer) == list(range(500))


# -- Dijkstra: the sleeping barber -------------------------------------------------------------------------------------------


@both
def test_the_sleeping_barber_shaves_or_turns_away_every_customer(kind: str) -> None:
    chairs, customers = 3, 60
    shop, seats = open_channel(chairs, of=int)
    shaved: list[int] = []
    away: list[int] = []
    done = Channel[None](None)

    def barber() -> None:
        shaved.extend(seats)  # sleeps while there is none

    def customer(number: int) -> None:
        try:
            shop.send(number, timeout=0)
        except Exception:  # noqa: BLE001  # Timeout: all chairs are taken
            away.append(number)
        done.send(None)

    with Go(kind) as go:
        go(barber)
        for number in range(customers):
            go(customer, number)
        for _ in range(customers):
            done.receive(timeout=PATIENCE)
        shop.close()
    assert sorted(shaved + away) == list(range(customers))
    assert len(shaved) >= chairs


# -- Brinch Hansen: readers and writers, by channels --------------------------------------------------------------------------


@both
def test_readers_share_and_writers_are_alone(kind: str) -> None:  # noqa: C901  # a program of small processes
    """A guard is a process: it lets readers in while nobody writes, and a writer when nobody is there."""
    begin_read, end_read = Channel[None](0), Channel[None](0)
    begin_write, end_write = Channel[None](0), Channel[None](0)
    stop = Channel[None](0)
    reading: set[int] = set()
    writing: set[int] = set()
    wrong: list[str] = []
    most = [0]
    over = Channel[None](None)

    def guard() -> None:
        readers, writer = 0, False
        while True:
            cases: list[Any] = [end_read, end_write, stop]
            if not writer:
                cases.append(begin_read)
            if not writer and not readers:
                cases.append(begin_write)
            case = select(*cases).case
            readers += (case is begin_read) - (case is end_read)
            writer = case is begin_write or (writer and case is not end_write)
            if case is stop:
                return

    def look() -> None:
        if len(writing) > 1 or (writing and reading):
            wrong.append(f"{reading} {writing}")
        most[0] = max(most[0], len(reading))

    def member(number: int) -> None:
        dice = random.Random(number)
        for _ in range(30):
            begin, end, inside = (begin_write, end_write, writing) if dice.random() < 0.3 else (begin_read, end_read, reading)
            begin.send(None, timeout=PATIENCE)
            inside.add(number)
            look()
            inside.discard(number)
            end.send(None, timeout=PATIENCE)
        over.send(None)

    with Go(kind) as go:
        go(guard)
        for number in range(6):
            go(member, number)
        for _ in range(6):
            over.receive(timeout=PATIENCE)
        stop.send(None, timeout=PATIENCE)
    assert wrong == []
    assert most[0] >= 1


# -- pi by parallel terms (an example of Go's tutorial) ------------------------------------------------------------------------


@both
def test_pi_is_the_sum_of_terms_that_come_in_any_order(kind: str) -> None:
    terms = 200

    def term(out: Sender[float], number: int) -> None:
        with out:
            out.send(4 * (-1.0) ** number / (2 * number + 1))

    with Go(kind) as go:
        sender, receiver = open_channel(0, of=float)
        for number in range(terms):
            go(term, sender.clone(), number)
        sender.close()
        pi = math.fsum(receiver)
    assert pi == pytest.approx(math.pi, abs=1 / terms)


# -- equivalent binary trees: a walk that is stopped early (A Tour of Go) ------------------------------------------------------

Tree = tuple[Any, int, Any] | None


def grown(values: list[int]) -> Tree:
    tree: Tree = None
    for value in values:
        tree = inserted(tree, value)
    return tree


def inserted(tree: Tree, value: int) -> Tree:
    if tree is None:
        return None, value, None
    left, here, right = tree
    return (inserted(left, value), here, right) if value < here else (left, here, inserted(right, value))


def walk(tree: Tree, out: Sender[int]) -> None:
    def visit(tree: Tree) -> None:
        if tree is not None:
            visit(tree[0])
            out.send(tree[1])
            visit(tree[2])

    with out, contextlib.suppress(ChannelClosedError):
        visit(tree)


def same_fringe(go: Go, one: Tree, other: Tree) -> bool:
    ends = []
    for tree in (one, other):
        sender, receiver = open_channel(0, of=int)
        go(walk, tree, sender)
        ends.append(receiver)
    with ends[0] as left, ends[1] as right:  # closed also if they differ early: that ends the walks
        done = object()
        while True:
            pair = [next(iter(end), done) for end in (left, right)]
            if pair[0] != pair[1]:
                return False
            if pair[0] is done:
                return True


@both
def test_trees_of_the_same_fringe_are_told_and_walks_that_are_stopped_early_end(kind: str) -> None:
    dice = random.Random(5)
    numbers = list(range(60))
    shuffled = [dice.sample(numbers, len(numbers)) for _ in range(2)]
    with Go(kind) as go:
        assert same_fringe(go, grown(shuffled[0]), grown(shuffled[1]))
        assert not same_fringe(go, grown(shuffled[0]), grown(shuffled[1][:-1]))
        assert not same_fringe(go, grown([*numbers[1:5]]), grown(shuffled[0]))


# -- coroutines and threads and actors in one program ---------------------------------------------------------------------------


def test_a_program_of_all_kinds_of_parties() -> None:
    """Numbers of a thread are squared by a pool actor, halved by an async actor, and summed by a coroutine."""
    numbers_in, numbers = open_channel(0, of=int)
    squares_in, squares = open_channel(2, of=int)
    halves_in, halves = open_channel(None, of=float)

    def source() -> None:
        with numbers_in:
            for number in range(100):
                numbers_in.send(number)

    def square() -> None:
        with squares_in:
            for number in numbers:
                squares_in.send(number * number)

    async def halve() -> None:
        async with halves_in:
            async for number in squares:
                await halves_in.send_async(number / 2)

    async def total() -> float:
        return math.fsum([number async for number in halves])

    with ActorSystem() as system:
        system.spawn(Run).tell(square)
        system.spawn(RunAsync).tell(halve)
        thread = threading.Thread(target=source, daemon=True)
        thread.start()
        assert asyncio.run(total()) == sum(number * number for number in range(100)) / 2
        thread.join(PATIENCE)


# -- nothing is left -------------------------------------------------------------------------------------------------------------


def test_what_waited_leaves_no_task_and_no_parked_handler() -> None:
    async def tasks_left() -> int:
        channel = Channel[int](0)
        waiting = [asyncio.create_task(channel.receive_async()) for _ in range(5)]
        waiting.append(asyncio.create_task(take_any(channel)))
        await asyncio.sleep(0)
        channel.close()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(asyncio.all_tasks())

    async def take_any(channel: Channel[int]) -> None:
        await select_async(channel, channel)

    assert asyncio.run(tasks_left()) == 1
    with ActorSystem() as system:
        channel = Channel[int](0)
        for _ in range(50):
            system.spawn(Run).tell(lambda: list(channel))
        until(lambda: channel.stats().waiting_receivers == 50)
        assert system.stats().parked == 50
        channel.close()
        until(lambda: system.stats().parked == 0)


def test_iterators_that_are_left_early_leave_nothing_behind() -> None:
    channel = Channel[int](None)
    for number in range(3):
        channel.send(number)
    iterator: Iterator[int] = iter(channel)
    assert next(iterator) == 0
    del iterator

    async def main() -> None:
        iterating: AsyncIterator[int] = aiter(channel)
        assert await anext(iterating) == 1

    asyncio.run(main())
    assert channel.drain() == [2]
    assert channel.stats().waiting_receivers == 0
