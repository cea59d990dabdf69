"""What becomes of the mail of a supervised actor, and of what it hands over to its next instance."""

from __future__ import annotations

import random
import threading
from typing import Any, ClassVar

import pytest

from actors import Actor, ActorRef, ActorRestarting, ActorSystem, Bounded, DeadLetter, DispatcherKind, get_all
from actors.events import DeadLetterReason
from actors.testing import Simulation
from supervisors import AskFailure, Backoff, ChildSpec, ListChildren, Supervisor, WhileDown, child
from tests.support import scaled

PAUSE = Backoff(10.0, 10.0, jitter=0.0)


class Worker(Actor):
    handled: ClassVar[list[Any]] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, str) and message.startswith("crash"):
            self.handled.append(message)
            raise ValueError(message)
        self.handled.append(message)
        return message


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Worker.handled = []


def _spawn(system: ActorSystem, spec: ChildSpec[Any]) -> ActorRef[Any]:
    group = system.spawn(Supervisor, [spec], intensity=None)
    (info,) = group.ask(ListChildren())
    assert info.ref is not None
    return info.ref


def _letters(system: ActorSystem) -> list[tuple[Any, DeadLetterReason]]:
    letters: list[tuple[Any, DeadLetterReason]] = []
    system.events.subscribe(DeadLetter, lambda letter: letters.append((letter.message, letter.reason)))
    return letters


def test_mail_waits_for_the_next_instance_in_its_order() -> None:
    with Simulation() as sim:
        ref = _spawn(sim.system, child(Worker, backoff=PAUSE))
        for message in ("crash", 1, 2, 3):
            ref.tell(message)
        sim.advance(9.0)
        assert Worker.handled == ["crash"]
        assert ref.stats().waiting == 3
        sim.advance(2.0)
        assert Worker.handled == ["crash", 1, 2, 3]


def test_fail_fast_gives_new_mail_back_and_keeps_the_tells_that_wait() -> None:
    with Simulation() as sim:
        ref = _spawn(sim.system, child(Worker, backoff=PAUSE, while_down=WhileDown.FAIL_FAST))
        ref.tell("crash")
        ref.tell(1)
        waiting = ref.ask(2, block=False)
        sim.advance(4.0)
        with pytest.raises(ActorRestarting):
            waiting.get()
        with pytest.raises(ActorRestarting) as refused:
            ref.tell(3)
        assert refused.value.message == 3
        assert refused.value.retry_after == pytest.approx(6.0)
        with pytest.raises(ActorRestarting):
            ref.ask(4)
        sim.advance(7.0)
        assert Worker.handled == ["crash", 1]
        assert ref.ask(5) == 5
        stats = ref.stats()
        assert stats.accepted == stats.handled + stats.dead_lettered + stats.dropped


def test_drop_drops_what_waits_and_what_comes() -> None:
    with Simulation() as sim:
        letters = _letters(sim.system)
        ref = _spawn(sim.system, child(Worker, backoff=PAUSE, while_down=WhileDown.DROP))
        ref.tell("crash")
        ref.tell(1)
        sim.advance(4.0)
        ref.tell(2)
        with pytest.raises(ActorRestarting):
            ref.ask(3)
        sim.advance(7.0)
        assert ref.ask(4) == 4
        assert Worker.handled == ["crash", 4]
        assert letters == [("crash", DeadLetterReason.POISONED), (1, DeadLetterReason.RESTARTED), (2, DeadLetterReason.RESTARTED)]
        assert ref.stats().dropped == 3


def test_a_stop_comes_through_whatever_becomes_of_the_mail() -> None:
    for policy in WhileDown:
        with Simulation() as sim:
            ref = _spawn(sim.system, child(Worker, backoff=PAUSE, while_down=policy))
            ref.tell("crash")
            sim.advance(1.0)
            assert ref.stop() is True


@pytest.mark.parametrize("times", [0, 1, 3])
def test_the_message_that_crashed_comes_again_so_many_times_and_is_then_a_dead_letter(times: int) -> None:
    with Simulation() as sim:
        letters = _letters(sim.system)
        ref = _spawn(sim.system, child(Worker, redeliver=times))
        ref.tell("crash")
        ref.tell(1)
        sim.run()
        assert Worker.handled == ["crash"] * (times + 1) + [1]
        assert letters == [("crash", DeadLetterReason.POISONED)]
        stats = ref.stats()
        assert (stats.accepted, stats.handled, stats.dead_lettered, stats.restarts) == (2, 1, 1, times + 1)


