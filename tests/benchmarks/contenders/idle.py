"""What an idle actor keeps resident: run as a program, one contender in one fresh process.

``python -m tests.benchmarks.contenders.idle CONTENDER ACTORS`` prints bytes per actor.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.model import EVERYTHING, POOL, PYKKA, QUEUE

from .kits import POOL_KIT, PYKKA_KIT
from .scenarios import WAIT

BATCH = 5_000  # actors with mail at one time: what waits in mailboxes is not idle


def in_a_process(module: str, *arguments: object) -> str:
    """Run `module` as a program in a fresh process; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout


def measure(contender: str, actors: int) -> float:
    """Measure in a process of its own; bytes per actor."""
    return float(in_a_process(__name__, contender, actors))


def resident() -> int:
    """Return the bytes of this process that are in memory now, without garbage."""
    gc.collect()
    return rss()


def rss() -> int:
    """Return the bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def ours(actors: int) -> float:
    """Named, in the system's registry, each with one message handled, and no reference kept here."""
    library = POOL_KIT.library()
    tickets = itertools.count(1)
    handled = threading.Semaphore(0)

    base: Any = library.Actor

    class Idle(base):
        def on_receive(self, _message: Any) -> None:
            if next(tickets) % BATCH == 0:
                handled.release()

    with library.ActorSystem("bench") as system:

        def populate(prefix: str) -> None:
            for number in range(BATCH):
                system.start(Idle, name=f"{prefix}-{number}").tell(None)
            if not handled.acquire(timeout=WAIT):
                raise TimeoutError("not all messages were handled")

        populate("warm")
        before = resident()
        for batch in range(actors // BATCH):
            populate(f"idle-{batch}")
        after = resident()
        if system.lookup("/idle-0-0") is None or system.stats().actors < actors:
            raise AssertionError("not all actors are alive and registered")
        sys.stdout.write(f"{(after - before) / (actors // BATCH * BATCH):.1f}")
        sys.stdout.flush()
        os._exit(0)  # stopping a million actors is another measure's business


def threads(actors: int) -> float:
    """pykka's actors: a thread each."""
    role = PYKKA_KIT.role("echo")
    role.start().ask(0)
    before = resident()
    for _ in range(actors):
        role.start().ask(0)
    after = resident()
    PYKKA_KIT.library().ActorRegistry.stop_all()
    return (after - before) / actors


def queues(actors: int) -> float:
    """Hand-written actors: a queue and a task each."""
    from .queue_actor import QueueActor, same

    async def job() -> float:
        before = resident()
        alive = [QueueActor(same) for _ in range(actors)]
        for actor in alive:
            await actor.ask(0)
        return (resident() - before) / actors

    return asyncio.run(job())


def everything(actors: int) -> float:
    """``everything-is-an-actor``."""
    from . import everything as contender

    async def population(system: Any, count: int) -> float:
        before = resident()
        for number in range(count):
            ref = await system.spawn(contender.Echo, f"idle-{number}")
            await ref.ask(0)
        return (resident() - before) / count

    return contender.measured(population, actors)


PROBES: dict[str, Callable[[int], float]] = {
    POOL: ours,
    PYKKA: threads,
    QUEUE: queues,
    EVERYTHING: everything,
}

if __name__ == "__main__":
    sys.stdout.write(f"{PROBES[sys.argv[1]](int(sys.argv[2])):.1f}")
