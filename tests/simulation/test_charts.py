"""Charts: pictures of a run that stay true and well-formed whatever the messages, names and numbers of actors are."""

from __future__ import annotations

import asyncio
import html
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.testing import Failure, Kind, Ordering, Simulation, Step, explore, html_chart, mermaid_chart, replay, svg_chart, text_chart
from actors.testing.chart_model import chart_of
from actors.testing.chart_svg import MOST
from actors.testing.charts import ChartKind
from actors.testing.failure import SHOWN
from tests.docs.code_blocks import blocks_of
from tests.simulation.scenarios import Log, check_then_create, dining, name_is_known
from tests.support import scaled

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


class Later(Enum):
    """A kind of step that charts have never heard of."""

    FAULT = "fault"


# -- runs to draw ----------------------------------------------------------------------------------------------------------


def step(number: int, way: str, message: str = "", kind: Any = Kind.DELIVERY, **more: Any) -> Step:
    """Return the step "sender -> actor"; the scenario is "", as in steps."""
    sender, actor = way.split("->")
    given = {"time": 0.0, "cause": number - 1, "overtook": 0, **more}
    given.setdefault("actor_class", actor.strip("/").title())
    return Step(number=number, kind=kind, actor=actor, sender=sender, message=message, **given)


EXIT = "'exit' /worker -> /registry"
OVERTAKING = [
    step(1, "->/registry", "start", Kind.SIGNAL, clock={"/registry": 1}),
    step(2, "->/worker", "start", Kind.SIGNAL, clock={"/registry": 1, "/worker": 1}),
    step(3, "->/boss", "start", Kind.SIGNAL, clock={"/registry": 1, "/worker": 1, "/boss": 1}),
    step(4, "->/worker", "'crash'", clock={"/registry": 1, "/worker": 2, "/boss": 1}),
    step(5, "/worker->/boss", "'ended'", overtook=1, clock={"/registry": 1, "/worker": 2, "/boss": 2}),
    step(6, "/boss->/registry", "'register'", overtook=1, overtaken=(EXIT,), clock={"/registry": 2, "/worker": 2, "/boss": 2}),
    step(7, "/boss->/boss", "", Kind.TIMER, cause=5, time=1.5, clock={"/registry": 1, "/worker": 2, "/boss": 3}),
    step(8, "/worker->/registry", "'exit'", cause=4, time=1.5, clock={"/registry": 3, "/worker": 2, "/boss": 2}),
    step(9, "/registry->/boss", "", Kind.REPLY, cause=6, time=1.5, clock={"/registry": 2, "/worker": 2, "/boss": 4}),
    step(10, "->/worker", "crash", Later.FAULT, cause=3, time=1.5, clock={"/registry": 1, "/worker": 3, "/boss": 1}),
]

# Wide, combining, unprintable and lone; what HTML, Mermaid and its maths, and the charts themselves take for their own.
NASTY = ["", "start", "日本語" * 9, "e\u0301\u0300" * 5, "\x1b[31m\r\n\t\x00\ufffe", "\ud800", "🎭🎭", "<b>&amp;</b>]]>", "</script><!--"]
NASTY += ["a; b # c: d %% e {} `$$x$$`", "end", "wrap: x", "x -> y", "x → y", "('register', 'printer', <Supervisor>)", "m" * 60]
MESSAGES = st.one_of(st.sampled_from(NASTY), st.text(max_size=8))


