"""Programs that share things: buffers, forks, locks, tokens, jobs."""

from __future__ import annotations

from typing import Any

from actors import Actor, ActorRef
from actors.testing import Simulation

Ref = ActorRef[Any]

# -- a bounded buffer: a monitor with one wait list ----------------------------------------------------------------------------


class Buffer(Actor):
    """Whoever finds it full, or empty, waits; a success wakes the one that has waited longest, who tries again."""

    wakes = 1

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.items: list[Any] = []
        self.waiting: list[Ref] = []

    def on_receive(self, message: Any) -> None:
        match message:
            case ("put", item, ref) if len(self.items) < self.capacity:
                self.items.append(item)
                self.succeed(ref, ("stored", item))
            case ("get", ref) if self.items:
                self.succeed(ref, ("item", self.items.pop(0)))
            case (*_, ref):
                self.waiting.append(ref)

    def succeed(self, ref: Ref, answer: Any) -> None:
        ref.tell(answer)
        for _ in range(min(self.wakes, len(self.waiting))):
            self.waiting.pop(0).tell("again")


class FairBuffer(Buffer):
    wakes = 100


class Writer(Actor):
    def __init__(self, buffer: Ref, items: list[int]) -> None:
        super().__init__()
        self.buffer, self.items = buffer, items

    def on_start(self) -> None:
        self.put()

    def on_receive(self, message: Any) -> None:
        if message != "again":
            self.items = self.items[1:]
        self.put()

    def put(self) -> None:
        if self.items:
            self.buffer.tell(("put", self.items[0], self.actor_ref))


class Reader(Actor):
    def __init__(self, buffer: Ref, count: int) -> None:
        super().__init__()
        self.buffer, self.count = buffer, count
        self.got: list[int] = []

    def on_start(self) -> None:
        self.get()

    def on_receive(self, message: Any) -> None:
        if message != "again":
            self.got.append(message[1])
        self.get()

    def get(self) -> None:
        if len(self.got) < self.count:
            self.buffer.tell(("get", self.actor_ref))


def _passed_on(sim: Simulation, buffer_class: type[Actor], each: int = 2) -> None:
    buffer = sim.spawn(buffer_class, 1)
    readers = [sim.spawn(Reader, buffer, each) for _ in range(2)]
    items = list(range(2 * each))
    sim.spawn(Writer, buffer, items)
    sim.run()
    assert sorted(item for reader in readers for item in sim.instance(reader).got) == items, "all of them wait"


def buffer_that_wakes_one(sim: Simulation) -> None:
    _passed_on(sim, Buffer)


def buffer_that_wakes_all(sim: Simulation) -> None:
    _passed_on(sim, FairBuffer)


def buffer_that_wakes_all_of_few(sim: Simulation) -> None:
    _passed_on(sim, FairBuffer, 1)


