"""A handler that waits on a worker for blocking classes lends its place to others of its kind."""

from __future__ import annotations

import threading
from typing import Any

from actors import Actor, ActorRef, ActorSystem, Future, SystemConfig
from actors.events import HandlerBlocked
from tests.contract.kit import WAIT

PLACES = 2


class Link(Actor):
    """Asks the next one; blocks where the framework cannot see it when it is told to."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, threading.Event):
            message.wait(WAIT)
            return "blocked"
        if message:
            first, *others = message
            return 1 + first.ask(others)
        assert threading.current_thread().name.startswith("greenroom-blocking")
        return 1


def made_blocking(system: ActorSystem) -> None:
    """Have the class seen blocking, so that its actors run on the workers apart."""
    seen: Future[HandlerBlocked] = Future()
    subscription = system.events.subscribe(HandlerBlocked, seen.try_set)
    release = threading.Event()
    answer = system.spawn(Link).ask(release, block=False)
    assert seen.get(timeout=WAIT).actor_class is Link
    subscription.cancel()
    release.set()
    assert answer.get(timeout=WAIT) == "blocked"


def test_a_chain_of_waiting_handlers_of_a_blocking_class_is_longer_than_there_are_places() -> None:
    with ActorSystem(config=SystemConfig(max_workers=PLACES, blocked_after=0.02)) as system:
        made_blocking(system)
        links: list[ActorRef[Link]] = [system.spawn(Link) for _ in range(4 * PLACES)]
        for _ in range(3):
            assert links[0].ask(links[1:], timeout=WAIT) == len(links)


def test_handlers_of_a_blocking_class_that_wait_for_one_of_their_class_let_it_run() -> None:
    """All places are taken by handlers that wait for actors which need a place."""
    with ActorSystem(config=SystemConfig(max_workers=PLACES, blocked_after=0.02)) as system:
        made_blocking(system)
        answers = [system.spawn(Link).ask([system.spawn(Link)], block=False) for _ in range(3 * PLACES)]
        assert [answer.get(timeout=WAIT) for answer in answers] == [2] * len(answers)
