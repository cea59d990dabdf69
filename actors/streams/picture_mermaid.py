"""A stream as the text of a Mermaid flowchart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.streams.picture import PACE, headline, name_of, notes, per_second, waiting
from actors.texts import for_mermaid

if TYPE_CHECKING:
    from actors.streams.stats import StageStats, StreamStats

__all__ = ["stream_mermaid"]


def stream_mermaid(stats: StreamStats) -> str:
    """Return a stream as a flowchart, which GitHub and MkDocs draw; the stage where it is stuck has a thick orange frame."""
    stuck = stats.stuck()
    lines = [f"%% {for_mermaid(headline(stats))}", "flowchart TD"]
    for index, stage in enumerate(stats.stages):
        opening, closing = ('(["', '"])') if not stage.capacity or not stage.feeds else ('["', '"]')
        lines.append(f"    s{index}{opening}{_label(stage, stuck=stage is stuck)}{closing}")
    lines += [f"    s{index} --> s{target}" for index, stage in enumerate(stats.stages) for target in stage.feeds]
    lines += [f"    style s{index} stroke:#ea580c,stroke-width:3px" for index, stage in enumerate(stats.stages) if stage is stuck]
    return "\n".join(lines) + "\n"


def _label(stage: StageStats, *, stuck: bool) -> str:
    said = [name_of(stage), stage.state.value]
    if stage.capacity:
        said.append(f"{waiting(stage)} before it")
    said.append(f"{per_second(stage.rate)} a second")
    said += [text for text in (notes(stage), PACE if stuck else "") if text]
    return "<br/>".join(map(for_mermaid, said))
