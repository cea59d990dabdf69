"""Walking through a run, forward and back: commands in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.testing.chart_text import text_chart
from actors.texts import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing.trace import Step

__all__ = ["Answer", "Stepper", "told"]

MOST_WAITING = 8  # messages under way to an actor that are shown at every step; `m` shows all
MOST_DIGITS = 18  # of the number of a step
HELP = """\
n, Enter   the next step
b          back by one
N          to step number N; 0 is the beginning
f, l       to the first step, to the last
/ TEXT     to the next step whose message contains TEXT; / alone: with the TEXT of before
s          the sequence chart so far
m          the mailboxes: what is under way to whom
a ACTOR    the state of an actor as of now, by path or a part of it; a alone: of all
w FILE     save the chart of the run: .txt, .mmd, .svg or .html
h          this list
q          quit"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a command.

    Attributes:
        text: to show.
        ends: whether the walk is over.
        save_to: the name of a file that a chart is to be written to; "" for none.
    """

    text: str = ""
    ends: bool = False
    save_to: str = ""


class Stepper:
    """Stands at a step of a run, and goes where commands say.

    Attributes:
        position: the number of the step at which it stands, which has been taken; 0 is the beginning.
    """

    def __init__(self, steps: Sequence[Step], outcome: str = "", *, width: int = 100, ascii_only: bool = False) -> None:
        """Stand at the beginning.

        Args:
            steps: all of a run, with states.
            outcome: what the run came to, told at its end.
            width: columns of charts; at least 40.
            ascii_only: whether charts keep to ASCII.
        """
        self.position = 0
        self._steps = steps
        self._outcome = outcome
        self._sought = ""
        self._taking: dict[str, Callable[[str], Answer]] = {"/": self._seek, "a": self._state_of, "w": self._save}
        alone: list[tuple[str, Callable[[], Answer]]] = [
            (" n", self._next),
            ("b", self._back),
            ("f", lambda: self._move(min(1, len(steps)))),
            ("l", lambda: self._move(len(steps))),
            ("s", lambda: Answer(text_chart(steps[: self.position], width=width, ascii_only=ascii_only))),
            ("m", self._mailboxes),
            ("h?", lambda: Answer(HELP)),
            ("q", lambda: Answer(ends=True)),
        ]
        self._alone = {name.strip(): command for names, command in alone for name in names}

    def handle(self, line: str) -> Answer:
        """Carry a command out. None raises; what is no command is answered with a hint."""
        line = line.strip()
        if line.startswith("/"):
            line = f"/ {line[1:]}"
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in self._taking:
            return self._taking[word](rest)
        if word in self._alone and not rest:
            return self._alone[word]()
        if word.isdecimal() and not rest:
            return self._go(word)
        return Answer(f"{plain(line)!r} is no command; h lists them")

    def shown(self) -> str:
        """Return what there is to see where it stands."""
        if not self.position:
            return f"the beginning of {len(self._steps)} steps"
        step = self._steps[self.position - 1]
        before = self._steps[self.position - 2] if self.position > 1 else None
        text = told(step, len(self._steps), before)
        return f"{text}\n\n{self._outcome}" if self.position == len(self._steps) and self._outcome else text

    def _move(self, position: int) -> Answer:
        self.position = position
        return Answer(self.shown())

    def _next(self) -> Answer:
        if self.position < len(self._steps):
            return self._move(self.position + 1)
        return Answer("\n".join(["this is the end", *filter(None, [self._outcome])]))

    def _back(self) -> Answer:
        return self._move(self.position - 1) if self.position else Answer("this is the beginning")

    def _go(self, digits: str) -> Answer:
        count = len(self._steps)
        # int() refuses to make a number of thousands of digits.
        number = int(digits) if len(digits) <= MOST_DIGITS else count + 1
        return self._move(number) if number <= count else Answer(f"there is no step {digits}; the last one is {count}")

    def _seek(self, text: str) -> Answer:
        self._sought = text or self._sought
        if not self._sought:
            return Answer("/ takes a text, like / create")
        for number, step in enumerate(self._steps[self.position :], self.position + 1):
            if self._sought in step.message:
                return self._move(number)
        return Answer(f"no message after step {self.position} contains {plain(self._sought)!r}")

    def _mailboxes(self) -> Answer:
        return Answer("\n".join(_under_way(self._steps[self.position - 1]) if self.position else _NOTHING))

    def _state_of(self, who: str) -> Answer:
        latest = {step.actor: step for step in self._steps[: self.position] if step.actor}
        named = [path for path in latest if who in (path, path.lstrip("/"))]
        found = named or [path for path in latest if who in path]
        if not found:
            which = f"whose path has {plain(who)!r} in it " if who else ""
            return Answer(f"no actor {which}has taken a step so far")
        return Answer("\n".join(line for path in found for line in _state(latest[path])))

    def _save(self, path: str) -> Answer:
        return Answer(save_to=path) if path else Answer("w takes the name of a file, like w run.html")


_NOTHING = ["  nothing is under way"]


def told(step: Step, count: int, before: Step | None = None) -> str:
    """Return a step in words: what it was, what it ran before, what it changed, and what is under way after it.

    Args:
        step: with states.
        count: how many steps the run has.
        before: the step before it.
    """
    way = f"{step.sender or 'scenario'} -> {step.actor or 'scenario'}" if step.sender != step.actor else step.actor or "scenario"
    kind = step.kind.value
    what = f"{kind}: {step.message}" if step.message else kind
    lines = [f"step {step.number} of {count}, {step.time:g}s  {way}  {what}"]
    if step.sender and step.cause:  # of the scenario it is only the last that it had waited for
        lines.append(f"  came of step {step.cause}")
    if before is not None and step.concurrent(before):
        lines.append("  concurrent with the step before")
    lines += [f"  ran before {older}" for older in step.overtaken]
    others = step.overtook - len(step.overtaken)
    if others > 0:
        lines.append(f"  came before {others} that had waited longer{', of other actors' if step.overtaken else ''}")
    if step.crash:
        lines.append(f"  crashed: {step.crash}")
    if step.actor:
        lines += _changes(step)
    return "\n".join([*map(plain, lines), *_under_way(step, MOST_WAITING)])


def _changes(step: Step) -> list[str]:
    """Return the lines with the state of the actor; those that the step changed have a mark."""
    if step.before is None and step.after is None:
        return [f"  {_title(step)} does not exist"]
    if step.after is None:
        return [f"  {_title(step)} has ended", *(f"      {name} = {before}" for name, (before, _) in step.attributes.items())]
    lines = [f"  {_title(step)}{'' if step.before is not None else ' begins'}{'' if step.attributes else ' has no attributes'}"]
    for name, (before, after) in step.attributes.items():
        if step.before is None or before == after:
            lines.append(f"      {name} = {after}")
        else:
            lines.append(f"    * {name} = {'(none)' if before is None else before} -> {'(none)' if after is None else after}")
    return lines


def _state(step: Step) -> list[str]:
    """Return the lines with the state of the actor after the step."""
    as_of = f"(since step {step.number})"
    if step.after is None:
        return [plain(f"  {_title(step)} does not exist {as_of}")]
    lines = [f"  {_title(step)} {as_of}", *(f"      {name} = {after}" for name, (_, after) in step.attributes.items() if after is not None)]
    return [plain(line) for line in lines]


def _under_way(step: Step, most: int | None = None) -> list[str]:
    """Return the lines of what is under way, for each actor `most` at most."""
    lines = []
    for path, messages in step.waiting.items():
        head = f"  under way to {path or 'scenario'}: "
        lines += [head + message for message in messages[:most]]
        more = len(messages) - len(messages[:most])
        if more:
            lines.append(f"{head}{more} more")
    return [plain(line) for line in lines] or _NOTHING


def _title(step: Step) -> str:
    return f"{step.actor_class} {step.actor}".strip()
