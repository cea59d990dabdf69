"""The report on the terminal: by rich where it is installed, in plain columns where not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from . import units
from .harness import ratio
from .model import RATES, Check, Figure, Outcome

try:
    from rich.console import Console
    from rich.table import Table as RichTable
except ImportError:
    Console = None  # type: ignore[assignment, misc]

OK, MISS = "ok", "MISS"


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Titles and rows of text; all columns but the first are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def figures_table(outcome: Outcome) -> Table:
    """One row a contender: median, spread, time for one operation, ratios."""
    found = outcome.findings
    present = {figure.contender for figure in found.figures}
    references = [name for name in found.references if name in present]
    compared = any(figure.unit in RATES for figure in found.figures)
    each = ("each",) if compared else ()
    columns = ("contender", "median", "min", "max", *each, *(f"× {name}" for name in references))
    rows = []
    for figure in found.figures:
        ratios = [_ratio(found.figures, figure, name) for name in references]
        one = (units.each(figure),) if compared else ()
        rows.append((figure.contender, *_spread(figure), *one, *ratios))
    rounds = max((len(figure.samples) for figure in found.figures), default=0)
    title = f"{outcome.measure}: {outcome.title} ({rounds} round{'s' * (rounds != 1)}, {outcome.seconds:.0f} s)"
    return Table(title, columns, tuple(rows))


def checks_table(outcomes: Sequence[Outcome], *, title: str) -> Table:
    """One row for every line of the acceptance table."""
    rows: list[tuple[str, ...]] = []
    for outcome in outcomes:
        if outcome.error:
            rows.append((outcome.title, outcome.error.splitlines()[0], "—", "", MISS))
        for check in outcome.findings.checks:
            claim = f"{check.claim}: {check.problem}" if check.problem else check.claim
            verdict = (units.reached(check), units.wanted(check), OK if check.ok else MISS)
            rows.append((outcome.title, claim, *verdict))
    return Table(title, ("measure", "what", "figure", "reach", ""), tuple(rows), left=2)


def remarks(outcome: Outcome) -> list[str]:
    """Say what does not fit into a table: the measure's note, and why contenders failed."""
    failed = [f"{figure.contender} failed: {figure.error}" for figure in outcome.findings.figures if figure.error]
    return [outcome.findings.note, *failed] if outcome.findings.note else failed


def misses(outcomes: Sequence[Outcome]) -> int:
    """Count what was not reached, measures without a result included."""
    checks: list[Check] = [check for outcome in outcomes for check in outcome.findings.checks]
    return sum(not check.ok for check in checks) + sum(bool(outcome.error) for outcome in outcomes)


def show(table: Table) -> None:
    """Print a table."""
    if Console is None:
        print(_plain(table))
        return
    view = RichTable()
    for index, column in enumerate(table.columns):
        view.add_column(column, justify="left" if index < table.left else "right")
    for row in table.rows:
        style = {OK: "green", MISS: "red"}.get(row[-1], "")
        view.add_row(*row[:-1], f"[{style}]{row[-1]}[/]" if style else row[-1])
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table.title, style="bold", highlight=False, markup=False)  # as the table's own title it would wrap
    console.print(view)


def show_outcome(outcome: Outcome) -> None:
    """Print one measure's figures, or why there are none."""
    if outcome.error:
        print(f"{outcome.measure}: {outcome.title}: {MISS}\n{outcome.error}\n")
        return
    show(figures_table(outcome))
    for remark in remarks(outcome):
        print(remark)
    print()


def _plain(table: Table) -> str:
    lines: list[tuple[str, ...]] = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    text = [table.title]
    for line in lines:
        cells = [
            cell.ljust(width) if index < table.left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  " + "  ".join(cells).rstrip())
    return "\n".join([*text, ""])


def _ratio(figures: Sequence[Figure], figure: Figure, reference: str) -> str:
    same_unit = all(f.unit == figure.unit for f in figures if f.contender == reference)
    return units.times(ratio(figures, figure.contender, reference)) if same_unit else ""


def _spread(figure: Figure) -> tuple[str, str, str]:
    if figure.error:
        return "failed", "", ""
    median = figure.median
    if median is None:
        return "no sample", "", ""
    low, high = min(figure.samples), max(figure.samples)
    return tuple(units.quantity(value, figure.unit) for value in (median, low, high))  # type: ignore[return-value]
