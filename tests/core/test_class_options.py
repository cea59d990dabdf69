"""Class keywords: what a class and its bases declare about its actors."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from actors import (
    Actor,
    ActorSystem,
    Bounded,
    DispatcherKind,
    HandlerDeclarationError,
    MailboxFullError,
    Overflow,
    StashFullError,
    ThreadingActor,
)

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0


class Naming(Actor):
    """Declares nothing; tells which thread it runs on."""

    def on_receive(self, message: Any) -> str:
        return threading.current_thread().name


class Small(Actor, mailbox=Bounded(1), stash_capacity=1):
    """Declares a mailbox and a stash, and no dispatcher."""


def test_a_mixin_that_declares_nothing_leaves_what_the_other_bases_declare() -> None:
    class Job(Naming, ThreadingActor):
        pass

    class Noting(Actor):
        pass

    class Deeper(Noting, Job):
        pass

    with ActorSystem() as system:
        assert system.spawn(Job).ask("who", timeout=SAFETY).startswith("Job-")
        assert system.spawn(Deeper).ask("who", timeout=SAFETY).startswith("Deeper-")


def test_what_several_bases_declare_comes_together() -> None:
    class Stashing(Actor):
        def on_receive(self, message: Any) -> Any:
            if message == "who":
                return threading.current_thread().name
            return self.stash()

    class Job(Stashing, ThreadingActor, Small):
        pass

    with ActorSystem() as system:
        ref = system.spawn(Job)
        assert ref.ask("who", timeout=SAFETY).startswith("Job-")
        first = ref.ask("aside", block=False)
        with pytest.raises(StashFullError, match="1 messages"):
            ref.ask("aside too", timeout=SAFETY)
        assert not first.done()


def test_the_nearest_declaration_wins_also_over_a_default() -> None:
    class Roomy(Small, mailbox=Bounded(3, Overflow.REJECT)):
        pass

    class Waiting(Actor):
        def on_receive(self, message: tuple[threading.Event, threading.Event] | int) -> None:
            if isinstance(message, tuple):
                message[0].set()
                message[1].wait(SAFETY)

    class Job(Waiting, ThreadingActor, Roomy):
        pass

    begun, release = threading.Event(), threading.Event()
    with ActorSystem() as system:
        ref = system.spawn(Job)
        ref.tell((begun, release))
        assert begun.wait(SAFETY)
        for number in range(3):
            ref.tell(number)
        with pytest.raises(MailboxFullError) as full:
            ref.tell(3)
        assert full.value.capacity == 3
        release.set()


def test_async_handlers_that_meet_a_base_on_a_thread_are_refused() -> None:
    class Awaiting(Actor):
        async def on_receive(self, message: Any) -> Any:
            return message

    with pytest.raises(HandlerDeclarationError, match=r"has async handlers.*EVENT_LOOP"):

        class Job(Awaiting, ThreadingActor):
            pass

    class Chosen(Awaiting, ThreadingActor, dispatcher=DispatcherKind.EVENT_LOOP):
        pass

    with ActorSystem() as system:
        assert system.spawn(Chosen).ask("fine", timeout=SAFETY) == "fine"
