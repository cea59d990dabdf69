"""A machine for Mermaid: all of the chart is in it, and nothing that Mermaid does not draw."""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum, auto
from functools import partial
from typing import Any

import pytest

from supervisors.machine import Chart, History, StateMachine, ignore, initial, on, state, state_timeout, timeout
from supervisors.machine.chart import Verdict
from tests.supervisors.machine.pictured import (
    ALL,
    Connection,
    Door,
    Everything,
    Link,
    Lock,
    Mood,
    Part,
    Philosopher,
    Session,
    random_machine,
)
from tests.support import scaled

ID = r"[A-Za-z]\w*"
LABEL = r"(?:[^#;:\n\"<>{}%$\\`&*|~^@]|#\d+;)+"
GRAMMAR = re.compile(
    rf"stateDiagram-v2\n"
    rf"(?:    (?:    )*(?:"
    rf"state \"{LABEL}\" as {ID}(?: \{{)?|\}}|{ID} : {LABEL}|state {ID} <<choice>>|\[\*\] --> {ID}|{ID} --> \[\*\]|"
    rf"{ID} --> {ID} : {LABEL}(?:<br/>{LABEL})*"
    rf")\n)+"
    rf"(?:    classDef current [-\w:#, ]+\n    class {ID} current\n)?"
)


def read(label: str) -> str:
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label)


class Diagram:
    """What people see of a diagram."""

    def __init__(self, text: str) -> None:
        assert GRAMMAR.fullmatch(text), text
        self.text = text
        self.titles: dict[str, str] = {}
        self.parents: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}
        self.arrows: list[tuple[str, str, str]] = []
        self.begins: dict[str, str] = {}
        self.ends: list[str] = []
        self.current: str | None = None
        around = [""]
        for line in text.splitlines()[1:]:
            self._take(line.strip(), around)
        assert around == [""]

    def _take(self, line: str, around: list[str]) -> None:
        if made := re.fullmatch(rf"state \"({LABEL})\" as ({ID})( \{{)?", line):
            assert made[2] not in self.titles
            self.titles[made[2]] = read(made[1])
            self.parents[made[2]] = around[-1]
            if made[3]:
                around.append(made[2])
        elif line == "}":
            around.pop()
        elif choice := re.fullmatch(rf"state ({ID}) <<choice>>", line):
            self.titles[choice[1]] = "<choice>"
            self.parents[choice[1]] = around[-1]
        elif begin := re.fullmatch(rf"\[\*\] --> ({ID})", line):
            assert around[-1] not in self.begins
            self.begins[around[-1]] = begin[1]
        elif end := re.fullmatch(rf"({ID}) --> \[\*\]", line):
            self.ends.append(self.titles[end[1]])
        elif arrow := re.fullmatch(rf"({ID}) --> ({ID}) : (.*)", line):
            self.arrows += [(self.titles[arrow[1]], read(label), self.titles[arrow[2]]) for label in arrow[3].split("<br/>")]
        elif told := re.fullmatch(rf"({ID}) : ({LABEL})", line):
            self.lines.setdefault(self.titles[told[1]], []).append(read(told[2]))
        elif shown := re.fullmatch(rf"class ({ID}) current", line):
            self.current = self.titles[shown[1]]

    def around(self, title: str) -> list[str]:
        key = next(key for key, one in self.titles.items() if one == title)
        found = []
        while key := self.parents[key]:
            found.append(self.titles[key])
        return found


# -- what is told ----------------------------------------------------------------------------------------------------------


def test_a_chart_without_nesting_is_told_line_by_line() -> None:
    diagram = Diagram(Door.diagram())
    assert list(diagram.titles.values()) == ["LOCKED", "OPEN"]
    assert diagram.begins == {"": "LOCKED"}
    assert diagram.arrows == [("LOCKED", "Key [opens]", "OPEN"), ("OPEN", "after 10 s", "LOCKED"), ("OPEN", "Push", "LOCKED")]
    assert diagram.lines == {
        "LOCKED": ["enter / lock", "Key / note", "after 30 s without an event / lock", "ignore Push"],
        "OPEN": ["postpone Key"],
    }


def test_what_the_chart_itself_says_is_told_of_any_state_and_the_end_leads_to_the_end() -> None:
    diagram = Diagram(Connection.diagram())
    assert ("in any state", "Close", "CLOSED") in diagram.arrows
    assert diagram.lines["in any state"] == ["ignore Open, Opened"]
    assert diagram.ends == ["CLOSED"]
    assert ("BACKOFF", "after wait()", "CONNECTING") in diagram.arrows
    assert ("CONNECTING", "Lost [may_retry] / count", "BACKOFF") in diagram.arrows


