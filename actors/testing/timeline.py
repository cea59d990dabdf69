"""A picture of operations in time, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.history import Operation

__all__ = ["timeline"]

LABEL = 48  # characters of an operation that are shown
BARS = 40  # characters for the time; there is at least one for each beginning and end
LINES = BARS // 2


def timeline(operations: Sequence[Operation], prefix: Sequence[Operation], unexplained: Sequence[Operation]) -> str:
    """Draw `unexplained`, the end of `prefix` and what else was under way: a line of at most 100 characters for each.

    Args:
        operations: all of them.
        prefix: those that could be put in order; they are numbered.
        unexplained: those of which none can come next; they are marked with a !.
    """
    marks = {one.invoked: str(number) for number, one in enumerate(prefix, 1)} | {one.invoked: "!" for one in unexplained}
    end = max((one.returned or 0 for one in unexplained), default=0)
    others = [one for one in operations if one.invoked not in marks and one.invoked < end]
    shown = [*unexplained[: LINES // 2], *prefix[-(LINES // 2 - 2) :], *others[-2:]]
    shown.sort(key=lambda one: one.invoked)
    times = sorted({time for one in shown for time in (one.invoked, one.returned) if time is not None})
    scale = max(1, min(4, BARS // len(times))) if times else 1
    columns = {time: index * scale for index, time in enumerate(times)}
    labels = [_label(one) for one in shown]
    width, digits = max(map(len, labels), default=0), len(str(len(prefix)))
    lines = []
    for one, label in zip(shown, labels, strict=True):
        begin = columns[one.invoked]
        until = BARS if one.returned is None else columns[one.returned]
        bar = " " * begin + "|" + "-" * (until - begin - 1) + (">" if one.returned is None else "|")
        lines.append(f"{marks.get(one.invoked, ''):>{digits}}  {label:<{width}}  {bar}")
    if len(shown) < len(operations):
        lines.append(f"({len(shown)} of {len(operations)} operations)")
    return "\n".join(lines)


def _label(operation: Operation) -> str:
    text = " ".join(str(operation).split())
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
