"""Scenarios that several tests explore, also from processes of their own."""

from __future__ import annotations

import asyncio
from typing import Any

from actors import Actor, ActorRef
from actors.testing import Simulation


class Log(Actor):
    """Keeps what it is told; asked for "got" it answers with that."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "got":
            return tuple(self.got)
        self.got.append(message)
        return None


class Forward(Actor):
    """Tells another one what it is told."""

    def __init__(self, target: ActorRef[Any]) -> None:
        super().__init__()
        self.target = target

    def on_receive(self, message: Any) -> None:
        self.target.tell(message)


class Table(Actor):
    """A table of keys; counts those that were made twice."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self.twice = 0

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("has", key):
                return key in self.keys
            case ("create", key):
                self.twice += key in self.keys
                self.keys.add(key)
            case "twice":
                return self.twice
        return None


class Manager(Actor):
    """Creates a key unless it is there: between the two, others may have."""

    def __init__(self, table: ActorRef[Any]) -> None:
        super().__init__()
        self.table = table

    def on_receive(self, key: str) -> None:
        if not self.table.ask(("has", key)):
            self.table.tell(("create", key))


class AsyncManager(Actor):
    def __init__(self, table: ActorRef[Any]) -> None:
        super().__init__()
        self.table = table

    async def on_receive(self, key: str) -> None:
        await asyncio.sleep(0.1)
        if not await self.table.ask_async(("has", key)):
            self.table.tell(("create", key))


def check_then_create(sim: Simulation) -> None:
    table = sim.spawn(Table)
    managers: list[ActorRef[Any]] = [sim.spawn(Manager, table), sim.spawn(AsyncManager, table)]
    for manager in managers:
        manager.tell("key")
    sim.run()
    assert table.ask("twice") == 0


class Fork(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.waiting: list[Any] = []

    def on_receive(self, message: str) -> None:
        if message == "take":
            handle = self.reply_later()
            if self.held:
                self.waiting.append(handle)
            else:
                self.held = True
                handle.reply()
        elif self.waiting:
            self.waiting.pop(0).reply()
        else:
            self.held = False


class Philosopher(Actor):
    def __init__(self, left: ActorRef[Any], right: ActorRef[Any]) -> None:
        super().__init__()
        self.left, self.right = left, right

    def on_receive(self, _: object) -> str:
        self.left.ask("take")
        self.right.ask("take")
        self.left.tell("put")
        self.right.tell("put")
        return "ate"


def dining(sim: Simulation) -> None:
    forks = [sim.spawn(Fork) for _ in range(3)]
    philosophers = [sim.spawn(Philosopher, forks[seat], forks[(seat + 1) % 3]) for seat in range(3)]
    for meal in [philosopher.ask("eat", block=False) for philosopher in philosophers]:
        assert meal.get() == "ate"


def arrivals(sim: Simulation) -> tuple[int, ...]:
    """Return in which order a log got four messages, of which the scenario sent one itself and two come by one way."""
    log = sim.spawn(Log)
    one, other = sim.spawn(Forward, log), sim.spawn(Forward, log)
    one.tell(1)
    other.tell(2)
    other.tell(3)
    log.tell(4)
    sim.run()
    got: tuple[int, ...] = log.ask("got")
    return got


class Registry(Actor):
    """Knows which name is whose."""

    def __init__(self) -> None:
        super().__init__()
        self.names = {"S1": "old"}

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("register", name, who):
                self.names[name] = who
            case ("exit", name):
                self.names.pop(name, None)
            case ("whereis", name):
                return self.names.get(name)
        return None


class Worker(Actor):
    """Tells the registry that it ends."""

    def __init__(self, registry: ActorRef[Any]) -> None:
        super().__init__()
        self.registry = registry

    def on_receive(self, _: object) -> None:
        self.registry.tell(("exit", "S1"))


class Supervisor(Actor):
    """Registers another worker when the old one has ended."""

    def __init__(self, registry: ActorRef[Any], worker: ActorRef[Any]) -> None:
        super().__init__()
        self.registry, self.worker = registry, worker

    def on_receive(self, _: object) -> None:
        self.worker.ask("end")
        self.registry.tell(("register", "S1", "new"))


def name_is_known(sim: Simulation) -> None:
    """Holds as long as the registry hears of the end of the old worker before it hears of the new one."""
    registry = sim.spawn(Registry, name="registry")
    worker = sim.spawn(Worker, registry, name="worker")
    sim.spawn(Supervisor, registry, worker, name="supervisor").tell("replace")
    sim.run()
    assert registry.ask(("whereis", "S1")) == "new"
