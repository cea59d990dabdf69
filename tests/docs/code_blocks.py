"""Finds the Python code in a Markdown page; run as a program, runs it.

Usage: ``python tests/docs/code_blocks.py PAGE``

All blocks of a page run in order in one namespace, as a reader would type them. A block is
skipped, but must compile, when the comment ``<!-- no-run: reason -->`` stands before it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

FENCE = re.compile(
    r"(?:<!-- no-run:(?P<reason>[^>]*)-->\s*)?"
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,})python\b[^\n]*\n"
    r"(?P<code>.*?)^(?P=indent)(?P=fence)[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code and where it stands; `reason` says why it is not run, None that it is."""

    line: int
    code: str
    reason: str | None

    def compiled(self, page: Path) -> CodeType:
        """The block as a code object whose tracebacks name the page and the line in it."""
        return compile("\n" * (self.line - 1) + self.code, str(page), "exec", dont_inherit=True)


def blocks_of(text: str) -> list[Block]:
    """The Python blocks of a page, in order."""
    return [
        Block(
            line=text.count("\n", 0, match.start("code")) + 1,
            code=textwrap.dedent(match["code"]),
            reason=match["reason"] and match["reason"].strip(),
        )
        for match in FENCE.finditer(text)
    ]


def run(page: Path) -> None:
    """Runs the blocks of a page in a module of their own, where classes and annotations resolve."""
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__ = str(page)
    for block in blocks_of(page.read_text(encoding="utf-8")):
        code = block.compiled(page)
        if block.reason is None:
            exec(code, module.__dict__)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
