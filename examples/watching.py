"""Death watch, kill, and restart in place: the mechanisms that supervisors are made of.

Whoever watches an actor is told once how it ended, also when it was dead already. A restart puts a new instance behind the same
ref and the same mailbox: its senders and watchers need not notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors import Actor, ActorRef, ActorSystem, Down, Future, handler


@dataclass(frozen=True)
class Watch:
    """Keep an eye on this actor."""

    ref: ActorRef[Any]


class Nurse(Actor):
    """Watches others and writes down what becomes of them."""

    def __init__(self, cases: int, done: Future[None]) -> None:
        super().__init__()
        self.cases = cases
        self.done = done

    @handler
    def on_watch(self, message: Watch) -> None:
        self.watch(message.ref)

    @handler
    def on_down(self, down: Down) -> None:
        because = f": {down.error!r}" if down.error else ""
        print(f"  the nurse notes: {down.ref.name} is down, {down.reason.name}{because}")
        self.cases -= 1
        if not self.cases:
            self.done.set()


class Patient(Actor):
    """Remembers how many spoons it took; some do not agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.spoons = 0

    def on_receive(self, message: Any) -> int:
        if message == "vinegar":
            raise ValueError("vinegar")
        if message == "forever":
            Future[None]().get()  # waits for what will never come
        self.spoons += 1
        return self.spoons

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        del exception_type, traceback
        why = repr(exception_value) if exception_value else "to be replaced"  # no exception: a restart that somebody asked for
        print(f"  {self.path} after {self.spoons} spoons: {why}")


def main() -> None:
    with ActorSystem() as system:
        done: Future[None] = Future()
        nurse = system.spawn(Nurse, 4, done, name="nurse")
        ann, bob, cid, dan = patients = [system.spawn(Patient, name=name) for name in ("ann", "bob", "cid", "dan")]
        print("ann is stopped, bob crashes, cid hangs and is killed, dan was dead already:")
        dan.stop()
        for patient in patients:
            nurse.tell(Watch(patient))

        ann.ask("syrup")
        ann.stop()
        bob.tell("vinegar")
        cid.tell("forever")
        cid.kill()  # does not wait for the handler to end by itself: what waits is thrown out
        done.get(timeout=10)

        print("eve is restarted:")
        eve = system.spawn(Patient, name="eve")
        for _ in range(3):
            eve.tell("syrup")
        print(f"  spoons before: {eve.ask('syrup')}")
        eve.restart()
        print(f"  spoons after, through the same ref: {eve.ask('syrup')}; alive: {eve.is_alive()}; restarts: {eve.stats().restarts}")


if __name__ == "__main__":
    main()
