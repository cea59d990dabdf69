"""Pictures of a stream: what they show, and that they can be read whatever is in them."""

from __future__ import annotations

import io
import re
import threading
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorSystem
from actors.streams import OnError, Sink, Source, StageDiedError, StageState, StageStats, Stream, StreamState, StreamStats, show_stream
from actors.streams.layout import layout
from actors.streams.picture_mermaid import stream_mermaid
from actors.streams.picture_svg import stream_svg
from actors.streams.picture_text import stream_ascii, stream_text
from actors.testing import Simulation
from actors.texts import columns
from tests.streams.test_ending import until
from tests.support import transient_threads

DUE = 20.0
SVG = "{http://www.w3.org/2000/svg}"


def stage(
    name: str, *feeds: int, state: StageState = StageState.WAITS_FOR_ELEMENTS, waiting: int = 0, capacity: int = 8, **more: Any
) -> StageStats:
    figures: dict[str, Any] = {
        "taken": 0,
        "given": 0,
        "skipped": 0,
        "dropped": 0,
        "restarts": 0,
        "room": 8,
        "under_way": 0,
        "rate": 0.0,
        **more,
    }
    return StageStats(name=name, kind="map", state=state, waiting=waiting, capacity=capacity, feeds=feeds, **figures)


def stats(*stages: StageStats) -> StreamStats:
    return StreamStats(name="words", state=StreamState.RUNNING, seconds=2.5, stages=stages)


STUCK = stats(
    stage("lines", 1, state=StageState.WAITS_FOR_ROOM, capacity=0, given=1500, rate=123_456.0),
    stage("split", 2, state=StageState.WAITS_FOR_ROOM, waiting=8, taken=1490, given=1482, rate=7.25),
    stage("slow", 3, state=StageState.WORKING, waiting=8, taken=1474, given=1473, skipped=3, rate=7.0),
    stage("count", taken=1473, rate=7.0),
)


@st.composite
def graphs(draw: st.DrawFn) -> StreamStats:
    """Any graph in which every stage but a source is fed by earlier ones, each of whose outlets is used once."""
    open_outlets: list[int] = []
    feeds: list[list[int]] = []
    for index in range(draw(st.integers(1, 12))):
        if not open_outlets or draw(st.booleans()):
            inputs = []
        else:
            inputs = draw(st.lists(st.sampled_from(range(len(open_outlets))), unique=True, min_size=1, max_size=3))
        for place in sorted(inputs, reverse=True):
            feeds[open_outlets.pop(place)].append(index)
        feeds.append([])
        open_outlets += [index] * draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
    text = st.text(min_size=1, max_size=12)
    return stats(
        *(
            stage(
                draw(text),
                *targets,
                state=draw(st.sampled_from(StageState)),
                waiting=draw(st.integers(0, 8)),
                capacity=draw(st.sampled_from([0, 8])),
                rate=draw(st.floats(0, 1e9)),
                taken=draw(st.integers(0, 10**15)),
                under_way=draw(st.integers(0, 5)),
            )
            for targets in feeds
        )
    )


@given(graphs())
def test_no_edge_of_a_picture_runs_through_a_stage(graph: StreamStats) -> None:
    places = layout(graph.stages)
    boxes = {(place.lane, place.layer) for place in places}
    assert len(boxes) == len(places)
    edges: set[tuple[int, int]] = set()
    for one, place in zip(graph.stages, places, strict=True):
        for target, lane in zip(one.feeds, place.forks, strict=True):
            assert places[target].layer > place.layer >= 0
            crossed = {(lane, layer) for layer in range(place.layer + 1, places[target].layer)}
            assert not crossed & (boxes | edges)
            edges |= crossed


@given(graphs(), st.integers(20, 200))
def test_text_has_a_line_for_each_stage_and_no_line_is_too_wide(graph: StreamStats, width: int) -> None:
    lines = stream_text(graph, width).splitlines()
    assert all(columns(line) <= width for line in lines)
    signs = [re.sub(r"[^●○■✓✗]", "", line[:24]) for line in lines[2:]]
    assert sum(bool(sign) for sign in signs) >= len(graph.stages) or width < 60
    assert stream_ascii("".join("●○■✓✗█░│─├╮╯┬┴┼◀")).isascii()


