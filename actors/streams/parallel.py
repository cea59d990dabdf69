"""Stages that are at several elements at once: each is asked of an actor, a router or a pool."""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING, Any

from actors.errors import Timeout
from actors.routers import Pool, PoolActor
from actors.streams.logic import SLICE, Linear, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.future import Future
    from actors._core.ref import ActorRef

__all__ = ["AskEach", "MapInPool"]

CHUNK_SECONDS = (
    0.005  # that a job of several elements takes, about: more elements would wait for each other, fewer cost too much by the job
)
CHUNK_AT_MOST = 256  # elements


class _Job:
    """What was asked of somebody: one element, or several in a row."""

    __slots__ = ("asked", "due", "elements", "future")

    def __init__(self, elements: list[Any], future: Future[Any], asked: float, due: float | None) -> None:
        self.elements = elements
        self.future = future
        self.asked = asked
        self.due = due


class AskEach(Linear):
    """Asks somebody each element, and gives the answers.

    Args:
        ref: who is asked; None: `open` says.
        parallel: elements asked and not answered, at most.
        ordered: whether answers are given in the order of their elements.
        timeout: seconds that an answer may take; None: any time.
    """

    stateless = True

    def __init__(self, ref: ActorRef[Any] | None, parallel: int, timeout: float | None, *, ordered: bool) -> None:
        self.ref = ref
        self.most = parallel
        self.timeout = timeout
        self.ordered = ordered
        self.jobs: deque[_Job] = deque()  # in the order of their elements
        # Jobs that have ended, put there by whoever resolves their futures; of no use if they are to be in order.
        self.ended: deque[_Job] = deque()
        self.ready: deque[tuple[Any, Any, BaseException | None]] = deque()  # element, value and error, to be given

    @property
    def holds(self) -> bool:
        """See `Logic`."""
        return bool(self.jobs or self.ready)

    def work(self) -> int:
        """See `Logic`."""
        self._expire()
        self._gather()
        given = self._give()
        asked = self._ask() if self.room() > 0 else 0
        flow = self.flow
        flow.under_way = len(self.ready) + sum(len(job.elements) for job in self.jobs)
        inlet = flow.inlets[0]
        if not flow.under_way and inlet.over and inlet.error is None:
            self.over = True
        return given + asked

    def _ask(self) -> int:
        """Ask as many elements as may be asked at once."""
        waiting = self.flow.inlets[0].waiting
        asked = 0
        while waiting and len(self.jobs) < self.most and asked < SLICE:
            elements = [self.take() for _ in range(min(self._chunk(), len(waiting)))]
            now = self.stage.ports.clock.now()
            due = None if self.timeout is None else now + self.timeout
            if due is not None and not self.jobs:
                self.stage.wake_after(due - now)
            self.element = elements[0]
            job = _Job(elements, self._begin(elements), now, due)
            self.jobs.append(job)
            job.future._call_when_done(functools.partial(self._ended, job))
            asked += len(elements)
        return asked

    def _chunk(self) -> int:
        """Return how many elements go in one job."""
        return 1

    def _begin(self, elements: list[Any]) -> Future[Any]:
        assert self.ref is not None  # since `open`
        return self.ref.ask(elements[0], block=False)

    def _ended(self, job: _Job, _: object) -> None:
        """Take note that a job has ended. Wherever its future is resolved."""
        if not self.ordered:
            self.ended.append(job)
        self.stage.wake()

    def _gather(self) -> None:
        """Make the outcomes of jobs that have ended ready to be given."""
        while self.ordered and self.jobs and self.jobs[0].future.done():
            self._settle(self.jobs.popleft())
        while self.ended:
            job = self.ended.popleft()
            self.jobs.remove(job)
            self._settle(job)

    def _settle(self, job: _Job) -> None:
        error = job.future.exception()
        if error is not None:
            self.ready.extend((element, None, error) for element in job.elements)
        else:
            self._outcome(job, job.future.get())

    def _outcome(self, job: _Job, value: Any) -> None:
        self.ready.append((job.elements[0], value, None))

    def _give(self) -> int:
        """Give what is ready; raise the error of a bad element when its turn has come."""
        room = min(self.room(), SLICE)
        given = 0
        while self.ready and given < room:
            element, value, error = self.ready.popleft()
            if error is not None:
                self.element = element
                raise error
            self.give(value)
            given += 1
        return given

    def _expire(self) -> None:
        """Give up the answers that took too long. The oldest job is due first."""
        if self.timeout is None:
            return
        now = self.stage.ports.clock.now()
        late = next((job for job in self.jobs if not job.future.done()), None)
        while late is not None and late.due is not None and late.due <= now:
            if not late.future.try_fail(Timeout(f"no answer within {self.timeout} seconds")):
                break
            late = next((job for job in self.jobs if not job.future.done()), None)
        if late is not None and late.due is not None and late.due > now and not self.flow.timed:
            self.stage.wake_after(late.due - now)

    def finish(self) -> None:
        """Be over once all answers have been given; see `work`."""

    def close(self) -> None:
        """See `Logic`."""
        for job in tuple(self.jobs):
            job.future.cancel()


