"""A machine as SVG: every state and every transition is there, where it belongs, and nothing is over anything else."""

from __future__ import annotations

import inspect
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from itertools import combinations
from typing import Any

import pytest

from actors.texts import columns
from supervisors.machine import Chart, StateMachine, ignore, initial, on, state
from supervisors.machine.drawing import Drawing
from tests.supervisors.machine.pictured import ALL, Connection, Door, Everything, Lock, Mood, Part, Philosopher, random_machine
from tests.support import scaled

SVG = "{http://www.w3.org/2000/svg}"
COLUMN, ASCENT, DESCENT = 5.9, 9.0, 3.0  # pixels of small text, less than what is reckoned with


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float
    name: str = ""
    kind: str = ""

    def meets(self, other: Area) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Area) -> bool:
        return self.left <= other.left and self.top <= other.top and other.right <= self.right and other.bottom <= self.bottom

    def has(self, x: float, y: float, margin: float = 0.5) -> bool:
        return self.left + margin < x < self.right - margin and self.top + margin < y < self.bottom - margin

    def ends(self, x: float, y: float) -> bool:
        """Whether an arrow that ends there ends at its side."""
        return self.left <= x <= self.right and min(abs(y - self.top), abs(y - self.bottom)) < 0.3


@dataclass(frozen=True)
class Label:
    area: Area
    text: str


