"""Cron expressions: which moments they mean, also where the clocks are set, and which of them are refused."""

from __future__ import annotations

import calendar
import contextlib
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.scheduler.cron import LONGEST, Cron
from actors.scheduler.errors import CronError
from actors.scheduler.zones import DAY, EARLIEST, LATEST
from tests.support import scaled

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"  # shifts by half an hour
CAIRO = "Africa/Cairo"  # the hour from midnight on is left out
APIA = "Pacific/Apia"  # left out a whole day, in 2011
SAO_PAULO = "America/Sao_Paulo"  # the last hour of a day came twice, until 2018

DAYS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # of the months, at most

# Days around which the clocks are set: ahead, or back.
CHANGES = {
    BERLIN: (date(2026, 3, 29), date(2026, 10, 25)),
    NEW_YORK: (date(2026, 3, 8), date(2026, 11, 1)),
    LORD_HOWE: (date(2026, 10, 4), date(2026, 4, 5)),
    CAIRO: (date(2026, 4, 24), date(2026, 10, 29)),
    SAO_PAULO: (date(2018, 11, 4), date(2018, 2, 17)),
    APIA: (date(2011, 12, 30), date(2011, 4, 2)),
    "UTC": (date(2026, 1, 1), date(2028, 2, 29)),
}


def local(zone: str, *moment: int, fold: int = 0) -> float:
    """The Unix time of a moment of a zone: year, month, day, hour, minute, second."""
    return datetime(*moment, tzinfo=ZoneInfo(zone), fold=fold).timestamp()  # type: ignore[misc,arg-type]


def shown(zone: str, moment: float | None) -> str:
    """A moment as its zone's clocks show it, with its distance from UTC."""
    assert moment is not None
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%m-%d %H:%M:%S%z")


def chain(cron: Cron, after: float, count: int) -> list[float]:
    """The next moments."""
    found: list[float] = []
    for _ in range(count):
        due = cron.next_after(found[-1] if found else after)
        if due is None:
            break
        found.append(due)
    return found


def shows(expression: str, zone: str, after: float, count: int) -> list[str]:
    return [shown(zone, moment) for moment in chain(Cron(expression, zone), after, count)]


# -- what expressions mean -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 2 * * *", ["2026-01-01 02:30", "2026-01-02 02:30"]),
        ("*/15 * * * *", ["2026-01-01 00:15", "2026-01-01 00:30"]),
        ("10-20/5 9-17/4 * * *", ["2026-01-01 09:10", "2026-01-01 09:15", "2026-01-01 09:20", "2026-01-01 13:10"]),
        ("0 12 * * MON,fri", ["2026-01-02 12:00", "2026-01-05 12:00"]),
        ("0 0 1 FEB *", ["2026-02-01 00:00", "2027-02-01 00:00"]),
        ("0 0 L * *", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("0 0 LW * *", ["2026-01-30 00:00", "2026-02-27 00:00", "2026-03-31 00:00"]),
        ("0 0 * * 5L", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 * * 1#2", ["2026-01-12 00:00", "2026-02-09 00:00"]),
        ("0 0 13 * 5", ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00"]),  # one of both
        ("0 0 13 * */5", ["2026-02-13 00:00", "2026-03-13 00:00", "2026-09-13 00:00"]),  # both: Fridays or Sundays
        ("0 0 * * 0", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("0 0 * * 7", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 29 2 */7", ["2032-02-29 00:00", "2060-02-29 00:00", "2088-02-29 00:00", "2128-02-29 00:00"]),  # over 2100, which has none
    ],
)
def test_five_fields_mean_minute_hour_day_month_and_day_of_the_week(expression: str, expected: list[str]) -> None:
    found = chain(Cron(expression), local("UTC", 2026, 1, 1), len(expected))
    assert [datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M") for moment in found] == expected


def test_of_six_fields_the_first_is_the_second() -> None:
    assert shows("*/20 30 2 * * *", "UTC", local("UTC", 2026, 1, 1), 4) == [
        "01-01 02:30:00+0000",
        "01-01 02:30:20+0000",
        "01-01 02:30:40+0000",
        "01-02 02:30:00+0000",
    ]


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999])
def test_the_next_moment_is_strictly_later_also_within_a_second(part: float) -> None:
    noon = local("UTC", 2026, 1, 1, 12)
    cron = Cron("0 12 * * *")
    assert cron.next_after(noon - 1 + part) == noon
    assert cron.next_after(noon + part) == noon + DAY


def test_a_zone_may_be_a_name_or_a_tzinfo() -> None:
    winter = local(BERLIN, 2026, 1, 1)
    assert Cron("0 12 * * *", BERLIN) == Cron("0 12 * * *", ZoneInfo(BERLIN)) != Cron("0 12 * * *")
    assert Cron("0 12 * * *", BERLIN).next_after(winter) == local(BERLIN, 2026, 1, 1, 12)
    assert Cron("0 12 * * *", timezone(timedelta(hours=1))).next_after(winter) == local(BERLIN, 2026, 1, 1, 12)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("30 2 * * *", "At 02:30 every day"),
        ("*/15 * * * *", "Every 15th minute of every hour"),
        ("0 9 * * MON-FRI", "At 09:00 on Monday through Friday"),
    ],
)
def test_an_expression_describes_itself_in_words(expression: str, words: str) -> None:
    assert Cron(expression, BERLIN).describe() == words
    assert str(Cron(expression, BERLIN)) == f"{expression} (Europe/Berlin)"


