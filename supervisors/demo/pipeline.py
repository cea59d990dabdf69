"""Demo: a supervised pipeline over the standard library's sources, and a random killer. What comes out is exact all the same."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from supervisors.demo.census import Census, Clerk, GetCensus
from supervisors.demo.desk import Desk, Finish, GetFigures, Known
from supervisors.demo.parts import Order, Victim
from supervisors.demo.stage import Claim, Demo, Progress
from supervisors.demo.stations import Parser, Reader, names_in, text_of
from supervisors.spec import child
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from actors import Actor, ActorRef, ActorSystem
    from supervisors.demo.books import Books
    from supervisors.demo.desk import Figures
    from supervisors.demo.stage import Stage
    from supervisors.nodes import TreeNode

__all__ = ["Pipeline"]

READERS, PARSERS = 3, 4
TOP = 10  # names that are told at the end
SAMPLE = 10  # of so many files, the names of one are counted again: all of them would take as long as the demo


class Crew(Supervisor, intensity=100, period=10.0):
    """Workers of one kind, all the same."""

    def __init__(self, kind: type[Actor], number: int, name: str, desk: ActorRef[Desk]) -> None:
        super().__init__([child(kind, desk, name=f"{name}-{one}") for one in range(1, number + 1)])


class Line(Supervisor, intensity=100, period=10.0):
    """The whole pipeline."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        clerk = child(Clerk, name="clerk")
        desk = child(Desk, clerk, files, name="desk")
        super().__init__(
            [
                clerk,
                desk,
                child(Crew, Parser, PARSERS, "parser", desk, name="parsers"),
                child(Crew, Reader, READERS, "reader", desk, name="readers"),
            ]
        )


class Pipeline(Demo):
    """See the module's docstring."""

    name = "pipeline"
    title = "a pipeline over real files survives a random killer"
    about = "Counts the names in the standard library. Workers crash, hang and are killed meanwhile; each file is counted exactly once."
    seconds = None
    chaotic = True
    pace = 0.8

    def __init__(self, *, quick: bool = False) -> None:
        super().__init__(quick=quick)
        self._root = Path(sysconfig.get_path("stdlib"))
        self._files = tuple(find(self._root)[:: 12 if quick else 2])
        self._census = Census()
        self._figures: Figures | None = None

    def build(self, system: ActorSystem) -> None:
        """Start the pipeline; the rest follows by itself."""
        system.spawn(Line, self._files, name="line")

    def victims(self) -> list[Victim]:
        """Return everybody; but those that keep the books can only be made to crash, which they survive with their books."""
        workers = [f"/line/parsers/parser-{one}" for one in range(1, PARSERS + 1)]
        workers += [f"/line/readers/reader-{one}" for one in range(1, READERS + 1)]
        return [*map(Victim, workers), *(Victim(path, (Order.CRASH,)) for path in ("/line/desk", "/line/clerk"))]

    def is_done(self, books: Books) -> bool:
        """Tell whether all files have met their fate."""
        known = books.last_of(Known)
        return known is not None and known.files == len(self._files)

    def progress(self, books: Books) -> Progress:
        """Return how many files have met their fate."""
        known = books.last_of(Known)
        return Progress(known.files if known is not None else 0, len(self._files), "files")

    def wind_down(self, stage: Stage) -> None:
        """Begin with no further file, wait for those that were begun, and take over the books."""
        desk, clerk = stage.system.lookup("/line/desk"), stage.system.lookup("/line/clerk")
        assert desk is not None  # they crash, but they do not end
        assert clerk is not None
        desk.ask(Finish(), timeout=10.0)
        stage.wait_until(lambda: not desk.ask(GetFigures(), timeout=10.0).held)
        stage.wait_until(stage.settled)
        self._figures = desk.ask(GetFigures(), timeout=10.0)
        self._census = clerk.ask(GetCensus(), timeout=10.0)

    def results(self, books: Books) -> list[str]:
        """Return the names that are used most."""
        del books
        census = self._census
        width = max((len(name) for name, _ in census.names.most_common(TOP)), default=0)
        rows = [f"  {name:<{width}}  {uses:>8,}" for name, uses in census.names.most_common(TOP)]
        return [f"The names used most in {len(census.lines):,} files:", *rows, ""] if rows else []

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Compare the books of the pipeline with each other, with the kernel's, and with a plain loop over the same files."""
        del last
        figures, census = self._figures, self._census
        if figures is None:
            return [Claim("the pipeline comes to an end", "it did not", holds=False)]
        counted, failed = len(census.lines), len(census.failures)
        wrong = sum(lines != lines_in(self._files[number]) for number, lines in census.lines.items())
        again = [number for number in census.uses if number % SAMPLE == 0]
        odd = sum(census.uses[number] != names_in(text_of(self._files[number])).total() for number in again)
        odd += census.names.total() != sum(census.uses.values())
        restarts = sum(len(books.decisions(path)) for path in ("/line", "/line/parsers", "/line/readers"))
        failures = books.failures(victim.path for victim in self.victims())
        told = sum(books.dead.values())
        return [
            Claim(
                "every file has one fate",
                f"{len(self._files):,} files = {counted:,} counted + {failed:,} unusable + {figures.left:,} not begun",
                holds=len(self._files) == counted + failed + figures.left and not census.twice,
            ),
            Claim(
                "each is counted right",
                f"{sum(census.lines.values()):,} lines; a plain loop counts {wrong} of the files differently",
                holds=not wrong,
            ),
            Claim(
                "so are the names",
                f"{census.names.total():,} uses; counted again in {len(again):,} files, {odd} sums differ",
                holds=not odd,
            ),
            Claim(
                "each job is done, or given again",
                f"{figures.given:,} given = {figures.done:,} done + {figures.again:,} taken back; {figures.late:,} came too late",
                holds=figures.given == figures.done + figures.again and not figures.held,
            ),
            Claim("who fails is restarted", f"{failures} crashes and kills = {restarts} restarts", holds=failures == restarts),
            Claim("every dead letter is told", f"{told} told = {books.dead_letters()} counted", holds=told == books.dead_letters()),
        ]


def find(root: Path) -> list[Path]:
    """Return the source files below a folder, in an order that does not change, without what was installed besides."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - {"__pycache__", "site-packages", "dist-packages"})
        found += [Path(folder, file) for file in sorted(files) if file.endswith(".py")]
    return found


def lines_in(path: Path) -> int:
    """Return how many lines a file has, counted without any actor."""
    return path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")
