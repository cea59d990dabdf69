"""Lines of actors: who wrote them, for which message, and in which order, on every dispatcher."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorSystem, DispatcherKind, SystemConfig
from actors.logs import JSON, TEXT, door, log
from supervisors import Supervisor, child
from tests.contract.kit import EVERY_KIND, pause, under
from tests.logs.kit import WAIT, Caught
from tests.support import scaled

ASYNC = DispatcherKind.EVENT_LOOP


@pytest.fixture(params=[*EVERY_KIND, "reentrant"], ids=str)
def on(request: pytest.FixtureRequest) -> Callable[[type[Any]], type[Any]]:
    """Makes a class run under each dispatcher in turn, and as a reentrant class."""
    if request.param == "reentrant":
        return lambda actor_class: under(ASYNC, actor_class, reentrant=True)
    return lambda actor_class: under(request.param, actor_class)


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("shop", config=SystemConfig(tracing=True)) as made:
        yield made


class Teller(Actor):
    """Writes what it is told to write, and passes it on."""

    def __init__(self, other: Any = None) -> None:
        super().__init__()
        self.other = other
        self.log.info("__init__")
        log.info("__init__")

    def on_start(self) -> None:
        self.log.info("on_start")
        log.info("on_start")

    def on_stop(self) -> None:
        self.log.info("on_stop")
        log.info("on_stop")

    def on_failure(self, *error: Any) -> None:
        self.log.info("on_failure")
        log.info("on_failure")

    def on_receive(self, message: Any) -> Any:
        self.log.info("{}", message, by="self.log")
        log.info("{}", message, by="log")
        if message == "crash":
            raise ValueError("crash")
        if message == "timer":
            self.start_timer("tick", 0, "tick")
        if self.other is not None and message in ("tell", "ask"):
            if message == "tell":
                self.other.tell("told")
            else:
                pause(self.other.ask("asked", block=False))
        return message


def who(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("system", "actor", "actor_class", "incarnation"))


def test_a_line_tells_system_path_class_and_incarnation_in_every_hook(caught: Caught, system: ActorSystem, on: Any) -> None:
    caught.set_up()
    ref = system.spawn(on(Teller), name="teller")
    assert ref.ask("hello", timeout=WAIT) == "hello"
    ref.stop()
    records = caught.records
    assert [record["message"] for record in records] == [
        name for name in ("__init__", "on_start", "hello", "on_stop") for _ in ("self.log", "log")
    ]
    first = records.pop(1)  # the program made the instance: outside of the actor
    assert who(first) == ("", "", "", 0)
    assert {who(record) for record in records} == {("shop", "/teller", "Teller", 1)}
    assert {record["name"] for record in records} == {__name__}


def test_after_a_restart_lines_tell_the_next_incarnation(caught: Caught, system: ActorSystem, on: Any) -> None:
    caught.set_up(formats=(TEXT, JSON))
    shop = system.spawn(Supervisor, [child(on(Teller), name="teller")], name="shop")
    ref = system.lookup("/shop/teller")
    ref.tell("crash")
    ref.ask("again", timeout=WAIT)
    shop.stop()
    by_incarnation = defaultdict(list)
    for record in caught.records[2:]:
        by_incarnation[record["incarnation"]].append(record["message"])
        assert record["actor"] == "/shop/teller"
    assert by_incarnation[1][::2] == ["on_start", "crash", "on_failure"]
    assert by_incarnation[2][::2] == ["__init__", "on_start", "again", "on_stop"]
    assert "/shop/teller#2 - again" in caught.text(0)
    assert {line["incarnation"] for line in caught.objects(1)} == {1, 2}


def test_a_correlation_id_follows_tells_and_asks_across_actors(caught: Caught, system: ActorSystem, on: Any) -> None:
    caught.set_up(formats=(JSON,))
    last = system.spawn(on(Teller), name="last")
    first = system.spawn(on(Teller), last, name="first")
    for message in ("tell", "ask", "other"):
        first.ask(message, timeout=WAIT)
    last.ask("end", timeout=WAIT)
    ids = defaultdict(set)
    for record in caught.records:
        ids[record["message"]].add(record["correlation"])
    assert all(len(each) == 1 for each in ids.values())
    assert ids["told"] == ids["tell"]
    assert ids["asked"] == ids["ask"]
    assert len({*ids["tell"], *ids["ask"], *ids["other"], *ids["end"]}) == 4
    assert ids["__init__"] == ids["on_start"] == {""}
    assert {line["message"]: line.get("correlation", "") for line in caught.objects()} == {name: one for name, (one,) in ids.items()}


def test_without_tracing_there_is_no_correlation_id(caught: Caught, on: Any) -> None:
    caught.set_up(formats=(JSON,), correlation=False)
    with ActorSystem() as system:
        system.spawn(on(Teller)).ask("hello", timeout=WAIT)
    assert {record["correlation"] for record in caught.records} == {""}
    assert all("correlation" not in line for line in caught.objects())


@pytest.mark.parametrize(
    ("wanted", "config", "traced"), [(True, None, True), (False, None, False), (True, False, False), (False, True, True)]
)
def test_systems_trace_if_correlation_is_wanted_and_their_config_does_not_say_otherwise(
    caught: Caught, wanted: bool, config: bool | None, traced: bool
) -> None:
    caught.set_up(correlation=wanted)
    with ActorSystem() if config is None else ActorSystem(config=SystemConfig(tracing=config)) as system:
        system.spawn(Teller).ask("hello", timeout=WAIT)
    assert bool(caught.records[-3]["correlation"]) == traced
    caught.logging.close()
    with ActorSystem() as system:
        assert not system.config.tracing


def test_while_nothing_is_set_up_logurus_logger_gets_who_it_was(global_sink: Any, on: Any) -> None:
    messages = global_sink(format="{extra[system]} {extra[actor]} {extra[actor_class]} {extra[incarnation]} {extra[correlation]} {message}")
    with ActorSystem("shop", config=SystemConfig(tracing=True)) as system:
        system.spawn(on(Teller), name="teller").ask("hello", timeout=WAIT)
    own = [message for message in messages if message.record["extra"].get("by") == "self.log"]
    correlation = own[0].record["correlation"]
    assert correlation
    assert [str(message) for message in own] == [f"shop /teller Teller 1 {correlation} hello\n"]
    assert who(own[0].record) == ("shop", "/teller", "Teller", 1)


def test_ticks_of_timers_are_lines_of_their_actor(caught: Caught, system: ActorSystem, on: Any) -> None:
    caught.set_up()
    ticked = threading.Event()

    class Ticking(Teller):
        def on_receive(self, message: Any) -> Any:
            super().on_receive(message)
            if message == "tick":
                ticked.set()

    system.spawn(on(Ticking), name="ticking").tell("timer")
    assert ticked.wait(WAIT)
    lines = [record for record in caught.records if record["message"] == "tick"]
    assert [who(record) for record in lines] == [("shop", "/ticking", "Ticking", 1)] * 2


def test_what_several_threads_of_an_actor_write_with_its_log_is_the_actors(caught: Caught, system: ActorSystem) -> None:
    caught.set_up()

    class Helped(Actor):
        def on_receive(self, message: Any) -> None:
            helper = threading.Thread(target=lambda: (self.log.info("own"), log.info("other")), name="helper")
            helper.start()
            helper.join()

    system.spawn(Helped, name="helped").ask("go", timeout=WAIT)
    own, other = caught.records
    assert (own["actor"], own["thread"].name) == ("/helped", "helper")
    assert (other["actor"], other["thread"].name) == ("", "helper")


@pytest.mark.parametrize("value", ["mine", None, 0])
def test_an_attribute_of_that_name_that_is_ones_own_wins(caught: Caught, system: ActorSystem, value: Any) -> None:
    caught.set_up()

    class InClass(Actor):
        log = value

        def on_receive(self, message: Any) -> Any:
            return self.log

    class InInstance(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.log.info("before")  # type: ignore[has-type]
            self.log = value

        def on_receive(self, message: Any) -> Any:
            return self.log

    class InMethod(Actor):
        def log(self) -> Any:
            return value

        def on_receive(self, message: Any) -> Any:
            return self.log()

    for actor_class in (InClass, InInstance, InMethod):
        assert system.spawn(actor_class).ask("?", timeout=WAIT) == value
    assert caught.messages == ["before"]


def test_a_log_may_be_used_before_the_base_class_has_begun(caught: Caught, system: ActorSystem) -> None:
    caught.set_up()

    class Early(Actor):
        def __init__(self) -> None:
            self.log.info("early")
            super().__init__()
            self.log.info("late")

    system.spawn(Early, name="early")
    assert caught.messages == ["early", "late"]
    assert caught.records[1]["actor"] == "/early"


def test_a_log_that_is_passed_on_speaks_for_its_actor(caught: Caught, system: ActorSystem) -> None:
    caught.set_up()

    class Lender(Actor):
        def on_receive(self, message: Any) -> Any:
            return self.log.bind(lent=True)

    lent = system.spawn(Lender, name="lender").ask("?", timeout=WAIT)
    lent.info("from elsewhere")
    assert (caught.record["actor"], caught.record["extra"]) == ("/lender", {"lent": True})
    assert repr(lent) == "<Log of /lender>"


def test_contextualize_in_a_handler_is_of_that_handler_while_it_waits(caught: Caught, system: ActorSystem, on: Any) -> None:
    caught.set_up()

    class Other(Actor):
        def on_receive(self, message: Any) -> Any:
            self.log.info("asked")

    class Asking(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "after":
                self.log.info("after")
                return
            with self.log.contextualize(inside=message):
                pause(other.ask("?", block=False))
                self.log.info("answered")

    other = system.spawn(on(Other))
    asking = system.spawn(on(Asking))
    asking.ask("this", timeout=WAIT)
    asking.ask("after", timeout=WAIT)
    assert {record["message"]: record["extra"] for record in caught.records} == {"asked": {}, "answered": {"inside": "this"}, "after": {}}


def test_overlapping_handlers_of_a_reentrant_actor_tell_their_own_message(caught: Caught, system: ActorSystem) -> None:
    caught.set_up()

    class Overlapping(Actor, reentrant=True):
        def __init__(self) -> None:
            super().__init__()
            self.second = asyncio.Event()

        async def on_receive(self, message: Any) -> None:
            self.log.info("{}", message)
            with self.log.contextualize(message=message):
                if message == "first":
                    await self.second.wait()
                self.second.set()
                self.log.info("{}", message)
                log.info("{}", message)

    ref = system.spawn(Overlapping)
    both = [ref.ask(message, block=False) for message in ("first", "second")]
    for future in both:
        future.get(timeout=WAIT)
    lines = [(record["message"], record["correlation"]) for record in caught.records]
    assert [message for message, _ in lines] == ["first", "second", "second", "second", "first", "first"]
    assert len(set(lines)) == 2
    assert [record["extra"].get("message") for record in caught.records] == [None, None, "second", "second", "first", "first"]


# -- order -----------------------------------------------------------------------------------------------------------------


class Numbering(Actor):
    """Writes so many numbered lines."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def on_receive(self, message: Any) -> Any:
        for _ in range(message):
            self.log.info("{}", self.number)
            self.number += 1
        return self.number


