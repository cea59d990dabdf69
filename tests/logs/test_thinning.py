"""Thinning: what sampling, repetitions and bursts leave out is exact, and told."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorSystem
from actors._core.desk import DESK
from actors.logs import TEXT, Burst, Overload, Repeats, Sample, log, setup
from tests.logs.kit import WAIT, Caught, raised
from tests.support import scaled

LONG = 3600.0
examples = settings(max_examples=scaled(500, 30), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the time of the lines to come."""

    def to(seconds: float) -> None:
        monkeypatch.setattr(DESK, "now", lambda: 2e9 + seconds)  # in years to come: no repetition is over by itself

    return to


# -- Sample ----------------------------------------------------------------------------------------------------------------


def test_of_each_place_the_first_line_and_then_one_in_so_many_is_written(caught: Caught) -> None:
    caught.set_up(sample=Sample(3))
    for number in range(8):
        log.info("a{}", number)
        log.info("b{}", number)
    assert caught.messages == ["a0", "b0", "a3", "b3", "a6", "b6"]
    assert [record["extra"].get("sampled") for record in caught.records] == [None, None, 2, 2, 2, 2]
    assert caught.logging.stats().sampled == 10


def test_lines_of_one_place_with_different_levels_are_different_ones(caught: Caught) -> None:
    caught.set_up(sample=Sample(2))
    for level in ("INFO", "DEBUG", "INFO", "DEBUG"):
        log.log(level, level)
    assert caught.messages == ["INFO", "DEBUG"]


@pytest.mark.parametrize(("below", "written"), [("WARNING", [1, 1, 4, 4]), ("CRITICAL", [1, 1, 1, 4]), (0, [4, 4, 4, 4])])
def test_lines_from_a_level_on_are_all_written(caught: Caught, below: str | int, written: list[int]) -> None:
    caught.set_up(sample=Sample(4, below=below))
    for _ in range(4):
        for level in ("DEBUG", "INFO", "WARNING", "CRITICAL"):
            log.log(level, level)
    assert sorted(Counter(caught.messages).values()) == sorted(written)


def test_how_many_were_left_out_is_shown_also_in_a_line_with_patchers(caught: Caught) -> None:
    caught.set_up(sample=Sample(2), formats=(TEXT,))
    patched = log.patch(lambda record: record["extra"].update(patched=True))
    for _ in range(3):
        patched.info("x")
    assert caught.records[1]["extra"] == {"patched": True, "sampled": 1}
    assert caught.lines()[1].endswith("patched=True sampled=1")


# -- Repeats ---------------------------------------------------------------------------------------------------------------


def told(record: dict[str, Any]) -> dict[str, Any]:
    assert record["event"] == "log.repeated"
    extra: dict[str, Any] = record["extra"]
    return extra


def test_a_line_that_repeats_another_is_counted_and_told_when_its_time_is_over(caught: Caught, at: Any) -> None:
    caught.set_up(repeats=Repeats(5.0))

    def line() -> None:
        log.info("again")

    for seconds in (0, 1, 4.9):
        at(seconds)
        line()
    at(5)
    line()
    at(6)
    log.info("other")
    first, report, second, other = caught.records
    assert [record["message"] for record in (first, second, other)] == ["again", "again", "other"]
    assert (report["message"], report["level"].name) == ("2 times more: again", "INFO")
    assert told(report) == {"repeats": 2, "of": "again", "by": ""}
    assert caught.logging.stats().repeated == 2


def test_what_is_still_to_be_told_is_told_by_a_flush_and_at_the_end(caught: Caught) -> None:
    messages: list[str] = []
    caught.set_up(messages.append, repeats=Repeats(LONG))
    for _ in range(2):
        log.info("a")
    caught.flush()
    assert messages == ["a\n", "once more: a\n"]
    for _ in range(3):
        log.info("b")
    caught.logging.close(WAIT)
    assert messages[2:] == ["b\n", "2 times more: b\n"]


def test_lines_with_other_fields_exceptions_levels_or_actors_are_no_repetitions(caught: Caught) -> None:
    caught.set_up(repeats=Repeats(LONG))

    class Speaking(Actor):
        def on_receive(self, message: Any) -> Any:
            say(self.log)

    def say(own: Any, **fields: Any) -> None:
        own.info("same", **fields)

    for number in (1, 2):
        say(log, number=number)
        say(log, numbers=[number])
        say(log.bind(bound=number))
        say(log.opt(exception=raised(ValueError(number))))
    with ActorSystem() as system:
        for name in ("a", "b"):
            system.spawn(Speaking, name=name).ask("?", timeout=WAIT)
    assert caught.messages == ["same"] * 10
    say(log, number=1)
    assert caught.logging.stats().repeated == 0  # told and forgotten with the flush
    say(log, number=1)
    assert caught.messages[-2:] == ["same", "once more: same"]


@pytest.mark.parametrize("level", ["ERROR", "CRITICAL"])
def test_errors_are_all_written(caught: Caught, level: str) -> None:
    caught.set_up(repeats=Repeats(LONG))
    for _ in range(3):
        log.log(level, "x")
    assert caught.messages == ["x"] * 3