class Picture:
    """What is in a picture, and where."""

    def __init__(self, text: str) -> None:
        root = ET.fromstring(text)
        assert root.tag == f"{SVG}svg"
        left, top, width, height = map(float, root.attrib["viewBox"].split())
        self.whole = Area(left, top, left + width, top + height)
        self.boxes: list[Area] = []
        self.labels: list[Label] = []
        self.inner: dict[str, list[str]] = {}
        self.loops: dict[str, list[str]] = {}
        self.paths: list[list[tuple[float, float]]] = []
        self.current: list[str] = []
        frames = {(one.attrib["x"], one.attrib["y"]): one for one in root.findall(f"{SVG}rect") if "gm-frame" in one.attrib["class"]}
        for group in root.findall(f"{SVG}g"):
            self._box(group, frames)
        assert not frames
        for one in root.findall(f"{SVG}circle"):
            x, y, r = (float(one.attrib[key]) for key in ("cx", "cy", "r"))
            self.boxes.append(
                Area(x - r - 1, y - r - 1, x + r + 1, y + r + 1, kind="dot" if one.attrib["class"] == "gm-dot" else "history")
            )
        for one in root.findall(f"{SVG}path"):
            if one.attrib["class"] == "gm-pseudo":
                x, y = map(float, re.findall(r"[\d.]+", one.attrib["d"])[:2])
                self.boxes.append(Area(x - 9, y, x + 9, y + 18, "<choice>", "choice"))
        self._signs(root)
        self._arrows(root)

    def _box(self, group: ET.Element, frames: dict[Any, ET.Element]) -> None:
        texts = [one for one in group.findall(f"{SVG}text") if one.text or len(one)]
        name = next("".join(one.itertext()) for one in texts if "gm-name" in one.attrib["class"])
        rect = group.find(f"{SVG}rect")
        kind = "frame" if rect is None else "everywhere" if "gm-everywhere" in rect.attrib["class"] else "state"
        if rect is None:
            title = next(one for one in texts if "gm-name" in one.attrib["class"])
            x, y = float(title.attrib["x"]) - 16, float(title.attrib["y"]) - 31
            key = next(key for key in frames if abs(float(key[0]) - x) < 0.2 and abs(float(key[1]) - y) < 0.2)
            rect = frames.pop(key)
        x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        area = Area(x, y, x + width, y + height, name, kind)
        self.boxes.append(area)
        if "gm-current" in rect.attrib["class"]:
            self.current.append(name)
        for one in texts:
            label = self._label(one)
            if "gm-name" in one.attrib["class"]:
                assert area.holds(label.area) or kind == "frame"
            elif label.area.left > area.right:
                self.labels.append(label)
                self.loops.setdefault(name, []).append(label.text)
            else:
                self.inner.setdefault(name, []).append(label.text)
                assert area.holds(label.area)

    def _label(self, one: ET.Element) -> Label:
        x, y = float(one.attrib["x"]), float(one.attrib["y"])
        title = one.find(f"{SVG}title")
        shown = (one.text or "") if title is None else (title.tail or "")
        area = Area(x, y - ASCENT, x + columns(shown) * COLUMN, y + DESCENT)
        return Label(area, shown)

    def _signs(self, root: ET.Element) -> None:
        """Name the histories by their letters, and take the labels of arrows."""
        for one in root.findall(f"{SVG}text")[1:]:  # the first is the name of the machine
            x, y = float(one.attrib["x"]), float(one.attrib["y"])
            if one.attrib.get("text-anchor") == "middle":
                place = next(place for place, box in enumerate(self.boxes) if box.kind == "history" and box.has(x, y))
                old = self.boxes[place]
                self.boxes[place] = Area(old.left, old.top, old.right, old.bottom, one.text or "", "history")
            else:
                self.labels.append(self._label(one))

    def _arrows(self, root: ET.Element) -> None:
        paths = [one for one in root.findall(f"{SVG}path") if one.attrib["class"] in ("gm-arrow", "gm-tip")]
        for arrow, tip in zip(paths[::2], paths[1::2], strict=True):
            points = sampled(arrow.attrib["d"])
            x, y = map(float, re.findall(r"-?[\d.]+", tip.attrib["d"])[:2])
            assert abs(points[-1][0] - x) < 0.2
            self.paths.append([*points, (x, y)])

    def at(self, point: tuple[float, float]) -> Area:
        """The box at whose side an arrow ends; a sign also at its middle, which it is drawn over."""
        found = [box for box in self.boxes if box.ends(*point) or (box.kind == "choice" and box.has(*point))]
        assert len(found) == 1, (point, found)
        return found[0]

    def arrows(self) -> Counter[tuple[str, str, str]]:
        """Where each arrow begins, a line of what it says, and where it ends."""
        found: list[tuple[str, str, str]] = []
        texts: dict[int, list[Label]] = {}
        loops = {id(label) for label in self.labels if any(label.text in told for told in self.loops.values())}
        for label in self.labels:
            own = [number for number, path in enumerate(self.paths) if beside(path, label.area)]
            if not own and id(label) in loops:
                continue
            assert len(own) == 1, (label, own)
            texts.setdefault(own[0], []).append(label)
        for number, path in enumerate(self.paths):
            source, target = self.at(path[0]), self.at(path[-1])
            lines = [label.text for label in sorted(texts.get(number, []), key=lambda one: one.area.top)]
            found += [(source.name, text, target.name) for text in unfolded(lines)]
            assert lines or source.kind == "dot"
        return Counter(found + [(name, text, name) for name, told in self.loops.items() for text in unfolded(told)])


def around(path: list[tuple[float, float]]) -> Area:
    xs, ys = zip(*path, strict=True)
    return Area(min(xs) - 1, min(ys) - 1, max(xs) + 1, max(ys) + 1)


