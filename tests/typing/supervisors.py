"""Types of supervision: children, their refs, what is asked of a supervisor. Checked by two type checkers, never run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_type

from actors import Actor, ActorRef, ActorSystem, DispatcherKind, Future, Request
from supervisors import (
    AskFailure,
    AutoShutdown,
    Backoff,
    ChildCounts,
    ChildInfo,
    ChildSpec,
    ChildState,
    CountChildren,
    DynamicSupervisor,
    Failure,
    GetChild,
    GetPartition,
    Limit,
    ListChildren,
    PartitionSupervisor,
    RemoveChild,
    Restart,
    RestartChild,
    RestartLimitError,
    RestartScheduled,
    Shutdown,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    SupervisorGaveUp,
    TaskSupervisor,
    WhileDown,
    child,
    run_task,
)


class Row(Request[str]):
    pass


class Database(Actor):
    def __init__(self, dsn: str) -> None:
        super().__init__()
        self.dsn = dsn


class Web(Actor):
    def __init__(self, db: ActorRef[Database], port: int = 80) -> None:
        super().__init__()
        self.db = db
        self.port = port


# -- declaring: the spec knows its class, the attribute its ref ----------------------------------------------------------------

assert_type(child(Database, "dsn"), ChildSpec[Database])
assert_type(child(Database, "dsn", restart=Restart.TRANSIENT).replace(name="db"), ChildSpec[Database])
assert_type(ChildSpec(actor_class=Database, args=("dsn",), kwargs={}), ChildSpec[Database])


class Shop(Supervisor, strategy=Strategy.REST_FOR_ONE, intensity=3, period=10.0, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT):
    db = child(
        Database,
        "dsn",
        name="database",
        backoff=Backoff(0.1, 10.0),
        limit=Limit(3, 60.0),
        ask_failure=AskFailure.CRASH,
        redeliver=1,
        while_down=WhileDown.FAIL_FAST,
        start_timeout=1.0,
        dispatcher=DispatcherKind.THREAD,
    )
    web = child(Web, db=db, port=8080, shutdown=Shutdown.INFINITY)
    job = child(Database, "other", restart=Restart.TRANSIENT, significant=True, shutdown=10.0)

    def on_receive(self, message: object) -> str:
        assert_type(self.db, ActorRef[Database])
        assert_type(self.web, ActorRef[Web])
        return self.db.ask(Row())


assert_type(Shop.db, ChildSpec[Database])


class Many(Supervisor):
    def specs(self) -> Iterable[ChildSpec[Any]]:
        return [child(Database, "one", name="one"), *super().specs()]


class Unlimited(Supervisor, intensity=None):
    pass


child(Database, restart="permanent")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
child(str)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


# -- starting ------------------------------------------------------------------------------------------------------------------


def database_of(number: int) -> ChildSpec[Database]:
    return child(Database, str(number))


def starting(system: ActorSystem) -> None:
    assert_type(system.spawn(Shop), ActorRef[Shop])
    assert_type(system.spawn(Supervisor, [child(Database, "dsn")], strategy=Strategy.ONE_FOR_ALL, intensity=None), ActorRef[Supervisor])
    assert_type(system.spawn(DynamicSupervisor, max_children=10), ActorRef[DynamicSupervisor])
    assert_type(system.spawn(PartitionSupervisor, child(Database, "dsn"), partitions=4), ActorRef[PartitionSupervisor])
    assert_type(system.spawn(PartitionSupervisor, database_of), ActorRef[PartitionSupervisor])
    assert_type(system.spawn(TaskSupervisor, max_children=None), ActorRef[TaskSupervisor])


# -- asking a supervisor -------------------------------------------------------------------------------------------------------


def asking(shop: ActorRef[Shop], one: ActorRef[Database]) -> None:
    assert_type(shop.ask(StartChild(child(Database, "dsn"))), ActorRef[Database])
    assert_type(shop.ask(StartChild(child(Database, "dsn")), block=False), Future[ActorRef[Database]])
    assert_type(shop.ask(StopChild("db")), bool)
    assert_type(shop.ask(StopChild(one), timeout=1.0), bool)
    assert_type(shop.ask(RestartChild("db")), ActorRef[Any])
    assert_type(shop.ask(RemoveChild("db"), block=False), Future[None])
    assert_type(shop.ask(GetChild(one)), ActorRef[Any] | None)
    assert_type(shop.ask(GetPartition("ada")), ActorRef[Any])
    assert_type(shop.ask(GetPartition(7)), ActorRef[Any])
    assert_type(shop.ask(CountChildren()), ChildCounts)
    infos = shop.ask(ListChildren())
    assert_type(infos, tuple[ChildInfo, ...])
    for info in infos:
        assert_type(info.name, str | None)
        assert_type(info.ref, ActorRef[Any] | None)
        assert_type(info.state, ChildState)
        assert_type(info.restart, Restart)
        assert_type(info.last_error, BaseException | None)
        assert_type(info.retry_after, float | None)
    StopChild(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    StartChild(Database)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def asking_async(shop: ActorRef[Shop]) -> None:
    assert_type(await shop.ask_async(StartChild(child(Database, "dsn"))), ActorRef[Database])
    assert_type(await shop.ask_async(ListChildren()), tuple[ChildInfo, ...])


# -- tasks: the result's type follows from the function ------------------------------------------------------------------------


def count(text: str, *, twice: bool = False) -> int:
    return len(text) * (2 if twice else 1)


async def fetch(url: str) -> bytes:
    return url.encode()


def running(tasks: ActorRef[TaskSupervisor], others: ActorRef[DynamicSupervisor]) -> None:
    assert_type(run_task(tasks, count, "words", twice=True), Future[int])
    assert_type(run_task(tasks, fetch, "there"), Future[bytes])
    assert_type(run_task(tasks, fetch, url="there").get(), bytes)
    run_task(tasks, count, 7)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    run_task(others, count, "words")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


# -- state across a restart ----------------------------------------------------------------------------------------------------


class Keeping(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.seen: frozenset[str] = frozenset()

    def on_handover(self) -> frozenset[str]:
        return self.seen

    def on_takeover(self, state: frozenset[str]) -> None:
        self.seen = state


# -- events --------------------------------------------------------------------------------------------------------------------


def listening(system: ActorSystem) -> None:
    def on_restart(event: RestartScheduled) -> None:
        assert_type(event.supervisor, ActorRef[Any])
        assert_type(event.delay, float)

    def on_end(event: SupervisorGaveUp) -> None:
        assert_type(event.error, RestartLimitError)
        assert_type(event.error.history, tuple[Failure, ...])

    system.events.subscribe(RestartScheduled, on_restart)
    system.events.subscribe(SupervisorGaveUp, on_end)
