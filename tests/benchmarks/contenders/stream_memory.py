"""What a stream keeps resident, run as a program: ``python -m tests.benchmarks.contenders.stream_memory BYTES``.

It prints the peak of resident memory when a tenth of the input has gone through, and at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from actors.streams import Source
from tests.benchmarks.harness import ContenderAbsentError

from .idle import in_a_process
from .streaming import WORDS, as_stream, repeated

STATUS = Path("/proc/self/status")


class Peaks(NamedTuple):
    """Bytes, at most so far."""

    at_a_tenth: int
    at_the_end: int


def measure(size: int) -> Peaks:
    """Measure in a process of its own, for `size` bytes of text through five stages."""
    if not STATUS.exists():
        raise ContenderAbsentError("the peak of resident memory is read from /proc")
    tenth, end = in_a_process(__name__, size).split()
    return Peaks(int(tenth), int(end))


def peak() -> int:
    """Return the most bytes of this process that have ever been in memory."""
    line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main(size: int) -> None:
    """Let so many bytes go through, and print."""
    tenth = 0

    def source() -> Iterator[str]:
        nonlocal tenth
        yield from repeated(size // 10)
        tenth = peak()
        yield from repeated(size - size // 10)

    as_stream(Source(source), WORDS)
    print(tenth, peak())


if __name__ == "__main__":
    main(int(sys.argv[1]))