def test_places_and_lines_beyond_what_is_kept_in_mind_are_told_before_they_are_forgotten(caught: Caught) -> None:
    caught.set_up(repeats=Repeats(LONG))
    for _ in range(2):
        log.info("first")
    for number in range(10_000):
        log.info("{}", number)
    assert "once more: first" in caught.messages
    assert caught.logging.stats().repeated == 1


# -- Burst -----------------------------------------------------------------------------------------------------------------


def test_lines_beyond_the_burst_limit_are_lost_and_told(caught: Caught, at: Any) -> None:
    caught.set_up(overload=Overload(burst=Burst(3, 1.0)))
    for number in range(5):
        at(number / 10)
        log.info("{}", number)
    at(0.5)
    log.error("kept")
    at(1.0)
    log.info("later")
    messages = caught.messages
    report = next(record for record in caught.records if record["event"] == "log.lost")
    assert [message for message in messages if "lost" not in message] == ["0", "1", "2", "kept", "later"]
    assert report["message"].startswith("2 lines lost (2 INFO)")
    assert report["extra"]["by_level"] == {"INFO": 2}
    assert report["extra"]["by_actor"] == {"(no actor)": 2}
    assert "burst" in str(report["extra"]["by_reason"])
    (sink,) = caught.logging.stats().sinks
    assert (sink.accepted, sink.written, sink.lost, sink.waiting) == (7, 5, 2, 0)


def test_the_burst_limit_holds_again_after_the_clock_was_set_back(caught: Caught, at: Any) -> None:
    caught.set_up(overload=Overload(burst=Burst(1, 1.0)))
    for seconds in (100, 0, 0):
        at(seconds)
        log.info("x")
    assert [message for message in caught.messages if message == "x"] == ["x", "x"]


# -- all counts ------------------------------------------------------------------------------------------------------------

LINES = st.lists(
    st.tuples(st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR"]), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), max_size=80
)
BELOW = st.sampled_from(["INFO", "WARNING", "ERROR"])


@given(
    lines=LINES,
    sample=st.none() | st.builds(Sample, st.integers(2, 4), below=BELOW),
    repeats=st.none() | st.builds(Repeats, st.just(2.0), below=BELOW),
    burst=st.none() | st.builds(Burst, st.integers(1, 20), st.just(4.0)),
)
@examples
def test_what_was_logged_was_written_or_left_out_and_told(
    caught: Caught, lines: list[tuple[str, int, int, int]], sample: Sample | None, repeats: Repeats | None, burst: Burst | None
) -> None:
    caught.set_up(sample=sample, repeats=repeats, overload=Overload(burst=burst))
    now, seconds = DESK.now, 2e9
    written: Counter[tuple[str, str]] = Counter()
    try:
        for level, message, field, step in lines:
            seconds += step / 4
            DESK.now = lambda at=seconds: at  # type: ignore[misc]
            log.log(level, "m{}", message, **({"f": field} if field else {}))
    finally:
        DESK.now = now
    reported: Counter[str] = Counter()
    lost = 0
    for record in caught.records:
        if record["event"] == "log.repeated":
            reported[record["level"].name] += record["extra"]["repeats"]
        elif record["event"] == "log.lost":
            lost += record["extra"]["lines"]
        else:
            written[record["level"].name, record["message"]] += 1
    stats = caught.logging.stats()
    (sink,) = stats.sinks
    assert stats.logged == len(lines)
    assert sum(written.values()) + stats.sampled + stats.repeated + sink.lost == len(lines)
    assert (sum(reported.values()), lost) == (stats.repeated, sink.lost)
    assert (sink.written, sink.accepted) == (sum(written.values()), sum(written.values()) + sink.lost)
    if sample is None:
        assert stats.sampled == 0
    if burst is None:
        assert sink.lost == 0
    given_lines = Counter((level, f"m{message}") for level, message, _, _ in lines)
    assert all(count <= given_lines[key] for key, count in written.items())
    assert all(written[key] == count for key, count in given_lines.items() if key[0] == "ERROR")


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Sample(1), "every=1"),
        (lambda: Sample(0), "every=0"),
        (lambda: Sample(True), "every=True"),
        (lambda: Sample(2.0), "every=2.0"),
        (lambda: Sample(2, below="NO"), "below='NO'"),
        (lambda: Repeats(0), "seconds=0"),
        (lambda: Repeats(-1), "seconds=-1"),
        (lambda: Repeats("1"), "seconds='1'"),
        (lambda: Repeats(float("nan")), "seconds=nan"),
        (lambda: Repeats(1, below=-1), "below=-1"),
        (lambda: Burst(0), "lines=0"),
        (lambda: Burst(1.0), "lines=1.0"),
        (lambda: Burst(1, 0), "seconds=0"),
        (lambda: Burst(1, -1), "seconds=-1"),
        (lambda: Overload(burst=5), "burst=5"),
        (lambda: Overload(keep="NO"), "keep='NO'"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_by_name_and_value(make: Any, named: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(named)):
        make()


def test_nothing_is_left_out_unless_it_is_asked_for(caught: Caught) -> None:
    caught.set_up()
    for _ in range(5):
        log.info("x")
    assert caught.messages == ["x"] * 5
    stats = caught.logging.stats()
    assert (stats.sampled, stats.repeated) == (0, 0)
    assert setup.__kwdefaults__["sample"] is setup.__kwdefaults__["repeats"] is None