def _write(plan: list[tuple[int, int]], actors: int, threads: int) -> None:
    """Have actors of all kinds, and threads, write lines as it is planned: who, how many."""
    with ActorSystem("order") as system:
        refs = [system.spawn(under(EVERY_KIND[number % len(EVERY_KIND)], Numbering), name=f"a{number}") for number in range(actors)]
        for index, lines in plan:
            refs[index % actors].tell(lines)

        def write(name: str) -> None:
            own = log.bind(by=name)
            for number in range(sum(lines for _, lines in plan)):
                own.info("{}", number)

        writers = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(threads)]
        for one in writers:
            one.start()
        for one in writers:
            one.join()
        for ref in refs:
            ref.ask(0, timeout=WAIT)


def _check_order(caught: Caught, plan: list[tuple[int, int]], actors: int, threads: int) -> None:
    expected: dict[str, int] = {f"t{number}": sum(lines for _, lines in plan) for number in range(threads)}
    for index, lines in plan:
        expected[f"/a{index % actors}"] = expected.get(f"/a{index % actors}", 0) + lines
    for number in range(2):
        got = defaultdict(list)
        for line in caught.objects(number):
            got[line["actor"] if "actor" in line else line["fields"]["by"]].append(int(line["message"]))
        assert got == {name: list(range(count)) for name, count in expected.items() if count}


