"""How pictures of a run look: on a light page and on a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.palette import on_both_pages
from actors.testing.chart_model import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLASS_OF", "STYLE"]

CLASS_OF = {
    Shape.MESSAGE: "gr-message",
    Shape.REPLY: "gr-reply",
    Shape.START: "gr-start",
    Shape.SIGNAL: "gr-signal",
    Shape.CRASH: "gr-crash",
    Shape.TIMER: "gr-timer",
    Shape.CALL: "gr-signal",
    Shape.OTHER: "gr-crash",
}

_SHAPE = """
.gr { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 13px; }
.gr text { stroke: none; }
.gr-step { cursor: default; }
.gr-code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; }
.gr-name { font-weight: 600; font-size: 14px; }
.gr-line { fill: none; stroke-width: 1.6; }
.gr-reply.gr-line, .gr-timer.gr-line { stroke-dasharray: 5 4; }
.gr-warm.gr-line { stroke-width: 2.6; }
.gr-passed.gr-line { stroke-width: 1.6; stroke-dasharray: 7 4; }
.gr-hand { fill: none; stroke-width: 1.6; }
.gr-jump { stroke-dasharray: 2 5; }
.gr-hit { fill-opacity: 0; stroke: none; }
"""


def _colours(of: Mapping[str, str]) -> str:
    kinds = ("message", "reply", "start", "signal", "timer", "crash", "warm")
    rules = [
        f".gr-paper {{ fill: {of['paper']}; }}",
        f".gr-ink {{ fill: {of['ink']}; }}",
        f".gr-muted {{ fill: {of['muted']}; }}",
        f".gr-lane {{ stroke: {of['lane']}; }}",
        f".gr-head {{ fill: {of['head']}; stroke: {of['lane']}; }}",
        f".gr-hit {{ fill: {of['message']}; }}",
        *(f".gr-{kind} {{ fill: {of[kind]}; stroke: {of[kind]}; }}" for kind in kinds),
        f".gr-hollow {{ fill: {of['paper']}; }}",
    ]
    return "\n".join(rules)


STYLE = on_both_pages(_colours) + _SHAPE
