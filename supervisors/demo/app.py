"""``greenroom demo``: which demo, how it is shown, and what is told at its end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from supervisors.demo.catalogue import BEST, DEMOS
from supervisors.demo.chaos import new_seed
from supervisors.demo.log import finish_log, play_log
from supervisors.demo.stage import Stage
from supervisors.demo.terminal import Keys
from supervisors.demo.view import View, play_view
from supervisors.picture import tree_mermaid, tree_text
from supervisors.picture_svg import tree_svg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from supervisors.demo.stage import Demo, Outcome
    from supervisors.nodes import TreeNode

__all__ = ["HOLDS", "INTERRUPTED", "LIES", "REFUSED", "UNREAD", "main", "play"]

HOLDS, LIES, REFUSED, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141
_WRITERS = {".svg": tree_svg, ".mmd": tree_mermaid, ".txt": tree_text}

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]}, pretty_exceptions_enable=False)


class _Interrupted(BaseException):
    """The demo was told by a signal to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@app.command()
def demo(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help=f"Which demo ({BEST}).", show_default=False)] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="List the demos and end.")] = False,
    chaos: Annotated[int | None, typer.Option(metavar="SEED", help="Inject failures: the same ones for the same seed.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Print a log, also in a terminal.")] = False,
    seconds: Annotated[float | None, typer.Option(metavar="N", help="Play for so many seconds.")] = None,
    save: Annotated[str | None, typer.Option(metavar="FILE", help="Write the tree to FILE at the end: .svg, .mmd or .txt.")] = None,
) -> None:
    """Show supervision at work, and check at the end what was promised.

    In a terminal the tree of actors is live, and keys crash, hang and kill them. Elsewhere it is a log.
    Exit code: 0 if every promise was kept, 1 if not, 2 for what is refused, 130 if interrupted,
    141 if nobody reads on.
    """
    if list_:
        for one in DEMOS.values():
            typer.echo(f"{one.name:<12} {one.title}")
        return
    chosen = DEMOS.get(name or BEST)
    if chosen is None:
        raise typer.BadParameter(f"{name!r}: there are {', '.join(DEMOS)}", param_hint="NAME")
    if seconds is not None and not 0 < seconds < 1e6:  # noqa: PLR2004  # that is long enough
        raise typer.BadParameter(f"{seconds!r}: seconds, more than 0", param_hint="--seconds")
    if save is not None and Path(save).suffix not in _WRITERS:
        raise typer.BadParameter(f"{save!r}: the name of a file that ends in {', '.join(_WRITERS)}", param_hint="--save")
    seed = chaos if chaos is not None or not chosen.chaotic else new_seed()
    quick = os.environ.get("GREENROOM_QUICK") == "1"
    try:
        stage = Stage(chosen(quick=quick), seed=seed, seconds=seconds)
        code = play(stage, Console(), headless=headless, save=None if save is None else Path(save))
    except KeyboardInterrupt:  # before it plays, or after
        code = INTERRUPTED
    raise typer.Exit(code)


def main(arguments: Sequence[str]) -> int:
    """Carry out the arguments after ``greenroom demo``; return the exit code."""
    try:
        result: Any = app(list(arguments), prog_name="greenroom demo", standalone_mode=True)
    except SystemExit as ended:
        result = ended.code
    return result if isinstance(result, int) else HOLDS


# -- playing ---------------------------------------------------------------------------------------------------------------