# -- where the clocks are set ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "after", "expression", "expected"),
    [
        # Ahead, from 2 to 3.
        (BERLIN, (2026, 3, 28, 12), "30 2 * * *", ["03-29 03:00:00+0200", "03-30 02:30:00+0200"]),
        (NEW_YORK, (2026, 3, 7, 12), "30 2 * * *", ["03-08 03:00:00-0400", "03-09 02:30:00-0400"]),
        # From 2 to 2:30.
        (LORD_HOWE, (2026, 10, 3, 12), "15 2 * * *", ["10-04 02:30:00+1100", "10-05 02:15:00+1100"]),
        # From 0 to 1: what is at midnight is due an hour later, on that day.
        (CAIRO, (2026, 4, 23, 12), "0 0 * * *", ["04-24 01:00:00+0300", "04-25 00:00:00+0300"]),
        # A day that there was not: both of its times are due when the next one begins.
        (APIA, (2011, 12, 29, 13), "0 12,13 * * *", ["12-31 00:00:00+1400", "12-31 12:00:00+1400"]),
    ],
)
def test_times_that_are_left_out_are_made_up_for_at_once(zone: str, after: tuple[int, ...], expression: str, expected: list[str]) -> None:
    assert shows(expression, zone, local(zone, *after), len(expected)) == expected


def test_all_times_that_are_left_out_are_made_up_for_together() -> None:
    expected = ["03-29 01:40:00+0100", "03-29 03:00:00+0200", "03-29 03:10:00+0200", "03-29 03:40:00+0200", "03-30 01:10:00+0200"]
    assert shows("10,40 1-3 * * *", BERLIN, local(BERLIN, 2026, 3, 29, 1, 10), 5) == expected
    # And with what is due at that very moment anyway.
    assert shows("0,30 2-3 * * *", BERLIN, local(BERLIN, 2026, 3, 29), 2) == ["03-29 03:00:00+0200", "03-29 03:30:00+0200"]
    assert Cron("0,30 2-3 * * *", BERLIN).count(local(BERLIN, 2026, 3, 29), local(BERLIN, 2026, 3, 29, 12)) == 2


@pytest.mark.parametrize(
    ("zone", "after", "expression", "expected"),
    [
        (BERLIN, (2026, 10, 25), "30 2 * * *", ["10-25 02:30:00+0200", "10-26 02:30:00+0100"]),
        (NEW_YORK, (2026, 11, 1), "30 1 * * *", ["11-01 01:30:00-0400", "11-02 01:30:00-0500"]),
        (LORD_HOWE, (2026, 4, 5), "45 1 * * *", ["04-05 01:45:00+1100", "04-06 01:45:00+1030"]),
        (BERLIN, (2026, 10, 25), "0,30 1-3 * * *", ["10-25 01:00:00+0200", "10-25 01:30:00+0200"]),
        (BERLIN, (2026, 10, 25, 2), "0,30 1-3 * * *", ["10-25 02:30:00+0200", "10-25 03:00:00+0100"]),
        # The last hour of the day before the change.
        (SAO_PAULO, (2018, 2, 17, 12), "30 23 * * *", ["02-17 23:30:00-0200", "02-18 23:30:00-0300"]),
        (SAO_PAULO, (2018, 2, 17, 12), "0 0 * * *", ["02-18 00:00:00-0300", "02-19 00:00:00-0300"]),
    ],
)
def test_times_that_come_twice_are_due_the_first_time_only(zone: str, after: tuple[int, ...], expression: str, expected: list[str]) -> None:
    assert shows(expression, zone, local(zone, *after), len(expected)) == expected


