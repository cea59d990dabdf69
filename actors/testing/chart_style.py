"""How pictures of a run look: on a light page and on a dark one."""

from __future__ import annotations

from actors.testing.chart_model import Shape

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

_PALETTE = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#656d76", "#8b949e"),
    "lane": ("#d0d7de", "#30363d"),
    "head": ("#f6f8fa", "#161b22"),
    "message": ("#2563eb", "#60a5fa"),
    "reply": ("#64748b", "#94a3b8"),
    "start": ("#15803d", "#4ade80"),
    "signal": ("#7c3aed", "#a78bfa"),
    "timer": ("#0e7490", "#22d3ee"),
    "crash": ("#dc2626", "#f87171"),
    "warm": ("#ea580c", "#fb923c"),
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


def _colours(dark: int) -> str:
    of = {name: pair[dark] for name, pair in _PALETTE.items()}
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


STYLE = f"{_colours(0)}\n@media (prefers-color-scheme: dark) {{\n{_colours(1)}\n}}\n{_SHAPE}"