class Monitor(Actor):
    """The same for those who ask: the answer to a request that has to wait comes later, and may be "again"."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Any] = []
        self.waiting: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "get" and self.items:
            answer = self.items.pop(0)
        elif message != "get" and not self.items:
            self.items.append(message[1])
            answer = "stored"
        else:
            self.waiting.append(self.reply_later())
            return None
        if self.waiting:
            self.waiting.pop(0).reply("again")
        return answer


class Asker(Actor):
    def __init__(self, monitor: Ref) -> None:
        super().__init__()
        self.monitor = monitor

    def on_receive(self, requests: list[Any]) -> int:
        for request in requests:
            while self.monitor.ask(request) == "again":
                pass
        return len(requests)


def monitor_that_wakes_one(sim: Simulation) -> None:
    monitor = sim.spawn(Monitor)
    work = [["get"] * 2, ["get"] * 2, [("put", number) for number in range(4)]]
    done = [sim.spawn(Asker, monitor).ask(requests, block=False) for requests in work]
    assert sum(one.get() for one in done) == 8


# -- philosophers ------------------------------------------------------------------------------------------------------------


class Fork(Actor):
    """Serves those who ask, and those who leave their ref and hear "yours"."""

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.waiting: list[Any] = []

    def on_receive(self, message: Any) -> None:
        match message:
            case "take":
                self.take(self.reply_later().reply)
            case ("take", ref):
                self.take(lambda: ref.tell("yours"))
            case "put":
                self.held = False
                if self.waiting:
                    self.take(self.waiting.pop(0))

    def take(self, grant: Any) -> None:
        if self.held:
            self.waiting.append(grant)
        else:
            self.held = True
            grant()


class Philosopher(Actor):
    def __init__(self, first: Ref, second: Ref) -> None:
        super().__init__()
        self.forks = first, second

    def on_receive(self, _: object) -> str:
        for fork in self.forks:
            fork.ask("take")
        for fork in self.forks:
            fork.tell("put")
        return "ate"


class AsyncPhilosopher(Philosopher):
    async def on_receive(self, _: object) -> str:
        for fork in self.forks:
            await fork.ask_async("take")
        for fork in self.forks:
            fork.tell("put")
        return "ate"


class TellingPhilosopher(Philosopher):
    held = 0

    def on_start(self) -> None:
        self.forks[0].tell(("take", self.actor_ref))

    def on_receive(self, _: object) -> Any:
        self.held += 1
        if self.held == 1:
            self.forks[1].tell(("take", self.actor_ref))
        else:
            for fork in self.forks:
                fork.tell("put")


def _seats() -> list[tuple[int, int]]:
    return [(0, 1), (1, 2), (2, 0)]


def _dine(sim: Simulation, philosopher: type[Actor], seats: list[tuple[int, int]]) -> None:
    forks = [sim.spawn(Fork) for _ in range(3)]
    philosophers = [sim.spawn(philosopher, forks[first], forks[second]) for first, second in seats]
    for meal in [one.ask("eat", block=False) for one in philosophers]:
        assert meal.get() == "ate"


def dining(sim: Simulation) -> None:
    _dine(sim, Philosopher, _seats())


def dining_awaiting(sim: Simulation) -> None:
    _dine(sim, AsyncPhilosopher, _seats())


def dining_telling(sim: Simulation) -> None:
    forks = [sim.spawn(Fork) for _ in range(3)]
    philosophers = [sim.spawn(TellingPhilosopher, forks[first], forks[second]) for first, second in _seats()]
    sim.run()
    assert [sim.instance(one).held for one in philosophers] == [2, 2, 2], "somebody starves"


def dining_with_ordered_forks(sim: Simulation) -> None:
    _dine(sim, Philosopher, [tuple(sorted(seat)) for seat in _seats()])  # type: ignore[misc]  # pairs stay pairs


# -- mutual exclusion (Lamport 1978) -------------------------------------------------------------------------------------------


class Process(Actor):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.peers: dict[str, Ref] = {}
        self.clock = 0
        self.requests: dict[str, tuple[int, str]] = {}
        self.heard: dict[str, tuple[int, str]] = {}
        self.inside = False
        self.entered = 0

    def send(self, peer: str, kind: str) -> None:
        self.peers[peer].tell((kind, self.clock, self.name))

    def on_receive(self, message: Any) -> None:
        match message:
            case ("peers", peers):
                self.peers = peers
            case "enter":
                self.clock += 1
                self.requests[self.name] = self.clock, self.name
                for peer in self.peers:
                    self.send(peer, "request")
            case "leave":
                self.inside = False
                del self.requests[self.name]
                for peer in self.peers:
                    self.send(peer, "release")
            case (kind, time, peer):
                self.clock = max(self.clock, time) + 1
                self.heard[peer] = max(self.heard.get(peer, (0, "")), (time, peer))
                if kind == "request":
                    self.requests[peer] = time, peer
                    self.send(peer, "reply")
                elif kind == "release":
                    self.requests.pop(peer, None)
        mine = self.requests.get(self.name)
        if (
            mine
            and not self.inside
            and mine == min(self.requests.values())
            and all(self.heard.get(peer, (0, "")) > mine for peer in self.peers)
        ):
            self.inside = True
            self.entered += 1
            self.actor_ref.tell("leave")


def lamport_mutex(sim: Simulation) -> None:
    processes = {name: sim.spawn(Process, name) for name in "ab"}
    for name, ref in processes.items():
        ref.tell(("peers", {other: peer for other, peer in processes.items() if other != name}))
    sim.run()
    sim.always("one at most is inside", lambda: sum(sim.instance(ref).inside for ref in processes.values()) <= 1)
    for ref in processes.values():
        ref.tell("enter")
    sim.run()
    assert all(sim.instance(ref).entered == 1 for ref in processes.values())


# -- a token ring ------------------------------------------------------------------------------------------------------------


class Station(Actor):
    """Works while it has the token. One that is impatient makes a new token when it has not seen one for long."""

    def __init__(self, patience: float | None = None) -> None:
        super().__init__()
        self.patience = patience
        self.next: Ref | None = None
        self.busy = False
        self.turns = 0

    def on_receive(self, message: Any) -> None:
        match message:
            case ("next", ref):
                self.next = ref
            case "go":
                if self.patience is not None:
                    self.start_timer("lost", self.patience, "token")
            case "token" if self.turns < 2:
                self.cancel_timer("lost")
                self.busy = True
                self.turns += 1
                self.actor_ref.tell("done")
            case "done":
                assert self.next is not None
                self.busy = False
                self.next.tell("token")


def _circulated(sim: Simulation, patience: float | None) -> None:
    ring = [sim.spawn(Station), sim.spawn(Station), sim.spawn(Station, patience)]
    sim.always("one token", lambda: sum(sim.instance(one).busy for one in ring) <= 1)
    for place, one in enumerate(ring):
        one.tell(("next", ring[(place + 1) % 3]))
    sim.run()
    ring[2].tell("go")
    ring[0].tell("token")
    sim.run()


def token_ring(sim: Simulation) -> None:
    _circulated(sim, None)


def token_made_again(sim: Simulation) -> None:
    _circulated(sim, 10.0)


# -- a lock for readers and writers --------------------------------------------------------------------------------------------


class ReadWriteLock(Actor):
    """An upgrade gives the read lock back and queues for the write lock."""

    def __init__(self) -> None:
        super().__init__()
        self.readers, self.writing = 0, False
        self.waiting: list[tuple[str, Any]] = []

    def on_receive(self, message: str) -> None:
        match message:
            case "read" | "write":
                self.waiting.append((message, self.reply_later()))
            case "upgrade":
                self.readers -= 1
                self.waiting.append(("write", self.reply_later()))
            case "end read":
                self.readers -= 1
            case "end write":
                self.writing = False
        while self.waiting and not self.writing:
            kind, handle = self.waiting[0]
            if kind == "write" and self.readers:
                break
            self.waiting.pop(0)
            self.writing = kind == "write"
            self.readers += kind == "read"
            handle.reply()


class Register(Actor):
    value = 0

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("set", value):
                self.value = value
        return self.value


class Upgrader(Actor):
    def __init__(self, lock: Ref, register: Ref) -> None:
        super().__init__()
        self.lock, self.register = lock, register

    def on_receive(self, _: object) -> None:
        self.lock.ask("read")
        value = self.register.ask("get")
        self.lock.ask("upgrade")
        self.register.ask(("set", value + 1))
        self.lock.tell("end write")


class Patient(Upgrader):
    def on_receive(self, _: object) -> None:
        self.lock.ask("write")
        self.register.ask(("set", self.register.ask("get") + 1))
        self.lock.tell("end write")


def _counted(sim: Simulation, user: type[Actor]) -> None:
    lock, register = sim.spawn(ReadWriteLock), sim.spawn(Register)
    for _ in range(2):
        sim.spawn(user, lock, register).tell("count")
    sim.run()
    assert register.ask("get") == 2


def lock_upgrade_lost(sim: Simulation) -> None:
    _counted(sim, Upgrader)


def lock_taken_for_writing(sim: Simulation) -> None:
    _counted(sim, Patient)


# -- stealing work -------------------------------------------------------------------------------------------------------------


class Thief(Actor):
    """Works off its jobs one by one; told of a peer, it asks for one of his."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[str] = []
        self.done: list[str] = []

    def on_receive(self, message: Any) -> None:
        match message:
            case ("peer", peer):
                peer.tell(("steal", self.actor_ref))
            case ("job", job):
                self.jobs.append(job)
                self.actor_ref.tell("work")
            case ("steal", thief):
                if len(self.jobs) > 1:
                    thief.tell(("loot", self.jobs.pop()))
            case ("loot", job):
                self.take(job)
            case "work" if self.jobs:
                self.done.append(self.jobs.pop(0))

    def take(self, job: str) -> None:
        self.jobs = [job]  # there are none, or it had not stolen
        self.actor_ref.tell("work")


class HonestThief(Thief):
    def take(self, job: str) -> None:
        self.jobs.append(job)
        self.actor_ref.tell("work")


def _worked(sim: Simulation, worker: type[Actor]) -> None:
    one, other = sim.spawn(worker), sim.spawn(worker)
    for job in ("a", "b"):
        one.tell(("job", job))
    other.tell(("peer", one))
    other.tell(("job", "c"))
    sim.run()
    assert sorted(sim.instance(one).done + sim.instance(other).done) == ["a", "b", "c"]


def stolen_job_lost(sim: Simulation) -> None:
    _worked(sim, Thief)


def stolen_job_queued(sim: Simulation) -> None:
    _worked(sim, HonestThief)
