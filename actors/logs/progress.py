"""How far a writer has come, for those who look while it writes."""

from __future__ import annotations

__all__ = ["Fenced", "Progress"]


class Fenced(Exception):  # nothing went wrong
    """The writer was given up while it hung: another writes what it has not begun with."""


class Progress:
    """How far a writer has come with what it was given. Written by the writer; others may look at it while it hangs.

    Attributes:
        done: records that are dealt with.
        upto: records that are dealt with when the write that it is at is over.
        filtered: records that the filter refused, of those that are done.
        fenced: whether the writer was given up; written by those who do that.
    """

    __slots__ = ("done", "fenced", "filtered", "upto")

    def __init__(self) -> None:
        self.done = 0
        self.upto = 0
        self.filtered = 0
        self.fenced = False

    def begin(self, upto: int) -> None:
        """Announce a write. Whoever gives the writer up sets `fenced` first and reads `upto` then, so that one of both is seen."""
        self.upto = upto
        if self.fenced:
            raise Fenced