def test_within_the_second_of_two_equal_hours_no_time_of_the_day_is_due_again() -> None:
    """Where cronsim itself goes back in time."""
    within = local(BERLIN, 2026, 10, 25, 2, 15, fold=1)
    assert shows("30 2 * * *", BERLIN, within, 1) == ["10-26 02:30:00+0100"]
    assert shows("0,30 2-3 * * *", BERLIN, within, 1) == ["10-25 03:00:00+0100"]


@pytest.mark.parametrize(
    ("zone", "after", "expression", "expected"),
    [
        (BERLIN, (2026, 3, 29, 1), "*/30 * * * *", ["03-29 01:30:00+0100", "03-29 03:00:00+0200", "03-29 03:30:00+0200"]),
        (BERLIN, (2026, 3, 28, 3), "*/30 2 * * *", ["03-30 02:00:00+0200", "03-30 02:30:00+0200"]),
        (
            BERLIN,
            (2026, 10, 25, 1, 30),
            "*/30 * * * *",
            ["10-25 02:00:00+0200", "10-25 02:30:00+0200", "10-25 02:00:00+0100", "10-25 02:30:00+0100", "10-25 03:00:00+0100"],
        ),
        (LORD_HOWE, (2026, 4, 5, 1), "*/30 * * * *", ["04-05 01:30:00+1100", "04-05 01:30:00+1030", "04-05 02:00:00+1030"]),
        # The day is the only one of a year: its second hour is not leapt over on the way to the next.
        (BERLIN, (2026, 10, 25, 2, 40), "*/30 2 25 10 *", ["10-25 02:00:00+0100", "10-25 02:30:00+0100", "10-25 02:00:00+0200"]),
        # All of the hour after the change, of which cronsim itself leaves out the first half.
        (LORD_HOWE, (2026, 10, 4), "*/20 3 * * *", ["10-04 03:00:00+1100", "10-04 03:20:00+1100", "10-04 03:40:00+1100"]),
        (LORD_HOWE, (2026, 10, 4), "*/20 2 * * *", ["10-04 02:40:00+1100", "10-05 02:00:00+1100"]),
    ],
)
def test_with_a_star_moments_are_due_as_often_as_their_local_time_comes(
    zone: str, after: tuple[int, ...], expression: str, expected: list[str]
) -> None:
    assert shows(expression, zone, local(zone, *after), len(expected)) == expected


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE])
@pytest.mark.parametrize("change", [0, 1])
def test_the_second_has_no_part_in_which_rule_applies(zone: str, change: int) -> None:
    day = CHANGES[zone][change]
    begin = local(zone, day.year, day.month, day.day) - 2 * DAY
    assert chain(Cron("0 30 2 * * *", zone), begin, 5) == chain(Cron("30 2 * * *", zone), begin, 5)
    assert chain(Cron("0 */20 * * * *", zone), begin, 300) == chain(Cron("*/20 * * * *", zone), begin, 300)


# -- against a slow and simple reading of the rules ------------------------------------------------------------------------

Field = tuple[str, frozenset[int]]  # its text and what that matches


def _fields(low: int, high: int) -> st.SearchStrategy[Field]:
    values = st.one_of(st.integers(low, 3), st.integers(low, high))  # most clocks are set at 1, 2 or 3

    def span(ends: tuple[int, int]) -> Field:
        first, last = sorted(ends)
        return f"{first}-{last}", frozenset(range(first, last + 1))

    def listed(items: list[int]) -> Field:
        return ",".join(map(str, items)), frozenset(items)

    return st.one_of(
        st.just(("*", frozenset(range(low, high + 1)))),
        st.integers(2, high).map(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step)))),
        st.tuples(values, values).map(span),
        st.lists(values, min_size=1, max_size=4).map(listed),
    )


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, Callable[[datetime], bool], bool]:
    """An expression of minutes; whether it matches a local minute; whether it means times of the day."""
    minute, hour, weekday = draw(_fields(0, 59)), draw(_fields(0, 23)), draw(st.one_of(st.just(("*", frozenset(range(7)))), _fields(0, 6)))
    text = f"{minute[0]} {hour[0]} * * {weekday[0]}"

    def matches(moment: datetime) -> bool:
        return moment.minute in minute[1] and moment.hour in hour[1] and moment.isoweekday() % 7 in weekday[1]

    return draw(st.sampled_from(["", "0 "])) + text, matches, "*" not in (minute[0][0], hour[0][0])


