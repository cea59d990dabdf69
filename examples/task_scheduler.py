"""A report on the standard library, made by a scheduler: five tasks at once, a cron job, retries, a failure that somebody hears of.

    survey asyncio ─┐
    survey email ───┤
    survey xml ─────┼─> report ──> publish            janitor (cron, each second)      compare
    survey ... ─────┘              tried again        takes old locks away             fails for good

Five packages of this interpreter's library are read and parsed at the same time, on five threads, each with a bar that shows how far it
is. The report needs all five, and publishing needs the report: tasks that stand among the arguments of another are waited for. When it
comes to publishing, a lock is in the way that some program has left behind. So it fails, and is tried again, until the janitor has been
there, which comes each second and takes away what somebody has complained about. Comparing with the last report fails each time, because
there is none; who asked to be told of it is told once.

The bars are drawn where there is a terminal (with greenroom[cli]); into a file or a pipe go lines.
"""

from __future__ import annotations

import ast
import queue
import sysconfig
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors import ActorSystem
from actors.scheduler import Retry, Run, Scheduler, Task, report_progress, show_progress

from _terminal import print_table

LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = ("asyncio", "email", "multiprocessing", "unittest", "xml")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a package consists of."""

    package: str
    files: int
    lines: int
    functions: int
    longest: str
    longest_lines: int


def survey(package: str) -> Survey:
    files = sorted((LIBRARY / package).rglob("*.py"))
    lines = functions = longest_lines = 0
    longest = ""
    for number, path in enumerate(files):
        report_progress(number, len(files), str(path.relative_to(LIBRARY)))
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, FUNCTIONS):
                functions += 1
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > longest_lines:
                    longest, longest_lines = node.name, length
    report_progress(len(files), len(files))
    return Survey(package, len(files), lines, functions, longest, longest_lines)


def report(*surveys: Survey) -> list[Survey]:
    return sorted(surveys, key=lambda one: one.lines, reverse=True)


class Archive:
    """A folder for reports. Who writes there takes a lock; one that was left behind is in the way until the janitor has come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "report.lock"
        self.lock.touch()  # left behind by some program
        self.complained = threading.Event()

    def publish(self, surveys: list[Survey]) -> Path:
        try:
            self.lock.open("x").close()
        except FileExistsError:
            self.complained.set()
            raise
        page = self.folder / "report.txt"
        page.write_text("".join(f"{one.package}: {one.lines} lines\n" for one in surveys), encoding="utf-8")
        self.lock.unlink()
        return page

    def clean(self) -> None:
        if self.complained.is_set():
            self.complained.clear()
            self.lock.unlink(missing_ok=True)

    def compare(self) -> str:
        return (self.folder / "last-report.txt").read_text(encoding="utf-8")


def main() -> None:
    notices: queue.SimpleQueue[str] = queue.SimpleQueue()

    def failed(run: Run[Any]) -> None:
        notices.put(f"{run.task.name} has failed, {run.attempt} times: {type(run.error).__name__}")

    # Five threads for the surveys, and one for what comes meanwhile.
    with tempfile.TemporaryDirectory() as folder, ActorSystem() as system, Scheduler(system, threads=6) as scheduler:
        archive = Archive(Path(folder))
        with show_progress(scheduler):
            scheduler.cron("* * * * * *", archive.clean, name="janitor")
            surveys: list[Task[Survey]] = [scheduler.submit(survey, package, name=f"survey {package}") for package in PACKAGES]
            reporting = scheduler.submit(report, *surveys, name="report")
            again = Retry(attempts=100, initial=0.1, maximum=0.5, on=FileExistsError)
            publishing = scheduler.submit(archive.publish, reporting, name="publish", retry=again)
            scheduler.submit(archive.compare, name="compare", retry=Retry(attempts=2, initial=0.2), on_failure=failed)
            page = publishing.result()
            notice = notices.get()
        print_table("The library, by package", ("package", "files", "lines", "functions", "longest function"), rows(reporting.result()))
        print(f"\n{page.name} was published, and was refused before: {publishing.last is not None and publishing.last.attempt > 1}")
        print(notice)


def rows(surveys: list[Survey]) -> list[tuple[object, ...]]:
    return [(one.package, one.files, one.lines, one.functions, f"{one.longest} ({one.longest_lines} lines)") for one in surveys]


if __name__ == "__main__":
    main()