def test_members_of_an_enum_and_named_timeouts_are_told_by_name() -> None:
    diagram = Diagram(Session.diagram())
    assert ("in any state", "Told.ERROR [again]", "RETRYING") in diagram.arrows
    assert ("in any state", "timeout deadline", "FAILED") in diagram.arrows
    assert diagram.lines["in any state"] == ["refuse Told.GRANTED, Told.CHUNK, Told.END"]


def test_states_are_inside_of_states_with_where_they_begin_what_ends_them_and_their_history() -> None:
    diagram = Diagram(Philosopher.diagram())
    assert diagram.around("WAITING") == ["HUNGRY", "AWAKE"]
    assert diagram.around("ASLEEP") == []
    assert diagram.around("H") == ["AWAKE"]
    assert diagram.begins == {"": "THINKING", "AWAKE": "THINKING", "HUNGRY": "WAITING"}
    assert diagram.ends == ["SATED"]
    assert ("HUNGRY", "done", "EATING") in diagram.arrows
    assert ("THINKING", "after 3 s", "HUNGRY") in diagram.arrows
    assert ("in all of AWAKE", "Night", "ASLEEP") in diagram.arrows
    assert ("ASLEEP", "Day", "H") in diagram.arrows
    assert diagram.around("in all of AWAKE") == ["AWAKE"]
    assert diagram.lines["EATING"] == ["exit / give_back", "refuse Fork"]
    assert diagram.lines["in all of HUNGRY"] == ["enter / ask_forks"]


def test_everything_that_a_chart_may_have_is_told() -> None:
    diagram = Diagram(Everything.diagram())
    assert Counter(diagram.arrows) == Counter(
        [
            ("in any state", "E2 / work", "END"),
            ("OUT", "E1", "A"),  # where OUTER begins
            ("OUT", "E3", "H*"),
            ("OUT", "E2, postpone", "B"),
            ("in all of OUTER", "E1 / pick", "<choice>"),
            ("<choice>", "?", "OUT"),
            ("<choice>", "?", "H"),
            ("<choice>", "?", "C"),
            ("in all of OUTER", "E3 […] / …", "SIDE"),
            ("in all of OUTER", "state timeout", "OUT"),
            ("in all of OUTER", "after 30 s without an event, re-enter", "A"),
            ("in all of INNER", "done", "SIDE"),
            ("A", "E1 / pick", "<choice>"),
            ("<choice>", "?", "B"),
            ("<choice>", "?", "A"),
            ("A", "E3", "A"),
            ("B", "E1", "C"),
            ("B", "E2", "A"),
            ("SIDE", "E2", "A"),
            ("SIDE", "timeout ('a', 1), re-enter", "A"),
        ]
    )
    assert diagram.lines["in any state"] == [
        "ignore E1 [is_odd]",
        "refuse E1",
        "E3, re-enter",
        "timeout late / work",
        "timeout ('a', 1)",
    ]
    assert diagram.lines["in all of OUTER"] == ["enter / hello", "exit / hello"]
    assert diagram.lines["A"] == ["E2 / work"]
    assert diagram.around("H") == ["INNER", "OUTER"]
    assert diagram.around("H*") == ["OUTER"]


def test_arrows_from_a_state_to_itself_are_one_with_a_line_for_each() -> None:
    class One(Enum):
        A = auto()

    class Loops(StateMachine[One, None]):
        chart = Chart(initial(One.A, on(int, reenter=True), on(str, to=One.A, reenter=True), on(float, to=One.A), stays=True))

    diagram = Diagram(Loops.diagram())
    assert diagram.text.count("A --> A") == 1
    assert diagram.arrows == [("A", "int", "A"), ("A", "str", "A")]
    assert diagram.lines == {"A": ["float"]}


def test_a_subclass_is_told_with_the_names_of_its_own_actions() -> None:
    class Better(Door):
        def note(self, event: Any) -> None:
            self.data.append("better")

        note.__name__ = "note_well"

    assert Diagram(Better.diagram()).lines["LOCKED"][1] == "Key / note_well"


def test_what_is_longer_than_a_line_is_told_on_several() -> None:
    class One(Enum):
        A = auto()

    events = [type(f"SomethingNumber{number}Happened", (), {}) for number in range(8)]
    many = type("Many", (StateMachine,), {"chart": Chart(initial(One.A, ignore(*events), stays=True))})
    lines = Diagram(many.diagram()).lines["A"]
    assert len(lines) > 1
    assert " ".join(lines) == f"ignore {', '.join(event.__name__ for event in events)}"


# -- the current state -----------------------------------------------------------------------------------------------------


def test_the_current_state_is_marked() -> None:
    assert Diagram(Door.diagram()).current is None
    assert Diagram(Door.diagram(current=Lock.OPEN)).current == "OPEN"
    assert Diagram(Philosopher.diagram(current=Mood.HUNGRY)).current == "HUNGRY"
    assert Diagram(Everything.diagram(current=Part.END)).current == "END"