def unfolded(lines: list[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.startswith(("[", "/ ")) and found:
            found[-1] += f" {line}"
        else:
            found.append(line)
    return found


def beside(path: list[tuple[float, float]], area: Area) -> bool:
    return any(abs(x - (area.left - 6)) < 0.2 and area.top <= y <= area.bottom for x, y in path)


def sampled(d: str) -> list[tuple[float, float]]:
    """Points of a path, near to each other."""
    found: list[tuple[float, float]] = []
    for command, numbers in re.findall(r"([MVC])([-\d. ]+)", d):
        values = [float(one) for one in numbers.split()]
        if command == "M":
            found.append((values[0], values[1]))
        elif command == "V":
            (x, y), last = found[-1], values[0]
            steps = max(1, int(abs(last - y) / 4))
            found += [(x, y + (last - y) * step / steps) for step in range(1, steps + 1)]
        else:
            begin, one, two, last = found[-1], values[0:2], values[2:4], values[4:6]
            for step in range(1, 41):
                t = step / 40
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                found.append(tuple(sum(w * p[axis] for w, p in zip(weights, (begin, one, two, last), strict=True)) for axis in (0, 1)))  # type: ignore[arg-type]
    return found


# -- what is in it ---------------------------------------------------------------------------------------------------------


def expected(machine: Any) -> Counter[tuple[str, str, str]]:
    """All arrows of a chart."""
    found: list[tuple[str, str, str]] = []
    for arrow in Drawing(machine, machine._greenroom_table).arrows:
        source = "in any state" if arrow.source.name is None else arrow.source.name.name
        ends = [place.history or place.node.name.name for place in arrow.targets if place.node.name is not None]
        if len(ends) == 1:
            found.append((source, arrow.text, ends[0]))
        else:
            places = dict.fromkeys((place.node, place.history) for place in arrow.targets)
            found.append((source, arrow.text, "<choice>"))
            found += [("<choice>", "?", past or node.name.name) for node, past in places if node.name is not None]
    return Counter(found)


def test_every_transition_leads_from_where_it_is_declared_to_where_it_goes() -> None:
    assert Picture(Door.diagram("svg")).arrows() == Counter(
        [("LOCKED", "Key [opens]", "OPEN"), ("OPEN", "after 10 s", "LOCKED"), ("OPEN", "Push", "LOCKED")]
    )
    assert Picture(Everything.diagram("svg")).arrows() == Counter(
        [
            ("in any state", "E2 / work", "END"),
            ("OUT", "E1", "OUTER"),
            ("OUT", "E3", "H*"),
            ("OUT", "E2, postpone", "B"),
            ("OUTER", "E1 / pick", "<choice>"),
            ("<choice>", "?", "OUT"),
            ("<choice>", "?", "H"),
            ("<choice>", "?", "C"),
            ("OUTER", "E3 […] / …", "SIDE"),
            ("OUTER", "state timeout", "OUT"),
            ("OUTER", "after 30 s without an event, re-enter", "OUTER"),
            ("INNER", "done", "SIDE"),
            ("A", "E1 / pick", "<choice>"),
            ("<choice>", "?", "B"),
            ("<choice>", "?", "A"),
            ("A", "E3", "A"),
            ("B", "E1", "C"),
            ("B", "E2", "INNER"),
            ("SIDE", "E2", "A"),
            ("SIDE", "timeout ('a', 1), re-enter", "OUTER"),
        ]
    )


def test_what_a_state_does_without_being_left_is_in_its_box() -> None:
    picture = Picture(Everything.diagram("svg"))
    assert picture.inner["in any state"] == ["ignore E1 [is_odd]", "refuse E1", "E3, re-enter", "timeout late / work", "timeout ('a', 1)"]
    assert picture.inner["OUTER"] == ["enter / hello", "exit / hello"]
    assert picture.inner["A"] == ["E2 / work"]
    assert Picture(Connection.diagram("svg")).inner["BACKOFF"] == ["postpone Send", "ignore Lost"]


def test_what_is_longer_than_a_line_is_told_on_several() -> None:
    class One(Enum):
        A = auto()

    events = [type(f"SomethingNumber{number}Happened", (), {}) for number in range(8)]
    many = type("Many", (StateMachine,), {"chart": Chart(initial(One.A, ignore(*events), stays=True))})
    lines = Picture(many.diagram("svg")).inner["A"]
    assert len(lines) > 1
    assert " ".join(lines) == f"ignore {', '.join(event.__name__ for event in events)}"


def test_a_dot_leads_to_where_each_level_begins_and_an_end_has_a_ring() -> None:
    text = Philosopher.diagram("svg")
    picture = Picture(text)
    begins = [picture.at(path[-1]).name for path in picture.paths if picture.at(path[0]).kind == "dot"]
    assert sorted(begins) == ["AWAKE", "THINKING", "WAITING"]
    assert text.count('class="gm-ring"') == 1
    ring = next(one for one in ET.fromstring(text).iter(f"{SVG}circle") if one.attrib["class"] == "gm-ring")
    sated = next(box for box in picture.boxes if box.name == "SATED")
    assert sated.has(float(ring.attrib["cx"]), float(ring.attrib["cy"]))


def test_the_current_state_is_filled_and_no_other_one() -> None:
    assert Picture(Door.diagram("svg")).current == []
    assert Picture(Door.diagram("svg", current=Lock.OPEN)).current == ["OPEN"]
    assert Picture(Philosopher.diagram("svg", current=Mood.HUNGRY)).current == ["HUNGRY"]
    assert Picture(Everything.diagram("svg", current=Part.A)).current == ["A"]


def test_tooltips_have_the_line_of_the_declaration() -> None:
    titles = [one.text for one in ET.fromstring(Door.diagram("svg")).iter(f"{SVG}title")]
    lines, first = inspect.getsourcelines(Door)
    number = next(number for number, line in enumerate(lines, first) if "state_timeout(10.0, to=Lock.LOCKED)" in line)
    assert f"after 10 s\npictured.py:{number}" in titles
    assert f"pictured.py:{number}" in titles


def test_the_colours_follow_the_page() -> None:
    assert "@media (prefers-color-scheme: dark)" in Door.diagram("svg")


def test_whatever_is_named_is_text() -> None:
    states = Enum("states", {"<b>&amp;</b>]]>": 1, "\x1b\x00\ud800\n日本": 2, "long" * 50: 3})  # type: ignore[misc]
    first, second, third = states

    class Odd:
        """Has a name that is none."""

    Odd.__qualname__ = "</style><!--" * 9
    chart = Chart(initial(first, on(Odd, to=second)), state(second, on(Odd, to=third)), state(third, on(Odd, to=first)))
    picture = Picture(type("<Odder>", (StateMachine,), {"chart": chart}).diagram("svg"))
    assert [box.name for box in picture.boxes if box.kind == "state"] == ["<b>&amp;</b>]]>", r"\x1b\x00\ud800 日本", "long" * 10 + "lon…"]
    assert len(picture.paths) == 4


# -- where it is -----------------------------------------------------------------------------------------------------------


def check(machine: Any) -> Picture:
    """Nothing is over anything else, and everything is inside of what it belongs to."""
    picture = Picture(machine.diagram("svg"))
    check_nesting(picture, machine._greenroom_table.tree)
    check_room(picture)
    return picture


def check_nesting(picture: Picture, tree: Any) -> None:
    named = {box.name: box for box in picture.boxes if box.kind in ("state", "frame", "everywhere")}
    for node in tree.nodes.values():
        around = {one.name.name for one in node.chain[1:] if one.name is not None}
        for name, box in named.items():
            if box.kind == "frame" and name != node.name.name:
                assert box.holds(named[node.name.name]) == (name in around)
    for one, other in combinations([box for box in picture.boxes if box.kind == "frame"], 2):
        assert one.holds(other) or other.holds(one) or not one.meets(other)


def check_room(picture: Picture) -> None:
    solid = [box for box in picture.boxes if box.kind != "frame"]
    for one, other in combinations(solid, 2):
        assert not one.meets(other)
    for one, other in combinations([label.area for label in picture.labels], 2):
        assert not one.meets(other)
    ways = [(path, (picture.at(path[0]), picture.at(path[-1])), around(path)) for path in picture.paths]
    for area in [*solid, *(label.area for label in picture.labels)]:
        assert picture.whole.holds(area)
        for path, ends, room in ways:
            if area.meets(room) and not (area.kind == "choice" and area in ends):
                assert not [point for point in path if area.has(*point)], area
    for label in picture.labels:
        assert not any(label.area.meets(box) for box in solid)


@pytest.mark.parametrize("machine", ALL)
def test_nothing_is_over_anything_else(machine: Any) -> None:
    assert check(machine).arrows() == expected(machine)


@pytest.mark.parametrize("seed", range(scaled(300, 20)))
def test_of_any_chart_all_is_there_and_nothing_is_over_anything_else(seed: int) -> None:
    machine = random_machine(seed, seed % 20 + 1)
    assert check(machine).arrows() == expected(machine)


@pytest.mark.parametrize("flat", [True, False])
def test_a_picture_of_many_states_is_as_clear(flat: bool) -> None:
    machine = random_machine(4, 60, flat=flat)
    assert check(machine).arrows() == expected(machine)