@given(graphs())
def test_an_svg_is_well_formed_and_has_all_stages_and_edges(graph: StreamStats) -> None:
    root = ET.fromstring(stream_svg(graph))  # our own text
    assert len(root.findall(f"{SVG}g")) == len(graph.stages)
    assert len(root.findall(f"{SVG}path")) == 2 * sum(len(one.feeds) for one in graph.stages)
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{SVG}rect"):
        assert 0 <= float(box.get("x", 0)) <= float(box.get("x", 0)) + float(box.attrib["width"]) <= wide
        assert 0 <= float(box.get("y", 0)) <= float(box.get("y", 0)) + float(box.attrib["height"]) <= high
    assert "http" not in stream_svg(graph).replace("http://www.w3.org/2000/svg", "")


@given(graphs())
def test_mermaid_has_all_stages_and_edges_and_nothing_that_it_could_take_for_its_own(graph: StreamStats) -> None:
    lines = stream_mermaid(graph).splitlines()
    assert sum("-->" in line for line in lines) == sum(len(one.feeds) for one in graph.stages)
    nodes = [line for line in lines if re.match(r'    s\d+(\(\[|\[)"[^"]*"(\]\)|\])$', line)]
    assert len(nodes) == len(graph.stages)


def test_text_says_where_it_is_stuck() -> None:
    assert stream_text(STUCK, 120).splitlines() == [
        "stream words: running for 2.5 s",
        "  stage  state                           before it  a second  taken  given",
        "■ lines  waits for room                                 123k          1500",
        "■ split  waits for room      ██████████        8/8       7.2   1490   1482",
        "● slow   working             ██████████        8/8       7.0   1474   1473  3 skipped  ◀ sets the pace",
        "○ count  waits for elements  ░░░░░░░░░░        0/8       7.0   1473",
        "slow sets the pace: 8 of 8 wait before it",
    ]


def test_text_leaves_out_columns_where_it_is_narrow() -> None:
    assert stream_text(STUCK, 20).splitlines()[1:] == [
        "  stage  a second",
        "■ lines      123k",
        "■ split       7.2",
        "● slow        7.0  ◀",
        "○ count       7.0",
        "slow sets the pace:…",
    ]


def test_text_draws_branches_and_where_they_come_together() -> None:
    graph = stats(stage("a", 1, capacity=0), stage("b", 2, 4, 5), stage("c", 4), stage("d", 4, capacity=0), stage("e"), stage("f"))
    drawn = [line[:8].rstrip() for line in stream_text(graph, 100).splitlines()[2:]]
    assert [line[:7].rstrip() for line in drawn] == ["○", "○", "├─┬─╮", "○ │ │", "│ │ │ ○", "├─┴─┼─╯", "○   │", "    ○"]


def test_svg_and_mermaid_mark_where_it_is_stuck() -> None:
    svg = stream_svg(STUCK)
    assert svg.count("sets the pace") == 2  # in the title, and at the stage
    assert svg.count("gs-box gs-stuck") == 1
    assert svg.count("gs-edge gs-held") == 2  # those that lead there
    assert "prefers-color-scheme: dark" in svg
    assert "style s2 stroke" in stream_mermaid(STUCK)


def test_a_stream_that_is_stuck_shows_it(system: ActorSystem) -> None:
    gate = threading.Event()
    one, two = Source(range(10_000), name="numbers").broadcast(2)
    slow = one.map(lambda _: gate.wait(DUE)).named("slow").to(Sink.count())
    with Stream(slow, two.to(Sink.count())).run(system, name="stuck") as run:
        until(lambda: (found := run.stats().stuck()) is not None and found.name == "slow" and found.waiting > found.capacity // 2)
        assert re.search(r"\nslow sets the pace: \d+ of 512 wait before it$", run.picture())
        assert "sets the pace" in run.picture("svg")
        assert "sets the pace" in run.picture("mermaid")
        gate.set()
        assert run.result(timeout=DUE) == (10_000, 10_000)
    assert "stuck: succeeded after" in run.picture()
    assert "✓" in run.picture()
    assert "✗" not in run.picture()


@pytest.mark.parametrize("how", ["raises", "dies"])
def test_a_stream_that_has_failed_shows_where_and_why(system: ActorSystem, how: str) -> None:
    def fails(element: int) -> int:
        if how == "dies":
            ref = system.lookup("/sums/1-map")
            assert ref is not None
            ref.kill(block=False)
        else:
            raise ValueError(f"no {element}")
        return element

    run = Source(range(3)).map(fails).named("half").map(str).to(Sink.collect()).run(system, name="sums")
    with pytest.raises(ValueError if how == "raises" else StageDiedError):
        run.result(timeout=DUE)
    until(lambda: run.stats().stages[2].state is StageState.ENDED)
    stats = run.stats()
    assert [stage.state.value for stage in stats.stages].count("failed") == 1
    assert stats.stages[1].state is StageState.FAILED
    first, *_, half, _, _ = run.picture().splitlines()
    assert re.fullmatch(r"stream sums: failed after \d+\.\d s in half: (ValueError: no 0|StageDiedError: .*)", first)
    assert half.split()[:3] == ["✗", "half", "failed"]
    assert "failed after" in run.picture("mermaid")
    assert 'class="gs-crash"' in run.picture("svg")


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"kind": "png"}, ValueError, "kind='png'"),
        ({"width": 19}, ValueError, "width=19"),
        ({"width": "100"}, TypeError, "width='100'"),
    ],
)
def test_bad_arguments_of_a_picture_are_refused(system: ActorSystem, arguments: Any, error: type[Exception], text: str) -> None:
    run = Source([]).to(Sink.count()).run(system)
    run.result(timeout=DUE)
    with pytest.raises(error, match=text):
        run.picture(**arguments)