@st.composite
def runs(draw: st.DrawFn, lanes: int = 40, most: int = 16) -> list[Step]:
    """Steps as no simulation would make them: any texts, causes, clocks and kinds."""
    names = draw(st.lists(MESSAGES, min_size=1, max_size=5))
    paths = ["", *(f"/{name}{number}" for number, name in enumerate(names * draw(st.integers(1, lanes // 5))))]
    some = st.sampled_from(paths)
    first = draw(st.sampled_from([1, 1, 1, 95, 12_345]))
    time = 0.0
    steps = []
    for number in range(first, first + draw(st.integers(0, most))):
        time += draw(st.sampled_from([0, 0, 0.1, 1 / 3, 1e9, 1e300]))
        steps.append(
            Step(
                number=number,
                kind=draw(st.sampled_from([*Kind, Kind.DELIVERY, Later.FAULT])),
                actor=draw(some),
                sender=draw(some),
                message=draw(MESSAGES),
                time=time,
                cause=draw(st.integers(0, number - 1)),
                overtook=draw(st.integers(0, 2)),
                overtaken=draw(st.sampled_from([(), (), (EXIT,), tuple(NASTY)])),
                clock={draw(some): draw(st.integers(0, 9))},
                crash=draw(st.sampled_from(["", "", *NASTY])),
                actor_class=draw(st.sampled_from(["", "Log", "Wörkér" * 5])),
                before=draw(st.sampled_from([None, *NASTY])),
                after=draw(st.sampled_from([None, *NASTY])),
                waiting={draw(some): tuple(NASTY[:3])},
            )
        )
    return steps


def terminal_width(text: str) -> int:
    """What a terminal makes of it, written down once more."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me") else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def failure_of(steps: list[Step]) -> Failure:
    return Failure(AssertionError("the name is gone"), "token", Ordering.PAIR_FIFO, tuple(steps))


# -- text ------------------------------------------------------------------------------------------------------------------

GOLDEN = """\
           scenario  Registry     Worker        Boss
                     /registry    /worker       /boss
               │         │           │            │
 4      0s     ├───── 'crash' ──────▶│            │
 5  ^          │         │           ├─ 'ended' ─▶│
 6  !          │         │◀───── 'register' ──────┤
               │         │ ! ran before 'exit' /worker → /registry
 7 ∥  1.5s     │         │           │            ◷ timer
 8 ∥           │         │◀─ 'exit' ─┤            │
 9 ∥           │         ├╌╌╌╌╌╌╌╌ reply ╌╌╌╌╌╌╌╌▶│
10 ∥           ├─── fault: crash ───▶✗            │

not shown: steps 1 to 3, the start of the actors above
! overtook an older message to the same actor
^ came before something that had waited longer
∥ concurrent with the step before: they could as well come the other way round, or at once"""

NARROW = """\
A scenario   B Registry /registry
C Worker /worker   D Boss /boss

           A B C D
 4      0s |-+>| |  'crash'  scenario ..
 5  ^      | | |>|  'ended'  /worker -..
 6  !      | |<+-|  'register'  /boss ..
           ! ran before 'exit' /worker..
 7 =  1.5s | | | t  timer  /boss
 8 =       | |<| |  'exit'  /worker ->..
 9 =       | |.+>|  reply  /registry -..
10 =       |-+>x |  fault: crash  scen..
"""


def test_a_chart_in_text_has_a_lane_per_actor_and_a_line_per_step() -> None:
    assert text_chart(OVERTAKING) == GOLDEN


def test_a_chart_that_is_too_narrow_for_its_lanes_has_the_messages_beside_them() -> None:
    assert text_chart(OVERTAKING, width=40, ascii_only=True).startswith(NARROW)


def step_numbers(chart: str, steps: list[Step]) -> list[int]:
    """The numbers at the left of the lines of a chart."""
    digits = max((len(str(row.step.number)) for row in chart_of(steps).rows), default=0)
    return [int(line[:digits]) for line in chart.splitlines() if re.fullmatch("[ 0-9]*[0-9]", line[:digits])]


@settings(deadline=None, max_examples=scaled(1000, 60))
@given(steps=runs(), width=st.integers(40, 200), ascii_only=st.booleans())
def test_no_line_of_a_text_chart_is_wider_than_it_may_be_and_no_step_is_missing(steps: list[Step], width: int, ascii_only: bool) -> None:
    chart = text_chart(steps, width=width, ascii_only=ascii_only)
    assert max(map(terminal_width, chart.split("\n"))) <= width
    assert step_numbers(chart, steps) == [row.step.number for row in chart_of(steps).rows]
    assert chart.replace("\n", "").isprintable()
    assert not ascii_only or chart.isascii()


@settings(deadline=None, max_examples=scaled(300, 25))
@given(steps=runs(lanes=5), width=st.integers(100, 200))
def test_in_a_chart_with_room_every_message_can_be_read_in_full(steps: list[Step], width: int) -> None:
    chart = text_chart(steps, width=width)
    for row in chart_of(steps).rows:
        if terminal_width(row.label) <= 60:
            assert row.label.rstrip() in chart  # blanks at the end of a line are left out


def test_a_message_that_fits_neither_on_its_arrow_nor_beside_it_stands_above_it() -> None:
    lines = text_chart([step(1, "/a->/b", "m" * 30)], width=42).splitlines()
    assert [line.strip(" │") for line in lines[-2:]] == ["m" * 30, "1    0s  ├──▶"]


def test_lanes_that_do_not_fit_even_narrow_are_merged_and_counted_but_for_the_busiest() -> None:
    steps = [step(number, f"/a{number}->/a{number}", "'m'") for number in range(1, 60)]
    steps += [step(number, "/late->/busy", "'m'") for number in range(60, 64)]
    chart = text_chart(steps, width=60)
    assert len(step_numbers(chart, steps)) == 63
    others = re.search(r"^\* (\d+) others$", chart, re.MULTILINE)
    assert others is not None
    shown = re.findall(r"\b[A-Z](?: \w+)? /\w+", chart.partition("\n\n")[0])
    assert len(shown) + int(others[1]) == 61
    assert [one for one in shown if "/a" not in one] == ["M /late", "N Busy /busy"]


@pytest.mark.parametrize("width", [39, 0, -1])
def test_a_width_in_which_nothing_can_be_drawn_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"width={width}"):
        text_chart(OVERTAKING, width=width)


def test_no_steps_make_a_chart_of_every_kind() -> None:
    assert text_chart([]) == "no steps"
    assert mermaid_chart([]).startswith("sequenceDiagram\n")
    ET.fromstring(svg_chart([]))
    assert "<table>" in html_chart([], title="")


def test_a_legend_explains_only_the_marks_that_are_used() -> None:
    chart = text_chart([step(1, "->/log", "'a'"), step(2, "->/log", "'b'")])
    assert "\n\n" not in chart


# -- the model -------------------------------------------------------------------------------------------------------------


def test_lanes_are_in_order_of_appearance_with_the_scenario_first() -> None:
    chart = chart_of([step(1, "/b->/a", "'m'"), step(2, "->/c", "'m'")])
    assert [lane.path for lane in chart.lanes] == ["", "/b", "/a", "/c"]
    assert [lane.name for lane in chart.lanes] == ["scenario", "", "A", "C"]


def test_an_arrow_begins_at_the_step_that_sent_it() -> None:
    rows = chart_of(OVERTAKING).rows
    assert [(row.step.number, row.sent) for row in rows if row.source] == [(5, 0), (6, 1), (7, 1), (8, 0), (9, 2)]
    assert [row.step.number for row in rows if row.passed] == [8]


def test_an_arrow_of_the_scenario_begins_where_it_ends_unless_the_message_was_overtaken() -> None:
    told = ("'a' scenario -> /log",)
    steps = [
        step(1, "->/log", "'x'"),
        step(2, "/b->/log", "'b'", overtaken=told),
        step(3, "->/log", "'a'", cause=0),
        step(4, "->/log", "'c'", cause=0),
    ]
    assert [row.sent for row in chart_of(steps).rows] == [0, 0, 0, 3]


def test_a_message_like_an_overtaken_one_that_was_sent_later_was_not_overtaken() -> None:
    steps = [
        step(1, "/b->/a", "'go'"),
        step(2, "/b->/log", "'b'", overtaken=("'m' /a -> /log",)),
        step(3, "/a->/log", "'m'", cause=1),
        step(4, "/a->/log", "'m'", cause=3),
    ]
    assert [row.passed for row in chart_of(steps).rows] == [False, False, True, False]


def test_in_a_real_run_each_arrow_begins_at_a_step_of_its_sender() -> None:
    failure = explore(check_then_create).failure
    assert failure is not None
    rows = chart_of(failure.steps).rows
    inner = [row for row in rows if row.step.sender and row.sent >= 0]
    assert len(inner) >= 6
    assert all(rows[row.sent].step.actor == row.step.sender for row in inner)


def test_an_overtaking_that_the_explorer_found_is_drawn_as_one() -> None:
    failure = explore(name_is_known, ordering=Ordering.PAIR_FIFO).failure
    assert failure is not None
    rows = chart_of(failure.steps).rows
    assert [(row.label, row.notes) for row in rows if row.notes] == [
        ("('register', 'S1', 'new')", ("ran before ('exit', 'S1') /worker → /registry",))
    ]
    assert [row.label for row in rows if row.passed] == ["('exit', 'S1')"]


# -- Mermaid ---------------------------------------------------------------------------------------------------------------

TEXT = r"(?P<text>(?:[^#;:\n\"<>{}%$\\`&]|#\d+;)*)"
GRAMMAR = [
    re.compile(rf"participant (?P<names>p\d+) as {TEXT}"),
    re.compile(rf"Note over (?P<names>p\d+(?:,p\d+)?): {TEXT}"),
    re.compile(rf"(?P<names>p\d+(?:-\)|-->>|->>)p\d+): {TEXT}"),
    re.compile(r"(?P<open>rect) rgba\(\d+, \d+, \d+, [\d.]+\)"),
    re.compile(r"(?P<close>end)"),
]


def parsed(chart: str) -> list[tuple[str, str]]:
    """Check a diagram against the part of Mermaid's grammar that it uses; return the names and the text of each line."""
    first, *lines = chart.removesuffix("\n").split("\n")
    assert first == "sequenceDiagram"
    participants: set[str] = set()
    found, depth = [], 0
    for line in lines:
        matches = [match for pattern in GRAMMAR if (match := pattern.fullmatch(line.strip(" ")))]
        assert matches, line
        parts = matches[0].groupdict()
        depth += bool(parts.get("open")) - bool(parts.get("close"))
        assert depth in (0, 1)
        if names := parts.get("names"):
            if line.strip().startswith("participant"):
                participants.add(names)
            assert set(re.findall(r"p\d+", names)) <= participants
            found.append((names, re.sub(r"#(\d+);", lambda entity: chr(int(entity[1])), parts["text"])))
    assert depth == 0
    return found


def test_a_chart_for_mermaid_says_what_overtook_what_when_and_whose_fault_it_was() -> None:
    assert parsed(mermaid_chart(OVERTAKING))[4:] == [
        ("p0,p3", "not shown: steps 1 to 3, the start of the actors above"),
        ("p0-)p2", "4. 'crash'"),
        ("p2-)p3", "5. 'ended'"),
        ("p3-)p1", "6. 'register'"),
        ("p1", "ran before 'exit' /worker → /registry"),
        ("p0,p3", "1.5 s"),
        ("p3", "7. ∥ timer"),
        ("p2-)p1", "8. ∥ 'exit'"),
        ("p1-->>p3", "9. ∥ reply"),
        ("p2", "10. ∥ fault: crash"),
    ]


@settings(deadline=None, max_examples=scaled(300, 25))
@given(steps=runs())
def test_whatever_is_in_a_message_mermaid_reads_it_as_text(steps: list[Step]) -> None:
    texts = [text for _, text in parsed(mermaid_chart(steps))]
    for row in chart_of(steps).rows:
        assert any(text.startswith(f"{row.step.number}.") and text.endswith(row.label.rstrip(" ")) for text in map(str.rstrip, texts))


# -- SVG and HTML ----------------------------------------------------------------------------------------------------------


def drawn(svg: str) -> list[ET.Element]:
    return [one for one in ET.fromstring(svg).iter(f"{SVG}g") if one.get("class") == "gr-step"]


@settings(deadline=None, max_examples=scaled(300, 25))
@given(steps=runs())
def test_whatever_is_in_a_message_a_picture_is_well_formed_and_has_every_step(steps: list[Step]) -> None:
    svg = svg_chart(steps)
    width = float(ET.fromstring(svg).get("width", "0"))
    assert all(0 <= float(text.get("x", "-1")) <= width for text in ET.fromstring(svg).iter(f"{SVG}text"))
    rows = chart_of(steps).rows
    groups = drawn(svg)
    assert [group.get("data-step") for group in groups] == [str(row.step.number) for row in rows]
    for group, row in zip(groups, rows, strict=True):
        assert row.label in (group.findtext(f"{SVG}title") or "")


def test_in_a_picture_what_overtakes_is_warm_explained_and_crosses_what_it_overtook() -> None:
    six, eight = (group for group in drawn(svg_chart(OVERTAKING)) if group.get("data-step") in "68")
    assert "ran before 'exit' /worker → /registry" in [text.text for text in six.iter(f"{SVG}text")]
    assert [circle.get("class") for group in (six, eight) for circle in group.iter(f"{SVG}circle")] == ["gr-warm", "gr-warm gr-passed"]
    assert "clock: /registry 2, /worker 2, /boss 2" in (six.findtext(f"{SVG}title") or "")
    paths = [one.get("d", "") for one in ET.fromstring(svg_chart(OVERTAKING)).iter(f"{SVG}path") if "gr-warm" in one.get("class", "")]
    (from_6, y_6, _, to_6), (from_8, y_8, _, to_8) = ([float(one) for one in re.findall(r"-?[\d.]+", path)] for path in paths[::2])
    assert from_6 > from_8, "sent further away"
    assert y_6 > y_8, "and later"
    assert to_6 < to_8, "but there before"


def test_a_picture_of_a_long_run_shows_the_end_and_says_so() -> None:
    steps = [step(number, "->/log", "'m'") for number in range(1, MOST + 101)]
    svg = svg_chart(steps)
    assert [group.get("data-step") for group in drawn(svg)] == [str(number) for number in range(101, MOST + 101)]
    assert f"Of {MOST + 100} steps the last {MOST}." in svg


class Page(HTMLParser):
    """Reads a page, and fails where its elements are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)


@settings(deadline=None, max_examples=scaled(300, 25))
@given(steps=runs(), title=st.one_of(st.text(), st.just("</title><script>")), states=st.booleans())
def test_whatever_is_in_a_message_a_page_is_well_formed_and_loads_nothing(steps: list[Step], title: str, states: bool) -> None:
    page = Page(html_chart(steps, title=title, states=states))
    assert not page.attributes & {"src", "href", "onclick", "onerror", "onload"}
    assert page.tags.count("script") == 2
    assert page.tags.count("tr") == len(steps) + (2 if states else 1)
    data = json.loads(page.scripts[0])
    assert [one["number"] for one in data] == [one.number for one in steps]
    assert [one.get("before") for one in data] == [one.before if states else None for one in steps]


def test_a_message_cannot_leave_its_place_in_a_page() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    page = Page(html_chart([step(1, "->/log", evil, before=evil, waiting={"/log": (evil,)})], title=evil, states=True))
    assert "img" not in page.tags
    assert json.loads(page.scripts[0])[0]["waiting"] == {"/log": [evil]}


# -- of failures -----------------------------------------------------------------------------------------------------------


def test_a_failure_is_drawn_as_every_kind_of_chart() -> None:
    failure = failure_of(OVERTAKING)
    assert failure.chart() == failure.chart("text") == GOLDEN
    assert failure.chart(width=40) == text_chart(OVERTAKING, width=40)
    assert failure.chart("mermaid") == mermaid_chart(OVERTAKING)
    assert failure.chart("svg") == svg_chart(OVERTAKING)
    assert failure.chart("html") == html_chart(OVERTAKING, title="AssertionError: the name is gone")
    with pytest.raises(ValueError, match="'text', 'mermaid', 'svg', 'html'"):
        failure.chart("png")  # type: ignore[arg-type]


@pytest.mark.parametrize(("suffix", "kind"), [*zip([".txt", ".mmd", ".svg", ".html", ".SVG"], [*get_args(ChartKind), "svg"], strict=True)])
def test_a_failure_is_saved_as_what_the_suffix_says(suffix: str, kind: ChartKind, tmp_path: Path) -> None:
    failure = failure_of(OVERTAKING)
    failure.save(tmp_path / f"run{suffix}")
    assert (tmp_path / f"run{suffix}").read_text(encoding="utf-8") == failure.chart(kind)


@pytest.mark.parametrize("name", ["run.png", "run"])
def test_a_file_that_no_chart_fits_is_refused_before_it_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.txt, \.mmd, \.svg, \.html"):
        failure_of(OVERTAKING).save(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_the_report_of_a_failure_has_its_chart() -> None:
    failure = explore(dining).failure
    assert failure is not None
    assert text_chart(failure.steps) in str(failure)


def test_the_report_of_a_long_failure_has_the_last_steps_and_says_so() -> None:
    steps = [step(number, "->/log", f"'m{number}'") for number in range(1, SHOWN + 11)]
    report = str(failure_of(steps))
    assert f"the last {SHOWN} of {SHOWN + 10} steps:" in report
    assert "'m10'" not in report
    assert "'m11'" in report
    assert f"{SHOWN + 10} deliveries in {SHOWN + 10} steps" in report


@pytest.mark.parametrize(("encoding", "ascii_only"), [("ascii", True), ("cp1252", True), ("utf-8", False), (None, False)])
def test_a_report_keeps_to_what_the_terminal_can_show(encoding: str | None, ascii_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        pass

    terminal: Any = Terminal()
    terminal.encoding = encoding
    monkeypatch.setattr("sys.stdout", terminal)
    report = str(failure_of(OVERTAKING))
    monkeypatch.undo()
    assert text_chart(OVERTAKING, ascii_only=ascii_only) in report


def full_log(sim: Simulation) -> None:
    log = sim.spawn(Log, name="log")
    log.tell(1)
    sim.run()
    assert sim.instance(log).got == []


def test_a_replay_with_states_makes_a_page_that_shows_them() -> None:
    failure = explore(full_log).failure
    assert failure is not None
    assert 'id="states"' not in failure.chart("html")
    again = replay(full_log, failure.token, states=True)
    assert again is not None
    assert [one.after for one in again.steps] == ["got=[]", "got=[1]"]
    data = json.loads(Page(again.chart("html")).scripts[0])
    assert (data[1]["before"], data[1]["after"]) == ("got=[]", "got=[1]")


def test_the_picture_in_the_documentation_is_the_one_that_its_code_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "how-to" / "simulation.md"
    first, *blocks = blocks_of(page.read_text(encoding="utf-8"))
    namespace = {"__name__": "page"}
    for block in (first, *(block for block in blocks if '"overtaking.svg"' in block.code)):
        exec(block.compiled(page), namespace)
    committed = ROOT / "docs" / "img" / "overtaking.svg"
    made = Path("overtaking.svg").read_text(encoding="utf-8")
    assert made == committed.read_text(encoding="utf-8"), "make it again with the command on the page"


@pytest.mark.parametrize(("starts", "told"), [(1, "step 1,"), (2, "steps 1 and 2,"), (3, "steps 1 to 3,")])
def test_a_chart_names_the_starts_that_it_leaves_out(starts: int, told: str) -> None:
    steps = [step(number, f"->/a{number}", "start", Kind.SIGNAL) for number in range(1, starts + 1)]
    for chart in (text_chart(steps), mermaid_chart(steps).replace("#58;", ":"), svg_chart(steps)):
        assert f"ot shown: {told}" in chart


class Fragile(Actor):
    def on_receive(self, message: Any) -> None:
        msg = f'no {message}\nis known\x1b[31m; # "<b>&'
        raise KeyError(msg) if message == "key" else ValueError(msg * 9)


def breaks(sim: Simulation) -> None:
    sim.spawn(Fragile, name="fragile").tell("key")
    sim.spawn(Fragile, name="other").tell("value")
    sim.run()
    raise RuntimeError


def test_a_chart_says_what_an_actor_crashed_with() -> None:
    failure = explore(breaks, runs=1).failure
    assert failure is not None
    assert [one.crash[:10] for one in failure.steps if one.crash] == ["KeyError: ", "ValueError"]
    text = failure.chart()
    assert "✗ crashed: KeyError: 'no key" in text
    assert "✗ crashed: ValueError: no value is known" in text
    assert max(map(terminal_width, text.splitlines())) <= 100
    assert any(told.startswith("crashed: KeyError: 'no key") for _, told in parsed(failure.chart("mermaid")))
    pictured = ["".join(group.itertext()) for group in drawn(failure.chart("svg"))]
    assert sum("crashed: " in one for one in pictured) == 2
    Page(failure.chart("html"))
    assert "crashed: KeyError" in failure.chart("html").partition("<tbody>\n")[2]


def test_a_crash_in_the_step_of_another_is_told_with_its_path() -> None:
    class Lighting(Actor):
        async def on_receive(self, _: Any) -> None:
            lit.set()

    class Waiting(Actor):
        async def on_receive(self, _: Any) -> None:
            await lit.wait()
            raise LookupError

    def scenario(sim: Simulation) -> None:
        nonlocal lit
        lit = asyncio.Event()
        sim.spawn(Waiting, name="waiting").tell("go")
        sim.spawn(Lighting, name="lighting").tell("go")
        sim.run()
        raise RuntimeError

    lit = asyncio.Event()
    failure = explore(scenario, runs=1).failure
    assert failure is not None
    assert [(one.actor, one.crash) for one in failure.steps if one.crash] == [("/lighting", "/waiting: LookupError")]


def test_a_failure_that_is_raised_twice_has_one_report() -> None:
    failure = failure_of(OVERTAKING)
    for _ in range(2):
        with pytest.raises(AssertionError):
            failure.throw()
    assert len(failure.error.__notes__) == 1


class Mute(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(("error", "told"), [(RuntimeError(), "RuntimeError"), (Mute(), "Mute: <its str raised ZeroDivisionError>")])
def test_a_report_has_a_head_whatever_the_error_says(error: Exception, told: str) -> None:
    def scenario(sim: Simulation) -> None:
        sim.run()
        raise error

    failure = explore(scenario, runs=1).failure
    assert failure is not None
    assert str(failure).splitlines()[0] == told
    assert f"<title>{html.escape(told)}</title>" in failure.chart("html")
