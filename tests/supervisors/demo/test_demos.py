"""Demos: what each promises holds, undisturbed, under chaos, and when it is cut short; the end leaves nothing behind."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from actors import ActorSystem
from supervisors.demo import app
from supervisors.demo.app import HOLDS, LIES, play
from supervisors.demo.catalogue import BEST, DEMOS
from supervisors.demo.chaos import strikes
from supervisors.demo.clock import DemoClock
from supervisors.demo.parts import Order, Victim
from supervisors.demo.stage import Demo, Stage
from tests.supervisors.demo.plays import Small, console, eventually, written
from tests.support import scaled

SPEED = 8.0  # demo seconds in a real one: what waits, waits less; work does not take less

pytestmark = pytest.mark.usefixtures("no_leaks")


def played(demo: Demo, **options: Any) -> tuple[int, str]:
    to = console(width=200)
    code = play(Stage(demo, speed=2.0 if demo.name == BEST else SPEED, **options), to, headless=True)
    return code, written(to)


@pytest.mark.parametrize("name", DEMOS)
def test_what_a_demo_promises_holds(name: str) -> None:
    code, told = played(DEMOS[name](quick=True))
    assert code == HOLDS, told
    assert "every promise was kept." in told
    assert "BROKEN" not in told
    assert told.count("\nok ") >= 3


@pytest.mark.parametrize("seed", range(1, scaled(20, 2)))
@pytest.mark.parametrize("name", DEMOS)
def test_what_a_demo_promises_holds_under_chaos(name: str, seed: int) -> None:
    code, told = played(DEMOS[name](quick=True), seed=seed, seconds=None if name == BEST else 12.0)
    assert code == HOLDS, told
    assert f"--chaos {seed}" in told


@pytest.mark.parametrize("seconds", scaled([0.01, 0.5, 1.5, 3.02, 5.0], [0.5, 3.02]))
@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_that_is_cut_short_keeps_its_promises(name: str, seconds: float) -> None:
    code, told = played(DEMOS[name](quick=True), seconds=seconds)
    assert code == HOLDS, told


def test_a_promise_that_is_not_kept_is_told_and_is_the_exit_code() -> None:
    demo = Small()
    demo.promise = False
    code, told = played(demo)
    assert code == LIES
    assert "BROKEN  something is promised  1 of 1" in told
    assert "1 of 1 promises were BROKEN." in told


def test_a_log_tells_what_happens_in_order_and_ends_with_the_tree() -> None:
    code, told = played(Small(), seed=5, seconds=12.0)
    assert code == HOLDS
    for expected in ("Chaos 5: ", "/top/a", "order: ", "restarts", " actors, ", "└─ watchdog"):
        assert expected in told
    times = [float(line.split()[0]) for line in told.splitlines() if " s " in line and line.split()[0].replace(".", "").isdecimal()]
    assert len(times) > 20
    assert times == sorted(times)


def test_a_demo_leaves_no_thread_and_no_handler_of_logs_behind() -> None:
    threads = set(threading.enumerate())
    handlers = [logging.getLogger(name).handlers.copy() for name in ("pykka", "actors")]
    played(DEMOS["strategies"](quick=True), seed=1, seconds=3.0)
    eventually(lambda: set(threading.enumerate()) <= threads)
    assert [logging.getLogger(name).handlers for name in ("pykka", "actors")] == handlers


def test_a_demo_that_cannot_be_built_leaves_nothing_behind() -> None:
    class Broken(Small):
        def build(self, system: ActorSystem) -> None:
            super().build(system)
            raise RuntimeError("no stage")

    threads = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="no stage"):
        played(Broken())
    eventually(lambda: set(threading.enumerate()) <= threads)


def test_a_demo_that_is_paused_when_it_ends_ends_all_the_same() -> None:
    with Stage(Small(), speed=SPEED) as stage:
        stage.halt_or_go_on()
        assert stage.halted
        outcome = stage.close()
    assert outcome.holds


def test_a_picture_of_the_last_tree_is_saved(tmp_path: Path) -> None:
    for suffix, begin in ((".svg", "<svg"), (".mmd", "flowchart"), (".txt", "small ")):
        to = console()
        assert play(Stage(Small(), speed=SPEED), to, headless=True, save=tmp_path / f"tree{suffix}") == HOLDS
        assert f"tree{suffix}." in written(to).replace("\n", "")
        assert (tmp_path / f"tree{suffix}").read_text(encoding="utf-8").startswith(begin)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    to = console(width=300)
    assert play(Stage(Small(), speed=SPEED), to, headless=True, save=tmp_path / "missing" / "tree.svg") == HOLDS
    assert "cannot be written: No such file" in written(to)


def test_a_demo_on_another_thread_than_the_main_one_plays_without_signals() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(played(Small())[0]))
    thread.start()
    thread.join(timeout=30)
    assert codes == [HOLDS]


def test_a_log_that_cannot_hold_what_trees_are_drawn_with_has_a_simpler_one(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="ascii") as file:
        assert play(Stage(Small(), speed=SPEED), Console(file=file), headless=True) == HOLDS
    assert "|- top" in (tmp_path / "log").read_text(encoding="ascii")


def test_a_terminal_that_cannot_show_what_trees_are_drawn_with_gets_a_log(tmp_path: Path) -> None:
    demo = Small()
    demo.about = "Nothing much…"
    with (tmp_path / "screen").open("w", encoding="ascii") as file:
        assert play(Stage(demo, speed=SPEED), Console(file=file, force_terminal=True, width=70)) == HOLDS
    told = (tmp_path / "screen").read_text(encoding="ascii")
    assert "\x1b" not in told
    for expected in ("Nothing much\\u2026", "|- top", "ok      something is promised"):
        assert expected in told


# -- chaos -----------------------------------------------------------------------------------------------------------------


def test_chaos_of_the_same_seed_is_the_same() -> None:
    victims = DEMOS["strategies"]().victims()
    first, second, other = (
        [next(plan) for _ in range(200)] for plan in (strikes(4, victims, 1.0), strikes(4, victims, 1.0), strikes(5, victims, 1.0))
    )
    assert first == second != other
    assert {strike.path for strike in first} == {victim.path for victim in victims}
    assert {strike.order for strike in first} == set(Order)
    assert 0.9 < sum(strike.after for strike in first) / 200 < 1.1


def test_chaos_gives_nobody_an_order_that_is_not_for_them() -> None:
    plan = strikes(1, [Victim("/a", (Order.CRASH,)), Victim("/b")], 1.0)
    assert {strike.order for strike in (next(plan) for _ in range(200)) if strike.path == "/a"} == {Order.CRASH}


def test_two_runs_of_the_same_chaos_give_the_same_orders() -> None:
    def orders() -> list[str]:
        _, told = played(Small(), seed=11, seconds=6.0)
        return [" ".join(line.split()[-3:]) for line in told.splitlines() if "order: " in line]

    first, second = orders(), orders()
    assert len(first) >= 4
    shared = min(len(first), len(second))
    assert [line.replace(", but nobody is there", "") for line in first[:shared]] == [
        line.replace(", but nobody is there", "") for line in second[:shared]
    ]


# -- demo time -------------------------------------------------------------------------------------------------------------


def test_demo_time_stands_still_while_it_is_halted_and_timers_wait() -> None:
    clock = DemoClock(speed=100.0)
    try:
        made: list[str] = []
        clock.halt()
        then = clock.now()
        clock.call_at(then + 1.0, lambda: made.append("during"))
        clock.call_at(then + 2.0, lambda: made.append("later"))
        clock.call_at(then, lambda: made.append("cancelled")).cancel()
        threading.Event().wait(0.1)
        assert (clock.now(), made) == (then, [])
        clock.go_on()
        eventually(lambda: made == ["during", "later"])
        assert clock.now() >= then + 2.0
    finally:
        clock.close()


def test_a_timer_that_was_set_before_the_halt_is_made_once_and_after_it() -> None:
    clock = DemoClock(speed=1000.0)
    try:
        made: list[float] = []
        for _ in range(scaled(200, 20)):
            begin = clock.now()
            clock.call_at(begin + 5.0, lambda: made.append(clock.now()))
            clock.halt()
            clock.halt()
            clock.go_on()
            clock.go_on()
        eventually(lambda: len(made) == scaled(200, 20))
        threading.Event().wait(0.02)
        assert len(made) == scaled(200, 20)
    finally:
        clock.close()


def test_a_stage_that_is_halted_sends_nothing() -> None:
    with Stage(Small(), seconds=100.0) as stage:
        eventually(lambda: sum(node.handled for node in stage.tree().everyone()) > 20)
        stage.halt_or_go_on()
        threading.Event().wait(0.1)
        before = [node.handled for node in stage.tree().everyone()]
        threading.Event().wait(0.2)
        assert [node.handled for node in stage.tree().everyone()] == before
        stage.halt_or_go_on()
        eventually(lambda: [node.handled for node in stage.tree().everyone()] != before)
        assert stage.close().holds


def test_the_catalogue_names_the_best_one() -> None:
    assert BEST in DEMOS
    assert all(demo.name == name for name, demo in DEMOS.items())
    assert app.HOLDS == 0
