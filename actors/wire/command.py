"""The command ``greenroom decode``: prints the messages that a file has recorded, without the types that they are of."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from actors.texts import escaped
from actors.wire.framing import HEADER
from actors.wire.json_view import json_pieces
from actors.wire.layout import DIM, RED
from actors.wire.recording import recorded
from actors.wire.view import view

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from actors.wire.recording import Recorded
    from actors.wire.view import Trouble

__all__ = ["main"]

READ, BROKEN, REFUSED, INTERRUPTED = 0, 1, 2, 130
STDIN: Final = "-"
WIDTH: Final = 120  # columns where there is no terminal
NARROWEST: Final = 20
JSON_HELP: Final = """\
With --json, each frame is one object on a line of its own, with
  file, frame (from 1 on; 0 of a file that is one payload without a frame), offset, bytes, compressed, payload_bytes,
  message: the nodes as the wire format has them: arrays with their tags; bytes are {"bytes": base64}, floats that JSON
      does not have {"float": "nan"}, {"float": "inf"} or {"float": "-inf"}; nothing is shortened,
  sections: the large arrays that are outside of the nodes, each {"bytes": base64},
  error: null, or an object with why, and payload_offset: at which byte of the payload, null if it is not in there."""


class UnreadableError(Exception):
    """A file that cannot be read; the text says why."""


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line; return the exit code: 0 if all was read, 1 if something is broken, 2 for what is refused or unreadable.

    Args:
        arguments: what follows ``greenroom decode``.
    """
    for stream in (sys.stdout, sys.stderr):
        # A message may hold what the encoding of a terminal cannot show; that is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    result = READ
    try:
        for name in options.files:
            result = max(result, _read(name, options))
    except BrokenPipeError:
        # Who reads, as `head` does, has seen enough; the flush at exit is not to complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # Of the output: what fails while a file is read is told as that file's. The flush at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"greenroom: the output cannot be written: {_why(error)}\n")
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    return result


def _read(name: str, options: argparse.Namespace) -> int:
    """Print one file; return the exit code it deserves."""
    shown = "standard input" if name == STDIN else name
    printer = _Printer(shown, options)
    try:
        with _opened(name) as file:
            for one in _frames(file):
                printer.show(one)
                sys.stdout.flush()
    except UnreadableError as error:
        sys.stderr.write(f"greenroom: {escaped(shown)} cannot be read: {error}\n")
        return REFUSED
    if not printer.frames:
        sys.stderr.write(f"greenroom: {escaped(shown)} is empty\n")
        return REFUSED
    if printer.broken:
        frames = "1 frame" if printer.frames == 1 else f"{printer.frames} frames"
        sys.stderr.write(f"greenroom: {escaped(shown)}: {printer.broken} of {frames} could not be read\n")
        return BROKEN
    return READ


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == STDIN:
        if sys.stdin is None:
            raise UnreadableError("it is closed")
        yield cast("IO[bytes]", getattr(sys.stdin, "buffer", sys.stdin))
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  # closed below: only what opening it raises is told here
    except (OSError, ValueError) as error:  # a name with a zero in it
        raise UnreadableError(_why(error)) from error
    with file:
        yield file


def _frames(file: IO[bytes]) -> Iterator[Recorded]:
    """As `recorded`; what the file itself fails with is told apart from what writing fails with."""
    frames = recorded(file)
    while True:
        try:
            one = next(frames, None)
        except OSError as error:
            raise UnreadableError(_why(error)) from error
        if one is None:
            return
        yield one


def _why(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


class _Printer:
    """Writes the frames of one file, for people or as JSON."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.frames = 0
        self.broken = 0
        self._name = name
        self._options = options
        self._colours = sys.stdout.isatty() and not options.no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._width = options.width or (shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH)
        self._several = len(options.files) > 1

    def show(self, one: Recorded) -> None:
        """Write a frame, and what is wrong with it."""
        self.frames += 1
        self.broken += self._show_json(one) if self._options.json else self._show_text(one)

    def _show_json(self, one: Recorded) -> bool:
        head = {
            "file": self._name,
            "frame": one.number,
            "offset": one.offset,
            "bytes": one.size,
            "compressed": one.compressed,
            "payload_bytes": len(one.payload) if one.payload is not None else None,
        }
        write = sys.stdout.write
        write(f"{json.dumps(head)[:-1]}, ")
        why = None if one.error is None else one.error.why
        if one.payload is None:
            error = json.dumps({"why": why, "payload_offset": None})
            write(f'"message": null, "sections": [], "error": {error}}}\n')
            return True
        last = ""
        for last in json_pieces(one.payload, why):
            write(last)
        write("}\n")
        return not last.endswith('"error": null')

    def _show_text(self, one: Recorded) -> bool:
        write = sys.stdout.write
        write(f"{self._painted(self._head(one), DIM)}\n")
        trouble: list[Trouble] = []
        if one.payload is not None:
            texts, trouble = view(one.payload, width=self._width, full=self._options.full)
            for text, style in texts:
                write(self._painted(text, style))
            write("\n")
        lines = [] if one.error is None else [str(one.error)]
        lines += [f"{found.path} {found.why}{self._place(one, found)}" for found in trouble]
        for line in lines:
            write(f"{self._painted(f'error: {escaped(line)}', RED)}\n")
        return bool(lines)

    def _head(self, one: Recorded) -> str:
        name = f"{escaped(self._name)}, " if self._several else ""
        what = f"frame {one.number} at byte {one.offset}: " if one.number else "a payload without a frame: "
        inside = f", compressed, {len(one.payload)} bytes uncompressed" if one.compressed and one.payload is not None else ""
        return f"# {name}{what}{one.size} bytes{inside}"

    @staticmethod
    def _place(one: Recorded, found: Trouble) -> str:
        if one.compressed:
            return " (of the uncompressed payload)"
        return f" (of the payload; byte {one.offset + HEADER + found.at} of the file)" if one.number else ""

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and code and text else text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="greenroom decode",
        description="Prints every message of a file of frames, or of a file that is one payload, much like Python's literals. The types of "
        "the messages need not be there: none is imported or made. A node that occurs several times is shown as &0 ... where it is first, "
        "and as *0 elsewhere. Exit code: 0 if all was read, 1 if something is broken, 2 if a file cannot be read, or is empty,"
        " or the output cannot be written.",
        epilog=JSON_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="what was recorded; - is the standard input")
    parser.add_argument("--full", action="store_true", help="also what is long, to its end")
    parser.add_argument("--json", action="store_true", help="as JSON lines with nothing lost, see below")
    parser.add_argument("--width", metavar="N", type=_width, help=f"columns of a line; by default those of the terminal, or {WIDTH}")
    parser.add_argument("--no-color", action="store_true", help="without colours; so does the environment variable NO_COLOR")
    return parser


def _width(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0  # noqa: PLR2004  # digits
    if number < NARROWEST:
        msg = f"{text!r} is not valid: a number of columns, {NARROWEST} or more"
        raise argparse.ArgumentTypeError(msg)
    return number
