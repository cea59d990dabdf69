"""What demos claim can be false: whoever breaks what is claimed, reads that it is broken."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors import ActorSystem
from supervisors import CircuitBreaker, CircuitOpenError, RateLimiter, Strategy
from supervisors.demo import escalation, flapping, overload, parts, strategies
from supervisors.demo.app import HOLDS, LIES, play
from supervisors.demo.books import Books
from supervisors.demo.catalogue import DEMOS
from supervisors.demo.census import Clerk, Counted
from supervisors.demo.desk import Desk, Free
from supervisors.demo.overload import Arrived, Begun, Called, Flipped, Made, Outcome, Overload
from supervisors.demo.parts import Work
from supervisors.demo.stage import Stage
from supervisors.demo.stations import Parser
from tests.supervisors.demo.plays import console, written
from tests.supervisors.test_picture import node

pytestmark = pytest.mark.usefixtures("no_leaks")


def broken(name: str, *, speed: float = 8.0, **options: Any) -> set[str]:
    """Play a demo; return the promises that were broken."""
    to = console(width=200)
    code = play(Stage(DEMOS[name](quick=True), speed=speed, **options), to, headless=True)
    found = {line.removeprefix("BROKEN  ").partition("  ")[0] for line in written(to).splitlines() if line.startswith("BROKEN")}
    assert code == (LIES if found else HOLDS)
    return found


# -- strategies ------------------------------------------------------------------------------------------------------------


def test_a_crew_that_restarts_others_than_its_strategy_says_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mistaken(strategies.Crew):
        def __init__(self, *, strategy: Strategy) -> None:
            super().__init__(strategy=Strategy.REST_FOR_ONE if strategy is Strategy.ONE_FOR_ALL else Strategy.ONE_FOR_ONE)

    monkeypatch.setattr(strategies, "Crew", Mistaken)
    assert broken("strategies", seconds=8.0) == {"one_for_all restarts all", "rest_for_one restarts it and those after it"}


def test_work_that_is_lost_on_its_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    send = parts.Feeder._send

    def lossy(feeder: parts.Feeder, path: str, work: Work) -> bool:
        return work.number == 7 or send(feeder, path, work)

    monkeypatch.setattr(parts.Feeder, "_send", lossy)
    assert broken("strategies", seconds=3.0) == {"every message has one fate"}
    assert broken("backoff", seconds=1.0) == {"nothing sent to eager is lost", "nothing sent to patient is lost"}


# -- backoff ---------------------------------------------------------------------------------------------------------------


def test_work_that_a_connection_forgets_or_delivers_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    work_of = flapping.Connection._on_work

    def forgetful(connection: flapping.Connection, work: Work) -> None:
        for _ in range({3: 0, 5: 2}.get(work.number, 1)):
            work_of(connection, work)

    monkeypatch.setattr(flapping.Connection, "_on_work", parts.handler(forgetful))
    assert broken("backoff", seconds=1.0) == {
        "nothing sent to eager is lost",
        "nothing sent to patient is lost",
        "nothing arrives twice",
    }


@pytest.mark.parametrize(
    ("name", "value", "promise"),
    [
        ("LIMIT", 10_000, "without backoff the limit is burnt at once"),
        ("BACKOFF", flapping.Backoff(0.1, 1.5, factor=3.0), "every delay is as declared"),
    ],
)
def test_a_supervisor_with_another_limit_or_other_delays_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, promise: str
) -> None:
    declared = getattr(flapping, name)
    build = flapping.Flapping.build

    def built(demo: flapping.Flapping, system: ActorSystem) -> None:
        monkeypatch.setattr(flapping, name, value)
        build(demo, system)
        monkeypatch.setattr(flapping, name, declared)

    monkeypatch.setattr(flapping.Flapping, "build", built)
    assert broken("backoff", seconds=5.0) == {promise}


# -- escalation ------------------------------------------------------------------------------------------------------------


def test_a_supervisor_that_allows_more_than_the_others_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ward(escalation.Ward, intensity=escalation.INTENSITY + 1, period=60.0):
        pass

    class House(escalation.House, intensity=escalation.INTENSITY, period=60.0):
        ward = escalation.child(Ward)

    monkeypatch.setattr(escalation, "House", House)
    assert broken("escalation") == {"limits of nested supervisors multiply"}


def test_a_failure_that_reaches_the_neighbour_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    build = escalation.Escalation.build

    def built(demo: escalation.Escalation, system: ActorSystem) -> None:
        build(demo, system)
        guest = system.lookup(escalation.NEIGHBOUR)
        assert guest is not None
        guest.tell(parts.Crash())

    monkeypatch.setattr(escalation.Escalation, "build", built)
    assert broken("escalation", seconds=1.0) == {"nobody else is touched"}


# -- pipeline --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "times", "promise"), [("forgotten", 0, "every file has one fate"), ("counted twice", 2, "every file has one fate")]
)
def test_a_file_that_is_lost_or_comes_twice_is_noticed(monkeypatch: pytest.MonkeyPatch, file: str, times: int, promise: str) -> None:
    del file
    count = Clerk._on_counted

    def careless(clerk: Clerk, message: Counted) -> None:
        for _ in range(times if message.number == 1 else 1):
            count(clerk, message)

    monkeypatch.setattr(Clerk, "_on_counted", parts.handler(careless))
    assert broken("pipeline") == {promise}


def test_a_file_that_is_counted_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    count = Clerk._on_counted

    def miscount(clerk: Clerk, message: Counted) -> None:
        count(clerk, Counted(message.number, message.lines + (message.number == 1), message.names))

    monkeypatch.setattr(Clerk, "_on_counted", parts.handler(miscount))
    assert broken("pipeline") == {"each is counted right"}


def test_names_that_are_counted_wrong_or_twice_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    count = Clerk._on_counted

    def careless(clerk: Clerk, message: Counted) -> None:
        count(clerk, message)
        if message.number == 1:
            clerk._census.names.update(message.names)

    def miscount(clerk: Clerk, message: Counted) -> None:
        count(clerk, Counted(message.number, message.lines, {**message.names, "extra": 1} if message.number == 0 else message.names))

    for faulty in (careless, miscount):
        monkeypatch.setattr(Clerk, "_on_counted", parts.handler(faulty))
        assert broken("pipeline") == {"so are the names"}


def test_a_job_that_is_not_taken_back_from_a_worker_that_crashed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(desk: Desk, message: Free) -> None:
        desk._state.at_work.pop(message.worker.path, None)
        desk._state.idle[message.station][message.worker.path] = message.worker

    parse, crashed = Parser._on_parse, []

    def crash_once(parser: Parser, message: Any) -> None:
        if not crashed:
            crashed.append(message)
            raise parts.InjectedFailure("once")
        parse(parser, message)

    monkeypatch.setattr(Desk, "_on_free", parts.handler(forget))
    monkeypatch.setattr(Parser, "_on_parse", parts.handler(crash_once))
    assert broken("pipeline", seconds=3.0, speed=2.0) == {"every file has one fate", "each job is done, or given again"}


# -- breaker and limiter ---------------------------------------------------------------------------------------------------


class Leaky(CircuitBreaker):
    """Lets calls through that it ought to refuse."""

    def call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().call(function, *args, **kwargs)
        except CircuitOpenError:
            return function(*args, **kwargs)


@pytest.mark.parametrize(
    ("tool", "made", "promise"),
    [
        ("CircuitBreaker", partial(CircuitBreaker, reset=1.0), "the breaker spares the service and its callers"),
        ("CircuitBreaker", partial(Leaky, failures=5, reset=1.0), "until it is closed again, the circuit lets one call through"),
        ("RateLimiter", partial(RateLimiter, 400.0, burst=100), "the limiter keeps the rate"),
    ],
    ids=["never opens", "is no obstacle", "is too fast"],
)
def test_a_tool_that_does_not_do_what_it_is_for_is_noticed(monkeypatch: pytest.MonkeyPatch, tool: str, made: Any, promise: str) -> None:
    def make(*_: object, **options: Any) -> Any:
        return made(**({"failures": 10_000} if made.func is CircuitBreaker else {}), name=options["name"])

    monkeypatch.setattr(overload, tool, make)
    assert broken("breaker", seconds=7.0) == {promise}


@pytest.mark.parametrize("side", ["bare", "guarded"])
def test_a_call_that_never_reaches_the_service_is_noticed(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    ask = overload.Caller._ask
    lost: list[overload.Ask] = []

    def lossy(caller: overload.Caller, question: overload.Ask) -> str:
        if lost or caller.side != side:
            return ask(caller, question)
        lost.append(question)
        caller.system.events.publish(Made(caller.side))
        return "as if"

    monkeypatch.setattr(overload.Caller, "_ask", lossy)
    assert broken("breaker", seconds=1.0) == {f"every call of the {side} side is accounted for"}


def claims_after(*events: object) -> dict[str, bool]:
    """What the demo claims after these events."""
    with ActorSystem("claims") as system:
        books = Books(system)
        for event in events:
            system.events.publish(event)
        books.close()
        return {claim.text: claim.holds for claim in Overload().claims(books, node("top"))}


SICK = Flipped("/service-guarded", well=False)
SPARED = "the breaker spares the service and its callers"


def outage(side: str, calls: int, seconds: float) -> list[object]:
    arrived = [event for _ in range(calls) for event in (Made(side), Arrived(side, 1, probe=False))]
    return arrived + [Called(side, Outcome.FAILED, seconds) for _ in range(calls)]


def test_that_a_machine_is_slow_is_not_held_against_the_breaker() -> None:
    # Cut short just after it opened: the guarded side waited for the limiter, too, and has spent more time on as many calls.
    assert all(claims_after(SICK, *outage("guarded", 5, 3.0), *outage("bare", 5, 0.8)).values())
    assert claims_after(SICK, *outage("guarded", 9, 1.0), *outage("bare", 0, 0.0))[SPARED]
    assert not claims_after(SICK, *outage("guarded", 10, 1.0), *outage("bare", 30, 1.0))[SPARED]


def test_an_answer_that_comes_late_allows_for_more_failures_until_the_breaker_opens() -> None:
    late = [Made("guarded"), Arrived("guarded", 0, probe=False), *outage("guarded", 10, 1.0), Called("guarded", Outcome.ANSWERED, 2.0)]
    assert all(claims_after(SICK, *late).values())


def test_probes_that_come_too_soon_are_noticed_and_those_of_a_slow_machine_are_none() -> None:
    promise = "until it is closed again, the circuit lets one call through"
    before, after = -1e12, 1e12  # of whatever the clock says when they are told
    assert claims_after(Begun(before, probe=True), Begun(before + 0.5, probe=True))[promise]
    assert claims_after(Begun(after, probe=True), Begun(after + 0.5, probe=False))[promise]
    assert not claims_after(Begun(after, probe=True), Begun(after + 0.5, probe=True))[promise]
