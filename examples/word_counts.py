"""Which words are the most frequent in the sources of the standard library? Counted by stages that channels connect.

    finder ──paths──> readers ──texts──> splitters ──words──> counters ──tallies──> here
                         └──────────────────failures──────────────────────────────>

All channels are bounded. Whoever sends to a full one waits, and so does everybody before it: however large the folder is, only a few
pieces of text are ever in memory. Several actors share each channel, so a stage that is slow gets more of them, and no other stage has
to know.

The main thread takes whatever comes first, a tally, a failure, or the tick that says it is time to show what waits where: that is a
`select`. When a stage ends, it closes what it sends to, and so the end travels down to the last one. Ctrl-C closes the first channel: what
was begun is still counted.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import sysconfig
import tokenize
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from actors import Actor, ActorSystem, SystemConfig, get_all, handler
from actors.channels import Channel, ChannelClosedError, ChannelFullError, Receiver, Selected, Sender, open_channel, select

from _terminal import QUICK, print_table

PIECE = 2**15  # characters; a file is read in pieces, so that a huge one is no more of a burden than a small one
WORD = re.compile(r"[a-z]{2,}")
NOT_THE_LIBRARY = {"__pycache__", "dist-packages", "site-packages"}


# -- what the stages are told: from where to where -------------------------------------------------------------------------


@dataclass(frozen=True)
class Find:
    root: Path
    every: int
    paths: Sender[Path]


@dataclass(frozen=True)
class Read:
    paths: Receiver[Path]
    texts: Sender[str]
    failures: Sender[Failure]


@dataclass(frozen=True)
class Split:
    texts: Receiver[str]
    words: Sender[list[str]]


@dataclass(frozen=True)
class Count:
    words: Receiver[list[str]]
    tallies: Sender[Counter[str]]


@dataclass(frozen=True)
class Failure:
    path: Path
    reason: str


# -- the stages ------------------------------------------------------------------------------------------------------------


class Finder(Actor):
    @handler
    def on_find(self, message: Find) -> int:
        """Return how many files were sent on."""
        found = 0
        with message.paths as paths, suppress(ChannelClosedError):  # closed by Ctrl-C: no more files
            for path in islice(self.walk(message.root), 0, None, message.every):
                paths.send(path)
                found += 1
        return found

    def walk(self, root: Path) -> Iterator[Path]:
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(set(folders) - NOT_THE_LIBRARY)
            yield from (Path(folder, file) for file in sorted(files) if file.endswith(".py"))


class Reader(Actor):
    @handler
    def on_read(self, message: Read) -> int:
        """Return how many files were read to their end."""
        done = 0
        with message.texts as texts, message.failures as failures:
            for path in message.paths:
                try:
                    for text in pieces(path):
                        texts.send(text)
                    done += 1
                except (OSError, SyntaxError, ValueError) as error:  # some tests of the interpreter cannot be decoded, on purpose
                    failures.send(Failure(path, type(error).__name__))
        return done


class Splitter(Actor):
    @handler
    def on_split(self, message: Split) -> int:
        """Return how many words were sent on."""
        number = 0
        with message.words as words:
            for text in message.texts:
                found = WORD.findall(text.lower())
                number += len(found)
                words.send(found)
        return number


class Tallier(Actor):
    @handler
    def on_count(self, message: Count) -> None:
        tally: Counter[str] = Counter()
        with message.tallies as tallies:
            for words in message.words:
                tally.update(words)
            tallies.send(tally)


class Ticker(Actor):
    """Says ten times a second that it is time to look."""

    def __init__(self, ticks: Channel[None]) -> None:
        super().__init__()
        self.ticks = ticks

    def on_start(self) -> None:
        self.start_periodic_timer("tick", 0.1, "tick")

    def on_receive(self, _: Any) -> None:
        with suppress(ChannelFullError):  # the last one was not looked at yet: that will do
            self.ticks.send_nowait(None)


def pieces(path: Path) -> Iterator[str]:
    """Yield the text of a file, in pieces that end with a line."""
    with tokenize.open(path) as file:  # decodes as the interpreter would
        while lines := file.readlines(PIECE):
            yield "".join(lines)


# -- the program -----------------------------------------------------------------------------------------------------------


@dataclass
class Census:
    tally: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    found: int = 0
    read: int = 0
    words: int = 0
    interrupted: bool = False

    @property
    def adds_up(self) -> bool:
        """Whether every file and every word has met a fate that is known."""
        return self.found == self.read + len(self.failures) and self.words == self.tally.total()


class Pipeline:
    """The channels, who works between them, and what comes out."""

    def __init__(self, system: ActorSystem, root: Path, *, every: int, workers: int) -> None:
        self.paths = Channel[Path](16, name="paths")
        texts_in, self.texts = open_channel(8, of=str, name="texts")
        words_in, self.words = open_channel(8, of=list, name="words")
        tallies_in, self.tallies = open_channel(0, of=Counter, name="tallies")
        failures_in, self.failures = open_channel(0, of=Failure, name="failures")
        self.ticks = Channel[None](1, name="ticks")
        self.census = Census()

        self.finder = system.spawn(Finder).ask(Find(root, every, self.paths.sender()), block=False)
        self.readers, self.splitters, self.counters = [], [], []
        for _ in range(workers):
            self.readers.append(system.spawn(Reader).ask(Read(self.paths.receiver(), texts_in.clone(), failures_in.clone()), block=False))
            self.splitters.append(system.spawn(Splitter).ask(Split(self.texts, words_in.clone()), block=False))
            self.counters.append(system.spawn(Tallier).ask(Count(self.words, tallies_in.clone()), block=False))
        for end in (texts_in, words_in, tallies_in, failures_in):
            end.close()  # the actors have clones
        system.spawn(Ticker, self.ticks)
        self.finder.add_done_callback(lambda _: self.paths.close())  # it has sent all there is

    def run(self) -> Census:
        """Collect until both results have ended."""
        census = self.census
        results: list[Receiver[Any]] = [self.tallies, self.failures]
        while results:
            try:
                self.take(select(self.ticks, *results), results)
            except KeyboardInterrupt:
                census.interrupted = True
                self.paths.close()
        census.found = self.finder.get()
        census.read = sum(get_all(self.readers))
        census.words = sum(get_all(self.splitters))
        get_all(self.counters)
        return census

    def take(self, chosen: Selected, results: list[Receiver[Any]]) -> None:
        """Do what there is to do with what came."""
        match chosen:
            case Selected(ended=True, case=result):
                results.remove(result)
            case Selected(value=Counter() as tally):
                self.census.tally += tally
            case Selected(value=Failure() as failure):
                self.census.failures.append(failure)
            case _:
                self.show()

    def show(self) -> None:
        """Draw the line of what waits where: full channels stand before the stage that is the slowest."""
        channels = (self.paths, self.texts, self.words)
        waiting = "   ".join(f"{one.name} {one.stats().waiting:2}/{one.stats().capacity}" for one in channels)
        line = f"waiting: {waiting}   pieces split: {self.texts.stats().received:,}"
        print(line, end="\r" if sys.stdout.isatty() else "\n", flush=True)


def report(census: Census, root: Path, top: int) -> None:
    print_table("The most frequent words", ("word", "times"), census.tally.most_common(top))
    if census.failures:
        rows = sorted((str(failure.path.relative_to(root)), failure.reason) for failure in census.failures)
        print_table("Not read", ("file", "reason"), rows)
    print(f"\n{census.found:,} files found = {census.read:,} read + {len(census.failures):,} failed")
    print(f"{census.words:,} words split = {census.tally.total():,} counted, {len(census.tally):,} different ones")


def main() -> int:
    arguments = argparse.ArgumentParser(description="Count the words of Python source files, with stages that channels connect.")
    arguments.add_argument("path", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")), help="a folder (the standard library)")
    arguments.add_argument("--top", type=int, default=15, metavar="N", help="how many words to show (15)")
    arguments.add_argument("--workers", type=int, default=3, metavar="N", help="how many actors share each stage (3)")
    arguments.add_argument("--every", type=int, default=10 if QUICK else 1, metavar="N", help="read every Nth file only")
    options = arguments.parse_args()
    if not options.path.is_dir():
        arguments.error(f"path: {options.path} is not a folder")
    if min(options.top, options.workers, options.every) < 1:
        arguments.error("--top, --workers and --every take numbers from 1")

    with ActorSystem("words", config=SystemConfig(shutdown_timeout=1.0)) as system:
        census = Pipeline(system, options.path, every=options.every, workers=options.workers).run()
    report(census, options.path, options.top)
    if not census.adds_up:
        print("something is LOST")
        return 1
    return 130 if census.interrupted else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before anything runs, or a second one
        sys.exit(130)
