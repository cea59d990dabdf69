"""The most tangled functions of the standard library, found on one processor and then on two.

Python runs one thread at a time, so threads do not make computing faster; processes do. The sources are dealt out as batches of files.
Each batch is a task of a scheduler, run in one of its worker processes; what comes back is small. A file that cannot be parsed is part
of a result, and no failure. A function that would never end is killed with its process, and nothing else is harmed.

Functions that run in processes are found there by import. So they stand at the top level, and what the program does stands under
`if __name__ == "__main__"`.
"""

from __future__ import annotations

import ast
import os
import sysconfig
import time
import warnings
from contextlib import closing
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from actors import ActorSystem
from actors.scheduler import Kind, Retry, Scheduler, Task, TaskTimeout, WorkerDiedError, report_progress

from _terminal import QUICK, open_bar, print_table

BATCH = 40  # files; large enough that handing a batch over costs nothing beside parsing it
FILES = 200 if QUICK else None
TOP = 10
BRANCHES = (ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.BoolOp, ast.comprehension, ast.match_case)


@dataclass(frozen=True, slots=True, order=True)
class Tangle:
    branches: int
    place: str


@dataclass(frozen=True, slots=True)
class Findings:
    functions: int
    unreadable: int
    worst: list[Tangle]


def measure(paths: list[str]) -> Findings:
    """Runs in a worker process: counts the branches of every function in these files."""
    warnings.simplefilter("ignore")  # old escapes in old sources
    tangles: list[Tangle] = []
    unreadable = 0
    for done, path in enumerate(paths):
        report_progress(done, len(paths), Path(path).name)  # crosses to the program some times a second at most
        try:
            tree = ast.parse(Path(path).read_bytes())
        except (SyntaxError, ValueError):  # some test the parser
            unreadable += 1
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                branches = sum(isinstance(inner, BRANCHES) for inner in ast.walk(node))
                tangles.append(Tangle(branches, f"{Path(path).name}: {node.name}"))
    return Findings(len(tangles), unreadable, nlargest(TOP, tangles))


def never_ends() -> None:
    while True:
        pass


def dies() -> None:
    os._exit(3)


def sources() -> list[str]:
    root = Path(sysconfig.get_paths()["stdlib"])
    found = sorted(str(path) for path in root.rglob("*.py") if "site-packages" not in path.parts)
    return found[:FILES]


def run(scheduler: Scheduler, files: list[str]) -> Findings:
    batches = [files[first : first + BATCH] for first in range(0, len(files), BATCH)]
    tasks: list[Task[Findings]] = [
        scheduler.submit(measure, batch, kind=Kind.PROCESS, timeout=120.0, retry=Retry(attempts=2)) for batch in batches
    ]
    findings: list[Findings] = []
    with closing(open_bar("batches")) as bar:
        for task in tasks:
            findings.append(task.result())
            bar.show(len(findings), len(tasks))
    return Findings(
        sum(one.functions for one in findings),
        sum(one.unreadable for one in findings),
        nlargest(TOP, [tangle for one in findings for tangle in one.worst]),
    )


def main() -> None:
    files = sources()
    seconds: list[float] = []
    findings = Findings(0, 0, [])
    with ActorSystem() as system:
        for processes in (1, 2):
            with Scheduler(system, processes=processes) as scheduler:
                scheduler.prewarm()  # the processes start now; the first runs wait for them all the same
                began = time.perf_counter()
                findings = run(scheduler, files)
                seconds.append(time.perf_counter() - began)
                print(f"{processes} {'process' if processes == 1 else 'processes'}: {len(files)} files in {seconds[-1]:.1f} s")
        print(f"{findings.functions:,} functions; {findings.unreadable} files are no Python, on purpose")
        print_table("functions with many branches", ("function", "branches"), [(one.place, one.branches) for one in findings.worst])

        with Scheduler(system, processes=1) as scheduler:
            for bad in (never_ends, dies):
                try:
                    scheduler.submit(bad, kind=Kind.PROCESS, timeout=0.5).result()
                except (TaskTimeout, WorkerDiedError) as error:
                    print(f"{type(error).__name__}: {error}")
            print("and the next run finds a new process:", scheduler.submit(pow, 7, 2, kind=Kind.PROCESS).result())


if __name__ == "__main__":
    main()
