"""Gigabytes of text through a window: which words were the most frequent lately? In constant memory, however long it runs.

    files ──texts──> split ──words──> count ──tallies──> window ──the last 200 tallies──> rank ──> here

The sources of the standard library are read again and again until enough has gone through, in pieces of 32 KiB at most. Each stage is an
actor, and asks the stage before it for as many elements as it has room for. So nobody has to wait in turn, nothing piles up, and the
slowest stage sets the pace: the picture that is drawn while it runs says for each stage what waits before it, how much it does in a
second, and which one that is.

Ctrl-C ends the source; what is under way still goes through.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from actors import ActorSystem, Timeout
from actors.streams import Sink, Source, StreamRun, show_stream

from _terminal import QUICK, print_table

PIECE = 2**15  # bytes, at most: a small file is one piece
WINDOW = 200  # pieces
EVERY = 50  # pieces after which the window is looked at
BUFFER = 16  # pieces that wait before a stage, at most
WORD = re.compile(r"[a-z]{2,}")
NOT_THE_LIBRARY = {"__pycache__", "dist-packages", "site-packages"}


# -- the stages ------------------------------------------------------------------------------------------------------------


class Text:
    """The sources below a folder, from the beginning again if there is not enough, until it is `size` bytes. An iterable of pieces."""

    def __init__(self, root: Path, size: int) -> None:
        self.root = root
        self.size = size
        self.read = 0  # bytes; written by the source's stage alone

    def __iter__(self) -> Iterator[str]:
        before = -1
        while before < self.read < self.size:  # the first half: a folder that has become empty is no reason to go on for ever
            before = self.read
            for path in source_files(self.root):
                with path.open("rb") as file:
                    while piece := file.read(min(PIECE, self.size - self.read)):
                        self.read += len(piece)
                        yield piece.decode("utf-8", errors="replace")
                if self.read == self.size:
                    return


def source_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_THE_LIBRARY)
        yield from (path for file in sorted(files) if file.endswith(".py") and (path := Path(folder, file)).is_file())


def split(text: str) -> list[str]:
    return WORD.findall(text.lower())


@dataclass(frozen=True)
class Ranking:
    """The most frequent words of a window."""

    words: int
    most: tuple[tuple[str, int], ...]


def rank(tallies: list[Counter[str]], top: int) -> Ranking:
    total: Counter[str] = Counter()
    for tally in tallies:
        total.update(tally)
    return Ranking(total.total(), tuple(total.most_common(top)))


@dataclass
class Summary:
    """What the end of the stream keeps: the last window, and how many there were."""

    windows: int = 0
    last: Ranking | None = None

    def add(self, ranking: Ranking) -> Summary:
        self.windows += 1
        self.last = ranking
        return self


# -- the program -----------------------------------------------------------------------------------------------------------


def peak_memory() -> int | None:
    """Return the most bytes that this process has ever held; None where that is not known."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass
class Watch:
    """Looks at the stream now and then, and notes how much memory was enough for the first fifth."""

    text: Text
    early: int | None = None
    interrupted: bool = False

    def look(self) -> None:
        if self.early is None and 5 * self.text.read >= self.text.size:
            self.early = peak_memory()


def follow(run: StreamRun[Summary], watch: Watch) -> Summary:
    """Wait for the end, and look at the memory meanwhile."""
    while True:
        try:
            return run.result(timeout=0.1)
        except Timeout:
            watch.look()
        except KeyboardInterrupt:
            watch.interrupted = True
            run.stop()


def main() -> int:
    arguments = argparse.ArgumentParser(description="Count the words of much text in a sliding window.")
    arguments.add_argument("path", nargs="?", type=Path, default=Path(sysconfig.get_path("stdlib")), help="a folder (the standard library)")
    arguments.add_argument("--gigabytes", type=float, default=0.05 if QUICK else 0.3, metavar="N", help="how much goes through (0.3)")
    arguments.add_argument("--top", type=int, default=10, metavar="N", help="how many words to show (10)")
    options = arguments.parse_args()
    if not any(path.stat().st_size for path in source_files(options.path)):
        arguments.error(f"path: no Python sources below {options.path}")
    if not options.gigabytes > 0 or options.top < 1:
        arguments.error("--gigabytes takes a number above 0, --top one from 1")

    text = Text(options.path, round(options.gigabytes * 1e9))
    tallies = Source(text, name="files").map(split).named("split").map(Counter).named("count")
    rankings = tallies.window(WINDOW, every=EVERY).named("window").map(lambda window: rank(window, options.top)).named("rank")
    stream = rankings.to(Sink.fold(Summary, Summary.add).named("here"))

    watch = Watch(text)
    with ActorSystem("words") as system, stream.run(system, name="words", buffer=BUFFER) as run, show_stream(run):
        summary = follow(run, watch)
        stats = run.stats()
    if summary.last is None:
        print("\nnothing was read")
        return 130
    print_table("The most frequent words of the last window", ("word", "times"), summary.last.most)
    print(f"\n{text.read:,} bytes in {stats.seconds:.1f} s: {stats.stages[0].given:,} pieces, {summary.windows:,} windows")
    print(f"the last window had {summary.last.words:,} words")
    if any(one.taken != before.given for before, one in pairwise(stats.stages)):
        print("something is LOST")
        return 1
    late = peak_memory()
    if watch.early is not None and late is not None:
        print(f"memory: {watch.early / 1e6:.0f} MB at most in the first fifth, {(late - watch.early) / 1e6:.0f} MB more in the rest")
    return 130 if watch.interrupted else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before anything runs
        sys.exit(130)