class MapInPool(AskEach):
    """Has a function called with each element by the workers of a pool of its own, and gives what it returns.

    Args:
        function: plain or async.
        parallel: calls at once.
        ordered: whether results are given in the order of their elements.
        is_async: whether the function is async: one worker on the event loop makes all calls.
        processes: whether each worker lives in a process of its own; then elements travel in company.
    """

    def __init__(self, function: Callable[[Any], Any], parallel: int, *, ordered: bool, is_async: bool, processes: bool) -> None:
        # Twice as many jobs as workers: none of them waits until the stage has heard of a result.
        super().__init__(None, 2 * parallel, None, ordered=ordered)
        self.chunked = processes
        self.size = 1
        self.worker = function
        if processes:
            self.worker = functools.partial(call_each, function)
        elif isinstance(function, type):  # a pool would take it for a class of workers
            self.worker = functools.partial(call, function)
        self.options: dict[str, Any] = {
            "size": 1 if is_async else parallel,
            "concurrency": parallel if is_async else 1,
            "capacity": 2 * parallel,
            "redeliver": 0,  # no element is tried twice
            "processes": processes,
        }
        self.pool: ActorRef[Any] | None = None

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.pool = stage.spawn(PoolActor, self.worker, name="pool", **self.options)
        self.ref = Pool.of(self.pool).ref

    def _chunk(self) -> int:
        return self.size

    def _begin(self, elements: list[Any]) -> Future[Any]:
        assert self.ref is not None  # since `open`
        return self.ref.ask(elements if self.chunked else elements[0], block=False)

    def _outcome(self, job: _Job, value: Any) -> None:
        if not self.chunked:
            super()._outcome(job, value)
            return
        self.ready.extend((element, *outcome) for element, outcome in zip(job.elements, value, strict=True))
        took = self.stage.ports.clock.now() - job.asked
        if took < CHUNK_SECONDS:
            self.size = min(2 * self.size, CHUNK_AT_MOST)
        elif took > 4 * CHUNK_SECONDS:
            self.size = max(1, self.size // 2)

    def close(self) -> None:
        """See `Logic`. Workers that are still at something are not waited for."""
        busy = bool(self.jobs)
        super().close()
        if self.pool is not None and busy:
            self.pool.kill(block=False)


def call(function: Callable[[Any], Any], element: Any) -> Any:
    """Return what `function` returns for `element`."""
    return function(element)


def call_each(function: Callable[[Any], Any], elements: list[Any]) -> list[tuple[Any, BaseException | None]]:
    """Return what `function` returns for each of `elements`, or raises. For workers in processes."""
    outcomes: list[tuple[Any, BaseException | None]] = []
    for element in elements:
        try:
            outcomes.append((function(element), None))
        except Exception as error:  # noqa: BLE001  # raised again by the stage, which has the policy
            outcomes.append((None, error))
    return outcomes
