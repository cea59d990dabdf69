"""Progress that is shown: what of it, how it looks on a terminal and in a file, and that the terminal is given back."""

from __future__ import annotations

import asyncio
import io
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorSystem, Future, _shown
from actors.scheduler import Kind, Progress, Retry, RunOutcome, Scheduler, report_progress, show_progress
from actors.scheduler.board import Board, Row, View
from actors.scheduler.lines import MOST, Lines, amount, share
from actors.testing import Simulation
from tests.scheduler.kit import Sink, Trouble, add, fail
from tests.support import transient_threads

SAFETY = 30.0
SHOW_CURSOR = "\x1b[?25h"
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(io.StringIO):
    """A terminal, or a file, that tells when something has been written."""

    def __init__(self, *, terminal: bool = True, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal = terminal
        self._encoding = encoding
        self._written = threading.Condition()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        text.encode(self._encoding)
        with self._written:
            written = super().write(text)
            self._written.notify_all()
        return written

    def wait_for(self, text: str) -> None:
        with self._written:
            assert self._written.wait_for(lambda: text in self.plain, SAFETY), self.plain

    @property
    def plain(self) -> str:
        return CODES.sub("", self.getvalue())


@pytest.fixture(autouse=True)
def terminal_of_fixed_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100"), ("LINES", "24"), ("COLORTERM", "")):
        monkeypatch.setenv(name, value)


@pytest.fixture
def real(system: ActorSystem) -> Iterator[Scheduler]:
    with Scheduler(system) as scheduler:
        yield scheduler


def row(name: str = "copy", *, number: int = 1, **fields: Any) -> Row:
    return Row(**{"key": (number, 1), "name": name, "attempt": 1, "waiting": False, "progress": None, "seconds": 1.0, **fields})


def view(*running: Row, ended: tuple[Row, ...] = (), ready: int = 0) -> View:
    return View(running, ended, ready)


def ended(name: str = "copy", outcome: RunOutcome = RunOutcome.SUCCEEDED, error: Exception | None = None, **fields: Any) -> Row:
    return row(name, outcome=outcome, error=error, **fields)


# -- what is seen ----------------------------------------------------------------------------------------------------------


async def counting(seconds: float) -> None:
    for done in range(10):
        report_progress(done, 10, f"part {done}")
        await asyncio.sleep(seconds)


def test_a_look_shows_runs_under_way_with_what_they_say_and_for_how_long(sim: Simulation, scheduler: Scheduler) -> None:
    board = Board(scheduler._books)
    scheduler.submit(counting, 2.0, name="slow")
    sim.advance(1.0)
    scheduler.submit(counting, 1.0, name="quick")
    sim.advance(4.5)
    shown = board.look().running
    assert [(one.name, one.progress, one.seconds) for one in shown] == [
        ("slow", Progress(2, 10, "part 2"), 5.5),
        ("quick", Progress(4, 10, "part 4"), 4.5),
    ]
    sim.advance(6.0)
    after = board.look()
    assert [one.name for one in after.running] == ["slow"]
    assert [(one.name, one.outcome, one.seconds) for one in after.ended] == [("quick", RunOutcome.SUCCEEDED, 10.0)]
    assert board.look().ended == ()


def test_a_run_that_waits_for_another_attempt_is_shown_as_that(sim: Simulation, scheduler: Scheduler) -> None:
    board = Board(scheduler._books)
    scheduler.submit(Trouble(1), name="shaky", retry=Retry(initial=10.0, jitter=0.0))
    sim.advance(5.0)
    assert [(one.attempt, one.waiting) for one in board.look().running] == [(1, True)]
    sim.advance(6.0)
    assert [(one.attempt, one.outcome) for one in board.look().ended] == [(2, RunOutcome.SUCCEEDED)]


def test_a_failure_is_shown_though_nobody_saw_the_run(sim: Simulation, scheduler: Scheduler) -> None:
    board = Board(scheduler._books)
    other = Scheduler(sim.system, name="other")
    with show_progress(scheduler, file=(file := Screen(terminal=False))):
        scheduler.submit(fail, name="doomed")
        other.submit(fail, name="of another scheduler")
        sim.advance(1.0)
    assert "doomed: failed in 0.0 s: ValueError: on purpose" in file.getvalue()
    assert "another" not in file.getvalue()
    assert board.look().ended == ()  # it was not told


def test_runs_that_wait_for_a_place_are_counted(sim: Simulation) -> None:
    scheduler = Scheduler(sim.system, coroutines=2)
    board = Board(scheduler._books)
    for _ in range(5):
        scheduler.submit(counting, 1.0)
    sim.advance(1.5)
    seen = board.look()
    assert (len(seen.running), seen.ready) == (2, 3)


def test_each_run_of_a_recurring_task_is_shown_by_itself_and_begins_anew(sim: Simulation, scheduler: Scheduler) -> None:
    board = Board(scheduler._books)
    task = scheduler.every(20.0, counting, 1.0, name="again", initial_delay=0.0)
    sim.advance(9.5)
    first = board.look().running
    sim.advance(10.6)
    second = board.look()
    assert [(one.key, one.progress) for one in first] == [((task.id, 1), Progress(9, 10, "part 9"))]
    assert [one.key for one in second.ended] == [(task.id, 1)]
    assert [(one.key, one.progress) for one in second.running] == [((task.id, 2), Progress(0, 10, "part 0"))]


def test_what_an_earlier_run_or_attempt_said_does_not_count_for_the_next(sim: Simulation, scheduler: Scheduler) -> None:
    calls = []

    async def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            report_progress(9, 10)
            msg = "on purpose"
            raise ValueError(msg)
        await asyncio.sleep(5.0)

    task = scheduler.submit(work, retry=Retry(initial=2.0, jitter=0.0))
    sim.advance(1.0)
    assert task.progress == Progress(9, 10)
    sim.advance(2.0)
    assert (task.progress, calls) == (None, [1, 1])


def test_a_cancelled_run_is_shown_as_cancelled(sim: Simulation, scheduler: Scheduler) -> None:
    board = Board(scheduler._books)
    task = scheduler.submit(counting, 1.0)
    sim.advance(2.0)
    board.look()
    task.cancel()
    sim.advance(1.0)
    assert [one.outcome for one in board.look().ended] == [RunOutcome.CANCELLED]
    assert board.sums() == "1 cancelled in 3.0 s"


def test_the_sums_count_from_when_the_board_was_made(sim: Simulation, scheduler: Scheduler) -> None:
    scheduler.submit(add, 1)
    sim.advance(1.0)
    board = Board(scheduler._books)
    assert board.sums() == "nothing was run in 0.0 s"
    scheduler.submit(add, 1)
    scheduler.submit(fail)
    scheduler.submit(Trouble(1), retry=Retry(initial=0.5))
    scheduler.submit(counting, 60.0)
    sim.advance(2.0)
    assert board.sums() == "2 succeeded, 1 failed, 1 retried, 1 still under way in 2.0 s"


# -- lines -----------------------------------------------------------------------------------------------------------------


def written(*views: View, encoding: str = "utf-8") -> list[str]:
    file = Screen(terminal=False, encoding=encoding)
    lines = Lines(file)
    for one in views:
        lines.show(one)
    return file.getvalue().splitlines()


def test_a_line_is_written_for_each_tenth_of_a_run() -> None:
    lines = written(*(view(row(progress=Progress(done, 1000), seconds=0.1)) for done in range(1001)))
    assert lines == [f"copy: {tenth}0% ({tenth * 100:,} of 1,000), running for 0 s" for tenth in range(1, 11)]


def test_without_a_total_a_line_is_written_every_five_seconds() -> None:
    lines = written(*(view(row(progress=Progress(second * 3, text="x"), seconds=float(second))) for second in range(13)))
    assert lines == ["copy: 15 done, x, running for 5 s", "copy: 30 done, x, running for 10 s"]


def test_a_run_that_says_nothing_gets_a_line_every_five_seconds() -> None:
    assert written(*(view(row(seconds=second / 2)) for second in range(24))) == ["copy: running for 5 s", "copy: running for 10 s"]


def test_a_run_that_has_ended_gets_a_line_that_says_how() -> None:
    lines = written(
        view(ended=(ended(seconds=1.25), ended(attempt=3, seconds=4.0))),
        view(ended=(ended(outcome=RunOutcome.CANCELLED),)),
        view(ended=(ended(outcome=RunOutcome.FAILED, error=ValueError("no"), attempt=2),)),
    )
    assert lines == [
        "copy: done in 1.2 s",
        "copy: done in 4.0 s, attempt 3",
        "copy: cancelled in 1.0 s",
        "copy: failed in 1.0 s, attempt 2: ValueError: no",
    ]


def test_of_very_many_ends_at_once_failures_get_the_lines_and_the_others_are_counted() -> None:
    many = [ended(f"run {number}", number=number) for number in range(50)]
    failures = [ended(f"bad {number}", RunOutcome.FAILED, ValueError(), number=100 + number) for number in range(3)]
    lines = written(view(ended=(*many, *failures)))
    assert [line.split(":")[0] for line in lines[:4]] == ["bad 0", "bad 1", "bad 2", "run 0"]
    assert lines[MOST:] == [f"... and {53 - MOST} more that have ended"]


def test_what_users_say_breaks_no_line_and_steers_no_terminal() -> None:
    lines = written(
        view(row("two\nlines\x1b[2J", progress=Progress(1, 1, "a\rb" + "x" * 1000))),
        view(ended=(ended(outcome=RunOutcome.FAILED, error=ValueError("\x1b]0;title\x07")),)),
    )
    assert len(lines) == 2
    assert all(line.isprintable() and len(line) < 300 for line in lines)


def test_what_a_file_cannot_encode_is_escaped() -> None:
    assert written(view(ended=(ended("größe ✓"),)), encoding="ascii") == ["gr\\xf6\\xdfe \\u2713: done in 1.0 s"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1200, "1,200"),
        (2.5, "2.5"),
        (1234.5678, "1,235"),
        (1e20, "1e+20"),
        (10**400, "inf"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_amounts_are_written_as_people_read_them(number: float, text: str) -> None:
    assert amount(number) == text


numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -(10**400)]))


