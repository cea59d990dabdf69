"""The thread dispatcher: a thread of its own for each actor, named and flagged as pykka's are."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.cell import Lane
from actors._core.context import bind
from actors._core.lifecycle import Lifecycle
from actors._core.turn import run

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["ThreadHost"]

_numbers = itertools.count()


class ThreadHost:
    """Host and worker of one actor."""

    def __init__(self, actor_class: type, *, daemon: bool, turn: int) -> None:
        self.queue: deque[Cell] = deque()
        self.cells = self.queue
        self.sleepers: list[None] = []  # holds the claim to wake the thread while it sleeps
        self.cell: Cell | None = None
        self.resumed: deque[Any] = deque(maxlen=0)
        self.turn = turn
        self._ended = False  # written by the actor's own turn
        self._sleep = threading.Lock()
        self._sleep.acquire()
        name = f"{actor_class.__name__}-{next(_numbers)}"
        self.thread = threading.Thread(target=self._main, name=name, daemon=daemon)
        self.lane = Lane(self)

    def _main(self) -> None:
        bind(self)
        run(self)

    def wake(self) -> None:
        """Wake the thread."""
        try:
            self.sleepers.pop()
        except IndexError:
            return
        self._sleep.release()

    def retire(self, cell: Cell) -> None:
        """Let the thread end."""
        del cell
        self._ended = True
        self.wake()

    def check_turns(self) -> None:
        """There are turns as long as the actor lives."""

    def switch(self) -> bool:
        """Never needed: nothing parks here."""
        return True

    def rest(self) -> bool:
        """Sleep until the cell is queued again; False once the actor has ended."""
        cell, self.cell = self.cell, None
        if self._ended or (cell is not None and cell.state is Lifecycle.STOPPED):
            return False
        self.sleepers.append(None)
        # Invariant: the claim is there before this look; senders append before they look for the claim.
        if self.queue or self._ended:
            self.wake()
        self._sleep.acquire()
        return True
