"""Pictures of trees: they show what is there without waiting for it, whatever its names and errors are and however much of it there is."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import tracemalloc
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, Lifecycle, SystemState
from actors._core.options import AS_DECLARED
from actors.testing import Simulation
from supervisors import (
    Backoff,
    ChildState,
    DynamicSupervisor,
    Limit,
    Restart,
    StartChild,
    Strategy,
    Supervisor,
    TreeNode,
    child,
    tree,
    tree_mermaid,
    tree_svg,
    tree_text,
)
from supervisors.machine import Chart, StateMachine, initial, on, state
from supervisors.nodes import DEEPEST
from supervisors.picture import MOST, WIDEST, lines_of
from tests.support import scaled

SVG = "{http://www.w3.org/2000/svg}"

# -- actors to draw --------------------------------------------------------------------------------------------------------


class Worker(Actor):
    """Does what it is told."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Exception):
            raise message
        if isinstance(message, threading.Event):
            message.wait(10)
        return message


class Inner(Supervisor, strategy=Strategy.REST_FOR_ONE, intensity=5, period=60.0):
    first = child(Worker)
    patient = child(Worker, backoff=Backoff(30.0, 60.0))
    last = child(Worker)


class Top(Supervisor, intensity=None):
    inner = child(Inner)
    passing = child(Worker, restart=Restart.TRANSIENT)


