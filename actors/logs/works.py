"""What the logging actor, its sinks, log calls and whoever set logging up have in common."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.desk import DESK
from actors.logs.backlog import Backlog, Signal
from actors.logs.door import Door
from actors.logs.levels import level_number
from actors.logs.losses import Losses
from actors.logs.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.logs.backlog import SinkStats
    from actors.logs.losses import Why
    from actors.logs.overload import Mode, Overload
    from actors.logs.redaction import Redact
    from actors.logs.routes import Routes
    from actors.logs.sinks import Sink
    from actors.logs.thinning import Repeats, Sample, Thinning

__all__ = ["Config", "LogStats", "Works"]


@dataclass(frozen=True, slots=True)
class Config:
    """What `setup` was given, checked."""

    sinks: tuple[Sink, ...]
    level: int
    overload: Overload
    redact: Redact | None
    sample: Sample | None
    repeats: Repeats | None
    ordered: bool
    correlation: bool
    events: bool
    routes: Routes
    exit_timeout: float


@dataclass(frozen=True, slots=True)
class LogStats:
    """The account of the logging that is set up.

    Attributes:
        logged: lines whose level was on.
        waiting: lines in the queue, before any sink.
        mode: what a log call does at this moment.
        lost: lines that were lost, by level and path of the actor (or nothing): before they came to the sinks, or by one of them, and then
            once for each sink that lost it.
        sampled: lines left out by `Sample`.
        repeated: lines left out by `Repeats`.
        sinks: the account of each sink.
    """

    logged: int
    waiting: int
    mode: Mode
    lost: dict[tuple[str, str], int]
    sampled: int
    repeated: int
    sinks: tuple[SinkStats, ...]


class Works:
    """See the module's docstring. Made anew in a forked child, which goes on with the files of its `parent`.

    Attributes:
        revive: starts another logging actor in place of one that failed.
        drained: lines that were taken out of the queue; written by the logging actor.
        threads: of the logging actor and its sinks. A set's add, discard and membership test are one operation each.
        lost: all lines that were lost, before the sinks or by one of them.
        gates: held by each sink while it writes. The logging actor puts another in the place of one that a hung sink will not leave.
        ended: whether the logging actor takes no more lines; never unset.
        front: lines that a flush of the queue has left over, older than all in the queue.
    """

    def __init__(self, config: Config, wake: Callable[[], object], revive: Callable[[], object], parent: Works | None = None) -> None:
        self.config = config
        self.revive = revive
        self.started = Signal()  # set when the sinks have threads
        self.redactor = Redactor(config.redact) if config.redact is not None else None
        self.threads: set[Any] = set()
        self.door = Door(config.overload, wake, self.threads)
        self.lost = Losses()
        self.gates = [threading.Lock() for _ in config.sinks]
        self.front: deque[Any] = deque()  # written by the logging actor
        self.backlogs = tuple(self._backlog(sink) for sink in config.sinks)
        if parent is not None:
            self._inherit(parent)
        self.thinning: Thinning | None = None  # set by the logging actor when it begins
        self.drained = 0
        self.ended = False

    def _inherit(self, parent: Works) -> None:
        for mine, former in zip(self.backlogs, parent.backlogs, strict=True):
            mine.lowest, mine.opened, mine.shared = former.lowest, True, True

    def _backlog(self, sink: Sink) -> Backlog:
        lowest = self.config.level if sink.no is None else sink.no
        return Backlog(sink, lowest, level_number(self.config.overload.keep), self.lost)

    def lowest(self) -> int:
        """Return the lowest level that any sink takes."""
        return min((backlog.lowest for backlog in self.backlogs), default=1 << 30)

    def logged(self) -> int:
        """Return how many lines were logged: taken out of the queue, waiting in it, or refused."""
        return self.drained + self.waiting() + self.door.refused

    def lose(self, counts: dict[tuple[Why, int, str], int]) -> None:
        """Count lines as lost that did not come to the sinks."""
        self.lost.merge(counts, self.lowest())
        for backlog in self.backlogs:
            backlog.lose_counts(counts)

    def take_rest(self) -> list[tuple[Any, ...]]:
        """Return the lines that wait, which nobody else will take any more, and count what was lost last."""
        self.lose(self.door.losses.take())
        rest = []
        for queue in (self.front, DESK.queue):
            while queue:
                line = queue.popleft()
                if type(line) is tuple:
                    rest.append(line)
                else:
                    line.passed(ok=False)
        return rest

    def hand_back(self) -> None:
        """Leave what waits in the queue, for whoever comes next."""
        self.lose(self.door.losses.take())
        DESK.queue.extendleft(reversed(self.front))
        self.front.clear()

    def waiting(self) -> int:
        """Return how many lines are before the sinks; what is in the queue after the end is another's."""
        if self.ended:
            return 0
        return sum(1 for one in [*self.front.copy(), *DESK.queue.copy()] if type(one) is tuple)