PLANS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12)


@given(plan=PLANS, actors=st.integers(1, 4), threads=st.integers(0, 2), ordered=st.booleans())
@settings(max_examples=scaled(300, 25), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_of_one_actor_or_thread_come_in_the_order_written_in_every_sink(
    caught: Caught, plan: list[tuple[int, int]], actors: int, threads: int, ordered: bool
) -> None:
    caught.ready(formats=(JSON, JSON), ordered=ordered, collect=False)
    _write(plan, actors, threads)
    _check_order(caught, plan, actors, threads)
    if ordered:
        times = [line["time"] for line in caught.objects()]
        assert times == sorted(set(times))


@pytest.mark.long
@pytest.mark.parametrize("ordered", [False, True])
def test_many_lines_of_many_actors_and_threads_keep_their_order_and_none_is_missing(caught: Caught, ordered: bool) -> None:
    caught.set_up(formats=(JSON, JSON), ordered=ordered, collect=False)
    chance = random.Random(1)
    plan = [(chance.randrange(12), chance.randrange(20)) for _ in range(scaled(2000, 40))]
    _write(plan, actors=12, threads=4)
    _check_order(caught, plan, actors=12, threads=4)
    if ordered:
        times = [line["time"] for line in caught.objects()]
        assert times == sorted(set(times))
    stats = caught.logging.stats()
    assert [(sink.written, sink.lost, sink.waiting) for sink in stats.sinks] == [(stats.logged, 0, 0)] * 2


def test_a_line_that_comes_amidst_another_keeps_the_order_of_times(caught: Caught, monkeypatch: pytest.MonkeyPatch) -> None:
    caught.set_up(ordered=True)
    amidst = ["a finalizer's", "a signal handler's"]

    def now() -> float:
        if amidst:
            log.info(amidst.pop())
        return 2e9

    monkeypatch.setattr(door, "time", SimpleNamespace(time=now))
    log.info("a line")
    monkeypatch.undo()
    times = [record["time"] for record in caught.records]
    assert sorted(caught.messages) == ["a finalizer's", "a line", "a signal handler's"]
    assert times == sorted(set(times))


def test_the_time_of_a_line_is_that_of_the_call_not_of_the_writing(caught: Caught) -> None:
    begun, gate = threading.Event(), threading.Event()

    def slow(message: Any) -> None:
        begun.set()
        gate.wait(WAIT)

    caught.set_up(slow)
    log.info("first")
    assert begun.wait(WAIT)
    log.info("second")
    after = datetime.now(UTC)
    gate.set()
    first, second = caught.records
    assert first["time"] <= second["time"] <= after


def test_a_copy_of_a_context_carries_contextualized_fields(caught: Caught) -> None:
    caught.set_up()
    with log.contextualize(a=1):
        context = contextvars.copy_context()
    context.run(log.info, "x")
    assert caught.record["extra"] == {"a": 1}
