"""Which names does the standard library use most? Counted by a pipeline of actors, over every source file of this interpreter.

    walker ──> readers ──> parsers ──> clerk <── screen
         bounded     bounded                asks

Finding files is faster than reading them, and reading is faster than parsing. So readers and parsers have bounded mailboxes:
whoever sends to a full one waits, and no more than a handful of texts is ever in memory. Some files cannot be decoded or parsed,
on purpose: they test the interpreter. They end in a list and not in a crash; at the end *found = counted + failed*.

Ctrl-C ends it in order: the walker first, then each stage with the mail it has, the clerk last; so what was begun is still counted.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import sysconfig
import tokenize
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from actors import Actor, ActorRef, ActorSystem, Bounded, DeadLetter, Down, Request, ShutdownReport, handler
from actors.events import ActorCrashed

from _terminal import QUICK, Bar, open_bar, print_table

BATCH = 20  # files the walker sends before it looks at its mail again
NOT_THE_LIBRARY = {"__pycache__", "dist-packages", "site-packages"}


# -- messages --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Walk:
    """Find all source files below this folder."""

    root: Path


@dataclass(frozen=True, slots=True)
class SendOn:
    """The walker tells itself to send some more. Between two of these it can be stopped."""


@dataclass(frozen=True, slots=True)
class Found:
    """There are so many files."""

    files: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """So many files will not be read, because the walker was stopped."""

    files: int


@dataclass(frozen=True, slots=True)
class Read:
    """Read this file."""

    path: Path


@dataclass(frozen=True, slots=True)
class Parse:
    """Parse this text."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Uses:
    """A file uses each of these names so often. Nobody changes the counter once it is sent."""

    names: Counter[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """A file could not be counted."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the census is."""

    done: int
    found: int


@dataclass(frozen=True, slots=True)
class HowFar(Request[Progress]):
    """How far is the census? Being a `Request[Progress]`, asking it gives a `Progress`, as the type checker knows."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time to draw the progress bar."""


@dataclass(slots=True)
class Census:
    """The result. The clerk's own until it stops, then published."""

    found: int = 0
    counted: int = 0
    skipped: int = 0
    failures: list[Failed] = field(default_factory=list)
    uses: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Files that were looked at."""
        return self.counted + len(self.failures)

    @property
    def adds_up(self) -> bool:
        """Whether every file has met a fate that is known."""
        return self.found == self.done + self.skipped


# -- actors ----------------------------------------------------------------------------------------------------------------


class Clerk(Actor):
    """Adds up. The only actor that knows the result, so nothing needs a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.census = Census()
        self.walk_is_over = False

    @handler
    def on_found(self, message: Found) -> None:
        self.census.found += message.files

    @handler
    def on_uses(self, message: Uses) -> None:
        self.census.counted += 1
        self.census.uses.update(message.names)
        self.census.files.update(message.names.keys())
        self.finish()

    @handler
    def on_failed(self, message: Failed) -> None:
        self.census.failures.append(message)
        self.finish()

    @handler
    def on_skipped(self, message: Skipped) -> None:
        self.census.skipped += message.files

    @handler
    def on_dead_letter(self, letter: DeadLetter) -> None:
        """Should a reader or parser ever end before its mail, the system tells what was in it."""
        if isinstance(letter.message, Read | Parse):
            self.on_failed(Failed(letter.message.path, f"not handled: {letter.reason.value}"))

    @handler
    def on_how_far(self, _: HowFar) -> Progress:
        return Progress(self.census.done, self.census.found)

    @handler
    def on_walker_down(self, _: Down) -> None:
        """A watched actor's end is told after everything it sent: no `Found` can come behind this."""
        self.walk_is_over = True
        self.finish()

    def finish(self) -> None:
        if self.walk_is_over and self.census.adds_up:
            self.system.request_shutdown()

    def on_stop(self) -> None:
        self.system.events.publish(self.census)


class Parser(Actor, mailbox=Bounded(16)):
    """Counts the names in one text at a time."""

    def __init__(self, clerk: ActorRef[Clerk]) -> None:
        super().__init__()
        self.clerk = clerk

    @handler
    def on_parse(self, message: Parse) -> None:
        try:
            names = Counter(names_in(ast.parse(message.text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.clerk.tell(Failed(message.path, f"cannot be parsed: {in_words(error, message.path)}"))
        else:
            self.clerk.tell(Uses(names))


class Reader(Actor, mailbox=Bounded(16)):
    """Reads one file at a time, and simply blocks meanwhile: other actors run on."""

    def __init__(self, parsers: list[ActorRef[Parser]], clerk: ActorRef[Clerk]) -> None:
        super().__init__()
        self.parsers = cycle(parsers)
        self.clerk = clerk

    @handler
    def on_read(self, message: Read) -> None:
        try:
            with tokenize.open(message.path) as file:  # decodes as the interpreter would
                text = file.read()
        except (OSError, SyntaxError, ValueError) as error:
            self.clerk.tell(Failed(message.path, f"cannot be read: {in_words(error, message.path)}"))
        else:
            next(self.parsers).tell(Parse(message.path, text))  # waits while that parser's mailbox is full


class Walker(Actor):
    """Finds the files and sends them to the readers, a batch a message. Ends when all are sent."""

    def __init__(self, readers: list[ActorRef[Reader]], clerk: ActorRef[Clerk], *, every: int) -> None:
        super().__init__()
        self.readers = cycle(readers)
        self.clerk = clerk
        self.every = every
        self.files: deque[Path] = deque()

    @handler
    def on_walk(self, message: Walk) -> None:
        self.files.extend(islice(self.find(message.root), 0, None, self.every))
        self.clerk.tell(Found(len(self.files)))
        self.actor_ref.tell(SendOn())

    @handler
    def on_send_on(self, again: SendOn) -> None:
        for _ in range(min(BATCH, len(self.files))):
            next(self.readers).tell(Read(self.files.popleft()))  # waits while that reader's mailbox is full
        if self.files:
            self.actor_ref.tell(again)
        else:
            self.stop()

    def on_stop(self) -> None:
        if self.files:
            self.clerk.tell(Skipped(len(self.files)))

    def find(self, root: Path) -> Iterator[Path]:
        for folder, folders, files in os.walk(root, onerror=self.on_closed_folder):
            folders[:] = sorted(set(folders) - NOT_THE_LIBRARY)
            yield from (Path(folder, file) for file in sorted(files) if file.endswith(".py"))

    def on_closed_folder(self, error: OSError) -> None:
        folder = Path(error.filename)
        self.clerk.tell(Found(1))
        self.clerk.tell(Failed(folder, f"cannot be listed: {in_words(error, folder)}"))


class Screen(Actor):
    """Draws the progress bar, ten times a second."""

    def __init__(self, bar: Bar, clerk: ActorRef[Clerk]) -> None:
        super().__init__()
        self.bar = bar
        self.clerk = clerk

    def on_start(self) -> None:
        self.start_periodic_timer("tick", 0.1, Tick())

    @handler
    def on_tick(self, _: Tick) -> None:
        progress = self.clerk.ask(HowFar())
        self.bar.show(progress.done, progress.found)

    def on_stop(self) -> None:
        self.on_tick(Tick())


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def in_words(error: Exception, path: Path) -> str:
    text = (error.strerror if isinstance(error, OSError) else getattr(error, "msg", None)) or str(error) or type(error).__name__
    return text.replace(str(path), path.name)


# -- the program -----------------------------------------------------------------------------------------------------------


def take_census(root: Path, *, every: int, workers: int) -> tuple[Census | None, list[ActorCrashed], ShutdownReport]:
    """Run the pipeline until everything is counted, or until Ctrl-C."""
    results: list[Census] = []
    crashes: list[ActorCrashed] = []
    with closing(open_bar("files counted")) as bar, ActorSystem("census") as system:
        system.events.subscribe(Census, results.append)
        system.events.subscribe(ActorCrashed, crashes.append)
        system.events.subscribe(ActorCrashed, lambda _: system.request_shutdown())

        # The end comes in reverse start order: the walker stops first, and the clerk when nobody is left to tell it anything.
        clerk = system.spawn(Clerk, name="clerk")
        system.events.subscribe(DeadLetter, clerk)
        system.spawn(Screen, bar, clerk, name="screen")
        parsers = [system.spawn(Parser, clerk, name=f"parser-{number}") for number in range(workers)]
        readers = [system.spawn(Reader, parsers, clerk, name=f"reader-{number}") for number in range(workers)]
        walker = system.spawn(Walker, readers, clerk, every=every, name="walker")

        clerk.call(Clerk.watch, walker).get()
        walker.tell(Walk(root))
        ended = system.run()
    return (results[0] if results else None), crashes, ended


def report(census: Census, root: Path, top: int) -> None:
    names = [(name, uses, census.files[name]) for name, uses in census.uses.most_common(top)]
    print_table("The most used names", ("name", "uses", "files"), names)
    if census.failures:
        failures = sorted((str(failed.path.relative_to(root)), failed.reason) for failed in census.failures)
        print_table("Not counted", ("file", "reason"), failures)
    skipped = f" + {census.skipped:,} not read" if census.skipped else ""
    sign, verdict = ("=", "nothing is lost") if census.adds_up else ("≠", "some files are LOST")
    print(f"\n{census.found:,} files found {sign} {census.counted:,} counted + {len(census.failures):,} failed{skipped}: {verdict}")


def main() -> int:
    arguments = argparse.ArgumentParser(description="Count the names used in Python source files, with a pipeline of actors.")
    arguments.add_argument("path", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")), help="a folder (the standard library)")
    arguments.add_argument("--top", type=int, default=15, metavar="N", help="how many names to show (15)")
    arguments.add_argument("--workers", type=int, default=4, metavar="N", help="how many readers, and how many parsers (4)")
    arguments.add_argument("--every", type=int, default=6 if QUICK else 1, metavar="N", help="count every Nth file only")
    options = arguments.parse_args()
    if not options.path.is_dir():
        arguments.error(f"path: {options.path} is not a folder")
    if min(options.top, options.workers, options.every) < 1:
        arguments.error("--top, --workers and --every take numbers from 1")

    warnings.simplefilter("ignore")  # what the parser would warn about is other people's code
    census, crashes, ended = take_census(options.path, every=options.every, workers=options.workers)
    if census is not None:
        report(census, options.path, options.top)
    if ended.signal:
        print(f"ended by {ended.signal.name}")
        return 128 + ended.signal
    if crashes:  # a mistake of ours; those that follow the first follow from it
        print(f"{crashes[0].ref.path} crashed: {type(crashes[0].error).__name__}: {crashes[0].error}")
        return 1
    return 0 if census and census.adds_up else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the system runs, or after
        sys.exit(130)
