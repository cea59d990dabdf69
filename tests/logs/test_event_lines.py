"""What systems tell about themselves as lines: each event that people look for when something is wrong, brought about for real."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import Actor, ActorSystem, DeadlockError, SystemConfig, logs
from supervisors import Supervisor, child
from tests.logs.kit_sinks import WAIT, Taker


class Bench:
    """A system whose events are lines of `sink`."""

    def __init__(self) -> None:
        self.sink = Taker()
        self.logging = logs.setup(self.sink, level="DEBUG")

    def line(self, event: str) -> Any:
        """Return the record of the one line about `event`."""
        assert self.sink.wait(lambda: any(one.record["event"] == event for one in self.sink.messages)), event
        (told,) = [one.record for one in self.sink.messages if one.record["event"] == event]
        return told


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.logging.close()


class Calls(Actor):
    def on_receive(self, message: Callable[[Any], Any]) -> Any:
        return message(self)


def test_mailbox_above_high_water_is_a_line(bench: Bench) -> None:
    go = threading.Event()
    with ActorSystem("shop", config=SystemConfig(high_water=10, turn=5)) as system:
        ref = system.spawn(Calls, name="slow")
        ref.tell(lambda _: go.wait(WAIT))
        for _ in range(50):
            ref.tell(lambda _: None)
        go.set()
        told = bench.line("mailbox.high_water")
    assert (told["actor"], told["level"].name) == ("/slow", "WARNING")
    assert told["extra"]["high_water"] == 10
    assert told["extra"]["waiting"] > 10


def test_deadlock_is_a_line_with_its_cycle(bench: Bench) -> None:
    with ActorSystem("shop") as system:
        ref = system.spawn(Calls, name="self")
        with pytest.raises(DeadlockError):
            ref.ask(lambda me: me.actor_ref.ask(lambda _: None))
        told = bench.line("deadlock.found")
    assert (told["actor"], told["level"].name) == ("/self", "ERROR")
    assert told["extra"]["cycle"] == ["/self", "/self"]
    assert told["exception"].type is DeadlockError


def test_restart_is_a_line_of_the_same_actor(bench: Bench) -> None:
    class Fails(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "crash":
                raise ValueError(message)
            return message

    class Root(Supervisor):
        worker = child(Fails)

    with ActorSystem("shop") as system:
        system.spawn(Root, name="root")
        ref = system.lookup("/root/worker")
        assert ref is not None
        ref.tell("crash")
        assert ref.ask("again", timeout=WAIT) == "again"
        told = bench.line("actor.restarted")
        crashed = bench.line("actor.crashed")
    assert (told["actor"], told["level"].name, told["incarnation"]) == ("/root/worker", "WARNING", 2)
    assert (crashed["actor"], crashed["incarnation"]) == ("/root/worker", 1)


def test_handler_that_blocks_is_a_line(bench: Bench) -> None:
    go = threading.Event()
    with ActorSystem("shop", config=SystemConfig(blocked_after=0.01)) as system:
        system.spawn(Calls, name="blocks").tell(lambda _: go.wait(WAIT))
        told = bench.line("handler.blocked")
        go.set()
    assert (told["actor"], told["level"].name, told["extra"]["actor_class"]) == ("/blocks", "WARNING", "Calls")


def test_failure_that_nobody_reads_and_callback_that_raises_are_lines(bench: Bench) -> None:
    def fail(_: Any) -> None:
        raise ValueError("nobody asked again")

    with ActorSystem("shop") as system:
        ref = system.spawn(Calls, name="till")
        ref.ask(fail, block=False)
        ref.ask(lambda _: 1)
        gc.collect()
        unread = bench.line("ask.unread_failure")
        future = ref.ask(lambda _: 2, block=False)
        future.add_done_callback(fail)
        failed = bench.line("callback.failed")
    assert (unread["level"].name, unread["exception"].type) == ("ERROR", ValueError)
    assert (failed["level"].name, failed["exception"].type) == ("ERROR", ValueError)
