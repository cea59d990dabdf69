"""Programs that keep data: tables, registries, stores, accounts, caches, topics."""

from __future__ import annotations

import asyncio
from typing import Any

from actors import Actor, ActorRef
from actors.testing import Simulation

Ref = ActorRef[Any]

# -- check, then create ----------------------------------------------------------------------------------------------------


class Table(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("has", key):
                return key in self.keys
            case ("has", key, reply_to):
                reply_to.tell(("found" if key in self.keys else "missing", key))
            case ("create", key):
                self.keys.append(key)
            case ("ensure", key):
                if key not in self.keys:
                    self.keys.append(key)
            case "keys":
                return list(self.keys)
        return None


class AskingManager(Actor):
    def __init__(self, table: Ref) -> None:
        super().__init__()
        self.table = table

    def on_receive(self, key: str) -> None:
        if not self.table.ask(("has", key)):
            self.table.tell(("create", key))


class AwaitingManager(Actor):
    def __init__(self, table: Ref) -> None:
        super().__init__()
        self.table = table

    async def on_receive(self, key: str) -> None:
        if not await self.table.ask_async(("has", key)):
            self.table.tell(("create", key))


class TellingManager(Actor):
    def __init__(self, table: Ref) -> None:
        super().__init__()
        self.table = table

    def on_receive(self, message: Any) -> None:
        match message:
            case ("make", key):
                self.table.tell(("has", key, self.actor_ref))
            case ("missing", key):
                self.table.tell(("create", key))


class EagerManager(TellingManager):
    def on_start(self) -> None:
        self.table.tell(("has", "key", self.actor_ref))


class CarefulManager(AskingManager):
    def on_receive(self, key: str) -> None:
        self.table.tell(("ensure", key))


def _created(sim: Simulation, manager: type[Actor], message: Any) -> None:
    table = sim.spawn(Table)
    managers = [sim.spawn(manager, table) for _ in range(2)]
    if message is not None:
        for one in managers:
            one.tell(message)
    sim.run()
    assert table.ask("keys") == ["key"]


def check_then_create_asking(sim: Simulation) -> None:
    _created(sim, AskingManager, "key")


def check_then_create_awaiting(sim: Simulation) -> None:
    _created(sim, AwaitingManager, "key")


def check_then_create_telling(sim: Simulation) -> None:
    _created(sim, TellingManager, ("make", "key"))


def check_then_create_from_the_start(sim: Simulation) -> None:
    _created(sim, EagerManager, None)


def create_if_absent(sim: Simulation) -> None:
    _created(sim, CarefulManager, "key")


# -- a registry ------------------------------------------------------------------------------------------------------------


class Registry(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, Ref] = {}

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("register", name, ref):
                self.names[name] = ref
            case ("exit", name, _):
                self.names.pop(name, None)
            case ("whereis", name):
                return self.names.get(name)
        return None


class CarefulRegistry(Registry):
    def on_receive(self, message: Any) -> Any:
        match message:
            case ("exit", name, ref) if self.names.get(name) != ref:
                return None
        return super().on_receive(message)


class Service(Actor):
    def __init__(self, registry: Ref) -> None:
        super().__init__()
        self.registry = registry

    def on_receive(self, message: Any) -> None:
        match message:
            case ("serve", name):
                self.registry.tell(("register", name, self.actor_ref))
            case ("retire", name, successor):
                successor.tell(("serve", name))
                self.registry.tell(("exit", name, self.actor_ref))


def _succeeded(sim: Simulation, registry: type[Actor]) -> None:
    names = sim.spawn(registry)
    old, new = sim.spawn(Service, names), sim.spawn(Service, names)
    names.tell(("register", "db", old))
    old.tell(("retire", "db", new))
    sim.run()
    assert names.ask(("whereis", "db")) == new


def registry_exit_overtaken(sim: Simulation) -> None:
    _succeeded(sim, Registry)


def registry_that_compares(sim: Simulation) -> None:
    _succeeded(sim, CarefulRegistry)


# -- a store, and a network that repeats -------------------------------------------------------------------------------------


class Store(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.version, self.value = 0, 0

    def on_receive(self, message: Any) -> None:
        match message:
            case ("put", version, value, reply_to):
                if self.wanted(version):
                    self.version, self.value = version, value
                reply_to.tell(("ack", version))
            case ("get", reply_to):
                reply_to.tell(("value", self.value))

    def wanted(self, version: int) -> bool:
        return True


class VersionedStore(Store):
    def wanted(self, version: int) -> bool:
        return version > self.version


class Repeating:
    """Stands for a ref: what is told comes a second time, once."""

    def __init__(self, ref: Ref) -> None:
        self.ref, self.repeats = ref, 1

    def tell(self, message: Any) -> None:
        self.ref.tell(message)
        if self.repeats:
            self.repeats -= 1
            self.ref.tell(message)


class RepeatingNetwork(Actor):
    def __init__(self, ref: Ref) -> None:
        super().__init__()
        self.way = Repeating(ref)

    def on_receive(self, message: Any) -> None:
        self.way.tell(message)


class Client(Actor):
    def __init__(self, store: Any) -> None:
        super().__init__()
        self.store = store
        self.read: int | None = None

    def on_start(self) -> None:
        self.store.tell(("put", 1, 10, self.actor_ref))

    def on_receive(self, message: Any) -> None:
        match message:
            case ("ack", 1) if self.read is None:
                self.read = 0
                self.store.tell(("put", 2, 20, self.actor_ref))
            case ("ack", 2):
                self.store.tell(("get", self.actor_ref))
            case ("value", value):
                self.read = value


def _read(sim: Simulation, store: Any) -> None:
    client = sim.spawn(Client, store)
    sim.always("what was put last is read", lambda: sim.instance(client).read in (None, 0, 20))
    sim.run()


def put_repeated(sim: Simulation) -> None:
    _read(sim, Repeating(sim.spawn(Store)))


def put_repeated_by_a_network(sim: Simulation) -> None:
    _read(sim, sim.spawn(RepeatingNetwork, sim.spawn(Store)))


def put_once(sim: Simulation) -> None:
    """No duplicate: for a simulator that makes them itself."""
    _read(sim, sim.spawn(Store))


def put_with_versions(sim: Simulation) -> None:
    _read(sim, Repeating(sim.spawn(VersionedStore)))


# -- accounts ----------------------------------------------------------------------------------------------------------------


class Account(Actor):
    def __init__(self, balance: int) -> None:
        super().__init__()
        self.balance = balance
        self.seen: set[Any] = set()

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("set", amount):
                self.balance = amount
            case ("add", amount):
                self.balance += amount
            case ("deposit", amount, _, reply_to):
                self.balance += amount
                reply_to.tell("ack")
            case ("deposit once", amount, number, reply_to):
                if number not in self.seen:
                    self.seen.add(number)
                    self.balance += amount
                reply_to.tell("ack")
            case "balance":
                return self.balance
        return None


class Teller(Actor):
    def on_receive(self, order: Any) -> None:
        source, target, amount = order
        have, had = source.ask("balance"), target.ask("balance")
        source.tell(("set", have - amount))
        target.tell(("set", had + amount))


class AsyncTeller(Actor):
    async def on_receive(self, order: Any) -> None:
        source, target, amount = order
        have, had = await asyncio.gather(source.ask_async("balance"), target.ask_async("balance"))
        source.tell(("set", have - amount))
        target.tell(("set", had + amount))


class AddingTeller(Actor):
    def on_receive(self, order: Any) -> None:
        source, target, amount = order
        source.tell(("add", -amount))
        target.tell(("add", amount))


def _transferred(sim: Simulation, teller: type[Actor]) -> None:
    accounts = one, other = sim.spawn(Account, 100), sim.spawn(Account, 100)
    sim.spawn(teller).tell((one, other, 30))
    sim.spawn(teller).tell((one, other, 50))
    sim.run()
    assert [account.ask("balance") for account in accounts] == [20, 180]


def transfer_race(sim: Simulation) -> None:
    _transferred(sim, Teller)


def transfer_race_awaiting(sim: Simulation) -> None:
    _transferred(sim, AsyncTeller)


def transfer_by_adding(sim: Simulation) -> None:
    _transferred(sim, AddingTeller)


class Payer(Actor):
    """Sends again what was not acknowledged in time."""

    def __init__(self, account: Ref, verb: str) -> None:
        super().__init__()
        self.account, self.verb = account, verb
        self.tries = 0

    def on_receive(self, message: Any) -> None:
        match message:
            case "pay" | "late":
                self.account.tell((self.verb, 5, 1, self.actor_ref))
                self.tries += 1
                if self.tries < 3:
                    self.start_timer("late", 1.0, "late")
            case "ack":
                self.cancel_timer("late")


def _paid(sim: Simulation, verb: str) -> None:
    account = sim.spawn(Account, 0)
    sim.spawn(Payer, account, verb).tell("pay")
    sim.run()
    assert account.ask("balance") == 5


def retry_applied_twice(sim: Simulation) -> None:
    _paid(sim, "deposit")


def retry_with_numbers(sim: Simulation) -> None:
    _paid(sim, "deposit once")


# -- caches ------------------------------------------------------------------------------------------------------------------


class Cell(Actor):
    """A value: of the database, or of a cache, where None is a miss."""

    def __init__(self, value: Any, version: int = 0) -> None:
        super().__init__()
        self.value, self.version = value, version
        self.cache: Ref | None = None

    def on_receive(self, message: Any) -> Any:
        match message:
            case "read":
                return self.value, self.version
            case ("write", value):
                self.value = value
                self.version += 1
                return self.version
            case ("fill", value, _):
                self.value = value
            case ("invalidate", _):
                self.value = None
            case ("fetch", cache):
                cache.tell(("fill", self.value, self.version))
            case ("write through", value, cache):
                self.value = value
                cache.tell(("invalidate", 0))
        return None


class VersionedCell(Cell):
    def on_receive(self, message: Any) -> Any:
        match message:
            case ("fill", _, version) if version < self.version:
                return None
            case ("invalidate", version):
                self.version = max(self.version, version)
        return super().on_receive(message)


class CacheUser(Actor):
    def __init__(self, cache: Ref, database: Ref) -> None:
        super().__init__()
        self.cache, self.database = cache, database

    def on_receive(self, message: Any) -> None:
        match message:
            case "read":
                if self.cache.ask("read")[0] is None:
                    self.cache.tell(("fill", *self.database.ask("read")))
            case ("write", value):
                self.cache.tell(("invalidate", self.database.ask(("write", value))))


def _fresh(sim: Simulation, cache_class: type[Actor]) -> None:
    cache, database = sim.spawn(cache_class, None), sim.spawn(Cell, "old")
    for message in ("read", ("write", "new")):
        sim.spawn(CacheUser, cache, database).tell(message)
    sim.run()
    assert cache.ask("read")[0] in (None, "new")


def cache_filled_after_invalidation(sim: Simulation) -> None:
    _fresh(sim, Cell)


def cache_with_versions(sim: Simulation) -> None:
    _fresh(sim, VersionedCell)


def cache_filled_by_the_database(sim: Simulation) -> None:
    """The fill and the invalidation come from one sender: right wherever its messages keep their order."""
    cache, database = sim.spawn(Cell, None), sim.spawn(Cell, "old")
    database.tell(("fetch", cache))
    database.tell(("write through", "new", cache))
    sim.run()
    assert cache.ask("read")[0] in (None, "new")


# -- publish and subscribe ---------------------------------------------------------------------------------------------------


class Topic(Actor):
    retains = False

    def __init__(self) -> None:
        super().__init__()
        self.subscribers: list[Ref] = []
        self.kept: list[Any] = []

    def on_receive(self, message: Any) -> None:
        match message:
            case ("publish", item):
                self.kept.append(item)
                for one in self.subscribers:
                    one.tell(item)
            case ("subscribe", ref):
                self.subscribers.append(ref)
                for item in self.kept if self.retains else ():
                    ref.tell(item)


class RetainingTopic(Topic):
    retains = True


class Publisher(Actor):
    def __init__(self, topic: Ref) -> None:
        super().__init__()
        self.topic = topic

    def on_receive(self, item: Any) -> None:
        self.topic.tell(("publish", item))


class Subscriber(Actor):
    def __init__(self, topic: Ref) -> None:
        super().__init__()
        self.topic = topic
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "subscribe":
            self.topic.tell(("subscribe", self.actor_ref))
        elif message == "got":
            return self.got
        else:
            self.got.append(message)
        return None


def _heard(sim: Simulation, topic_class: type[Actor]) -> None:
    topic = sim.spawn(topic_class)
    subscriber, publisher = sim.spawn(Subscriber, topic), sim.spawn(Publisher, topic)
    subscriber.tell("subscribe")
    publisher.tell(1)
    publisher.tell(2)
    sim.run()
    assert subscriber.ask("got") == [1, 2]


def late_subscriber(sim: Simulation) -> None:
    _heard(sim, Topic)


def late_subscriber_of_a_topic_that_retains(sim: Simulation) -> None:
    _heard(sim, RetainingTopic)
