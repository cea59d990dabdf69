"""Tasks by the clock on the wall, while that is set: by its zone, twice a year, and by people, as they like. All of it in virtual time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.scheduler import ClockJumped, Cron, Missed, Scheduler, current_run
from actors.testing import Simulation
from tests.scheduler.kit import Events
from tests.support import scaled

HOUR = 3600.0
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def seen(zone: str, begin: tuple[int, ...], expression: str, hours: float) -> list[str]:
    """What the clock of a zone showed whenever a job was run, from `begin` on."""
    info = ZoneInfo(zone)
    shown: list[str] = []
    with Simulation(epoch=datetime(*begin, tzinfo=info), max_steps=100_000) as sim:  # type: ignore[misc,arg-type]
        clock = sim.system.ports.clock

        def job() -> None:
            run = current_run()
            assert run is not None
            assert run.due.timestamp() == pytest.approx(clock.wall(), abs=0.01)
            shown.append(datetime.fromtimestamp(clock.wall(), info).strftime("%d. %H:%M%z"))

        Scheduler(sim.system).cron(expression, job, zone=zone)
        sim.advance(hours * HOUR)
    return shown


@pytest.mark.parametrize(
    ("zone", "begin", "shown"),
    [
        (BERLIN, (2026, 3, 28, 23), "29. 03:00+0200"),
        (BERLIN, (2026, 10, 24, 23), "25. 02:30+0200"),
        (NEW_YORK, (2026, 3, 7, 23), "08. 03:00-0400"),
        (NEW_YORK, (2026, 10, 31, 23), "01. 02:30-0500"),
        (LORD_HOWE, (2026, 10, 3, 23), "04. 02:30+1100"),
        (LORD_HOWE, (2026, 4, 4, 23), "05. 02:30+1030"),
    ],
)
def test_a_nightly_job_runs_once_in_the_night_in_which_the_clocks_are_set(zone: str, begin: tuple[int, ...], shown: str) -> None:
    assert seen(zone, begin, "30 2 * * *", 8.0) == [shown]


@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        (BERLIN, (2026, 3, 29)),
        (BERLIN, (2026, 10, 25)),
        (NEW_YORK, (2026, 3, 8)),
        (NEW_YORK, (2026, 11, 1)),
        (LORD_HOWE, (2026, 10, 4)),
        (LORD_HOWE, (2026, 4, 5)),
    ],
)
def test_a_job_of_each_quarter_of_an_hour_goes_on_while_the_clocks_are_set(zone: str, begin: tuple[int, ...]) -> None:
    shown = seen(zone, begin, "*/15 * * * *", 6.1)
    assert len(shown) == 24
    assert len(set(shown)) == 24


def test_a_job_at_a_time_is_due_when_the_clock_shows_it_also_over_a_change() -> None:
    berlin = ZoneInfo(BERLIN)
    with Simulation(epoch=datetime(2026, 3, 28, 12, tzinfo=berlin)) as sim:
        times: list[float] = []
        Scheduler(sim.system).at(datetime(2026, 3, 29, 12, tzinfo=berlin), lambda: times.append(sim.now))
        sim.advance(30 * HOUR)
        assert times == [23 * HOUR]


@pytest.mark.parametrize("jumped", [5 * HOUR, 90.0, -90.0, -2 * HOUR])
def test_a_clock_that_is_set_is_told(sim: Simulation, scheduler: Scheduler, events: Events, jumped: float) -> None:
    scheduler.cron("0 0 * * *", lambda: None)
    sim.advance(100.0)
    sim.jump(jumped)
    sim.advance(31.0)
    assert [event.seconds for event in events.of(ClockJumped)] == [pytest.approx(jumped)]


@settings(max_examples=scaled(1000, 30))
@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */3 * * * *", "0 3-5 * * *"]),
    st.sampled_from([BERLIN, LORD_HOWE, "UTC"]),
    st.sampled_from([(2026, 3, 28, 20), (2026, 10, 3, 20), (2026, 10, 24, 20)]),
    st.sampled_from(Missed),
    st.lists(
        st.one_of(
            st.tuples(st.just("advance"), st.floats(0.0, 1000.0)),
            st.tuples(st.just("jump"), st.floats(-2.5 * HOUR, 12 * HOUR)),
        ),
        max_size=8,
    ),
)
def test_whatever_is_done_to_the_clock_each_due_time_is_run_once_or_accounted_for(
    expression: str, zone: str, begin: tuple[int, ...], policy: Missed, steps: list[tuple[str, float]]
) -> None:
    """A clock that is set back by less than three hours repeats nothing; one that is set ahead leaves nothing out without a word."""
    cron = Cron(expression, zone)
    with Simulation(epoch=datetime(*begin, tzinfo=ZoneInfo(zone)), max_steps=1_000_000) as sim:  # type: ignore[misc,arg-type]
        clock = sim.system.ports.clock
        scheduler = Scheduler(sim.system)
        due: list[float] = []

        def job() -> None:
            run = current_run()
            assert run is not None
            due.append(run.due.timestamp())

        first = latest = clock.wall()
        scheduler.cron(expression, job, zone=zone, missed=policy)
        for step, seconds in [*steps, ("advance", 0.0)]:
            if step == "jump":
                sim.jump(seconds)
            sim.advance(31.0 + (seconds if step == "advance" else 0.0))  # long enough for a jump to be seen
            latest = max(latest, clock.wall())
        sim.advance(0.0)
        stats = scheduler.stats()
    rounded = [round(at) for at in due]
    assert rounded == sorted(set(rounded))
    assert all(cron.next_after(at - 1) == at for at in rounded)
    assert len(due) == stats.succeeded
    # At the very last moment one may be due that has not begun.
    assert cron.count(first, latest) - (stats.succeeded + stats.missed + stats.skipped) in (0, cron.count(latest - 0.5, latest))