class Chain(Actor):
    """Has a child that has a child, and so on."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    def on_start(self) -> None:
        if self.more:
            self.system._runtime.spawn_under(self._greenroom_cell, Chain, (self.more - 1,), {}, "c", AS_DECLARED)


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("shop") as system:
        yield system


def eventually(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def at(system: ActorSystem, path: str) -> TreeNode:
    return next(node for node in tree(system).everyone() if node.path == path)


def ref_at(system: ActorSystem, path: str) -> ActorRef[Any]:
    ref = system.lookup(path)
    assert ref is not None
    return ref


# -- what is read ----------------------------------------------------------------------------------------------------------


def test_a_tree_has_everybody_in_start_order(system: ActorSystem) -> None:
    system.spawn(Top, name="top")
    system.spawn(Worker, name="single")
    assert [(node.path, node.kind) for node in tree(system).everyone()] == [
        ("/", "ActorSystem"),
        ("/top", "Top"),
        ("/top/inner", "Inner"),
        ("/top/inner/first", "Worker"),
        ("/top/inner/patient", "Worker"),
        ("/top/inner/last", "Worker"),
        ("/top/passing", "Worker"),
        ("/single", "Worker"),
    ]
    assert tree(system).name == "shop"
    assert tree(system).state is SystemState.RUNNING


def test_a_tree_of_a_ref_begins_there(system: ActorSystem) -> None:
    system.spawn(Top, name="top")
    inner = tree(ref_at(system, "/top/inner"))
    assert [node.path for node in inner.everyone()] == ["/top/inner", "/top/inner/first", "/top/inner/patient", "/top/inner/last"]
    assert (inner.strategy, inner.limit, inner.recent) == (Strategy.REST_FOR_ONE, Limit(5, 60.0), 0)


def test_a_supervisor_without_a_limit_has_none(system: ActorSystem) -> None:
    assert tree(system.spawn(Top, name="top")).limit is None


@pytest.mark.parametrize("what", [None, "/top", Worker, 1])
def test_anything_else_has_no_tree(what: Any) -> None:
    with pytest.raises(TypeError, match="of="):
        tree(what)


def test_a_restarted_actor_shows_its_incarnation_its_restarts_and_its_error(system: ActorSystem) -> None:
    system.spawn(Inner, name="inner")
    ref_at(system, "/inner/last").tell(LookupError("gone"))
    eventually(lambda: at(system, "/inner/last").incarnation == 2 and at(system, "/inner/last").state is Lifecycle.RUNNING)
    last = at(system, "/inner/last")
    assert (last.restarts, last.error) == (1, "LookupError: gone")
    assert at(system, "/inner").recent == 1
    assert at(system, "/inner/first").restarts == 0


def test_a_child_in_backoff_is_shown_as_waiting_and_for_how_long(system: ActorSystem) -> None:
    system.spawn(Inner, name="inner")
    ref_at(system, "/inner/patient").tell(LookupError("gone"))
    eventually(lambda: at(system, "/inner/last").state is ChildState.DOWN)
    patient = at(system, "/inner/patient")
    assert patient.state is ChildState.WAITING
    assert patient.retry_after is not None
    assert 20 < patient.retry_after <= 60


def test_a_child_that_was_killed_is_shown_while_it_has_no_actor(system: ActorSystem) -> None:
    system.spawn(Inner, name="inner")
    ref_at(system, "/inner/patient").kill()
    eventually(lambda: at(system, "/inner/last").state is ChildState.DOWN)
    assert [node.name for node in at(system, "/inner").children] == ["first", "patient", "last"]
    patient = at(system, "/inner/patient")
    assert (patient.state, patient.incarnation, patient.kind, patient.restarts) == (ChildState.WAITING, 0, "Worker", 1)


def test_a_child_that_has_stopped_for_good_is_shown_as_long_as_its_spec_is_kept(system: ActorSystem) -> None:
    system.spawn(Top, name="top")
    ref_at(system, "/top/passing").stop()
    eventually(lambda: at(system, "/top/passing").state is ChildState.STOPPED)


def test_children_that_come_and_go_are_shown_while_they_are_there(system: ActorSystem) -> None:
    pool = system.spawn(DynamicSupervisor, name="pool")
    one = pool.ask(StartChild(child(Worker, restart=Restart.TRANSIENT)))
    pool.ask(StartChild(child(Worker, name="named")))
    assert [node.name for node in tree(pool).children] == [one.name, "named"]
    assert tree(pool).strategy is Strategy.ONE_FOR_ONE
    one.stop()
    eventually(lambda: [node.name for node in tree(pool).children] == ["named"])


class Light(Enum):
    RED = auto()
    GREEN = auto()


class Lamp(StateMachine[Light, None]):
    def fail(self, event: Exception) -> None:
        raise event

    chart = Chart(
        on(Exception, do=fail),
        initial(Light.RED, on(int, to=Light.GREEN)),
        state(Light.GREEN, on(int, to=Light.RED)),
    )


def test_a_state_machine_shows_the_state_it_is_in(system: ActorSystem) -> None:
    ref = system.spawn(Lamp, name="lamp")
    assert tree(ref).machine_state == "RED"
    ref.ask(1)
    assert at(system, "/lamp").machine_state == "GREEN"
    assert "in GREEN" in tree_text(tree(ref))
    assert "in GREEN" in tree_mermaid(tree(ref))
    assert "in GREEN" in tree_svg(tree(ref))


def test_a_state_machine_that_has_ended_shows_no_state_and_neither_does_any_other_actor(system: ActorSystem) -> None:
    ref = system.spawn(Lamp)
    ref.tell(LookupError())
    eventually(lambda: tree(ref).state is Lifecycle.STOPPED)
    assert tree(ref).machine_state is None
    assert tree(system.spawn(Worker)).machine_state is None


def test_a_busy_actor_is_shown_at_once_with_what_it_is_at(system: ActorSystem) -> None:
    release = threading.Event()
    ref = system.spawn(Worker, name="busy")
    for message in (1, release, 2, 3):
        ref.tell(message)
    eventually(lambda: tree(ref).busy and tree(ref).handled == 1)
    begun = time.monotonic()
    node = tree(system).children[0]
    assert time.monotonic() - begun < 1
    assert (node.busy, node.waiting, node.handled, node.state) == (True, 2, 1, Lifecycle.RUNNING)
    release.set()
    eventually(lambda: tree(ref).handled == 4 and not tree(ref).busy)


def test_a_stop_in_the_mailbox_is_no_message(system: ActorSystem) -> None:
    release = threading.Event()
    ref = system.spawn(Worker, name="busy")
    ref.tell(release)
    eventually(lambda: tree(ref).busy)
    ref.stop(block=False)
    assert tree(ref).waiting == 0
    release.set()


def test_an_actor_that_has_ended_shows_what_of(system: ActorSystem) -> None:
    ref = system.spawn(Worker, name="weak")
    ref.tell(ValueError("too much"))
    eventually(lambda: tree(ref).state is Lifecycle.STOPPED)
    assert (tree(ref).error, tree(ref).children, tree(ref).path) == ("ValueError: too much", (), "/weak")
    assert tree(system).children == ()


def test_a_system_that_is_over_has_a_tree_of_one() -> None:
    with ActorSystem("over") as system:
        system.spawn(Worker)
    assert (tree(system).state, tree(system).children) == (SystemState.STOPPED, ())


def test_an_error_that_cannot_be_told_and_one_that_is_endless_do_no_harm(system: ActorSystem) -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    first, second = system.spawn(Worker), system.spawn(Worker)
    first.tell(Broken())
    second.tell(ValueError("x" * 1_000_000))
    eventually(lambda: tree(first).error and tree(second).error)
    assert "raised RuntimeError" in str(tree(first).error)
    assert len(str(tree(second).error)) <= 500


def test_a_simulation_can_be_drawn_between_its_steps() -> None:
    with Simulation() as sim:
        sim.spawn(Inner, name="inner")
        sim.run()
        assert [node.name for node in tree(sim.system).everyone()] == ["simulated", "inner", "first", "patient", "last"]


def test_trees_are_read_while_everything_changes(system: ActorSystem) -> None:
    top = system.spawn(Supervisor, [child(Worker, name=f"w{number}") for number in range(8)], intensity=None, name="top")
    end = time.monotonic() + scaled(10, 0.7)

    def trouble() -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            ref = system.lookup(f"/top/w{number % 8}")
            with contextlib.suppress(ActorDeadError):
                if ref is not None:
                    ref.kill(block=False) if number % 3 else ref.tell(ValueError(number))

    thread = threading.Thread(target=trouble)
    thread.start()
    while time.monotonic() < end:
        nodes = list(tree(system).everyone())
        assert len({node.path for node in nodes}) == len(nodes) >= 2
    thread.join()
    assert top.is_alive()
    eventually(lambda: len(tree(top).children) == 8)


# -- pictures --------------------------------------------------------------------------------------------------------------


def node(name: str, *children: TreeNode, path: str = "/x", kind: str = "Worker", state: Any = Lifecycle.RUNNING, **more: Any) -> TreeNode:
    return TreeNode(path=path, name=name, kind=kind, state=state, children=children, **more)


SHOP = node(
    "shop",
    node(
        "counter",
        node("db", incarnation=3, restarts=2, waiting=1, handled=1234, error="ConnectionError: refused"),
        node("web", state=ChildState.WAITING, restarts=1, retry_after=0.55, error="Timeout: 3 s"),
        kind="Counter",
        strategy=Strategy.ONE_FOR_ALL,
        recent=2,
        limit=Limit(3, 10.0),
    ),
    node("clock", incarnation=1, busy=True),
    kind="ActorSystem",
    state=SystemState.RUNNING,
)

TEXT = """\
shop        ActorSystem  running
├─ counter  Counter      running  one_for_all · 2 of 3 restarts in 10 s
│  ├─ db    Worker       running  incarnation 3 · 2 restarts · 1 waiting · 1,234 handled · ✗ ConnectionError: refused
│  └─ web   Worker       waiting  again in 0.6 s · 1 restart · ✗ Timeout: 3 s
└─ clock    Worker       running  busy
"""

ASCII = """\
shop        ActorSystem  running
|- counter  Counter      running  one_fo..
|  |- db    Worker       running  incarn..
|  `- web   Worker       waiting  again ..
`- clock    Worker       running  busy
"""


def test_a_tree_in_text_has_a_line_for_each_actor() -> None:
    assert tree_text(SHOP) == TEXT


def test_a_tree_for_simple_terminals_is_ascii_and_no_wider_than_it_may_be() -> None:
    assert tree_text(SHOP, width=42, ascii_only=True) == ASCII


NASTY = [
    "",
    "end",
    "日本語" * 9,
    "e\u0301\u0300" * 5,
    "\x1b[31m\r\n\t\x00\ufffe",
    "\ud800",
    "🎭🎭",
    "<b>&amp;</b>]]>",
    "</style><!--",
    "n1 --- n2",
]
NASTY += [
    '"; click n1 "javascript:x"',
    "`**bold**`",
    "$$x$$",
    "%%{init: {}}%%",
    "]]:::over",
    "classDef x",
    "m" * 500,
    "1. a",
    "- b",
    "#35;",
]
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=8))
STATES: list[Any] = [*Lifecycle, *ChildState, *SystemState]


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> TreeNode:
    """Trees as no system would have them: any names, classes, states and figures."""
    below = draw(st.lists(trees(depth=depth - 1), max_size=3)) if depth else []
    figures = st.integers(0, 10**9)
    return TreeNode(
        path=draw(TEXTS),
        name=draw(TEXTS),
        kind=draw(TEXTS),
        state=draw(st.sampled_from(STATES)),
        incarnation=draw(figures),
        restarts=draw(figures),
        waiting=draw(figures),
        handled=draw(figures),
        error=draw(st.one_of(st.none(), TEXTS)),
        strategy=draw(st.sampled_from([None, *Strategy])),
        children=tuple(below),
        busy=draw(st.booleans()),
        recent=draw(figures),
        limit=draw(st.sampled_from([None, Limit(3, 1e9), Limit(0, float("inf"))])),
        retry_after=draw(st.sampled_from([None, 0.0, 1e300])),
        elided=draw(st.sampled_from([0, 0, 7])),
        machine_state=draw(st.one_of(st.none(), TEXTS)),
    )


def terminal_width(text: str) -> int:
    return sum(0 if unicodedata.category(c) in ("Mn", "Me") else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def drawn(top: TreeNode) -> list[TreeNode]:
    return [line.node for line in lines_of(top) if line.node is not None]


@settings(deadline=None, max_examples=scaled(1000, 60))
@given(top=trees(), width=st.integers(1, 200), ascii_only=st.booleans())
def test_whatever_is_in_a_tree_its_text_is_a_line_for_each_actor(top: TreeNode, width: int, ascii_only: bool) -> None:
    text = tree_text(top, width=width, ascii_only=ascii_only)
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == len(lines_of(top))
    assert max(map(terminal_width, lines)) <= width
    assert "".join(lines).isprintable()
    assert not ascii_only or text.isascii()
    assert len(drawn(top)) == len(list(top.everyone()))


LABEL = r"(?:(?:[^#;:\n\"<>{}%$\\`&*|~^@]|#\d+;|<br/>)*)"
GRAMMAR = re.compile(
    rf"flowchart LR\n"
    rf"(?:    n\d+(?:\(\[\"{LABEL}\"\]\)|\[\[\"{LABEL}\"\]\]|\[\"{LABEL}\"\]|\(\"{LABEL}\"\)):::(?:running|changing|over|more)\n)+"
    rf"(?:    n\d+ --- n\d+\n)*"
    rf"(?:    classDef \w+ [-\w:#, ]+;\n){{4}}"
)


def boxes(picture: str) -> list[list[str]]:
    """The lines of text in each box of a flowchart, as people read them."""
    labels = re.findall(rf"\"({LABEL})\"", picture)
    return [[re.sub(r"#(\d+);", lambda code: chr(int(code[1])), line) for line in label.split("<br/>")] for label in labels]


@settings(deadline=None, max_examples=scaled(1000, 60))
@given(top=trees())
def test_whatever_is_in_a_tree_mermaid_reads_it_as_text(top: TreeNode) -> None:
    picture = tree_mermaid(top)
    assert GRAMMAR.fullmatch(picture), picture
    assert len(boxes(picture)) == len(lines_of(top)) == len(re.findall(r"^    n\d+ --- n\d+$", picture, re.MULTILINE)) + 1


def test_a_tree_for_mermaid_says_what_its_text_says() -> None:
    assert boxes(tree_mermaid(SHOP)) == [
        ["shop  ActorSystem", "running"],
        ["counter  Counter", "running · one_for_all · 2 of 3 restarts in 10 s"],
        ["db  Worker", "running · incarnation 3 · 2 restarts · 1 waiting · 1,234 ha…", "✗ ConnectionError: refused"],
        ["web  Worker", "waiting · again in 0.6 s · 1 restart", "✗ Timeout: 3 s"],
        ["clock  Worker", "running · busy"],
    ]


def parsed(picture: str) -> ET.Element:
    root = ET.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    return root


def rectangles(root: ET.Element) -> list[tuple[float, float, float, float]]:
    """The boxes of a picture, as left, top, right, bottom; the page itself is none."""
    found = []
    for box in root.findall(f"{SVG}g/{SVG}rect"):
        x, y, width, height = (float(box.get(name, "nan")) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


@settings(deadline=None, max_examples=scaled(300, 30))
@given(top=trees())
def test_whatever_is_in_a_tree_its_svg_is_well_formed_and_no_box_covers_another(top: TreeNode) -> None:
    root = parsed(tree_svg(top))
    found = rectangles(root)
    assert len(found) == len(lines_of(top))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    assert all(left >= 0 and above >= 0 and right <= width and below <= height for left, above, right, below in found)
    for place, (left, above, right, below) in enumerate(found):
        for other in found[place + 1 :]:
            assert right <= other[0] or other[2] <= left or below <= other[1] + 0.01 or other[3] <= above + 0.01
    assert not list(root.iter(f"{SVG}script"))


def test_an_svg_shows_names_figures_and_errors() -> None:
    told = " ".join(text.text or "" for text in parsed(tree_svg(SHOP)).iter(f"{SVG}text"))
    for expected in ("counter", "2 of 3 restarts in 10 s", "incarnation 3", "ConnectionError: refused", "again in 0.6 s"):
        assert expected in told


# -- very much -------------------------------------------------------------------------------------------------------------


def test_of_very_many_children_those_in_trouble_are_drawn_first() -> None:
    crowd = [node(f"n{number}") for number in range(10_000)]
    crowd[7777] = node("n7777", error="ValueError: 1")
    crowd[8888] = node("n8888", state=Lifecycle.RESTARTING)
    names = [one.name for one in drawn(node("top", *crowd))]
    assert len(names) == 1 + WIDEST
    assert names[:3] == ["top", "n0", "n1"]
    assert names[-2:] == ["n7777", "n8888"]


def test_very_long_texts_leave_fewer_actors_rather_than_more_than_mermaid_reads() -> None:
    crowds = (node(f"s{group}", *(node("<" * 60, kind="<" * 60, error="<" * 60) for _ in range(39))) for group in range(39))
    picture = tree_mermaid(node("top", *crowds))
    assert GRAMMAR.fullmatch(picture)
    assert 20_000 < len(picture) < 50_000


@pytest.mark.parametrize(
    "top",
    [
        node("wide", *(node(f"n{number}") for number in range(10_000))),
        node("both", *(node(f"s{group}", *(node(f"n{number}") for number in range(99))) for group in range(100))),
        node("cut", node("deep", elided=9_998)),
    ],
    ids=["wide", "both", "cut"],
)
def test_ten_thousand_actors_make_a_picture_of_bounded_size_that_counts_them_all(top: TreeNode) -> None:
    lines = lines_of(top)
    assert sum(line.node is not None for line in lines) <= MOST
    assert sum(line.left_out for line in lines) + sum(line.node is not None for line in lines) >= 10_000
    begun = time.monotonic()
    assert len(tree_text(top).splitlines()) == len(lines)
    assert GRAMMAR.fullmatch(tree_mermaid(top))
    assert tree_mermaid(top).count(" --- ") <= 2 * MOST
    assert len(rectangles(parsed(tree_svg(top)))) == len(lines)
    assert time.monotonic() - begun < 5


def test_ten_thousand_living_actors_are_read_in_a_moment(system: ActorSystem) -> None:
    pool = system.spawn(DynamicSupervisor, name="pool")
    for future in [pool.ask(StartChild(child(Worker)), block=False) for _ in range(scaled(10_000, 2000))]:
        future.get()
    begun = time.monotonic()
    top = tree(system)
    assert time.monotonic() - begun < 2
    assert len(list(top.everyone())) == 2 + scaled(10_000, 2000)
    assert len(tree_text(top).splitlines()) == 3 + WIDEST


def test_of_a_very_deep_tree_the_deepest_are_only_counted(system: ActorSystem) -> None:
    deep = scaled(10_000, 1500)
    system.spawn(Chain, deep - 1, name="c")
    eventually(lambda: len(system.actors()) == deep)
    tracemalloc.start()
    try:
        top = tree(system)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    nodes = list(top.everyone())
    assert len(nodes) == 1 + DEEPEST
    assert sum(one.elided for one in nodes) == deep - DEEPEST
    assert f"… {deep - DEEPEST:,} more" in tree_text(top)
    parsed(tree_svg(top))
    assert repr(top)
    assert top == top  # noqa: PLR0124  # that it can be compared at all
