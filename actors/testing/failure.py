"""What an exploration comes to, and the failure that it found, for people to look at."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from actors.testing.charts import draw, kind_of, text_chart
from actors.testing.network import Kind
from actors.texts import error_text

if TYPE_CHECKING:
    import os

    from actors.testing.charts import ChartKind
    from actors.testing.network import Ordering
    from actors.testing.trace import Step

__all__ = ["Exploration", "Failure"]

SHOWN = 60  # steps that a report shows, at most
LOGGED = 20  # log lines likewise


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that ended in an exception.

    Attributes:
        error: the exception.
        token: what `replay` takes.
        ordering: under which the failure exists.
        steps: what happened, in order.
        raw: how many steps the run had before it was shrunk; 0 for a replay.
        found_by: the strategy that found it; "" for a replay.
        runs: how many runs that took; 0 for a replay.
        seed: of the exploration.
    """

    error: BaseException
    token: str
    ordering: Ordering
    steps: tuple[Step, ...]
    raw: int = 0
    found_by: str = ""
    runs: int = 0
    seed: int = 0

    @property
    def deliveries(self) -> int:
        """How many messages were delivered up to the failure, stops among them."""
        return sum(step.kind is Kind.DELIVERY for step in self.steps)

    def throw(self) -> NoReturn:
        """Raise `error`, with the report as a note; it has it only once, however often it is raised."""
        end = f"replay with {self.token!r}"
        if not any(note.endswith(end) for note in getattr(self.error, "__notes__", ())):
            self.error.add_note(f"\n{self}")
        raise self.error

    def chart(self, kind: ChartKind = "text", *, width: int = 100) -> str:
        """Return a sequence chart of the run.

        Args:
            kind: ``"text"`` for a terminal, ``"mermaid"`` for a page of Markdown, ``"svg"`` a picture, or ``"html"``: the picture with a
                table of the steps and, if they carry them, the states of the actors around each.
            width: columns that no line of text exceeds; at least 40.

        Raises:
            ValueError: there is no such kind, or `width` is less than 40.
        """
        return draw(kind, self.steps, title=error_text(self.error), width=width)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a chart of the run to a file; its suffix says which: ``.txt``, ``.mmd``, ``.svg`` or ``.html``.

        Raises:
            ValueError: it has another suffix.
        """
        Path(path).write_text(self.chart(kind_of(path)), encoding="utf-8")

    def __str__(self) -> str:
        shown = self.steps[-SHOWN:]
        less = f"the last {SHOWN} of {len(self.steps)} steps:\n\n" if len(shown) < len(self.steps) else ""
        chart = text_chart(shown, ascii_only=not shows_unicode())
        raw = f" (of {self.raw} as found)" if self.raw > len(self.steps) else ""
        found = f"found by {self.found_by} with seed {self.seed} in run {self.runs}; " if self.found_by else ""
        logged = [f"{step.number:>4}  {step.actor or 'scenario'}  {line}" for step in self.steps for line in step.logged][-LOGGED:]
        log = "\n\nthe last log lines, by step:\n" + "\n".join(logged) if logged else ""
        tail = f"{self.deliveries} deliveries in {len(self.steps)} steps{raw}, ordering {self.ordering.value}"
        return f"{error_text(self.error)}\n\n{less}{chart}{log}\n\n{tail}\n{found}replay with {self.token!r}"


@dataclass(frozen=True, slots=True)
class Exploration:
    """What an exploration came to.

    Attributes:
        runs: how many different runs were made.
        exhausted: whether that were all runs there are: without a failure, the scenario is proved under this ordering.
        failure: the first run that failed; None if none did.
        seconds: how long it took.
    """

    runs: int
    exhausted: bool
    failure: Failure | None
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether no order of events makes the scenario fail: all were tried."""
        return self.exhausted and self.failure is None

    def check(self) -> None:
        """Raise the exception of the failure, if there is one, with the report as a note."""
        if self.failure is not None:
            self.failure.throw()

    def __str__(self) -> str:
        if self.failure is not None:
            return str(self.failure)
        if self.exhausted:
            return f"proved: none of {self.runs} orders fails, and there are no others that differ"
        return f"no failure in {self.runs} runs ({self.seconds:.1f} s); there may be orders that were not tried"


def shows_unicode() -> bool:
    """Tell whether standard output can show the lines of a chart; what is no text stream, or none at all, is taken to."""
    try:
        "│▶∥".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
