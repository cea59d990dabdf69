"""A run as a sequence diagram of Mermaid, which GitHub and MkDocs draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.testing.chart_model import Lane, Shape, chart_of
from actors.texts import for_mermaid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.chart_model import Row
    from actors.testing.trace import Step

__all__ = ["mermaid_chart"]

_ARROWS = {Shape.MESSAGE: "-)", Shape.REPLY: "-->>"}
_WARM = "rgba(234, 88, 12, 0.15)"  # on a light page as on a dark one


def mermaid_chart(steps: Sequence[Step]) -> str:
    """Return a run as the text of a Mermaid ``sequenceDiagram``.

    Messages have open arrows, replies dashed ones, everything else closed ones; what stays with one actor, like its timers, is a note.
    A delivery that overtook another is on a warm ground, with a note that says which.

    Args:
        steps: of a run, like `Failure.steps`; those of a part of it will do.
    """
    chart = chart_of(steps)
    lanes = chart.lanes or (Lane("", "scenario"),)
    lines = [f"participant p{number} as {for_mermaid(lane.title)}" for number, lane in enumerate(lanes)]
    if chart.folded:
        lines.append(f"Note over {_all(lanes)}: {for_mermaid(chart.not_shown)}")
    for row in chart.rows:
        if row.time:
            lines.append(f"Note over {_all(lanes)}: {for_mermaid(f'{row.step.time:g} s')}")
        lines += _row(row)
    return "\n".join(["sequenceDiagram", *(f"    {line}" for line in lines)]) + "\n"


def _all(lanes: Sequence[Lane]) -> str:
    return f"p0,p{len(lanes) - 1}" if len(lanes) > 1 else "p0"


def _row(row: Row) -> list[str]:
    mark = " ∥" if row.concurrent else ""
    crash = [f"Note over p{row.target}: {for_mermaid(row.crash)}"] if row.crash else []
    text = for_mermaid(f"{row.step.number}.{mark} {row.label}")
    if row.shape is Shape.OTHER or (row.stays and row.shape is not Shape.MESSAGE):
        return [f"Note over p{row.target}: {text}", *crash]
    line = f"p{row.source}{_ARROWS.get(row.shape, '->>')}p{row.target}: {text}"
    if not row.notes:
        return [line, *crash]
    told = [f"Note over p{row.target}: {for_mermaid(note)}" for note in row.notes]
    return [f"rect {_WARM}", *(f"    {inner}" for inner in (line, *told)), "end", *crash]
