"""The command: ``python -m tests.benchmarks --help``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import chart, environment, markdown, report
from .measures import GROUPS, MEASURES
from .model import Outcome, Plan
from .runner import run_measure


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small sizes: proves that it runs")
    options.add_argument("--only", nargs="+", metavar="NAME", choices=[*MEASURES, *GROUPS], help="these measures")
    options.add_argument("--rounds", type=int, help="turns for each contender (5; quick 3)")
    options.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")
    options.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the comparisons")
    options.add_argument("--markdown", type=Path, metavar="FILE", help="renew the figures in a page")
    options.add_argument("--strict", action="store_true", help="exit status 1 if anything is missed")
    options.add_argument("--list", action="store_true", help="list the measures and leave")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measures one after the other and report."""
    options = parser().parse_args(arguments)
    names = [name for given in options.only or MEASURES for name in GROUPS.get(given, (given,))]
    chosen = [MEASURES[name] for name in dict.fromkeys(names)]
    if options.list:
        for measure in chosen:
            print(f"{measure.name:18} {measure.title}")
        for group, members in GROUPS.items():
            print(f"{group:18} {', '.join(members)}")
        return 0
    plan = Plan(options.quick, options.rounds or (3 if options.quick else 5))
    facts = environment.describe()
    print(_headline(facts, plan), end="\n\n")
    outcomes = []
    for measure in chosen:
        outcome = run_measure(measure, plan)
        outcomes.append(outcome)
        report.show_outcome(outcome)
    if any(outcome.findings.checks or outcome.error for outcome in outcomes):
        report.show(report.checks_table(outcomes, title="What must be reached"))
    _write(options, facts, plan, outcomes)
    missed = report.misses(outcomes)
    print(f"{missed} missed" if missed else "everything reached", end="")
    print(" (a quick run judges nothing)" if plan.quick else "")
    return int(options.strict and missed > 0)


def _headline(facts: dict[str, Any], plan: Plan) -> str:
    size = "quick" if plan.quick else "full size"
    load = facts["load_before"]
    return (
        f"{facts['implementation']} {facts['python']}, {facts['cpus']} processors, "
        f"load {load} before; {size}, {plan.rounds} interleaved rounds"
    )


def _write(options: argparse.Namespace, facts: dict[str, Any], plan: Plan, outcomes: list[Outcome]) -> None:
    if options.json:
        everything = {
            "environment": facts,
            "plan": dataclasses.asdict(plan),
            "outcomes": [_with_verdicts(outcome) for outcome in outcomes],
        }
        text = json.dumps(everything, indent=1, ensure_ascii=False)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    if options.chart:
        problem = chart.draw(options.chart, outcomes, note=_headline(facts, plan))
        print(problem or f"chart: {options.chart}")
    if options.markdown:
        # A group of measures has a place of its own, so that it can be renewed without the others.
        alone = options.only is not None and len(options.only) == 1 and options.only[0] in GROUPS
        place = options.only[0] if alone else markdown.ALL
        markdown.write(options.markdown, facts, outcomes, quick=plan.quick, chart=options.chart, place=place)


def _with_verdicts(outcome: Outcome) -> dict[str, Any]:
    """Add to the record what follows from it, for readers that do not compute."""
    data = dataclasses.asdict(outcome)
    for figure, record in zip(outcome.findings.figures, data["findings"]["figures"], strict=True):
        record["median"] = figure.median
    for check, record in zip(outcome.findings.checks, data["findings"]["checks"], strict=True):
        record["ok"] = check.ok
    return data


if __name__ == "__main__":
    sys.exit(main())
