"""The chart of the docs: one small plot a comparison, rates on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import units
from .model import RATES, Figure, Outcome

_COLUMNS = 3
_OURS, _BARE, _OTHERS = "#0b7a75", "#b8b8b8", "#d98e5f"


def draw(path: Path, outcomes: Sequence[Outcome], *, note: str) -> str:
    """Draw the chart as SVG; the empty string, or the reason why there is none."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as Canvas
        from matplotlib.ticker import NullFormatter
    except ImportError:
        return "no chart: matplotlib is not installed"
    plots = [(outcome, _comparable(outcome)) for outcome in outcomes]
    plots = [(outcome, figures) for outcome, figures in plots if len(figures) > 1]
    if not plots:
        return "no chart: nothing was compared"
    rows = -(-len(plots) // _COLUMNS)
    # The same figures must give the same file: no date, no random ids; text as text keeps it small.
    settings: dict[Any, Any] = {"svg.hashsalt": "greenroom", "svg.fonttype": "none", "font.size": 8}
    with mpl.rc_context(settings):
        canvas = Canvas(figsize=(13, 0.5 + 2.3 * rows), layout="constrained")
        grid = canvas.subplots(rows, _COLUMNS, squeeze=False)
        places: list[Any] = list(grid.flat)
        for place, (outcome, figures) in zip(places, plots, strict=False):
            _plot(place, outcome.title, figures)
            place.xaxis.set_minor_formatter(NullFormatter())
        for place in places[len(plots) :]:
            place.axis("off")
        canvas.suptitle(f"Operations per second, more is better. {note}", fontsize=9)
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return ""


def _comparable(outcome: Outcome) -> list[Figure]:
    return [f for f in outcome.findings.figures if f.unit in RATES and f.median and not f.error]


def _plot(place: Any, title: str, figures: Sequence[Figure]) -> None:
    ordered = sorted(figures, key=lambda figure: figure.median or 0.0)
    rates = [figure.median or 0.0 for figure in ordered]
    names = [figure.contender for figure in ordered]
    # Dots and not bars: on a logarithmic axis a bar's length would mean nothing.
    place.hlines(names, min(rates) / 3, rates, color="#e4e4e4", linewidth=1, zorder=1)
    place.scatter(rates, names, color=[_colour(name) for name in names], s=40, zorder=2)
    for name, rate in zip(names, rates, strict=True):
        place.annotate(units.scaled(rate), (rate, name), (7, 0), textcoords="offset points", va="center")
    place.set_ylim(-0.6, len(names) - 0.4)
    place.set_xscale("log")
    place.set_xlim(min(rates) / 3, max(rates) * 6)
    place.set_title(title, loc="left", fontsize=9, fontweight="bold")
    place.tick_params(axis="x", labelsize=6)
    for side in ("top", "right", "left"):
        place.spines[side].set_visible(False)


def _colour(name: str) -> str:
    if name.startswith("greenroom"):
        return _OURS
    return _BARE if name == "bare loop" else _OTHERS
