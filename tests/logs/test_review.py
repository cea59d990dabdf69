"""What logging keeps and what it forgets, and what it does where programs are unlucky."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from actors import Actor, ActorSystem, process
from actors.logs import log
from tests.logs.kit import Caught
from tests.logs.kit_sinks import run

HEAD = """
import os, sys, threading
from actors import Actor, ActorSystem, logs
from actors.logs import Sink, log
"""


class Talker(Actor):
    def __init__(self, given: Any = None) -> None:
        super().__init__()
        self.given = given

    def on_receive(self, message: Any) -> Any:
        self.log.info("{}", message)
        if message == "fail":
            raise ValueError(message)
        return message


class Given:
    """What an actor is started with."""


def ended_system() -> list[weakref.ref[Any]]:
    """Return weak references to a system that is over, and to what its actor was given."""
    given = Given()
    with ActorSystem("short") as system:
        system.spawn(Talker, given).ask("a line")
        return [weakref.ref(system), weakref.ref(given)]


def test_logging_keeps_no_system_alive_that_has_ended_and_nothing_that_its_actors_were_given(caught: Caught) -> None:
    caught.set_up(events=True)
    kept = ended_system()
    caught.flush()
    gc.collect()
    assert [one() for one in kept] == [None, None]


def test_logging_that_is_not_set_up_keeps_none_either(global_sink: Any) -> None:
    messages = global_sink(format="{message}")
    kept = ended_system()
    gc.collect()
    assert messages == ["a line\n"]
    assert [one() for one in kept] == [None, None]


def test_a_thread_that_has_ended_is_not_kept_alive(caught: Caught) -> None:
    caught.set_up()
    thread = threading.Thread(target=log.info, args=("x",), name="short")
    thread.start()
    thread.join()
    assert caught.record["thread"].name == "short"
    gone = weakref.ref(thread)
    del thread
    gc.collect()
    assert gone() is None


def test_a_thread_that_is_renamed_has_its_new_name_in_its_next_lines(caught: Caught) -> None:
    caught.set_up()

    def work() -> None:
        for job in ("first", "second"):
            threading.current_thread().name = job
            log.info("x")
            caught.flush()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [one["thread"].name for one in caught.records] == ["first", "second"]


@pytest.mark.parametrize("name", ["logs", "other"])
def test_a_system_of_any_name_tells_its_events(name: str, caught: Caught) -> None:
    caught.set_up(events=True)
    with ActorSystem(name) as system:
        system.spawn(Talker, name="talker").tell("fail")
    assert [(one["system"], one["actor"]) for one in caught.records if one["event"] == "actor.crashed"] == [(name, "/talker")]


def test_a_system_made_while_logging_is_set_up_tells_its_events_once(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ActorSystem] = []

    class Hasty(list[Any]):
        """As if another thread made a system just when somebody begins to watch."""

        def append(self, watch: Any) -> None:
            super().append(watch)
            made.append(ActorSystem("quick"))

    monkeypatch.setattr(process, "watchers", Hasty())
    caught.set_up(events=True)
    with made[0] as system:
        system.spawn(Talker)
    assert [one["system"] for one in caught.records if one["event"] == "actor.started"] == ["quick"]
    assert caught.logging is not None
    caught.logging.close()


def test_a_forked_child_says_its_own_process_also_where_nothing_is_set_up() -> None:
    ended = run(
        HEAD
        + """
from loguru import logger
logger.remove()
logger.add(sys.stdout, format="{process.id}")
log.info("of the parent")
sys.stdout.flush()
if os.fork() == 0:
    log.info("of the child")
    print(os.getpid(), flush=True)
    os._exit(0)
os.wait()
"""
    )
    parent, line, child = ended.stdout.split()
    assert parent != line == child, ended.stderr


def test_a_finalizer_may_log_at_the_very_end_of_the_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    ended = run(
        HEAD
        + """
logs.setup(Sink(sys.argv[1], format="{message}"), events=False)
class Last:
    def __del__(self, log=log, write=os.write):
        log.info("finalizer")
        write(1, b"went on")
last = Last()
log.info("before")
""",
        path,
    )
    assert ended.stdout == "went on", ended.stderr
    written = path.read_text().splitlines()
    assert written == ["before", "finalizer"] or (written == ["before"] and "1 line was not written at the end" in ended.stderr)
