"""The program of the kill test: schedules of every kind, whose runs write their ids into a log before and after their work.

    python -m tests.scheduler.killed DATABASE LOG ROUND EPOCH [last]

It runs until it is killed; as the last one it ends in order after a moment.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta

from actors import Actor, ActorSystem, TimerMode
from actors.scheduler import Interrupted, Jobs, Kind, Missed, Overlap, Retry, Scheduler, Store, current_run

TICK = 0.5  # seconds between the times of the one-offs that each program declares anew
jobs = Jobs()
log = -1


def note(what: str) -> None:
    """One line, in one write to a file that is only appended to: it is there whole, or not at all, whenever the program is killed."""
    run = current_run()
    assert run is not None
    os.write(log, f"{what} {run.id} {run.attempt}\n".encode())


@jobs.register(name="work")
def work(seconds: float) -> None:
    note("begin")
    time.sleep(seconds)
    note("end")


@jobs.register(name="work-async")
async def work_async(seconds: float) -> None:
    note("begin")
    await asyncio.sleep(seconds)
    note("end")


@jobs.register(name="flaky")
def flaky() -> None:
    run = current_run()
    assert run is not None
    note("begin" if run.attempt == 1 else "again")
    if run.attempt == 1:
        raise OSError
    note("end")


class Clerk(Actor):
    """Takes messages that a schedule sends."""

    def on_receive(self, message: object) -> None:
        os.write(log, f"message {message}\n".encode())


def declare(scheduler: Scheduler, clerk: object, number: int, epoch: float) -> None:
    every, more = scheduler.every, {"persist": True}
    every(0.05, work, 0.002, name="once", missed=Missed.ONCE, grace=0.1, **more)
    every(0.11, work, 0.002, name="all", missed=Missed.ALL, grace=0.1, **more)
    every(0.07, work, 0.002, name="skip", missed=Missed.SKIP, grace=0.1, **more)
    every(0.06, work, 0.002, name="delay", mode=TimerMode.FIXED_DELAY, **more)
    every(0.09, work, 0.03, name="rerun", interrupted=Interrupted.RERUN, **more)
    every(0.04, work_async, 0.06, name="queue", overlap=Overlap.QUEUE, **more)
    every(0.08, work_async, 0.1, name="allow", overlap=Overlap.ALLOW, missed=Missed.ALL, **more)
    every(0.13, flaky, name="flaky", retry=Retry(attempts=2, initial=0.02), **more)
    every(0.1, clerk, "tell", name="tell", **more)
    every(0.1, clerk, "ask", name="ask", kind=Kind.ASK, **more)
    scheduler.cron("* * * * * *", work, 0.002, name="cron", missed=Missed.ALL, **more)
    every(0.05, work, 0.002, name="times", times=500, **more)
    one_offs = [scheduler.after(n * 0.1, work, 0.01, name=f"after-{number}-{n}", **more) for n in range(3)]
    now = int((time.time() - epoch) / TICK)
    for n in range(max(0, now - 6), now + 6):
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch + n * TICK)
        one_offs.append(scheduler.at(when, work, 0.002, name=f"at-{n}", missed=Missed.SKIP if n % 2 else Missed.ONCE, **more))
    for task in one_offs:
        task.stored.add_done_callback(lambda _, name=task.name: os.write(log, f"stored {name}\n".encode()))


def main() -> None:
    global log  # noqa: PLW0603  # a program's log
    database, path, number, epoch, *last = sys.argv[1:]
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with ActorSystem("killed") as system:
        clerk = system.spawn(Clerk, name="clerk")
        store = Store(database, keep=1_000_000)
        with Scheduler(system, store=store, jobs=jobs) as scheduler:
            declare(scheduler, clerk, int(number), float(epoch))
            print("ready", flush=True)  # noqa: T201  # to the test that kills it
            time.sleep(4.0 if last else 60.0)


if __name__ == "__main__":
    main()
