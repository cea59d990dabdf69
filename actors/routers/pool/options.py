"""What a pool is told when it is made, checked at once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.bounded import Overflow
from actors._core.mailbox import _check_overflow
from actors._core.seconds import check_seconds
from actors.routers.routing import ConsistentHash, LeastLoaded, RandomRouting, RoundRobin, Routing
from actors.routers.workers.processes import in_process
from actors.routers.workers.recipe import Recipe, recipe_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Batch", "Elastic", "PoolBackoff", "PoolOptions", "Rate", "check_options", "check_size"]

CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Elastic:
    """A size that follows the load.

    Args:
        least: workers there always are.
        most: workers there are at most.
        grow_after: seconds that a job has waited when one more worker is started; and so on while it still waits.
        idle_after: seconds without a job after which a worker goes.
    """

    least: int
    most: int
    grow_after: float = 0.1
    idle_after: float = 30.0

    def __post_init__(self) -> None:
        _check_whole("least", self.least, 0)
        _check_whole("most", self.most, 1)
        if self.least > self.most:
            msg = f"least={self.least!r} is not valid: it is more than most={self.most!r}"
            raise ValueError(msg)
        _check_positive("grow_after", self.grow_after)
        _check_positive("idle_after", self.idle_after)


EARLY = 0.00125  # seconds from an alarm to a worker's turn, with processors that have cooled down meanwhile


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs are handed out by the list.

    Args:
        most: messages in one list.
        within: seconds that the oldest waits at most for company, while a worker is free.
    """

    most: int
    within: float = 0.005

    def __post_init__(self) -> None:
        _check_whole("most", self.most, 1)
        check_seconds("within", self.within)

    @property
    def patience(self) -> float:
        """Seconds after which it is handed out: a little before `within`, as alarms come late, and the oldest waits no longer than that."""
        return self.within - min(EARLY, self.within / 4)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many jobs are begun in a time.

    Args:
        per_second: on average.
        burst: how many may be begun at once after a pause.
    """

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        _check_positive("per_second", self.per_second)
        _check_whole("burst", self.burst, 1)


@dataclass(frozen=True, slots=True)
class PoolBackoff:
    """When a worker is replaced that died without having done a job: later and later, each time twice as long.

    Args:
        initial: seconds after the first death in a row.
        maximum: seconds at most.
    """

    initial: float = 0.1
    maximum: float = 30.0

    def __post_init__(self) -> None:
        _check_positive("initial", self.initial)
        _check_positive("maximum", self.maximum)

    def delay(self, deaths: int) -> float:
        """Return the seconds to wait after so many deaths in a row, 1 or more."""
        return min(self.maximum, self.initial * 2.0 ** min(deaths - 1, 60))


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """The options of a pool, all of them checked; see `Pool`."""

    recipe: Recipe
    size: int
    elastic: Elastic | None
    routing: Routing | None
    capacity: int
    overflow: Overflow
    timeout: float | None
    redeliver: int
    concurrency: int
    batch: Batch | None
    rate: Rate | None
    backoff: PoolBackoff
    intensity: int | None
    period: float
    processes: bool
    hangs_after: float | None


def check_options(
    worker: object,
    *,
    size: int | Elastic | None = None,
    routing: Routing | None = None,
    capacity: int = CAPACITY,
    overflow: Overflow = Overflow.REJECT,
    timeout: float | None = None,
    redeliver: int = 1,
    concurrency: int = 1,
    batch: Batch | None = None,
    rate: Rate | None = None,
    backoff: PoolBackoff | None = None,
    intensity: int | None = None,
    period: float = 5.0,
    processes: bool = False,
    hangs_after: float | None = None,
) -> PoolOptions:
    """Return the options, or raise TypeError or ValueError naming parameter and value."""
    _check_whole("concurrency", concurrency, 1)
    recipe = _recipe(worker, concurrency, processes)
    elastic = size if isinstance(size, Elastic) else None
    count = elastic.least if elastic is not None else os.cpu_count() or 1 if size is None else check_size(size)
    _check_whole("capacity", capacity, 1)
    _check_overflow(overflow, timeout)
    _check_whole("redeliver", redeliver, 0)
    _check_kind("batch", batch, Batch)
    _check_kind("rate", rate, Rate)
    _check_kind("backoff", backoff, PoolBackoff)
    if intensity is not None:
        _check_whole("intensity", intensity, 0)
    _check_positive("period", period)
    if hangs_after is not None:
        _check_positive("hangs_after", hangs_after)
    _check_routing(routing)
    return PoolOptions(
        recipe,
        count,
        elastic,
        routing,
        capacity,
        overflow,
        timeout,
        redeliver,
        concurrency,
        batch,
        rate,
        backoff if backoff is not None else PoolBackoff(),
        intensity,
        period,
        processes,
        hangs_after,
    )


def _recipe(worker: object, concurrency: int, processes: object) -> Recipe:
    recipe = recipe_of(worker, concurrency)
    if not isinstance(processes, bool):
        msg = f"processes={processes!r} is not valid: True or False"
        raise TypeError(msg)
    if not processes:
        return recipe
    recipe = in_process(recipe)
    if concurrency > 1:
        msg = f"concurrency={concurrency!r} is not valid with processes=True: a process is at one job at a time; use a larger size"
        raise ValueError(msg)
    return recipe


def check_size(size: object) -> int:
    """Return `size`, a number of workers, or raise."""
    if isinstance(size, bool) or not isinstance(size, int):
        msg = f"size={size!r} is not valid: a number of workers, or an Elastic"
        raise TypeError(msg)
    return _check_whole("size", size, 0)


def _check_routing(routing: object) -> None:
    if routing is None or isinstance(routing, RoundRobin | RandomRouting | LeastLoaded | ConsistentHash):
        return
    if isinstance(routing, Routing):
        msg = f"routing={routing!r} is not valid: a pool gives each job to one worker; for this, put a Router over `pool.workers`"
        raise ValueError(msg)  # noqa: TRY004  # it is a strategy, but not one for pools
    msg = f"routing={routing!r} is not valid: None, RoundRobin(), RandomRouting(), LeastLoaded() or ConsistentHash(key)"
    raise TypeError(msg)


def _check_whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name}={value!r} is not valid: a whole number, {least} or more"
        raise TypeError(msg)
    if value < least:
        msg = f"{name}={value!r} is not valid: {least} or more"
        raise ValueError(msg)
    return value


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name}={value!r} is not valid: a number"
        raise TypeError(msg)
    if not value > 0 or math.isinf(value):
        msg = f"{name}={value!r} is not valid: more than 0, and not infinite"
        raise ValueError(msg)


def _check_kind(name: str, value: object, kind: Callable[..., Any]) -> None:
    if value is not None and not isinstance(value, kind):  # type: ignore[arg-type]  # a class
        msg = f"{name}={value!r} is not valid: {kind.__name__}(...), or None"
        raise TypeError(msg)
