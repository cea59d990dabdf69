"""A stream as an SVG picture: sources above, a box for each stage, a bar for what waits before it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from actors.palette import on_both_pages
from actors.streams.layout import layout
from actors.streams.picture import PACE, amount, fullness, headline, name_of, notes, pace_line, per_second, waiting
from actors.streams.stats import StageState
from actors.texts import clipped, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.streams.stats import StageStats, StreamStats

__all__ = ["stream_svg"]

_WIDE, _HIGH, _SOURCE = 268, 74, 56  # pixels of a box; a source has no bar
_GAP, _ALLEY = 26, 38  # pixels between two boxes side by side, and one above the other
_MARGIN, _PAD, _HEAD = 20, 14, 34
_NAME, _TOLD = 19, 36  # columns of text that fit in
_FULL = 0.5  # of the room before a stage: from there on it holds up those before it
_DOTS = {
    StageState.WORKING: "gs-start",
    StageState.WAITS_FOR_ELEMENTS: "gs-open",
    StageState.WAITS_FOR_ROOM: "gs-warm",
    StageState.ENDED: "gs-reply",
    StageState.FAILED: "gs-crash",
}
_SHAPE = """
.gs { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 12px; }
.gs-title { font-size: 13px; }
.gs-name { font-weight: 600; font-size: 14px; }
.gs-figure { font-variant-numeric: tabular-nums; }
.gs-right { text-anchor: end; }
.gs-box { stroke-width: 1; }
.gs-stuck { stroke-width: 2.5; }
.gs-edge { fill: none; stroke-width: 1.6; }
.gs-held { stroke-width: 3; }
.gs-open { fill: none; stroke-width: 1.6; }
.gs-badge { font-size: 11px; font-weight: 600; }
"""


def _colours(of: Mapping[str, str]) -> str:
    return "\n".join(
        [
            f".gs-paper {{ fill: {of['paper']}; }}",
            f".gs-ink {{ fill: {of['ink']}; }}",
            f".gs-badge {{ fill: {of['paper']}; }}",
            f".gs-muted {{ fill: {of['muted']}; }}",
            f".gs-box {{ fill: {of['head']}; stroke: {of['lane']}; }}",
            f".gs-stuck {{ stroke: {of['warm']}; }}",
            f".gs-edge {{ stroke: {of['muted']}; }}",
            f".gs-held {{ stroke: {of['warm']}; }}",
            f".gs-tip {{ fill: {of['muted']}; }}",
            f".gs-tip-held {{ fill: {of['warm']}; }}",
            f".gs-rail {{ fill: {of['lane']}; }}",
            f".gs-bar {{ fill: {of['message']}; }}",
            f".gs-open {{ stroke: {of['muted']}; }}",
            *(f".gs-{name} {{ fill: {of[name]}; }}" for name in ("start", "warm", "reply", "crash")),
        ]
    )


_STYLE = on_both_pages(_colours) + _SHAPE


def stream_svg(stats: StreamStats) -> str:
    """Return a stream as an SVG document.

    The figures are elements a second, and those taken and given. A green dot works, a ring waits for elements, an orange dot waits for
    room, a grey one has ended, a red one has failed. The bar is what waits before a stage. Edges are orange and thick where more than half
    of the room is taken; so they lead to the stage where the stream is stuck, which has an orange frame. The colours follow the page: light
    or dark.
    """
    return _Picture(stats).svg()


class _Picture:
    """The boxes of a stream, each with a place."""

    def __init__(self, stats: StreamStats) -> None:
        self._stats = stats
        self._stuck = stats.stuck()
        self._places = layout(stats.stages)
        lanes = 1 + max(max((place.lane, *place.joins, *place.forks)) for place in self._places)
        layers = 1 + max(place.layer for place in self._places)
        self._width = 2 * _MARGIN + lanes * (_WIDE + _GAP) - _GAP
        self._height = 2 * _MARGIN + _HEAD + layers * (_HIGH + _ALLEY) - _ALLEY

    def svg(self) -> str:
        """Return the picture."""
        stats, width, height = self._stats, self._width, self._height
        title = clipped(headline(stats), width // 8)
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" class="gs" role="img" {size}>',
                f"<title>{escape(self._told())}</title>",
                f"<style>{_STYLE}</style>",
                f'<rect class="gs-paper" width="{width}" height="{height}" rx="8"/>',
                f'<text class="gs-muted gs-title" x="{_MARGIN}" y="{_MARGIN + 14}">{escape(title)}</text>',
                *(self._edge(index, number) for index, stage in enumerate(stats.stages) for number in range(len(stage.feeds))),
                *(self._box(index) for index in range(len(stats.stages))),
                "</svg>\n",
            ]
        )

    def _told(self) -> str:
        return headline(self._stats) + (f"; {pace_line(self._stuck)}" if self._stuck is not None else "")

    def _x(self, lane: int) -> int:
        """Return where a lane begins from the left."""
        return _MARGIN + lane * (_WIDE + _GAP)

    def _top(self, layer: int) -> int:
        """Return where the boxes of a layer begin from above."""
        return _MARGIN + _HEAD + layer * (_HIGH + _ALLEY)

    def _edge(self, index: int, number: int) -> str:
        stages, places = self._stats.stages, self._places
        target = stages[index].feeds[number]
        here, there, lane = places[index], places[target], places[index].forks[number]
        x, aside, end = (self._x(each) + _WIDE // 2 for each in (here.lane, lane, there.lane))
        begin = self._top(here.layer) + _HIGH
        first, last, tip = begin + _ALLEY, self._top(there.layer) - _ALLEY, self._top(there.layer)
        half = _ALLEY // 2
        way = [f"M{x} {begin}"]
        if last < first:  # to the next layer: no way aside
            way.append(f"C{x} {begin + half} {end} {tip - half} {end} {tip - 4}")
        else:
            way.append(
                f"C{x} {begin + half} {aside} {begin + half} {aside} {first}V{last}C{aside} {tip - half} {end} {tip - half} {end} {tip - 4}"
            )
        held = fullness(stages[target]) > _FULL
        return (
            f'<path class="gs-edge{" gs-held" if held else ""}" d="{"".join(way)}"/>'
            f'<path class="{"gs-tip-held" if held else "gs-tip"}" d="M{end - 5} {tip - 7}h10l-5 7z"/>'
        )

    def _box(self, index: int) -> str:
        stage, place = self._stats.stages[index], self._places[index]
        high = _HIGH if stage.capacity else _SOURCE
        x, y = self._x(place.lane), self._top(place.layer) + _HIGH - high
        right, text = x + _WIDE - _PAD, x + _PAD + 16
        stuck = stage is self._stuck
        passed = " → ".join([*([amount(stage.taken)] if stage.capacity else []), *([amount(stage.given)] if stage.feeds else [])])
        parts = [
            f"<g><title>{escape(_tooltip(stage))}</title>",
            f'<rect class="gs-box{" gs-stuck" if stuck else ""}" x="{x}" y="{y}" width="{_WIDE}" height="{high}" rx="9"/>',
            f'<circle class="{_DOTS[stage.state]}" cx="{x + _PAD + 5}" cy="{y + 20}" r="5"/>',
            f'<text class="gs-ink gs-name" x="{text}" y="{y + 25}">{escape(clipped(name_of(stage), _NAME))}</text>',
            f'<text class="gs-ink gs-figure gs-right" x="{right}" y="{y + 25}">{per_second(stage.rate)}/s</text>',
            f'<text class="gs-muted" x="{text}" y="{y + 43}">{escape(clipped(_told(stage), _TOLD - 2 - len(passed)))}</text>',
            f'<text class="gs-muted gs-figure gs-right" x="{right}" y="{y + 43}">{passed}</text>',
        ]
        if stage.capacity:
            rail = _WIDE - 2 * _PAD - 16 - 74
            filled = round(rail * fullness(stage))
            colour = "gs-warm" if fullness(stage) > _FULL else "gs-bar"
            parts += [
                f'<rect class="gs-rail" x="{text}" y="{y + 55}" width="{rail}" height="7" rx="3.5"/>',
                f'<rect class="{colour}" x="{text}" y="{y + 55}" width="{filled}" height="7" rx="{min(3.5, filled / 2):g}"/>'
                if filled
                else "",
                f'<text class="gs-muted gs-figure gs-right" x="{right}" y="{y + 63}">{waiting(stage)}</text>',
            ]
        if stuck:
            parts += [
                f'<rect class="gs-warm" x="{right - 86}" y="{y - 9}" width="92" height="18" rx="9"/>',
                f'<text class="gs-badge" text-anchor="middle" x="{right - 40}" y="{y + 4}">{PACE}</text>',
            ]
        return "".join([*parts, "</g>"])


def _told(stage: StageStats) -> str:
    return " · ".join([stage.state.value, *([notes(stage)] if notes(stage) else [])])


def _tooltip(stage: StageStats) -> str:
    figures = [f"taken {amount(stage.taken)}"] if stage.capacity else []
    figures += [f"given {amount(stage.given)}"] if stage.feeds else []
    return f"{plain(stage.name)} ({stage.kind}): {', '.join([*figures, _told(stage)])}"
