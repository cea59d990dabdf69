"""The live view: it fits any screen, shows what there is, obeys its keys, and gives the terminal back."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from actors import Lifecycle
from supervisors import ChildState, Limit, Strategy, TreeNode
from supervisors.demo.app import play
from supervisors.demo.feed import Note, Tone, merged
from supervisors.demo.parts import Order, Ordered, Victim
from supervisors.demo.rows import Rates
from supervisors.demo.stage import Progress, Stage
from supervisors.demo.terminal import Keys, keys_in
from supervisors.demo.view import Frame, View, play_view
from tests.supervisors.demo.plays import Small, console, eventually, written
from tests.supervisors.test_picture import NASTY, node, trees
from tests.support import scaled

ROOT = Path(__file__).parents[3]

TREE = node(
    "shop",
    node(
        "counter",
        node("db", path="/counter/db", incarnation=3, restarts=2, waiting=1, handled=1234, error="ConnectionError: refused"),
        node("web", path="/counter/web", state=ChildState.WAITING, restarts=1, retry_after=0.55, error="Timeout: 3 s"),
        path="/counter",
        kind="Counter",
        strategy=Strategy.ONE_FOR_ALL,
        recent=2,
        limit=Limit(3, 10.0),
    ),
    node("clock", path="/clock", incarnation=1, busy=True),
    path="/",
    kind="ActorSystem",
)
NOTES = [Note(0.5, Tone.QUIET, "/counter", "started"), Note(1.25, Tone.BAD, "/counter/db", "crashed: ConnectionError: refused", 3)]
FRAME = Frame(
    title="greenroom demo: a shop",
    about="Watch it.",
    elapsed=12.34,
    seconds=20.0,
    halted=False,
    seed=7,
    progress=Progress(1200, 2400, "files"),
    top=TREE,
    rates={"/counter/db": 41.6, "/clock": 1.25},
    notes=NOTES,
    selected="/counter/db",
    message="",
)


def drawn(frame: Frame, width: int, height: int) -> list[str]:
    to = console(width=width, height=height, legacy_windows=False)
    to.print(frame.render(width, height), end="")
    return written(to).removesuffix("\n").split("\n")


# -- frames ----------------------------------------------------------------------------------------------------------------


def test_a_wide_frame_has_the_tree_with_its_figures_and_what_happens_beside_it() -> None:
    lines = drawn(FRAME, 140, 14)
    assert lines[0].startswith(" greenroom demo: a shop   Watch it.")
    assert lines[1].split("━")[0].split() == ["12.3", "of", "20", "s", "chaos", "7"]
    assert "1,200 of 2,400 files" in lines[1]
    row = next(line for line in lines if "├─ db" in line)
    left = row.rpartition("││")[0].partition("├─ ")[2]
    assert left.split() == ["db", "running", "3", "2", "1", "42", "ConnectionError:", "refused"]
    counter = next(line for line in lines if "├─ counter" in line)
    assert "2 of 3" in counter
    assert "running •" in next(line for line in lines if "clock" in line)
    assert "waiting" in next(line for line in lines if "web" in line)
    assert "crashed: ConnectionError: refused (3 times)" in "".join(lines)
    assert lines[-2].strip() == "/counter/db, a Worker: ConnectionError: refused"
    assert "q end" in lines[-1]


def test_a_narrow_frame_has_what_happens_below_the_tree() -> None:
    lines = drawn(FRAME, 80, 30)
    place = {
        word: next(number for number, line in enumerate(lines) if word in line) for word in ("actors", "web", "what happens", "(3 times)")
    }
    assert place["actors"] < place["web"] < place["what happens"] < place["(3 times)"]


def test_of_a_state_machine_the_state_it_is_in_is_shown_while_it_runs() -> None:
    door = node("door", path="/door", kind="Door", machine_state="OPEN", handled=2)
    away = node("away", path="/away", kind="Door", machine_state="SHUT", state=Lifecycle.STOPPING)
    lines = drawn(dataclasses.replace(FRAME, top=node("top", door, away, path="/"), selected="/door"), 80, 24)
    row = next(line for line in lines if "├─ door" in line)
    assert row.partition("door")[2].split()[0] == "OPEN"
    assert "stopping" in next(line for line in lines if "└─ away" in line)
    assert lines[-2].strip() == "/door, a Door in OPEN"


def test_a_paused_frame_says_so() -> None:
    assert "PAUSED" in drawn(dataclasses.replace(FRAME, halted=True), 80, 24)[1]
    assert "PAUSED" not in drawn(FRAME, 80, 24)[1]


def test_a_message_takes_the_place_of_the_selected_actor() -> None:
    assert drawn(dataclasses.replace(FRAME, message="The tree is in x.svg."), 80, 24)[-2].strip() == "The tree is in x.svg."


def test_of_a_tree_that_is_too_long_the_part_around_the_selected_actor_is_shown() -> None:
    top = node("top", *(node(f"n{number}", path=f"/n{number}") for number in range(35)), path="/")
    shown = "\n".join(drawn(dataclasses.replace(FRAME, top=top, selected="/n30"), 80, 16))
    assert "n30" in shown
    assert "n2 " not in shown
    actors = drawn(dataclasses.replace(FRAME, top=top, selected="/n16"), 80, 16)
    first, *between, last = [line.strip("│ ") for line in actors[4 : actors.index(next(line for line in actors if "╰" in line))]]
    above, below = (int(line.split()[1]) for line in (first, last))
    assert (first[0], last[0]) == ("↑", "↓")
    assert above + len(between) + below == 36
    assert any("n16" in line for line in between)
    assert "actor " in shown


@settings(deadline=None, max_examples=scaled(400, 40))
@given(
    top=trees(),
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    texts=st.lists(st.sampled_from(NASTY), max_size=4),
    selected=st.sampled_from([None, "/nobody"]),
)
def test_a_frame_fits_any_screen_whatever_is_in_it(top: TreeNode, width: int, height: int, texts: list[str], selected: str | None) -> None:
    from actors.texts import plain

    notes = [Note(1e9, Tone.ODD, plain(text), plain(text), 2) for text in texts]
    lines = drawn(dataclasses.replace(FRAME, top=top, notes=notes, selected=selected), width, height)
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).isprintable()


def test_ten_thousand_actors_are_drawn_in_a_moment() -> None:
    top = node("top", *(node(f"n{number}", path=f"/n{number}") for number in range(10_000)), path="/")
    begun = time.monotonic()
    drawn(dataclasses.replace(FRAME, top=top), 140, 40)
    assert time.monotonic() - begun < 2


def test_rates_are_of_the_last_second_and_begin_anew_with_a_successor() -> None:
    rates = Rates()

    def at(now: float, handled: int) -> float:
        return rates.note(node("a", path="/a", handled=handled), now)["/a"]

    assert [at(0.0, 100), at(0.5, 110), at(1.0, 140), at(2.0, 140)] == [0.0, 20.0, 40.0, pytest.approx(0.0, abs=1e-9)]
    assert at(2.5, 5) == 0.0
    assert at(3.0, 10) == 10.0


def test_lines_that_say_the_same_at_about_the_same_time_are_one() -> None:
    told = [Note(at, Tone.ODD, who, "x") for at, who in ((1.0, "/a"), (1.01, "/b"), (1.02, "/a"), (1.5, "/a"))]
    assert [(note.at, note.who, note.times) for note in merged(told)] == [(1.0, "/a", 2), (1.01, "/b", 1), (1.5, "/a", 1)]


# -- keys ------------------------------------------------------------------------------------------------------------------


class SomeVictims(Small):
    seconds = 100.0

    def victims(self) -> list[Victim]:
        return [Victim("/top/a"), Victim("/top/b", (Order.CRASH,))]


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(SomeVictims(), seconds=100.0) as stage:
        yield stage


def orders(stage: Stage) -> list[tuple[str, Order]]:
    return [(one.path, one.order) for one in stage.books.all_of(Ordered)] or [key for key, count in stage.books.orders.items() if count]


def test_keys_select_and_give_orders_to_the_selected_actor(stage: Stage) -> None:
    view = View(stage, lambda _: "saved")
    assert view.frame().selected == "/top/a"
    for key in ("x", "down", "c", "k", "j", "j", "up", "page down", "page up"):
        assert view.press(key)
    eventually(lambda: orders(stage) == [("/top/a", Order.KILL), ("/top/b", Order.CRASH)])
    assert view.frame().selected == "/top/a"
    eventually(lambda: stage.books.lives("/top/a") == 2 and stage.books.lives("/top/b") == 2)


def test_an_order_that_is_not_for_an_actor_is_refused_and_said(stage: Stage) -> None:
    view = View(stage, lambda _: "saved")
    view.press("down")
    view.press("x")
    assert "/top/b is not to be made to kill" in view.frame().message
    view.press("z")
    assert view.frame().message == ""
    assert not orders(stage)


def test_an_actor_that_is_made_to_hang_is_shown_busy_until_the_watchdog_kills_it(stage: Stage) -> None:
    view = View(stage, lambda _: "saved")
    view.press("h")
    eventually(lambda: any(one.busy and one.path == "/top/a" for one in view.frame().top.everyone()))
    eventually(lambda: stage.books.kills["/top/a"] == 1 and stage.books.lives("/top/a") == 2)


def test_other_keys_pause_save_and_end(stage: Stage) -> None:
    saved: list[TreeNode] = []
    view = View(stage, lambda top: saved.append(top) or "It is saved.")  # type: ignore[func-returns-value]
    view.press("p")
    assert view.frame().halted
    view.press("space")
    assert not view.frame().halted
    view.press("s")
    assert (view.frame().message, saved[0].name) == ("It is saved.", "small")
    assert not view.press("q")
    assert not view.press("escape")


def test_what_a_terminal_sends_is_told_apart() -> None:
    assert keys_in("jk\x1b[A\x1bOB\x1b[5~\x1b[6~ \r") == (["j", "k", "up", "down", "page up", "page down", "space", "enter"], "")
    assert keys_in("x\x1b[") == (["x"], "\x1b[")
    assert keys_in("\x1b") == ([], "\x1b")
    assert keys_in("\x1b\x1b[A") == (["escape", "up"], "")
    assert keys_in("\x1b[1;5Cq") == (["q"], "")  # a key that nothing is done with
    assert keys_in("\x1b[" + "1" * 100) == ([], "")


@given(st.text(alphabet="\x1b[O~A1;q\0é", max_size=40), st.integers(0, 40))
def test_keys_do_not_depend_on_how_they_come_in_pieces(text: str, cut: int) -> None:
    first, rest = keys_in(text[:cut])
    second, _ = keys_in(rest + text[cut:])
    whole, left = keys_in(text)
    if len(left) < 32 and len(rest) < 32:
        assert first + second == whole


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file, Keys(file) as keys:
        assert keys.wait(0.01) == []


# -- real terminals --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def terminal(rows: int = 36, columns: int = 140) -> Iterator[tuple[int, int]]:
    """A terminal that nobody looks at: both of its ends."""
    ours, its = pty.openpty()
    resize(its, rows, columns)
    try:
        yield ours, its
    finally:
        os.close(ours)
        os.close(its)


def resize(its: int, rows: int, columns: int) -> None:
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_keys_are_read_one_by_one_and_the_terminal_is_as_it_was_also_after_a_failure() -> None:
    with terminal() as (ours, its), os.fdopen(os.dup(its), "r") as file:
        before = termios.tcgetattr(its)
        with contextlib.suppress(RuntimeError), Keys(file) as keys:
            assert termios.tcgetattr(its) != before
            os.write(ours, b"j\x1b[B")
            assert keys.wait(5) == ["j", "down"]
            os.write(ours, b"\x1b")
            assert keys.wait(5) == []
            assert keys.wait(0.01) == ["escape"]
            assert keys.wait(0.01) == []
            raise RuntimeError("the view is broken")
        assert termios.tcgetattr(its) == before


def test_a_view_that_fails_gives_the_screen_back(stage: Stage) -> None:
    to = console(force_terminal=True, width=100, height=30)

    class Fails(View):
        def frame(self) -> Frame:
            if "\x1b[?1049h" in written(to) and "small" in written(to):
                raise RuntimeError("the view is broken")
            return super().frame()

    with pytest.raises(RuntimeError, match="the view is broken"), Keys(to.file) as keys:
        play_view(Fails(stage, lambda _: ""), stage, to, keys)
    assert written(to).rfind("\x1b[?1049l") > written(to).rfind("\x1b[?1049h")
    assert written(to).rfind("\x1b[?25h") > written(to).rfind("\x1b[?25l")


def test_a_signal_that_comes_while_the_screen_is_given_back_waits_until_it_is() -> None:
    class Impatient(io.StringIO):
        """A terminal whose user presses Ctrl-C when the view is there, and again when it begins to go."""

        def write(self, text: str) -> int:
            if "what happens" in text or "\x1b[?1049l" in text:
                signal.raise_signal(signal.SIGINT)
            return super().write(text)

    to = Console(file=Impatient(), force_terminal=True, width=100, height=30)
    before = signal.getsignal(signal.SIGINT)
    code = play(Stage(Small(quick=True)), to)
    assert code == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert written(to).count("\x1b[?1049h") == written(to).count("\x1b[?1049l") == 1
    assert written(to).rfind("\x1b[?25h") > written(to).rfind("\x1b[?25l")
    assert "Ended by SIGINT" in written(to)


class Session:
    """A demo in a terminal of its own, as people start it."""

    def __init__(self, ours: int, its: int, *arguments: str) -> None:
        self.ours, self.its = ours, its
        self.output = ""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        code = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from supervisors.command import main; sys.exit(main())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "demo", *arguments],
            stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True, cwd=ROOT,
        )  # fmt: skip

    def until(self, holds: Callable[[str], object], limit: float = 60.0) -> None:
        """Read what is written until something holds of it."""
        end = time.monotonic() + limit
        while not holds(self.output):
            assert time.monotonic() < end, self.output[-3000:]
            if select.select([self.ours], [], [], 0.05)[0]:
                self.output += os.read(self.ours, 65536).decode("utf-8", "replace")

    def until_more(self) -> None:
        """Read until something new is written."""
        length = len(self.output)
        self.until(lambda output: len(output) > length + 50)

    def press(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def end(self) -> int:
        self.until(lambda _: self.process.poll() is not None)
        with contextlib.suppress(AssertionError):
            self.until(lambda _: False, limit=0.3)
        return self.process.wait()


def shows(text: str) -> Callable[[str], object]:
    return lambda output: text in output


@pytest.fixture
def before_and_after() -> Iterator[Callable[..., Any]]:
    sessions: list[Session] = []

    @contextlib.contextmanager
    def begin(*arguments: str) -> Iterator[Session]:
        with terminal() as (ours, its):
            before = termios.tcgetattr(its)
            session = Session(ours, its, *arguments)
            sessions.append(session)
            session.until(shows("what happens"))
            yield session
            assert termios.tcgetattr(its) == before
            assert session.output.rfind("\x1b[?1049l") > session.output.rfind("\x1b[?1049h") >= 0
            assert session.output.rfind("\x1b[?25h") > session.output.rfind("\x1b[?25l") >= 0

    yield begin
    for session in sessions:
        if session.process.poll() is None:
            session.process.kill()
            session.process.wait()


def test_a_demo_in_a_terminal_obeys_keys_survives_resizing_and_gives_the_terminal_back(before_and_after: Any) -> None:
    with before_and_after("strategies", "--seconds", "60") as session:
        session.press(b"c")
        session.until(shows("order: crash"))
        session.press(b"\x1b[B\x1b[Bx")
        session.until(shows("order: kill"))
        session.press(b"p")
        session.until(shows("PAUSED"))
        for rows, columns in ((10, 40), (1, 1), (50, 200), (36, 140)):
            resize(session.its, rows, columns)
            session.process.send_signal(signal.SIGWINCH)
            session.until_more()
        session.press(b"pq")
        assert session.end() == 0
        assert "every promise was kept" in session.output
        assert "Traceback" not in session.output


@pytest.mark.parametrize(("how", "code"), [("key", 130), ("twice", 130), ("terminate", 143)])
def test_a_demo_that_is_interrupted_tells_what_came_of_it_and_gives_the_terminal_back(before_and_after: Any, how: str, code: int) -> None:
    with before_and_after("strategies") as session:
        if how == "terminate":
            session.process.terminate()
        else:
            session.press(b"\x03")
        if how == "twice":
            session.press(b"\x03")
        assert session.end() == code
        assert how == "twice" or "promise" in session.output
        assert "Traceback" not in session.output
