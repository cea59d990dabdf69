"""The figures of a pool."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolStats"]


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What a pool has, and what has become of its jobs.

    ``accepted == waiting + running + done + failed + shed + expired + cancelled + poisoned`` in every snapshot. A job that was rejected
    was not accepted.

    Attributes:
        size: workers it shall have.
        ready: workers that are running.
        busy: workers that are at a job.
        waiting: jobs that wait for a worker.
        running: jobs that a worker has.
        accepted: jobs ever let in.
        done: jobs that were handled.
        failed: asks whose handler raised, or that could not be handed over.
        shed: jobs that were dropped for want of room, or because the pool was closed.
        expired: jobs whose deadline passed.
        cancelled: asks that were cancelled.
        poisoned: jobs whose workers died each time.
        redelivered: how often a job was handed out again.
        deaths: workers that died.
        batches: lists of messages that were handed out.
        retry_after: seconds after which there should be room; None if the pool has room, or that is not known.
    """

    size: int
    ready: int
    busy: int
    waiting: int
    running: int
    accepted: int
    done: int
    failed: int
    shed: int
    expired: int
    cancelled: int
    poisoned: int
    redelivered: int
    deaths: int
    batches: int
    retry_after: float | None