@given(numbers, st.one_of(st.none(), numbers))
def test_whatever_a_run_reports_can_be_shown(done: float, total: float | None) -> None:
    part = share(Progress(done, total))
    assert part is None or 0.0 <= part <= 1.0
    pictured(view(row(progress=Progress(done, total)), ended=(ended(progress=Progress(done, total)),)))
    written(view(row(progress=Progress(done, total), seconds=9.0)))


# -- bars ------------------------------------------------------------------------------------------------------------------


def pictured(*views: View, sums: str | None = None) -> Screen:
    from actors.scheduler.bars import Bars

    screen = Screen()
    bars = Bars(screen)
    bars.begin()
    for one in views[:-1]:
        bars.show(one)
    if sums is None:
        bars.show(views[-1])
        bars.close()
    else:
        bars.end(views[-1], sums)
    return screen


def test_a_bar_shows_name_share_amounts_time_and_text() -> None:
    lines = pictured(view(row(progress=Progress(250, 1000, "part b"), seconds=2.0))).plain.splitlines()
    shown = next(line for line in lines if "copy" in line)
    assert re.fullmatch(r" *copy +(━|╸|╺)+ +250/1,000 +2\.0 s  part b *", shown)


def test_without_a_total_there_is_a_spinner_and_no_bar() -> None:
    shown = pictured(view(row(progress=Progress(7)))).plain
    assert re.search(r"[-\\|/] copy +7 +1\.0 s", shown)
    assert "━" not in shown


