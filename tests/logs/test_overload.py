"""Overload protection: what calls do while lines wait, what is lost then, and how that is told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from actors import Actor, ActorSystem, logs
from actors._core.desk import DESK
from actors.logs import Burst, Mode, Overload, Sink, log
from tests.logs.kit_sinks import WAIT, Held, Taker, balanced, held, plain

SMALL = Overload(sync_at=10, drop_at=20, flush_at=40, patience=0.0)


def stuck(overload: Overload, *, patience: float | None = None) -> tuple[threading.Event, logs.Logging, Taker]:
    """Logging whose actor is held by a patcher, so that lines wait in the queue."""
    began, gate = threading.Event(), threading.Event()

    def patches(record: Any) -> None:
        began.set()
        gate.wait(WAIT)

    sink = Taker()
    logging = plain(sink, overload=overload)
    log.patch(patches).info("first")
    assert began.wait(WAIT)
    return gate, logging, sink


def test_modes_go_up_with_the_queue_and_down_again_and_every_loss_is_told() -> None:
    gate, logging, sink = stuck(SMALL)
    try:
        modes = []
        for _ in range(100):
            log.info("i")
            mode = logging.stats().mode
            if not modes or modes[-1] is not mode:
                modes.append(mode)
        assert modes == [Mode.ASYNC, Mode.SYNC, Mode.DROP]
        for _ in range(100):
            log.error("e")
        stats = logging.stats()
        assert stats.mode is Mode.FLUSH
        assert stats.waiting <= SMALL.flush_at + 1
        assert stats.logged == 201
        gate.set()
        assert logging.flush(WAIT)
        assert balanced(logging).mode is Mode.ASYNC
        assert sink.lines.count("e") >= 19
        assert len(sink.lines) + sink.lost() == 201
        log.info("calm again")
        assert logging.flush(WAIT)
        assert sink.lines[-1] == "calm again"
        lost = logging.stats().lost
        assert sum(lost.values()) == sink.lost()
        assert set(lost) == {("INFO", ""), ("ERROR", "")}
    finally:
        gate.set()
        logging.close()


def test_errors_are_taken_while_other_lines_are_dropped() -> None:
    gate, logging, sink = stuck(SMALL)
    try:
        for _ in range(30):
            log.info("i")
        for _ in range(5):
            log.error("e")
        assert logging.stats().mode is Mode.DROP
        gate.set()
        assert logging.flush(WAIT)
        assert sink.lines.count("e") == 5
        assert sink.events("log.lost")[0]["by_level"] == {"INFO": sink.lost()}
    finally:
        gate.set()
        logging.close()


def test_losses_are_told_by_level_and_actor() -> None:
    class Chatty(Actor):
        def on_receive(self, message: Any) -> None:
            for _ in range(50):
                self.log.info("i")
                self.log.warning("w")

    gate, logging, sink = stuck(SMALL)
    try:
        with ActorSystem("shop") as system:
            system.spawn(Chatty, name="one").ask(None)
            system.spawn(Chatty, name="two").ask(None)
        gate.set()
        assert logging.flush(WAIT)
        told = sink.events("log.lost")
        assert sum(one["by_actor"].get("/one", 0) + one["by_actor"].get("/two", 0) for one in told) == sink.lost()
        assert len(sink.lines) + sink.lost() == 201
        lost = logging.stats().lost
        assert lost["INFO", "/two"] == 50
        assert lost["WARNING", "/two"] == 50
    finally:
        gate.set()
        logging.close()


@pytest.mark.parametrize("threads", [1, 8])
def test_queue_is_bounded_however_many_threads_log(threads: int) -> None:
    gate, logging, sink = stuck(SMALL)
    longest = 0
    try:

        def storm() -> None:
            nonlocal longest
            for _ in range(500):
                log.error("e")
                longest = max(longest, len(DESK.queue))

        several = [threading.Thread(target=storm) for _ in range(threads)]
        for one in several:
            one.start()
        for one in several:
            one.join(WAIT)
        assert longest <= SMALL.flush_at + threads
        gate.set()
        assert logging.flush(WAIT)
        assert len(sink.lines) + sink.lost() == 1 + threads * 500
    finally:
        gate.set()
        logging.close()


def test_errors_that_a_flush_of_the_queue_keeps_are_bounded_too() -> None:
    with held(overload=SMALL) as (sink, logging):
        for _ in range(5000):
            log.error("e")
        sink.gate.set()
        assert logging.flush(WAIT)
        assert balanced(logging).logged == 5000
        assert len(sink.lines) + sink.lost() == 5000


class Impatient:
    """Calls that must come back while the logging actor is held."""

    overload = Overload(sync_at=1, drop_at=1000, flush_at=2000, patience=0.001)


def test_patience_bounds_the_wait_of_threads_and_handlers() -> None:
    class Talker(Actor):
        def on_receive(self, message: Any) -> str:
            for _ in range(20):
                self.log.info("x")
            return "came back"

    gate, logging, sink = stuck(Impatient.overload)
    try:
        for _ in range(20):
            log.info("x")
        with ActorSystem("shop") as system:
            assert system.spawn(Talker).ask(None, timeout=WAIT) == "came back"
        assert not gate.is_set()
        assert logging.stats().mode is Mode.SYNC
        gate.set()
        assert logging.flush(WAIT)
        assert len(sink.lines) == 41
    finally:
        gate.set()
        logging.close()


def test_thread_waits_in_sync_mode_until_there_is_room() -> None:
    gate, logging, sink = stuck(Overload(sync_at=1, drop_at=1000, flush_at=2000, patience=1000.0))
    try:
        back = threading.Event()

        def call() -> None:
            for _ in range(5):
                log.info("x")
            back.set()

        thread = threading.Thread(target=call)
        thread.start()
        assert not back.wait(0.05)
        gate.set()
        assert back.wait(WAIT)
        thread.join()
        assert logging.flush(WAIT)
        assert len(sink.lines) == 6
    finally:
        gate.set()
        logging.close()


def test_event_loops_and_handlers_on_them_never_wait() -> None:
    import logging as stdlib

    from loguru import logger

    class OnLoop(Actor):
        async def on_receive(self, message: Any) -> str:
            for _ in range(20):
                self.log.info("x")
                stdlib.getLogger("lib").warning("x")
                logger.info("x")
            return "at once"

    async def main() -> str:
        for _ in range(20):
            log.info("x")
        return "at once"

    gate, former, _ = stuck(Overload(sync_at=1, drop_at=1000, flush_at=2000, patience=1000.0))
    gate.set()
    former.close()
    began, gate = threading.Event(), threading.Event()

    def patches(record: Any) -> None:
        began.set()
        gate.wait(WAIT)

    overload = Overload(sync_at=1, drop_at=1000, flush_at=2000, patience=1000.0)
    with logs.setup(Taker(), overload=overload, events=False) as logging:
        log.patch(patches).info("first")
        assert began.wait(WAIT)
        try:
            assert asyncio.run(main()) == "at once"
            with ActorSystem("shop") as system:
                assert system.spawn(OnLoop).ask(None, timeout=WAIT) == "at once"
            assert logging.stats().mode is Mode.SYNC
        finally:
            gate.set()
        assert logging.flush(WAIT)


def test_burst_limit_drops_and_counts_all_but_what_is_kept() -> None:
    sink = Taker()
    with plain(sink, overload=Overload(burst=Burst(lines=5, seconds=1000))) as logging:
        for _ in range(20):
            log.info("i")
        log.error("e")
        assert logging.flush(WAIT)
        assert sink.lines == ["i"] * 5 + ["e"]
        assert sink.lost() == 15
        assert logging.stats().lost == {("INFO", ""): 15}
        balanced(logging)


def test_slow_sink_slows_callers_down_and_loses_nothing() -> None:
    pause = threading.Event()
    slow = Taker(lambda _: pause.wait(0.0001))
    with plain(Sink(slow, backlog=1000), overload=Overload(sync_at=100, drop_at=50_000, flush_at=100_000, patience=10.0)) as logging:
        for number in range(4000):
            log.info("{}", number)
        assert logging.flush(WAIT)
        assert slow.lines == [str(number) for number in range(4000)]
        assert logging.stats().lost == {}


def test_held_sink_does_not_hold_the_others_or_the_callers() -> None:
    stopped, good = Held(), Taker()
    with plain(Sink(stopped, backlog=100), good) as logging:
        for number in range(2000):
            log.info("{}", number)
        assert good.wait(lambda: len(good.lines) == 2000)
        account = balanced(logging).sinks[0]
        assert account.lost > 0
        stopped.gate.set()
        assert logging.flush(WAIT)
        assert len(stopped.lines) + stopped.lost() == 2000