def play(stage: Stage, console: Console, *, headless: bool = False, save: Path | None = None) -> int:
    """Play a demo to its end and tell what came of it; return the exit code."""
    live = not headless and _draws(console) and not console.is_dumb_terminal
    write = _line_writer(console)
    number = 0
    try:
        with _signals() as signals, stage:
            try:
                if live:
                    _show_view(stage, console, save, signals)
                else:
                    _announce(stage, write)
                    play_log(stage, write)
            except _Interrupted as interrupt:
                number = interrupt.number
            outcome = stage.close()
            if not live:
                finish_log(stage, write)
    except BrokenPipeError:
        # Who reads, as `head` does, has seen enough; the flush at exit is not to complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except _Interrupted as interrupt:  # a second time: no time for a summary
        return 128 + interrupt.number
    if live:
        _announce(stage, write)
    _summarize(outcome, console, write)
    if save is not None:
        write(_saved(save, outcome.last))
    if number:
        write(f"Ended by {signal.Signals(number).name}.")
        return 128 + number
    return HOLDS if outcome.holds else LIES


def _show_view(stage: Stage, console: Console, save: Path | None, signals: _Signals) -> None:
    file = save or Path(f"greenroom-{stage.demo.name}.svg")
    with signals.waiting(), Keys() as keys:
        play_view(View(stage, lambda top: _saved(file, top)), stage, console, keys, lambda: bool(signals.numbers))


class _Signals:
    """What was signalled so far. A signal raises `_Interrupted` where the program stands, unless that is within `waiting`."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._wait = False

    def interrupt(self, number: int, _: object) -> None:
        self.numbers.append(number)
        if not self._wait:
            raise _Interrupted(number)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal wait for the end of the block: one that comes while the screen is given back is not to leave it half given back."""
        self._wait = True
        try:
            yield
        finally:
            self._wait = False
        if self.numbers:
            raise _Interrupted(self.numbers[0])


@contextmanager
def _signals() -> Iterator[_Signals]:
    """Let SIGINT and SIGTERM end the demo in order, where signals may be handled."""
    signals = _Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draws(console: Console) -> bool:
    """Tell whether it is a terminal that can show lines and marks: one of another encoding than Unicode's is written to as a file is."""
    return console.is_terminal and not console.options.ascii_only


def _line_writer(console: Console) -> Callable[[str], object]:
    def write(line: str) -> None:
        # Whatever the encoding of the output cannot show is no reason to fail.
        encoding = console.encoding or "utf-8"
        console.file.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        console.file.flush()

    return write


def _saved(file: Path, top: TreeNode) -> str:
    try:
        file.write_text(_WRITERS[file.suffix](top), encoding="utf-8")
    except OSError as error:
        return f"{file} cannot be written: {error.strerror or error}"
    return f"The tree is in {file}."


# -- telling ---------------------------------------------------------------------------------------------------------------


def _announce(stage: Stage, write: Callable[[str], object]) -> None:
    demo: Demo = stage.demo
    write(f"greenroom demo {demo.name}: {demo.title}")
    write(demo.about)
    if stage.seed is not None:
        write(f"Chaos {stage.seed}: the same failures come again with --chaos {stage.seed}.")


def _summarize(outcome: Outcome, console: Console, write: Callable[[str], object]) -> None:
    write("")
    width = console.width if console.is_terminal else None
    write(tree_text(outcome.last, width=width, ascii_only=console.options.ascii_only).rstrip("\n"))
    for line in ("", *outcome.results):
        write(line)
    kept = sum(claim.holds for claim in outcome.claims)
    if _draws(console):
        table = Table(box=None, show_header=False, padding=(0, 1))
        for claim in outcome.claims:
            mark = Text("✓", "green") if claim.holds else Text("✗", "bold red")
            table.add_row(mark, Text(claim.text), Text(claim.figures, "bright_black" if claim.holds else "red"))
        console.print(table)
    else:
        width = max((len(claim.text) for claim in outcome.claims), default=0)
        for claim in outcome.claims:
            write(f"{'ok    ' if claim.holds else 'BROKEN'}  {claim.text:<{width}}  {claim.figures}")
    verdict = "every promise was kept" if outcome.holds else f"{len(outcome.claims) - kept} of {len(outcome.claims)} promises were BROKEN"
    write(f"{outcome.seconds:.1f} s: {verdict}.")
