"""What routing adds to a send."""

from __future__ import annotations

import threading
import time
from typing import Any

from actors import Actor, ActorSystem, DispatcherKind
from actors.routers import Router

WAIT = 60.0
ROUTEES = 4
CHUNK = 500  # sends that are timed at once
KEYS = 1000


class Held(Actor, dispatcher=DispatcherKind.THREAD):
    """Is at its first message until the gate opens: what is timed is sending, and nothing else."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, _: Any) -> None:
        self.gate.wait(WAIT)


def sends(n: int, *, routing: Any = None) -> float:
    """Send `n` messages to four busy actors, in turn or by `routing`; the time of as many sends by the median of chunks."""
    gate = threading.Event()
    with ActorSystem() as system:
        refs = [system.spawn(Held, gate) for _ in range(ROUTEES)]
        for ref in refs:
            ref.tell(0)
            while not ref.stats().in_progress:
                time.sleep(0.001)
        router = Router(system, refs, routing=routing) if routing is not None else None
        send = router.ref.tell if router is not None else refs[0].tell
        times = []
        for _ in range(max(1, n // CHUNK)):
            begin = time.perf_counter()
            for number in range(CHUNK):
                send(number % KEYS)
            times.append((time.perf_counter() - begin) / CHUNK)
        ends = [ref.kill(block=False) for ref in refs]
        gate.set()
        for end in ends:
            end.get(timeout=WAIT)
    return sorted(times)[len(times) // 2] * n
