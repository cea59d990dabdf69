"""A process of its own for every measure: what hangs, crashes or leaks is over with it."""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .model import Findings, Measure, Outcome, Plan

_ROOT = Path(__file__).resolve().parents[2]
_LAST_WORDS = 60  # lines of the process's error output that a failed measure shows


def run_measure(measure: Measure, plan: Plan) -> Outcome:
    """Run one measure in a fresh interpreter; never raises for what happens in there."""
    limit = measure.time_limit(plan)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "outcome.json")
        settings = json.dumps({"plan": dataclasses.asdict(plan), "result": str(result)})
        command = [sys.executable, "-m", "tests.benchmarks.runner", measure.name, settings]
        began = time.perf_counter()
        problem = _run(command, limit)
        seconds = time.perf_counter() - began
        if result.exists():
            outcome = Outcome.from_json(json.loads(result.read_text(encoding="utf-8")))
            return dataclasses.replace(outcome, seconds=seconds)
    return Outcome(measure.name, measure.title, Findings([]), seconds, problem or "no result")


def _run(command: list[str], limit: float) -> str:
    """Run to the end or to the limit; the empty string, or what went wrong."""
    process = subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
    try:
        _, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        # The whole group: a measure may have an Erlang node or a memory probe running.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        return f"no result within {limit:g} s\n{_last_words(errors)}"
    if process.returncode:
        return f"exit status {process.returncode}\n{_last_words(errors)}"
    return ""


def _last_words(errors: str) -> str:
    """Return the end of the error output, without this machine's paths."""
    lines = [line.replace(str(_ROOT) + os.sep, "") for line in errors.splitlines()]
    return "\n".join(lines[-_LAST_WORDS:])


def main(name: str, settings: str) -> None:
    """Be that process: run the measure, write its outcome, leave."""
    from .measures import MEASURES  # not above: the parent needs no contender imported

    given = json.loads(settings)
    plan = Plan(**given["plan"])
    measure = MEASURES[name]
    # The stacks of a measure that hangs are what one wants to see; just before the parent's patience ends.
    faulthandler.dump_traceback_later(max(1.0, measure.time_limit(plan) - 3.0))
    findings = measure.run(plan)
    faulthandler.cancel_dump_traceback_later()
    outcome = dataclasses.asdict(Outcome(name, measure.title, findings))
    Path(given["result"]).write_text(json.dumps(outcome), encoding="utf-8")
    sys.stderr.flush()
    # A contender that was given up on may have left threads that never end.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