def test_another_attempt_is_shown() -> None:
    assert "attempt 2" in pictured(view(row(attempt=2))).plain
    assert "waits for attempt 3" in pictured(view(row(attempt=2, waiting=True))).plain


def test_failures_are_red_and_stay() -> None:
    failure = ended("doomed", RunOutcome.FAILED, ValueError("no"), attempt=2)
    screen = pictured(view(ended=(failure,)), view(), view())
    assert screen.getvalue().count("\x1b[31mdoomed: failed in 1.0 s, attempt 2: ValueError: no\x1b[0m") == 1


def test_of_very_many_failures_at_once_some_are_shown_and_the_others_counted() -> None:
    failures = tuple(ended(f"bad {number}", RunOutcome.FAILED, ValueError(), number=number) for number in range(500))
    shown = pictured(view(ended=failures)).plain
    assert shown.count("bad ") == 10
    assert "... and 490 more that have failed" in shown


def test_what_has_ended_stays_in_sight_for_a_while() -> None:
    last = pictured(view(ended=tuple(ended(f"run {number}.", number=number) for number in range(30)))).plain
    assert "run 29." in last
    assert "run 10." not in last


def test_there_are_no_more_bars_than_the_screen_has_room_for() -> None:
    screen = pictured(view(*(row(f"run {number}.", number=number) for number in range(200)), ready=3))
    assert len(set(screen.plain.splitlines())) == 21  # drawn again at the end
    assert "180 more under way, 3 waiting for a place" in screen.plain