def test_a_message_that_is_handled_when_it_comes_again_is_no_dead_letter() -> None:
    class Second(Actor):
        tries = 0

        def on_receive(self, message: Any) -> Any:
            Second.tries += 1
            if Second.tries == 1:
                raise ValueError(message)
            return message

    with Simulation() as sim:
        letters = _letters(sim.system)
        ref = _spawn(sim.system, child(Second, redeliver=1, ask_failure=AskFailure.CRASH))
        assert ref.ask("job") == "job"
        assert Second.tries == 2
        assert letters == []


def test_a_failed_ask_crashes_only_who_says_so() -> None:
    for failure, restarts in ((AskFailure.ANSWERED, 0), (AskFailure.CRASH, 1)):
        with Simulation() as sim:
            ref = _spawn(sim.system, child(Worker, ask_failure=failure))
            with pytest.raises(ValueError, match="crash"):
                ref.ask("crash")
            sim.run()
            assert ref.stats().restarts == restarts
            assert ref.ask(1) == 1


def test_an_ask_that_comes_again_fails_with_the_last_error() -> None:
    with Simulation() as sim:
        ref = _spawn(sim.system, child(Worker, ask_failure=AskFailure.CRASH, redeliver=2))
        with pytest.raises(ValueError, match="crash"):
            ref.ask("crash")
        assert Worker.handled == ["crash"] * 3


class Keeps(Actor):
    def __init__(self, taken: list[Any]) -> None:
        super().__init__()
        self.taken = taken
        self.count = 0

    def on_handover(self) -> Any:
        return self.count

    def on_takeover(self, state: Any) -> None:
        self.taken.append(state)
        self.count = state

    def on_start(self) -> None:
        if self.taken and self.taken[-1] == 2 and len(self.taken) < 3:
            raise OSError("not yet")

    def on_receive(self, message: Any) -> Any:
        if message == "crash":
            raise ValueError(message)
        self.count += 1
        return self.count


def test_state_is_handed_over_and_not_lost_by_a_start_that_fails() -> None:
    with Simulation() as sim:
        taken: list[Any] = []
        ref = _spawn(sim.system, child(Keeps, taken))
        assert [ref.ask("count") for _ in range(2)] == [1, 2]
        ref.tell("crash")
        assert ref.ask("count") == 3
        assert taken == [2, 2, 2]


def test_nothing_is_carried_over_unless_it_is_asked_for() -> None:
    class Forgets(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def on_receive(self, message: Any) -> Any:
            if message == "crash":
                raise ValueError(message)
            self.count += 1
            return self.count

    with Simulation() as sim:
        ref = _spawn(sim.system, child(Forgets))
        assert ref.ask("count") == 1
        ref.tell("crash")
        assert ref.ask("count") == 1


# -- nothing is lost -------------------------------------------------------------------------------------------------------


class Plain(Actor):
    def __init__(self, box: list[Any]) -> None:
        super().__init__()
        self.box = box

    def on_receive(self, message: Any) -> Any:
        if message[2] < 0.01:
            raise ValueError(message)
        self.box.append(message)


class Asynchronous(Plain):
    async def on_receive(self, message: Any) -> Any:
        if message[2] < 0.01:
            raise ValueError(message)
        self.box.append(message)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Plain, {}),
        (Plain, {"dispatcher": DispatcherKind.THREAD}),
        (Plain, {"mailbox": Bounded(100)}),
        (Asynchronous, {}),
    ],
    ids=["pool", "thread", "bounded", "event loop"],
)
def test_no_accepted_message_is_lost_by_restarts(kind: type[Plain], options: dict[str, Any]) -> None:
    senders, children = 3, 4
    each = scaled(1_000_000, 30_000) // 4 // senders
    boxes: list[list[Any]] = [[] for _ in range(children)]
    with ActorSystem() as system:
        letters = _letters(system)
        specs = [child(kind, boxes[number], name=f"worker{number}", **options) for number in range(children)]
        group = system.spawn(Supervisor, specs, intensity=None)
        refs = [one.ref for one in group.ask(ListChildren()) if one.ref is not None]

        def send(sender: int) -> None:
            chance = random.Random(sender)
            for number in range(each):
                refs[chance.randrange(children)].tell((sender, number, chance.random()))

        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        get_all([ref.ask((None, None, 1.0), block=False) for ref in refs], timeout=100)
        stats = [ref.stats() for ref in refs]
    assert sum(one.accepted for one in stats) == senders * each + children
    assert sum(one.handled for one in stats) == sum(len(box) for box in boxes)
    assert sum(one.dead_lettered for one in stats) == sum(one.restarts for one in stats) == len(letters)
    assert {reason for _, reason in letters} == {DeadLetterReason.POISONED}
    assert all(one.accepted == one.handled + one.dead_lettered for one in stats)
    for box in boxes:  # and each sender's come in the order sent
        for sender in range(senders):
            numbers = [number for whose, number, _ in box if whose == sender]
            assert numbers == sorted(numbers)