@cache
def minutes_around(zone: str, change: int) -> tuple[list[tuple[float, datetime]], list[tuple[float, datetime]]]:
    """The minutes of some days: as they go by, with what clocks show; and as a calendar has them, with when each is due."""
    day = CHANGES[zone][change]
    info = ZoneInfo(zone)
    begin = int(local(zone, day.year, day.month, day.day)) // 60 * 60 - DAY
    passing = [(float(at), datetime.fromtimestamp(at, info).replace(tzinfo=None, fold=0)) for at in range(begin, begin + 3 * DAY, 60)]
    seen = {shown_minute: at for at, shown_minute in reversed(passing)}  # of two equal ones, the first
    minute, last = passing[0][1], passing[-1][1]
    calendar_minutes = []
    while minute <= last:
        later = minute
        while later not in seen:  # left out: made up for when the clocks show something again
            later += timedelta(minutes=1)
        calendar_minutes.append((seen[later], minute))
        minute += timedelta(minutes=1)
    return passing, calendar_minutes


@settings(max_examples=scaled(600, 80))
@given(expressions(), st.sampled_from(sorted(CHANGES)), st.sampled_from([0, 1]), st.data())
def test_moments_are_those_that_the_rules_say(
    drawn: tuple[str, Callable[[datetime], bool], bool], zone: str, change: int, data: st.DataObject
) -> None:
    expression, matches, of_day = drawn
    passing, by_calendar = minutes_around(zone, change)
    expected = sorted({at for at, minute in (by_calendar if of_day else passing) if matches(minute)})
    cron = Cron(expression, zone)
    first, last = passing[0][0] - 1, passing[-1][0]
    after = data.draw(st.floats(first, last), "after")
    until = data.draw(st.floats(after, last), "until")
    low, high = bisect_right(expected, after), bisect_right(expected, until)

    found = chain(cron, after, min(len(expected) - low, 40))
    assert found == expected[low : low + len(found)]
    beyond = cron.next_after(expected[-1] if expected else first)
    assert beyond is None or beyond > last
    assert all(one < other for one, other in pairwise(found))
    assert cron.count(after, until) == high - low
    limit = data.draw(st.sampled_from([1, 3, 100_000]), "limit")
    assert list(cron.latest(after, until, limit)) == expected[low:high][-limit:]


@settings(max_examples=scaled(1000, 100))
@given(
    st.tuples(_fields(0, 59), _fields(0, 59), _fields(0, 23), _fields(1, 31), _fields(1, 12), _fields(0, 6)),
    st.integers(0, 2**32),
)
def test_without_changes_of_the_clocks_moments_are_those_of_cronsim(fields: tuple[Field, ...], begin: int) -> None:
    expression = " ".join(text for text, _ in fields)
    if not any(day <= DAYS[month] for day in fields[3][1] for month in fields[4][1]) and "*" in (fields[3][0][0], fields[5][0][0]):
        with pytest.raises(CronError, match="never fires"):
            Cron(expression)
        return
    cron = Cron(expression)
    reference = CronSim(expression, datetime.fromtimestamp(begin, UTC))
    expected = [next(reference).timestamp() for _ in range(6)]
    assert chain(cron, begin, 6) == expected
    assert cron.latest(begin, expected[-1], 100) == tuple(expected)
    assert cron.latest(begin, expected[-1], 4) == tuple(expected[-4:])
    assert cron.count(begin, expected[-1]) == 6
    assert cron.count(expected[0], expected[-1] - 1) == 4
    assert cron.describe()


@pytest.mark.parametrize("expression", ["* * * * * *", "0 * * * *", "0 0 29 2 *"])
def test_what_was_due_in_many_years_is_counted_without_going_through_it(expression: str) -> None:
    begin, end = local("UTC", 2000, 1, 1) - 1, local("UTC", 2040, 1, 1) - 1
    per_day = {"* * * * * *": 86_400, "0 * * * *": 24, "0 0 29 2 *": 0}[expression]
    expected = 14_610 * per_day if per_day else sum(calendar.isleap(year) for year in range(2000, 2040))
    cron = Cron(expression, UTC)
    assert cron.count(begin, end) == expected
    assert len(cron.latest(begin, end, 1000)) == min(1000, expected)


# -- the ends of time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", BERLIN, APIA, "Pacific/Niue"])
@pytest.mark.parametrize("expression", ["* * * * * *", "0 0 1 1 *", "0 0 29 2 *"])
def test_beyond_the_years_of_a_datetime_nothing_is_due(expression: str, zone: str) -> None:
    cron = Cron(expression, zone)
    for after in (LATEST, LATEST + 1.5, 1e15, 1e300, float("inf")):
        assert cron.next_after(after) is None
        assert cron.latest(after, after, 10) == ()
        assert cron.count(after, float("inf")) == 0
    assert cron.count(LATEST - 1.0, float("inf")) in (0, 1)
    first = cron.next_after(float("-inf"))
    assert first is not None
    assert EARLIEST < first < EARLIEST + 10 * 366 * DAY
    assert cron.latest(float("-inf"), first, 10) == (first,)
    assert cron.latest(float("-inf"), first - 1, 10) == ()


