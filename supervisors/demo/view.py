"""A demo live in a terminal: the tree, what happens beside it, and keys to make more happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from actors.texts import plain
from supervisors.demo.feed import merged
from supervisors.demo.parts import Order
from supervisors.demo.rows import FeedRows, Rates, TreeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, RenderableType

    from supervisors.demo.feed import Note
    from supervisors.demo.stage import Progress, Stage
    from supervisors.demo.terminal import Keys
    from supervisors.nodes import TreeNode

__all__ = ["Frame", "View", "play_view"]

FRAME = 1 / 8  # real seconds
_WIDE = 120  # columns from which on the feed is beside the tree
_HELP = "↑↓ select · c crash · h hang · x kill · p pause · s save the tree · q end"
_ORDERS = {"c": Order.CRASH, "h": Order.HANG, "x": Order.KILL}
_BAR = 24  # columns of the progress bar


@dataclass(frozen=True, slots=True)
class Frame:
    """All that is on the screen at one moment."""

    title: str
    about: str
    elapsed: float
    seconds: float | None
    halted: bool
    seed: int | None
    progress: Progress | None
    top: TreeNode
    rates: dict[str, float]
    notes: Sequence[Note]
    selected: str | None
    message: str

    def render(self, width: int, height: int) -> RenderableType:
        """Return the frame for a screen of that size."""
        layout = Layout()
        head, body, foot = Layout(self._head(), size=2), Layout(), Layout(self._foot(), size=2)
        layout.split_column(head, body, foot)
        below = max(4, (height - 4) // 3)
        tree = Layout(Panel(TreeRows(self.top, self.rates, self.selected), padding=0, title="actors", title_align="left"), ratio=3)
        feed = Layout(Panel(FeedRows(self.notes), padding=0, title="what happens", title_align="left"), ratio=2)
        if width >= _WIDE:
            body.split_row(tree, feed)
        elif height >= 4 * below // 2 + 4:
            feed.size = below
            body.split_column(tree, feed)
        else:
            body.split_column(tree)
        return layout

    def _head(self) -> Text:
        first = Text(no_wrap=True, overflow="ellipsis")
        first.append(f" {self.title} ", "bold reverse")
        first.append(f"  {self.about}", "bright_black")
        second = Text(no_wrap=True, overflow="ellipsis")
        of = "" if self.seconds is None else f" of {self.seconds:.0f}"
        second.append(f" {self.elapsed:5.1f}{of} s")
        if self.halted:
            second.append("  PAUSED", "bold yellow")
        if self.seed is not None:
            second.append(f"  chaos {self.seed}")
        if self.progress is not None:
            second.append("  ")
            second.append_text(_bar(self.progress))
        return first + "\n" + second

    def _foot(self) -> Text:
        told = self.message or self._of_selected()
        return Text(f" {told}\n", no_wrap=True, overflow="ellipsis") + Text(f" {_HELP}", "bright_black", no_wrap=True, overflow="ellipsis")

    def _of_selected(self) -> str:
        node = next((node for node in self.top.everyone() if node.path == self.selected), None)
        if node is None:
            return f"{self.selected} is not there" if self.selected else ""
        error = f": {plain(node.error)}" if node.error is not None else ""
        at = f" in {plain(node.machine_state)}" if node.machine_state is not None else ""
        return f"{plain(node.path)}, a {plain(node.kind)}{at}{error}"


def _bar(progress: Progress) -> Text:
    text = Text()
    if progress.total:
        full = min(_BAR, _BAR * progress.done // progress.total)
        text.append("━" * full, "green")
        text.append("━" * (_BAR - full), "bright_black")
        text.append(f" {progress.done:,} of {progress.total:,} {progress.what}")
    else:
        text.append(f"{progress.done:,} {progress.what}")
    return text


class View:
    """What the screen shows of a stage, and what keys do to it.

    Args:
        stage: the stage.
        save: writes a tree to a file and says what it did.
    """

    def __init__(self, stage: Stage, save: Callable[[TreeNode], str]) -> None:
        self._stage = stage
        self._save = save
        self._rates = Rates()
        self._victims = [victim.path for victim in stage.demo.victims()]
        self._selected = self._victims[0] if self._victims else None
        self._message = ""

    def frame(self) -> Frame:
        """Return what there is to see now."""
        stage = self._stage
        top, now = stage.tree(), stage.elapsed
        return Frame(
            title=f"greenroom demo: {stage.demo.title}",
            about=stage.demo.about,
            elapsed=now,
            seconds=stage.seconds,
            halted=stage.halted,
            seed=stage.seed,
            progress=stage.demo.progress(stage.books),
            top=top,
            rates=self._rates.note(top, now),
            notes=merged(stage.books.recent(100)),
            selected=self._selected,
            message=self._message,
        )

    def press(self, key: str) -> bool:
        """Do what a key is for; return False if that is to end."""
        self._message = ""
        if key in ("q", "escape"):
            return False
        if key in ("up", "k", "down", "j", "page up", "page down"):
            self._select({"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}[key])
        elif key in _ORDERS and self._selected is not None:
            self._order(_ORDERS[key])
        elif key in ("p", "space"):
            self._stage.halt_or_go_on()
        elif key == "s":
            self._message = self._save(self._stage.tree())
        return True

    def _order(self, order: Order) -> None:
        allowed = next((victim.orders for victim in self._stage.demo.victims() if victim.path == self._selected), ())
        if order in allowed and self._selected is not None:
            self._stage.hands.give(self._selected, order)
        else:
            self._message = f"{self._selected} is not to be made to {order.value}: it holds what the claims are counted by"

    def _select(self, steps: int) -> None:
        if self._selected is not None:
            place = self._victims.index(self._selected) + steps
            self._selected = self._victims[max(0, min(place, len(self._victims) - 1))]


def play_view(view: View, stage: Stage, console: Console, keys: Keys, is_ended: Callable[[], bool] = lambda: False) -> None:
    """Show a demo until it is over, a key ends it, or `is_ended`. The screen is as it was afterwards, however that comes about."""
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while not (stage.is_over or is_ended()):
            live.update(view.frame().render(*console.size), refresh=True)
            if not all(view.press(key) for key in keys.wait(FRAME)):
                return
