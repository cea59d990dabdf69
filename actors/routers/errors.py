"""What goes wrong with routers and pools.

    ActorError
    ├── NoRouteeError (also ActorDeadError)
    ├── PoolFullError (also MailboxFullError)
    ├── PoolClosedError (also ActorDeadError)
    ├── WorkerLostError
    ├── BatchResultError
    └── TooManyDeathsError

As in `actors.errors`, data is kept in attributes, the sentence is built from them, and all of them pickle.
"""

from __future__ import annotations

from actors.errors import ActorDeadError, ActorError, MailboxFullError

__all__ = ["BatchResultError", "NoRouteeError", "PoolClosedError", "PoolFullError", "TooManyDeathsError", "WorkerLostError"]


class NoRouteeError(ActorDeadError):
    """A router has nobody to send to.

    Attributes:
        router: its path.
        message: what was sent.
    """

    def __init__(self, router: str, message: object = None) -> None:
        super().__init__(f"the router {router} has no routee: add() one; those it had have ended, or are closing", router, message)
        self.args = (router, message)
        self.router = router


class PoolFullError(MailboxFullError):
    """A pool has as many jobs waiting as it may, or has shed the job to make room.

    Attributes:
        pool: the path of the pool.
        message: the job; it is yours again.
        capacity: how many jobs may wait.
        retry_after: the seconds after which there should be room, by the pace of late; None if that is not known.
    """

    def __init__(self, pool: str, message: object, capacity: int, retry_after: float | None = None) -> None:
        super().__init__(pool, message, capacity)
        self.args = (pool, message, capacity, retry_after)
        self.pool = pool
        self.retry_after = retry_after

    def __str__(self) -> str:
        when = "" if self.retry_after is None else f"; try again in {self.retry_after:.3g} seconds"
        return f"{self.pool} is full: {self.capacity} jobs wait{when}"


class PoolClosedError(ActorDeadError):
    """A pool takes no job any more.

    Attributes:
        pool: the path of the pool.
        message: the job.
        cause: what the pool crashed with, and ``__cause__`` likewise; None if it was closed, or ended in another way.
    """

    def __init__(self, pool: str, message: object = None, cause: BaseException | None = None) -> None:
        why = f": {type(cause).__name__}: {cause}" if cause is not None else ""
        super().__init__(f"the pool {pool} is closed{why}", pool, message)
        self.args = (pool, message, cause)
        self.pool = pool
        self.cause = self.__cause__ = cause


class WorkerLostError(ActorError):
    """The workers that were at a job have died, each time that it was handed out.

    Attributes:
        message: the job.
        pool: the path of the pool.
        deliveries: how often the job was handed to a worker.
        error: what the last worker died of; None if it was killed, or ended by itself.
    """

    def __init__(self, message: object, pool: str, deliveries: int, error: BaseException | None = None) -> None:
        super().__init__(message, pool, deliveries, error)
        self.message = message
        self.pool = pool
        self.deliveries = deliveries
        self.error = error

    def __str__(self) -> str:
        times = "once" if self.deliveries == 1 else f"{self.deliveries} times"
        why = "it was killed, or ended by itself" if self.error is None else f"{type(self.error).__name__}: {self.error}"
        return f"the job was handed out {times} by {self.pool}, and its worker died with it each time; the last one: {why}"


class BatchResultError(ActorError):
    """What a worker returned for a batch is no list of as many results.

    Attributes:
        expected: how many messages the batch had.
        found: how many results came back; None if it was no list or tuple.
        kind: the name of the type of what came back instead.
    """

    def __init__(self, expected: int, found: int | None, kind: str = "list") -> None:
        super().__init__(expected, found, kind)
        self.expected = expected
        self.found = found
        self.kind = kind

    def __str__(self) -> str:
        got = f"{self.kind}, which is no list," if self.found is None else f"{self.found} results"
        return f"a batch of {self.expected} messages was answered with {got}: return a list of one result for each message, in their order"


class TooManyDeathsError(ActorError):
    """The workers of a pool have died so often that the pool itself crashes: starting others does not help.

    Attributes:
        pool: the path of the pool.
        deaths: how many there were.
        period: the seconds within which.
        error: what the last one died of; None if it was killed.
    """

    def __init__(self, pool: str, deaths: int, period: float, error: BaseException | None = None) -> None:
        super().__init__(pool, deaths, period, error)
        self.pool = pool
        self.deaths = deaths
        self.period = period
        self.error = error

    def __str__(self) -> str:
        why = "it was killed" if self.error is None else f"{type(self.error).__name__}: {self.error}"
        return f"{self.deaths} workers of {self.pool} died within {self.period:g} seconds; the last one: {why}"
