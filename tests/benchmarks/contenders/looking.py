"""Looking at many actors."""

from __future__ import annotations

import threading
import time

from actors import Actor, ActorSystem, Future
from actors.observe import Position, dump

__all__ = ["seconds_of_dump", "seconds_of_tree"]


class _Waits(Actor):
    def on_receive(self, message: Future[int]) -> int:
        return message.get()


def seconds_of_tree(actors: int) -> float:
    """Seconds of processor time that the counts of idle actors take: the best of five looks."""
    with ActorSystem() as system:
        for _ in range(actors):
            system.start(_Waits)
        taken = []
        for _ in range(5):
            begin = time.process_time()
            tree = system.tree(detail=False)
            taken.append(time.process_time() - begin)
            assert tree.count == actors
    return min(taken)


def seconds_of_dump(actors: int, parked: int) -> float:
    """Seconds of processor time that a dump takes; it has to find every handler that is parked, and where."""
    gate: Future[int] = Future()
    with ActorSystem() as system:
        refs = [system.start(_Waits) for _ in range(actors)]
        for ref in refs[:parked]:
            ref.tell(gate)
        while system.stats().parked < parked:
            threading.Event().wait(0.01)
        begin = time.process_time()
        found = dump(system)
        taken = time.process_time() - begin
        waiting = [one for one in found.systems[0].actors if one.position is Position.PARKED]
        assert len(waiting) == parked
        assert {one.stack[-1].code for one in waiting} == {"return message.get()"}
        gate.set(1)
    return taken