@pytest.mark.parametrize(("width", "height"), [("100", "24"), ("59", "10"), ("20", "5"), ("5", "2"), ("1", "1")])
def test_any_terminal_will_do(monkeypatch: pytest.MonkeyPatch, width: str, height: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("LINES", height)
    screen = pictured(view(row("a long name" * 9, progress=Progress(1, 2, "text" * 99)), ended=(ended(),)), sums="sums")
    assert screen.getvalue().endswith(SHOW_CURSOR)


def test_names_are_no_markup() -> None:
    shown = pictured(view(row("[red]x[/]", progress=Progress(1, 2, "[bold]:smile:"))))
    assert "[red]x[/]" in shown.plain
    assert "[bold]:smile:" in shown.plain


# -- the context manager ---------------------------------------------------------------------------------------------------


def held(gate: Future[None]) -> Callable[[], None]:
    """A function that reports, and goes on when the gate opens."""

    def work() -> None:
        report_progress(3, 10, "at the gate")
        gate.get(timeout=SAFETY)

    return work


def test_progress_is_shown_while_the_block_goes_on(real: Scheduler) -> None:
    gate: Future[None] = Future()
    screen = Screen()
    with show_progress(real, file=screen):
        task = real.submit(held(gate), name="copy")
        screen.wait_for("at the gate")
        gate.set(None)
        task.result(timeout=SAFETY)
    assert "3/10" in screen.plain
    assert re.search(r"1 succeeded in \d+\.\d s\s*$", screen.plain)
    assert screen.getvalue().endswith(SHOW_CURSOR)


def test_lines_are_written_to_a_file_while_the_block_goes_on(real: Scheduler) -> None:
    gate: Future[None] = Future()
    file = Screen(terminal=False)
    with show_progress(real, file=file):
        task = real.submit(held(gate), name="copy")
        file.wait_for("copy: 30% (3 of 10), at the gate")
        gate.set(None)
        task.result(timeout=SAFETY)
        file.wait_for("copy: done")
    assert file.getvalue().splitlines()[-1].startswith("1 succeeded in ")
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize("error", [ValueError("of the block"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("terminal", [True, False])
def test_however_the_block_is_left_the_terminal_is_given_back(real: Scheduler, error: BaseException, terminal: bool) -> None:
    real.submit(add, 1).result(timeout=SAFETY)  # its worker stays
    before = (transient_threads(), sys.stdout, sys.stderr, real._books.ref._target.system.events._subscriptions)  # type: ignore[union-attr]
    screen = Screen(terminal=terminal)

    def block() -> None:
        with show_progress(real, file=screen):
            real.submit(add, 1).result(timeout=SAFETY)
            raise error

    with pytest.raises(type(error)) as caught:
        block()
    assert caught.value is error
    assert "1 succeeded" in screen.plain
    assert not terminal or screen.getvalue().endswith(SHOW_CURSOR)
    after = (transient_threads(), sys.stdout, sys.stderr, real._books.ref._target.system.events._subscriptions)  # type: ignore[union-attr]
    assert after == before


class Broken(Screen):
    """Cannot be written any more."""

    def __init__(self) -> None:
        super().__init__(terminal=False)
        self.tried = threading.Event()

    def write(self, text: str) -> int:
        self.tried.set()
        raise BrokenPipeError


def test_a_file_that_cannot_be_written_is_told_at_the_end_of_the_block(real: Scheduler) -> None:
    file = Broken()
    done = []

    def block(error: Exception | None) -> None:
        with show_progress(real, file=file):
            real.submit(fail)
            assert file.tried.wait(SAFETY)
            done.append(real.submit(add, 1, 2).result(timeout=SAFETY))
            if error is not None:
                raise error

    with pytest.raises(BrokenPipeError):
        block(None)
    with pytest.raises(ZeroDivisionError) as caught:
        block(ZeroDivisionError())
    assert caught.value.__notes__ == ["its progress could not be shown: BrokenPipeError: "]
    assert done == [3, 3]


def test_progress_goes_to_standard_error_unless_told_otherwise(
    real: Scheduler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with show_progress(real):
        real.submit(add, 1).result(timeout=SAFETY)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("1 succeeded in")
    monkeypatch.setattr(sys, "stderr", None)
    with show_progress(real):  # a program without a console
        real.submit(add, 1).result(timeout=SAFETY)


def test_what_the_program_prints_appears_above_the_bars(real: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", screen)
    gate: Future[None] = Future()
    with show_progress(real):
        task = real.submit(held(gate), name="copy")
        screen.wait_for("at the gate")
        print("a line of the program's")  # noqa: T201  # what it is about
        gate.set(None)
        task.result(timeout=SAFETY)
    assert sys.stdout is screen
    assert "a line of the program's\n" in screen.plain


def test_output_that_goes_elsewhere_stays_out_of_the_terminal(real: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with ``program > file``, and bars on standard error."""
    screen, file = Screen(), Screen(terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdout", file)
    with show_progress(real):
        print("data")  # noqa: T201  # what it is about
    assert file.getvalue() == "data\n"
    assert "data" not in screen.plain


def test_without_rich_a_terminal_is_refused_with_advice_and_lines_go_on(real: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shown, "find_spec", lambda name: None if name == "rich" else find_spec(name))
    with pytest.raises(ImportError, match=r"pip install 'greenroom\[cli\]'"):
        show_progress(real, file=Screen())
    with show_progress(real, file=(file := Screen(terminal=False))):
        real.submit(add, 1).result(timeout=SAFETY)
    assert "1 succeeded" in file.getvalue()


def test_what_is_no_scheduler_or_no_file_is_refused(real: Scheduler) -> None:
    for scheduler in (None, real.ref, "scheduler"):
        with pytest.raises(TypeError, match="scheduler="):
            show_progress(scheduler)  # type: ignore[arg-type]
    for file in ("log.txt", 1, object()):
        with pytest.raises(TypeError, match="file="):
            show_progress(real, file=file)  # type: ignore[arg-type]


def test_in_a_simulation_the_sums_are_shown_at_the_end(sim: Simulation, scheduler: Scheduler) -> None:
    file = Screen(terminal=False)
    before = transient_threads()
    with show_progress(scheduler, file=file):
        assert transient_threads() == before
        scheduler.submit(counting, 1.0)
        scheduler.submit(sim.spawn(Sink), "message", kind=Kind.ASK)
        sim.advance(20.0)
    assert file.getvalue() == "2 succeeded in 20.0 s\n"


def test_progress_of_a_scheduler_that_is_closed_in_the_block_is_shown_to_its_end(system: ActorSystem) -> None:
    file = Screen(terminal=False)
    scheduler = Scheduler(system)
    with show_progress(scheduler, file=file):
        scheduler.submit(add, 1).result(timeout=SAFETY)
        scheduler.close()
    assert file.getvalue().startswith("1 succeeded in")


def test_thousands_of_short_runs_are_watched_without_harm(real: Scheduler) -> None:
    file = Screen(terminal=False)
    with show_progress(real, file=file):
        tasks = [real.submit(fail if number % 100 == 0 else add) for number in range(2000)]
        assert real.drain(timeout=SAFETY)
        assert len(tasks) == 2000
    assert re.match(r"1980 succeeded, 20 failed in", file.getvalue().splitlines()[-1])
