"""What every picture of a run shows, before anything has a place: lanes, rows, and the arrows between them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from actors.testing.network import Kind
from actors.texts import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.trace import Step

__all__ = ["Chart", "Lane", "Row", "Shape", "chart_of"]

_NOTES = 3  # overtaken messages that are named at one delivery


class Shape(Enum):
    """How a step looks."""

    MESSAGE = "message"
    REPLY = "reply"
    START = "start"
    SIGNAL = "signal"
    CRASH = "crash"
    TIMER = "timer"
    CALL = "call"
    OTHER = "fault"  # what has no shape of its own: faults


_SHAPES = {Kind.DELIVERY: Shape.MESSAGE, Kind.REPLY: Shape.REPLY, Kind.TIMER: Shape.TIMER, Kind.CALL: Shape.CALL}


@dataclass(frozen=True, slots=True)
class Lane:
    """One actor, or the scenario.

    Attributes:
        path: of the actor; "" for the scenario.
        name: of its class; "" if no step tells.
    """

    path: str
    name: str

    @property
    def title(self) -> str:
        """Class and path, as far as they are known."""
        return plain(f"{self.name} {self.path}".strip())


@dataclass(frozen=True, slots=True)
class Row:
    """One step.

    Attributes:
        step: the step itself.
        shape: how it looks.
        source: the lane that sent, set or caused it.
        target: the lane whose step it is.
        sent: the row of the step in which it was sent; -1 if that was before the first row; its own if the scenario sent it just then.
        label: what is written at it.
        notes: which older messages it overtook, in words.
        concurrent: whether it and the row before it have nothing to do with each other.
        late: whether something else had waited longer.
        passed: whether an earlier row overtook it.
        time: the virtual time, where it is another than in the row before; else None.
        crash: what its actor failed with in it, in words; "" if it did not.
    """

    step: Step
    shape: Shape
    source: int
    target: int
    sent: int
    label: str
    notes: tuple[str, ...]
    concurrent: bool
    late: bool
    passed: bool
    time: float | None
    crash: str = ""

    @property
    def stays(self) -> bool:
        """Whether it has one lane only."""
        return self.source == self.target


@dataclass(frozen=True, slots=True)
class Chart:
    """A run as a picture shows it.

    Attributes:
        lanes: in the order of their first step, the scenario first.
        rows: one for each step that is not folded, in order.
        folded: the starts at the beginning, which the heads of their lanes stand for.
    """

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    folded: tuple[Step, ...]

    @property
    def not_shown(self) -> str:
        """Which steps are folded, in words; "" if none are."""
        if not self.folded:
            return ""
        first, last = self.folded[0].number, self.folded[-1].number
        joint = "and" if last == first + 1 else "to"
        which = f"step {first}" if first == last else f"steps {first} {joint} {last}"
        return f"not shown: {which}, the start of the actors above"


def chart_of(steps: Sequence[Step]) -> Chart:
    """Return what a picture of `steps` shows."""
    lanes = _lanes(steps)
    index = {lane.path: number for number, lane in enumerate(lanes)}
    first = next((number for number, step in enumerate(steps) if not _folds(step)), len(steps))
    shown = steps[first:]
    arrows = _arrows(shown)
    rows = []
    for number, step in enumerate(shown):
        before = shown[number - 1] if number else None
        rows.append(
            Row(
                step=step,
                shape=_shape(step),
                source=index[step.sender],
                target=index[step.actor],
                sent=arrows[number][0],
                label=_label(step),
                notes=_notes(step),
                concurrent=before is not None and step.concurrent(before),
                late=step.overtook > 0,
                passed=arrows[number][1],
                time=step.time if before is None or step.time != before.time else None,
                crash=plain(f"crashed: {step.crash}") if step.crash else "",
            )
        )
    return Chart(lanes, tuple(rows), tuple(steps[:first]))


def _lanes(steps: Sequence[Step]) -> tuple[Lane, ...]:
    names: dict[str, str] = {}
    for step in steps:
        for path, name in ((step.sender, ""), (step.actor, step.actor_class)):
            names[path] = names.get(path) or name
    actors = [Lane(path, name) for path, name in names.items() if path]
    return (Lane("", "scenario"), *actors) if "" in names else tuple(actors)


def _folds(step: Step) -> bool:
    """Tell whether a step at the beginning says no more than the head of its lane does."""
    return _shape(step) is Shape.START and not (step.sender or step.overtook or step.time)


def _arrows(steps: Sequence[Step]) -> list[tuple[int, bool]]:
    """Return of each step in which row it was sent, -1 if that was before all of them, and whether it was overtaken since.

    The scenario sends between steps, and a step knows only what the scenario had waited for by then. So its arrows begin where they
    end, but for those of a message that others overtook: that one was under way before them.
    """
    place = {step.number: number for number, step in enumerate(steps)}
    overtakers: dict[str, list[int]] = {}
    for number, step in enumerate(steps):
        for older in step.overtaken:
            overtakers.setdefault(older, []).append(number)
    arrows = []
    for number, step in enumerate(steps):
        sent = min(place.get(step.cause, -1), number - 1)
        rows = overtakers.get(_as_overtaken(step), [])
        since = bisect_right(rows, sent)
        passed = since < len(rows) and rows[since] < number
        if not step.sender and step.kind is not Kind.TIMER:
            sent = rows[since] - 1 if passed else number
        arrows.append((sent, passed))
    return arrows


def _as_overtaken(step: Step) -> str:
    """Return what a step that overtakes this one says about it."""
    return f"{step.message} {step.sender or 'scenario'} -> {step.actor}"


def _shape(step: Step) -> Shape:
    if step.kind is Kind.SIGNAL:
        return {"start": Shape.START, "crash": Shape.CRASH}.get(step.message, Shape.SIGNAL)
    return _SHAPES.get(step.kind, Shape.OTHER)


def _label(step: Step) -> str:
    kind = step.kind.value
    if not step.message or _shape(step) is Shape.OTHER:
        return plain(f"{kind}: {step.message}" if step.message else kind)
    return plain(step.message)


def _notes(step: Step) -> tuple[str, ...]:
    shown = [f"ran before {' → '.join(plain(older).rsplit(' -> ', 1))}" for older in step.overtaken[:_NOTES]]
    more = len(step.overtaken) - len(shown)
    return (*shown, f"and before {more} more") if more else tuple(shown)