def test_a_day_that_comes_once_in_years_is_the_last_one_before_the_end_of_time() -> None:
    cron = Cron("0 0 29 2 *", BERLIN)
    last = local(BERLIN, 9996, 2, 29)
    assert cron.next_after(last - 1) == last
    assert cron.next_after(last) is None


# -- what is refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * * *", "7 fields"),
        ("60 * * * *", "'60' is no minute: 0 to 59"),
        ("-1 * * * *", "'-1' is no minute"),
        ("* 24 * * *", "'24' is no hour: 0 to 23"),
        ("* * 0 * *", "'0' is no day-of-month"),
        ("* * 32 * *", "'32' is no day-of-month"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * MAI *", "'MAI' is no month: 1 to 12, or JAN to DEC"),
        ("* * * * 8", "'8' is no day-of-week"),
        ("* * * * L", "'L' is no day-of-week"),
        ("60 * * * * *", "'60' is no second"),
        ("0 60 * * * *", "'60' is no minute"),
        ("20-10 * * * *", "ranges go up"),
        ("*/0 * * * *", "steps are 1 or more"),
        ("*/-5 * * * *", "'\\*/-5' is no minute"),
        ("1,,2 * * * *", "'1,,2' is no minute"),
        ("1.5 * * * *", "'1.5' is no minute"),
        ("? * * * *", "is no minute"),
        ("٣ * * * *", "is no minute"),
        ("@daily", "write '0 0 \\* \\* \\*'"),
        ("@reboot", "1 fields"),
        ("1" * 5000 + " * * * *", f"longer than {LONGEST}"),
        ("1" * 200 + " * * * *", "is no minute"),
        ("0 0 30 2 *", "never fires: none of the months '2' has a day '30'"),
        ("0 0 31 2,4,6 *", "never fires"),
        ("0 0 LW * */6", "never fires"),  # the last from Monday to Friday, on a Saturday or Sunday: sought through 50 years
        ("0 0 31 2 */2", "never fires"),
    ],
)
def test_an_expression_that_is_malformed_or_never_fires_is_refused(expression: str, words: str) -> None:
    with pytest.raises(CronError, match=words) as caught:
        Cron(expression)
    assert caught.value.expression[:LONGEST] == expression[:LONGEST]
    assert caught.value.why in str(caught.value)
    assert isinstance(caught.value, ValueError)


@settings(max_examples=scaled(4000, 300))
@given(
    st.one_of(
        st.text(max_size=40),
        st.text("0123456789*/,-#LWMON ", max_size=30),
        st.lists(st.text("0123456789*/-,#L", min_size=1, max_size=6), min_size=5, max_size=6).map(" ".join),
    )
)
def test_any_text_is_an_expression_or_is_refused_in_words(text: str) -> None:
    with contextlib.suppress(CronError):  # nothing else
        cron = Cron(text, BERLIN)
        due = cron.next_after(0.0)
        assert due is not None
        assert due > 0.0
        assert cron.describe()


@pytest.mark.parametrize("expression", [None, 5, b"* * * * *", ["*"] * 5])
def test_an_expression_that_is_no_text_is_refused(expression: Any) -> None:
    with pytest.raises(TypeError, match="expression="):
        Cron(expression)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berln", "is it 'Europe/Berlin'"),
        ("Mars", "zone='Mars' is not known"),
        ("", "zone='' is not known"),
        ("../../etc/passwd", "not known"),
        ("/etc/localtime", "not known"),
        ("Europe", "not known"),
        ("a\0b", "not known"),
    ],
)
def test_a_zone_that_nobody_knows_is_refused(zone: str, words: str) -> None:
    with pytest.raises(CronError, match=words) as caught:
        Cron("* * * * *", zone)
    assert caught.value.expression == "* * * * *"


class Nowhere(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def fromutc(self, moment: datetime) -> datetime:
        return moment


@pytest.mark.parametrize("zone", [None, 1, 3600.0, timedelta(hours=1), Nowhere()])
def test_a_zone_that_is_none_is_refused(zone: Any) -> None:
    with pytest.raises(TypeError, match="zone="):
        Cron("* * * * *", zone)
