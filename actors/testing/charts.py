"""Pictures of a run: text for a terminal, Mermaid for a page, SVG and HTML for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from actors.testing.chart_html import html_chart
from actors.testing.chart_mermaid import mermaid_chart
from actors.testing.chart_svg import svg_chart
from actors.testing.chart_text import text_chart

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from actors.testing.trace import Step

__all__ = ["ChartKind", "draw", "html_chart", "kind_of", "mermaid_chart", "svg_chart", "text_chart"]

ChartKind: TypeAlias = Literal["text", "mermaid", "svg", "html"]

_KINDS: dict[str, ChartKind] = {".txt": "text", ".mmd": "mermaid", ".svg": "svg", ".html": "html"}


def draw(kind: ChartKind, steps: Sequence[Step], *, title: str, width: int = 100) -> str:
    """Return a chart of a kind; with the states of the actors, if it is HTML and the steps carry them.

    Raises:
        ValueError: there is no such kind, or `width` is less than 40.
    """
    match kind:
        case "text":
            return text_chart(steps, width=width)
        case "mermaid":
            return mermaid_chart(steps)
        case "svg":
            return svg_chart(steps)
        case "html":
            states = any(step.before is not None or step.after is not None or step.waiting for step in steps)
            return html_chart(steps, title=title, states=states)
    msg = f"kind={kind!r} is not valid: one of {', '.join(map(repr, _KINDS.values()))}"
    raise ValueError(msg)


def kind_of(path: str | os.PathLike[str]) -> ChartKind:
    """Return the kind of chart that the suffix of a file's name asks for.

    Raises:
        ValueError: it is none of .txt, .mmd, .svg, .html.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _KINDS:
        msg = f"path={str(path)!r} is not valid: a chart is a file with suffix {', '.join(_KINDS)}"
        raise ValueError(msg)
    return _KINDS[suffix]