# -- shown while it runs ------------------------------------------------------------------------------------------------------


class Page(io.StringIO):
    """A terminal, or a file."""

    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal = terminal
        self.named = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.named

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        text.encode(self.named)
        return super().write(text)


def threads() -> set[threading.Thread]:
    return {thread for thread in transient_threads() if thread.name == "stream-picture"}


def test_a_file_gets_a_line_at_the_end(system: ActorSystem) -> None:
    page = Page(encoding="ascii")
    run = Source(range(10)).to(Sink.count().named("zählen")).run(system, name="ten")
    with show_stream(run, file=page):
        run.result(timeout=DUE)
    assert re.fullmatch(r"stream ten: succeeded after \d+\.\d s; z\\xe4hlen 10\n", page.getvalue())
    assert threads() == set()


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_terminal_gets_the_picture_and_is_given_back(system: ActorSystem, encoding: str) -> None:
    pytest.importorskip("rich")
    page = Page(terminal=True, encoding=encoding)
    gate = threading.Event()
    run = Source(range(10)).map(lambda _: gate.wait(DUE)).to(Sink.count()).run(system, name="ten")
    with show_stream(run, file=page):
        until(lambda: "ten: running" in page.getvalue())
        gate.set()
        run.result(timeout=DUE)
    assert "ten: succeeded" in page.getvalue()
    assert page.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is back
    assert threads() == set()


@pytest.mark.parametrize("terminal", [True, False])
def test_an_interrupt_leaves_no_thread_and_gives_the_terminal_back(system: ActorSystem, *, terminal: bool) -> None:
    pytest.importorskip("rich")
    page = Page(terminal=terminal)
    with Source.ticks(1.0).to(Sink.count()).run(system) as run:
        with pytest.raises(KeyboardInterrupt), show_stream(run, file=page):
            raise KeyboardInterrupt
        assert not run.done
    assert threads() == set()
    assert not terminal or page.getvalue().rstrip().endswith("\x1b[?25h")


def test_a_file_that_cannot_be_written_is_told_at_the_end(system: ActorSystem) -> None:
    class Broken(Page):
        def write(self, text: str) -> int:
            raise OSError(text)

    run = Source([]).to(Sink.count()).run(system)
    with pytest.raises(OSError, match="stream"), show_stream(run, file=Broken()):
        run.result(timeout=DUE)
    with pytest.raises(LookupError) as raised, show_stream(run, file=Broken()):
        raise LookupError
    assert "could not be shown: OSError" in raised.value.__notes__[0]
    assert threads() == set()


def test_in_a_simulation_nobody_looks_before_the_end() -> None:
    page = Page()
    with Simulation() as sim:
        run = Source.ticks(10.0, times=3).on_error(OnError.SKIP).to(Sink.count()).run(sim.system, name="slow")
        with show_stream(run, file=page):
            assert threads() == set()
            run.result()
    assert page.getvalue() == "stream slow: succeeded after 30.0 s; count 3\n"


@pytest.mark.parametrize(("run", "file", "text"), [(3, None, "run=3"), (None, 3, "file=3")])
def test_bad_arguments_of_show_stream_are_refused(system: ActorSystem, run: Any, file: Any, text: str) -> None:
    shown = run or Source([]).to(Sink.count()).run(system)
    with pytest.raises(TypeError, match=text):
        show_stream(shown, file=file)
