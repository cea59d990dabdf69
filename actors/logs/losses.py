"""Accounts of lines that were lost: how many, why, of which level and of which actor."""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum
from typing import Any

from actors.logs.levels import record_level

__all__ = ["Losses", "Why"]

KINDS = 1000  # pairs of level and actor that are told apart
OTHERS = "(others)"


class Why(Enum):
    """Why a line was not written."""

    OVERLOAD = "dropped: too many lines waited"
    FLUSH = "flushed: far too many lines waited"
    BURST = "dropped: more lines than the burst limit"
    BACKLOG = "the sink was too slow or failed for too long"
    REFUSED = "the sink failed with it each time"
    HUNG = "the sink hung while it wrote it; it may have been written"
    OWN = "logged by a sink while it wrote"
    FAILED = "the logging actor failed with it"


class Losses:
    """Counts, by reason, level and actor. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a finalizer or signal handler may log in the middle of anything, and be counted here
        self._counts: dict[tuple[Why, int, str], int] = {}  # under _lock
        self._added: deque[tuple[Why, int, str, int]] = deque()  # under _lock: not in `_counts` yet
        self._summing = False  # under _lock
        self.total = 0  # written under _lock; read by all, old or new
        self.own = 0  # likewise: those of them that sinks logged while they wrote

    def add(self, why: Why, no: int, actor: str, count: int = 1) -> None:
        """Count lost lines."""
        with self._lock:
            self._added.append((why, no, actor, count))
            self.total += count
            if why is Why.OWN:
                self.own += count
            self._sum_up()

    def _sum_up(self) -> None:
        """Add what was added to the counts. Under the lock; whoever comes here in the middle of it leaves the rest to the one below."""
        if self._summing:
            return
        self._summing = True
        try:
            while self._added:
                why, no, actor, count = self._added.popleft()
                key = (why, no, actor)
                if key not in self._counts and len(self._counts) >= KINDS:
                    key = (why, no, OTHERS)
                self._counts[key] = self._counts.get(key, 0) + count
        finally:
            self._summing = False

    def take(self) -> dict[tuple[Why, int, str], int]:
        """Return the counts, and begin anew."""
        with self._lock:
            self._sum_up()
            counts, self._counts, self.total, self.own = self._counts, {}, 0, 0
        return counts

    def by_level_and_actor(self) -> dict[tuple[str, str], int]:
        """Return the counts, by name of the level and path of the actor."""
        with self._lock:
            self._sum_up()
            counts = list(self._counts.items())
        summed: dict[tuple[str, str], int] = {}
        for (_, no, actor), count in counts:
            key = (record_level(no, None).name, actor)
            summed[key] = summed.get(key, 0) + count
        return summed

    def merge(self, counts: dict[tuple[Why, int, str], int], lowest: int = 0) -> int:
        """Add counts of levels from `lowest` on; return how many lines that were."""
        added = 0
        for (why, no, actor), count in counts.items():
            if no >= lowest:
                self.add(why, no, actor, count)
                added += count
        return added


def told(counts: dict[tuple[Why, int, str], int]) -> tuple[str, dict[str, Any]]:
    """Return message and fields of a line that reports lost lines."""
    by_level: dict[str, int] = {}
    by_actor: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for (why, no, actor), count in sorted(counts.items(), key=lambda one: (-one[0][1], -one[1])):
        level = record_level(no, None).name
        by_level[level] = by_level.get(level, 0) + count
        by_actor[actor or "(no actor)"] = by_actor.get(actor or "(no actor)", 0) + count
        by_reason[why.value] = by_reason.get(why.value, 0) + count
    total = sum(by_reason.values())
    several = ", ".join(f"{count:,} {level}" for level, count in by_level.items())
    reasons = "; ".join(by_reason)
    message = f"{total:,} {'line' if total == 1 else 'lines'} lost ({several}): {reasons}"
    return message, {"lines": total, "by_level": by_level, "by_actor": by_actor, "by_reason": by_reason}
