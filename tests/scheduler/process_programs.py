# ruff: noqa: T201  # programs print
"""Programs with worker processes, each started by a test: ``python process_programs.py NAME FOLDER``."""

from __future__ import annotations

import os
import sys
import threading
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from actors import ActorSystem
from actors.scheduler import Kind, Scheduler, Task, worker_process
from tests.scheduler import in_processes as work

FOLDER = Path(sys.argv[2]) if __name__ == "__main__" else Path()


def start(scheduler: Scheduler, number: int) -> Task[None]:
    """Begin something that never ends, and wait until it has begun."""
    path = FOLDER / f"worker-{number}"
    task = scheduler.submit(work.touch_and_compute if number == 0 else work.touch_and_wait, str(path), kind=Kind.PROCESS)
    while not (path.exists() and path.read_text(encoding="utf-8")):
        time.sleep(0.005)
    return task


def ready() -> None:
    (FOLDER / "ready").touch()


def interrupted() -> None:
    """Waits for a result until Ctrl-C comes."""
    with ActorSystem() as system, Scheduler(system, processes=3) as scheduler:
        scheduler.prewarm()
        task = start(scheduler, 0)
        start(scheduler, 1)
        scheduler.submit(work.square, 1, kind=Kind.PROCESS).result()
        ready()
        try:
            task.result()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            scheduler.close(timeout=0.0)


def interrupted_at_start() -> None:
    """As before, with a process that is only starting."""
    with ActorSystem() as system, Scheduler(system, processes=1) as scheduler:
        scheduler.submit(work.square, 1, kind=Kind.PROCESS)
        try:
            ready()
            while True:  # a signal that comes just before a sleep does not end that
                time.sleep(0.01)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            print(scheduler.submit(work.square, 2, kind=Kind.PROCESS).result(timeout=30), flush=True)


def waits() -> None:
    """Is killed."""
    system = ActorSystem()
    scheduler = Scheduler(system, processes=3)
    start(scheduler, 0)
    start(scheduler, 1)
    scheduler.prewarm()
    scheduler.submit(work.square, 1, kind=Kind.PROCESS).result()
    ready()
    time.sleep(600)


def leaves_everything() -> None:
    """Ends without closing anything."""
    system = ActorSystem()
    scheduler = Scheduler(system, processes=2)
    start(scheduler, 0)
    scheduler.submit(work.square, 1, kind=Kind.PROCESS).result()
    print("the end", flush=True)


def is_joined_late() -> None:
    """Ends without closing anything; when `multiprocessing` comes to wait for the worker, its slot has done so already."""
    join, children = BaseProcess.join, worker_process._children

    def join_late(process: BaseProcess, timeout: float | None = None) -> None:
        while threading.current_thread() is threading.main_thread():
            with children._lock:
                if not children._workers:
                    break
            time.sleep(0.005)
        join(process, timeout)

    BaseProcess.join = join_late  # type: ignore[method-assign]
    start(Scheduler(ActorSystem(), processes=1), 0)
    print("the end", flush=True)


def forks() -> None:
    """A forked child of the program ends, with all that it does at its exit; the workers are not its own."""
    system = ActorSystem()
    scheduler = Scheduler(system, processes=1)
    before = scheduler.submit(work.where, kind=Kind.PROCESS).result()
    child = os.fork()
    if child == 0:
        sys.exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(scheduler.submit(work.where, kind=Kind.PROCESS).result() == before, flush=True)
    system.shutdown()


def in_main(number: int) -> tuple[str, int]:
    return __name__, number


class InMain(ValueError):
    """An exception of the main module."""


def fail_in_main() -> None:
    raise InMain("of main")


def uses_main() -> None:
    """Functions and classes of the main module itself."""
    with ActorSystem() as system, Scheduler(system, processes=1) as scheduler:
        print(scheduler.submit(in_main, 7, kind=Kind.PROCESS).result())
        error = scheduler.submit(fail_in_main, kind=Kind.PROCESS).future.exception()
        print(type(error) is InMain, flush=True)


def prints() -> None:
    """What a function prints is seen at once, also when its process is killed later."""
    with ActorSystem() as system, Scheduler(system, processes=1) as scheduler:
        scheduler.submit(work.print_things, kind=Kind.PROCESS).result()
        start(scheduler, 1)
        scheduler.close(timeout=0.0)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
