"""What holds under every order of steps, and what the single-step dispatcher itself promises."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.errors import StopTest, UnsatisfiedAssumption

from actors import Actor, ActorRef, Down, Future, PipeFailed, Timeout, TimerMode, get_all
from tests.conformance.single_step import Choose, NothingRunsError, SingleStep, first, seeded
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3600.0


def drawn(data: st.DataObject) -> Choose:
    """Let hypothesis choose, and shrink towards what has waited longest."""
    return lambda options: data.draw(st.integers(0, len(options) - 1))


class Recorder(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "seen":
            return list(self.seen)
        self.seen.append(message)
        return None


class Relay(Actor):
    """Sends numbered messages to every receiver; some by way of a wait, which lets others run in between."""

    def __init__(self, name: int, receivers: Sequence[ActorRef[Any]]) -> None:
        super().__init__()
        self.name, self.receivers, self.sent = name, receivers, 0

    def on_receive(self, message: str) -> None:
        for receiver in self.receivers:
            if message == "ask":
                receiver.ask((self.name, self.sent))
            else:
                receiver.tell((self.name, self.sent))
            self.sent += 1


class AsyncRelay(Relay):
    async def on_receive(self, message: str) -> None:  # type: ignore[override]
        for receiver in self.receivers:
            if message == "ask":
                await receiver.ask_async((self.name, self.sent))
            else:
                await receiver.tell_async((self.name, self.sent))
            self.sent += 1


@given(
    st.data(),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["tell", "ask"])), max_size=12),
    st.integers(1, 3),
)
def test_each_pair_keeps_its_order_under_every_order_of_steps(data: st.DataObject, orders: list[tuple[int, str]], receivers: int) -> None:
    with SingleStep(drawn(data)) as sim, sim.system() as system:
        targets = [system.spawn(Recorder) for _ in range(receivers)]
        kinds: list[type[Relay]] = [Relay, AsyncRelay, Relay]
        relays = [system.spawn(kind, number, targets) for number, kind in enumerate(kinds)]
        for who, message in orders:
            relays[who].tell(message)
        get_all([relay.ask("tell", block=False) for relay in relays])
        sim.settle()
        everything = [target.ask("seen") for target in targets]
        for name in range(3):
            expected = sum(1 for who, _ in orders if who == name) + 1
            for seen in everything:
                numbers = [number for sender, number in seen if sender == name]
                assert numbers == sorted(numbers)
                assert len(numbers) == expected


@given(st.data(), st.integers(1, 5), st.booleans())
def test_down_is_last_under_every_order_of_steps(data: st.DataObject, count: int, crash: bool) -> None:
    class Doomed(Actor):
        def on_receive(self, message: ActorRef[Any]) -> None:
            for number in range(count):
                message.tell(number)
            if crash:
                raise ValueError
            self.stop()

    class Watcher(Recorder):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                self.watch(message)
                return None
            return super().on_receive(message)

    with SingleStep(drawn(data)) as sim, sim.system() as system:
        doomed, watcher = system.spawn(Doomed), system.spawn(Watcher)
        watcher.tell(doomed)
        doomed.tell(watcher)
        sim.settle()
        *numbers, down = watcher.ask("seen")
        assert numbers == list(range(count))
        assert isinstance(down, Down)


@given(st.data(), st.integers(1, 4), st.integers(1, 4))
def test_every_ask_resolves_once_whatever_the_stop_comes_between(data: st.DataObject, askers: int, asks: int) -> None:
    class Asker(Actor):
        def on_receive(self, message: ActorRef[Any]) -> list[str]:
            outcomes = []
            for _ in range(asks):
                try:
                    outcomes.append(message.ask("x"))
                except Exception as error:  # noqa: BLE001  # which one is what is recorded
                    outcomes.append(type(error).__name__)
            return outcomes

    class Echo(Actor):
        def on_receive(self, message: str) -> str:
            return message

    with SingleStep(drawn(data)) as sim, sim.system() as system:
        echo = system.spawn(Echo)
        futures = [system.spawn(Asker).ask(echo, block=False) for _ in range(askers)]
        stopped: Any = echo.stop(block=False)
        for outcomes in get_all(futures):
            answered = outcomes.count("x")
            assert outcomes == ["x"] * answered + ["ActorDeadError"] * (asks - answered)
        assert stopped.get() is True


def test_between_two_senders_both_orders_come_up() -> None:
    """The counterpart of the claims above: orders are really explored."""
    explored: set[tuple[int, ...]] = set()

    @given(st.data())
    def explore(data: st.DataObject) -> None:
        with SingleStep(drawn(data)) as sim, sim.system() as system:
            target = system.spawn(Recorder)
            relays = [system.spawn(Relay, name, [target]) for name in range(2)]
            for relay in relays:
                relay.tell("tell")
            sim.settle()
            explored.add(tuple(name for name, _ in target.ask("seen")))

    explore()
    assert explored == {(0, 1), (1, 0)}


def a_lively_run(choose: Choose, seed: int) -> tuple[list[str], list[Any]]:
    """Links, watches, timers, waits, pipes, restarts and random numbers; return the trace and what was seen."""

    class Lively(Recorder):
        def on_start(self) -> None:
            self.start_periodic_timer("beat", 1.0, "beat", mode=TimerMode.FIXED_RATE)

        def on_receive(self, message: Any) -> Any:
            match message:
                case ("peer", ref):
                    self.watch(ref)
                    self.link(ref)
                case "fail":
                    raise ValueError
                case ("pipe", future):
                    self.pipe_to_self(future)
                case ("later", handles):
                    handles.append(self.reply_later())
                case "beat":
                    self.seen.append((round(self.system.ports.clock.now(), 3), self.system.ports.random.random()))
                case _:
                    return super().on_receive(message)
            return None

    seen: list[Any] = []
    with SingleStep(choose, seed=seed) as sim, sim.system() as system:
        log = system.spawn(Recorder)
        system.events.subscribe(object, lambda event: seen.append((type(event).__name__, str(getattr(event, "ref", "")))))
        actors = [system.spawn(Lively) for _ in range(6)]
        for one in actors[1:]:
            one.tell(("peer", actors[0]))
        piped: Future[str] = Future()
        open_asks = [one.ask(("later", []), block=False) for one in actors[1:]]
        for number, ask in enumerate(open_asks):
            ask.add_done_callback(lambda _, number=number: log.tell(number))  # type: ignore[misc]
        actors[0].tell(("pipe", piped))
        sim.advance(3.5)
        piped.set_exception(ValueError("piped"))
        actors[1].restart()
        sim.settle()
        seen += [one.ask("seen", timeout=1.0) for one in actors]
        actors[0].kill()
        sim.advance(2.0)
        seen.append(log.ask("seen"))
    return sim.trace, [repr(entry) for entry in seen if not isinstance(entry, PipeFailed)]


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_gives_the_same_trace(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    once, again = a_lively_run(seeded(seed), seed), a_lively_run(seeded(seed), seed)
    assert once == again
    assert caplog.records  # the linked ones crashed


def test_another_seed_gives_another_trace(caplog: pytest.LogCaptureFixture) -> None:
    assert len({tuple(a_lively_run(seeded(seed), seed)[0]) for seed in range(5)}) > 1
    assert caplog.records


def test_an_hour_of_timers_runs_at_once() -> None:
    with SingleStep() as sim, sim.system() as system:

        class Clockwork(Actor):
            ticks = 0

            def on_start(self) -> None:
                self.start_periodic_timer("second", 1.0, "tick", mode=TimerMode.FIXED_RATE)
                self.start_timer("hour", HOUR, "over")

            def on_receive(self, message: Any) -> Any:
                match message:
                    case "tick":
                        self.ticks += 1
                    case "over":
                        over.set(self.ticks)
                return None

        over: Future[int] = Future()
        system.spawn(Clockwork)
        assert over.get() in (int(HOUR), int(HOUR) - 1)  # the last tick and the end are due at the same time
        assert sim.time == HOUR


def test_a_timeout_takes_virtual_time_and_no_more() -> None:
    with SingleStep() as sim, pytest.raises(Timeout):
        Future[None]().get(timeout=HOUR)
    assert sim.time == HOUR


def test_what_hypothesis_raises_in_a_handler_reaches_hypothesis() -> None:
    drawn_in_handlers: list[int] = []

    class Drawing(Actor):
        def on_receive(self, message: st.DataObject) -> None:
            number = message.draw(st.integers(0, 9))
            assume(number % 2 == 0)  # raised here, in the actor; ends the example and not the actor
            drawn_in_handlers.append(number)

    @given(st.data())
    def explore(data: st.DataObject) -> None:
        with SingleStep(drawn(data), passing=(UnsatisfiedAssumption, StopTest)) as sim, sim.system() as system:
            refs = [system.spawn(Drawing) for _ in range(2)]
            for ref in refs:
                ref.tell(data)
            sim.settle()
            assert all(ref.is_alive() for ref in refs)

    explore()
    assert drawn_in_handlers
    assert all(number % 2 == 0 for number in drawn_in_handlers)


@pytest.mark.parametrize("kind", [Relay, AsyncRelay])
def test_a_wait_that_nothing_can_end_is_refused(kind: type[Relay]) -> None:
    class Silent(Actor):
        def on_receive(self, message: Any) -> None:
            del message
            self.kept = self.reply_later()

    with SingleStep() as sim, sim.system() as system:
        relay = system.spawn(kind, 0, [system.spawn(Silent)], name="relay")
        asked = relay.ask("ask", block=False)
        with pytest.raises(NothingRunsError, match="/relay"):
            asked.get()


def test_a_run_without_end_is_refused() -> None:
    class Spinner(Actor):
        def on_receive(self, message: Any) -> None:
            self.actor_ref.tell(message)

    with SingleStep(limit=1000) as sim, sim.system() as system:
        ref = system.spawn(Spinner)
        ref.tell("spin")
        with pytest.raises(NothingRunsError, match="no end"):
            Future[None]().get()
        sim.limit = 2000
        ref.kill()


def test_any_number_of_handlers_wait_without_a_thread() -> None:
    threads = threading.active_count()
    count = scaled(2_000, 500)

    class Waiting(Actor):
        def on_receive(self, message: Future[int]) -> int:
            return message.get()

    with SingleStep(first) as sim, sim.system() as system:
        gate: Future[int] = Future()
        futures = [system.spawn(Waiting).ask(gate, block=False) for _ in range(count)]
        sim.settle()
        assert len(sim.parked) == count
        assert threading.active_count() == threads
        gate.set(1)
        assert sum(get_all(futures)) == count
