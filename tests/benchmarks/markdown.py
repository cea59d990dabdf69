"""The report as a section of a Markdown page, between two comments that mark its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .model import Outcome
from .report import Table, checks_table, figures_table, remarks

ALL = "benchmarks"


def write(
    page: Path, environment: dict[str, Any], outcomes: Sequence[Outcome], *, quick: bool, chart: Path | None, place: str = ALL
) -> None:
    """Replace what is between the marks.

    Args:
        page: the Markdown file.
        environment: what the figures were measured on.
        outcomes: the figures.
        quick: whether they come from a quick run.
        chart: the drawing to show, if there is one.
        place: the word in the marks.

    Raises:
        ValueError: the page has no such place.
    """
    first, last = f"<!-- {place}:begin -->", f"<!-- {place}:end -->"
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the figures: it needs {first} and {last}")
    lines = _section(environment, outcomes, quick=quick)
    if chart is not None and chart.exists():
        image = os.path.relpath(chart, page.parent).replace(os.sep, "/")
        lines = [f"![Operations per second of all contenders in each comparison]({image})", "", *lines]
    section = "\n".join(lines)
    page.write_text(f"{before}{first}\n\n{section}\n{last}{after}", encoding="utf-8")


def _section(environment: dict[str, Any], outcomes: Sequence[Outcome], *, quick: bool) -> list[str]:
    versions = [f"{name} {version}" for name, version in environment["versions"].items() if version]
    machine = f"{environment['system']} {environment['machine']}, {environment['cpus']} processors"
    interpreter = f"{environment['implementation']} {environment['python']}"
    lines = [f"{interpreter}, {machine}; {', '.join(versions)}.", ""]
    if quick:
        lines += ["A quick run: it proves that everything runs, and judges nothing.", ""]
    lines += ["### What must be reached", "", *_table(checks_table(outcomes, title=""))]
    lines += ["### All figures", ""]
    for outcome in outcomes:
        lines += [f"**{outcome.measure}**: {outcome.title}", ""]
        if outcome.error:
            lines += [f"No result: {outcome.error.splitlines()[0]}", ""]
        else:
            lines += _table(figures_table(outcome))
        for remark in remarks(outcome):
            lines += [remark, ""]
    return lines


def _table(table: Table) -> list[str]:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    sides = ["---" if index < table.left else "--:" for index in range(len(table.columns))]
    return [row(table.columns), row(sides), *map(row, table.rows), ""]
