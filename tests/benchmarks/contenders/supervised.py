"""Supervised actors: what starting, restarting and ending them costs, however many siblings there are."""

from __future__ import annotations

import logging
import time
from typing import Any

from actors import Actor, ActorRef, ActorSystem, get_all
from supervisors import DynamicSupervisor, ListChildren, StartChild, Supervisor, child


class Worker(Actor):
    """Crashes when it is told to."""

    def on_receive(self, message: Any) -> Any:
        if message == "crash":
            raise ValueError(message)
        return message


class Driver(Actor):
    """Asks from within, so that no thread has to be woken for an answer."""

    def on_receive(self, message: tuple[ActorRef[Worker], int, bool]) -> float:
        ref, times, crashes = message
        begin = time.perf_counter()
        for _ in range(times):
            if crashes:
                ref.tell("crash")
            ref.ask(0)
        return time.perf_counter() - begin


def _children(system: ActorSystem, siblings: int, *, dynamic: bool) -> tuple[ActorRef[Any], list[ActorRef[Any]]]:
    if dynamic:
        keeper: ActorRef[Any] = system.spawn(DynamicSupervisor, intensity=None)
        asked = [keeper.ask(StartChild(child(Worker)), block=False) for _ in range(siblings)]
        return keeper, get_all(asked)
    keeper = system.spawn(Supervisor, [child(Worker, name=f"w{number}") for number in range(siblings)], intensity=None)
    return keeper, [one.ref for one in keeper.ask(ListChildren())]


class _Quiet:
    """Keeps the log of crashes from being what is measured."""

    def __enter__(self) -> None:
        logging.disable(logging.CRITICAL)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)


def one_by_one(operations: int, *, siblings: int, crashes: bool) -> float:
    """Ask one child of `siblings` so many times, after a crash each time or not; return the seconds."""
    with _Quiet(), ActorSystem() as system:
        _, refs = _children(system, siblings, dynamic=True)
        driver = system.spawn(Driver)
        return driver.ask((refs[siblings // 2], operations, crashes))


def all_together(operations: int) -> float:
    """Crash each of so many children, and ask each; return the seconds."""
    with _Quiet(), ActorSystem() as system:
        _, refs = _children(system, operations, dynamic=True)
        begin = time.perf_counter()
        for ref in refs:
            ref.tell("crash")
        get_all([ref.ask(0, block=False) for ref in refs])
        return time.perf_counter() - begin


def life(operations: int, *, siblings: int, dynamic: bool) -> float:
    """Start and end `operations` children, `siblings` at a time; return the seconds."""
    begin = time.perf_counter()
    for _ in range(max(1, operations // siblings)):
        with ActorSystem() as system:
            keeper, _ = _children(system, siblings, dynamic=dynamic)
            keeper.stop()
    return time.perf_counter() - begin