@pytest.mark.parametrize("current", [Link.IDLE, "OPEN", 1, []])
@pytest.mark.parametrize("kind", ["mermaid", "svg"])
def test_a_current_state_that_is_none_of_the_machine_is_refused(kind: Any, current: Any) -> None:
    with pytest.raises(ValueError, match=r"current=.* is not valid: a state of Door"):
        Door.diagram(kind, current=current)


def test_a_kind_of_picture_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="kind='png' is not valid"):
        Door.diagram("png")  # type: ignore[arg-type]


def test_a_class_without_a_chart_has_no_picture() -> None:
    class Base(StateMachine[Lock, None]):
        pass

    with pytest.raises(TypeError, match="Base has no chart"):
        Base.diagram()


# -- anything that can be declared -----------------------------------------------------------------------------------------


def test_names_that_mermaid_has_uses_for_are_no_ids() -> None:
    names = ["state", "note", "direction", "end", "class", "classDef", "style", "click", "default", "übung", "日本", "as"]
    diagram = Diagram(random_machine(1, 12, names=names, flat=True).diagram())
    assert [title for title in diagram.titles.values() if title in names] == names
    assert not {key.lower() for key in diagram.titles} & {name.lower() for name in names}


def test_whatever_is_named_is_text() -> None:
    states = Enum("states", {'a "b" --> c': 1, "x: y; %%{z}%%": 2})  # type: ignore[misc]
    first, second = states

    class Odd:
        """Has a name that is none."""

    Odd.__qualname__ = "<b>&amp;</b>\n[*] --> x"
    act = partial(print)
    chart = Chart(
        initial(first, on(Odd, to=second, do=lambda self, event: None), timeout('"`$$\\', do=act), ignore(int)),
        state(second, state_timeout(0.25, to=first), ignore(Odd), timeout('"`$$\\'), ignore(int)),
    )
    diagram = Diagram(type("Odder", (StateMachine,), {"chart": chart}).diagram())
    assert list(diagram.titles.values()) == ['a "b" --> c', "x: y; %%{z}%%"]
    assert diagram.arrows[0][1] == "<b>&amp;</b> [*] --> x / …"
    assert diagram.lines['a "b" --> c'][0] == 'timeout "`$$\\ / partial'
    assert diagram.arrows[1][1] == "after 0.25 s"


def crossed(machine: Any) -> set[str]:
    """The states whose frames some transition passes, from outside to inside or back, by the chart alone."""
    tree = machine._greenroom_table.tree
    found: set[str] = set()
    for node in tree.root.everyone():
        for _, rule in node.transitions():
            targets = [(tree.resolve(one), isinstance(one, History)) for one in rule.targets]
            if rule.reenter and not targets and node.name is not None:
                targets = [(node, False)]
            for target, past in targets:
                into = {*target.chain[0 if past else 1 :]}
                out = {*node.chain[1:], *([node] if len(targets) > 1 and node.children else [])}
                found |= {one.name.name for one in into ^ out if one.name is not None}
    return found


@pytest.mark.parametrize("seed", range(scaled(600, 60)))
def test_any_chart_is_told_in_whole_and_no_arrow_ends_at_a_frame_that_others_pass(seed: int) -> None:
    machine = random_machine(seed, seed % 14 + 1)
    table = machine._greenroom_table
    assert table is not None
    diagram = Diagram(machine.diagram())
    nodes = table.tree.nodes.values()
    assert {node.name.name for node in nodes if node.name is not None} <= set(diagram.titles.values())
    for node in nodes:
        assert node.name is not None
        assert diagram.around(node.name.name) == [one.name.name for one in node.chain[1:] if one.name is not None]
    frames = crossed(machine)
    for source, _, target in diagram.arrows:
        assert not {source, target} & frames
    assert len(diagram.begins) == 1 + sum(1 for node in nodes if node.children)
    rules = {id(rule): rule for node in table.tree.root.everyone() for _, rule in node.transitions()}.values()
    arrows = Counter(text for _, text, _ in diagram.arrows if text != "?")
    lines = [line for told in diagram.lines.values() for line in told]
    assert sum(arrows.values()) + len(lines) == len(rules)
    said = Counter(line.split()[0] for line in lines)
    for verdict in (Verdict.IGNORE, Verdict.POSTPONE, Verdict.REFUSE):
        assert said[verdict.name.lower()] == sum(1 for rule in rules if rule.verdict is verdict)


@pytest.mark.parametrize("machine", ALL)
def test_pictures_are_the_same_each_time(machine: Any) -> None:
    assert machine.diagram() == machine.diagram()
    assert machine.diagram("svg") == machine.diagram("svg")


def test_random_charts_have_all_there_is() -> None:
    texts = "".join(random_machine(seed, seed % 14 + 1).diagram() for seed in range(60))
    assert all(word in texts for word in ("<<choice>>", '"H"', '"H#42;"', "in all of", "in any state", "<br/>", "re-enter"))
