"""The contract of the kernel under every ordering, where it takes programs of one kind: trees, stashes and mailboxes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorError, ActorRef, Bounded, DeadLetter, Overflow, Priority
from actors.events import ActorStopped
from actors.testing import Ordering, Simulation, explore
from tests.simulation.scenarios import Forward
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = scaled(24, 5)
EXAMPLES = settings(max_examples=scaled(300, 7), deadline=None)
Tree = list["Tree"]
TREES: st.SearchStrategy[Any] = st.recursive(st.just([]), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=6)


def check(scenario: Callable[[Simulation], None], *orderings: Ordering) -> None:
    for ordering in orderings or Ordering:
        explore(scenario, runs=RUNS, ordering=ordering, shrinking=0).check()
        explore(scenario, runs=RUNS, ordering=ordering, shrinking=0, strategy="exhaustive").check()


class Parent(Actor):
    """Has the children of a tree; waits a while in `on_stop`."""

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self.tree = tree

    def on_start(self) -> None:
        for place, inner in enumerate(self.tree):
            self.spawn(type(self), inner, name=str(place))

    def on_receive(self, message: Any) -> None:
        if message == "fail":
            raise LookupError
        for child in self.children:
            child.tell(message)


class AsyncParent(Parent):
    async def on_start(self) -> None:  # type: ignore[override]
        for place, inner in enumerate(self.tree):
            await self.spawn_async(type(self), inner, name=str(place))


def ends(tree: Tree, path: str) -> list[str]:
    """Return the paths in the order in which the actors of a tree must end."""
    return [one for place in reversed(range(len(tree))) for one in ends(tree[place], f"{path}/{place}")] + [path]


@EXAMPLES
@given(TREES, st.sampled_from((Parent, AsyncParent)), st.sampled_from(("stop", "kill", "restart", "fail")), st.integers(0, 2))
def test_children_end_before_their_parent_in_reverse_start_order(tree: Tree, kind: type[Parent], way: str, mails: int) -> None:
    """A kill is told to all of them at once: nothing is promised of siblings then."""

    def scenario(sim: Simulation) -> None:
        ended: list[str] = []
        sim.system.events.subscribe(ActorStopped, lambda event: ended.append(event.ref.path))
        root = sim.spawn(kind, tree, name="root")
        for number in range(mails):
            root.tell(number)
        if way == "fail":
            root.tell("fail")
        else:
            getattr(root, way)(block=False)
        sim.run()
        expected = ends(tree, "/root")
        if way == "kill":
            assert sorted(ended) == sorted(expected)
            assert all(not later.startswith(f"{one}/") for place, one in enumerate(ended) for later in ended[place:])
            return
        assert ended == (expected[:-1] if way == "restart" else expected)

    check(scenario)


class Stashing(Actor):
    """Puts aside what comes until it is told to open; keeps what it handles."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.open = False
        self.log = log

    def on_receive(self, message: Any) -> None:
        if message == "open":
            self.open = True
            self.log.append(("unstashed", self.unstash()))
        elif self.open:
            self.log.append(message)
        else:
            self.log.append(("stashed", message))
            self.stash()


@EXAMPLES
@given(st.integers(1, 3), st.integers(0, 3), st.booleans())
def test_what_was_stashed_is_handled_in_that_order_and_before_everything_else(before: int, behind: int, restart: bool) -> None:
    """Also when a restart puts it back."""

    def scenario(sim: Simulation) -> None:
        log: list[Any] = []
        ref = sim.spawn(Stashing, log)
        way = sim.spawn(Forward, ref)
        for number in range(before):
            (ref, way)[number % 2].tell(number)
        if restart:
            sim.step()
            ref.restart(block=False)
        ref.tell("open")
        for number in range(behind):
            ref.tell(10 + number)
        sim.run()
        place = next(index for index, one in enumerate(log) if isinstance(one, tuple) and one[0] == "unstashed")
        count = log[place][1]
        stashed = [one[1] for one in log[:place] if one[0] == "stashed"]
        assert log[place + 1 : place + 1 + count] == stashed[len(stashed) - count :]
        assert sorted(one for one in log if isinstance(one, int)) == [*range(before), *range(10, 10 + behind)]

    check(scenario)


class Slow(Actor):
    """Keeps what it is told."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.log = log

    def on_receive(self, message: Any) -> None:
        self.log.append(message)


class Many(Actor):
    """Tells another one several things."""

    def __init__(self, target: ActorRef[Any], returned: list[Any]) -> None:
        super().__init__()
        self.target, self.returned = target, returned

    def on_receive(self, messages: list[Any]) -> None:
        for message in messages:
            try:
                self.target.tell(message)
            except ActorError as error:
                self.returned.append(error.message)  # type: ignore[attr-defined]


BURSTS = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@EXAMPLES
@given(BURSTS, st.integers(1, 3), st.sampled_from(Overflow), st.booleans())
@example(bursts=[1, 3], capacity=2, overflow=Overflow.BLOCK, stop=False)  # a message that waited for room, and one that had not to
def test_a_bounded_mailbox_never_exceeds_its_capacity_and_loses_nothing_unseen(
    bursts: list[int],
    capacity: int,
    overflow: Overflow,
    stop: bool,
) -> None:
    """What does not fit waits, is returned, or is a dead letter."""

    def scenario(sim: Simulation) -> None:
        handled: list[Any] = []
        returned: list[Any] = []
        dead: list[Any] = []
        sim.system.events.subscribe(DeadLetter, lambda event: dead.append(event.message))
        ref = sim.spawn(Slow, handled, mailbox=Bounded(capacity, overflow))
        most = 0

        def fits() -> bool:
            nonlocal most
            most = max(most, ref._target.waiting())
            return most <= capacity

        sim.always("it fits", fits)
        for sender, burst in enumerate(bursts):
            sim.spawn(Many, ref, returned).tell([(sender, number) for number in range(burst)])
        if stop:
            ref.stop(block=False)
        sim.run()
        sent = [(sender, number) for sender, burst in enumerate(bursts) for number in range(burst)]
        assert sorted(handled + returned + dead) == sent
        if overflow is Overflow.BLOCK and not stop:
            assert sorted(handled) == sent
        for sender in range(len(bursts)):
            mine = [one for one in handled if one[0] == sender]
            assert sim._world.ordering is Ordering.UNORDERED or mine == sorted(mine)

    check(scenario)


class Held(Slow):
    """Handles what it waits for only once it is told to go on."""

    async def on_receive(self, message: Any) -> None:  # type: ignore[override]
        if isinstance(message, tuple):
            self.log.append(message)
        else:
            await message


@EXAMPLES
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_priority_mailbox_hands_out_what_waits_in_order(bursts: list[list[int]]) -> None:
    def scenario(sim: Simulation) -> None:
        handled: list[Any] = []
        returned: list[Any] = []
        gate: Any = Gate.start()
        held = gate.ask("hold", block=False)
        ref = sim.spawn(Held, handled, mailbox=Priority(lambda message: message[0] if isinstance(message, tuple) else -1))
        ref.tell(held)
        for sender, keys in enumerate(bursts):
            sim.spawn(Many, ref, returned).tell([(key, sender, number) for number, key in enumerate(keys)])
        sim.run()
        assert handled == []
        gate.tell("open")
        sim.run()
        assert len(handled) == sum(map(len, bursts))
        for one, other in pairwise(handled):
            assert one[0] <= other[0]
        for sender in range(len(bursts)):
            mine = [one for one in handled if one[1] == sender]
            assert mine == sorted(mine)

    check(scenario)


class Gate(Actor):
    """Answers when it is told to open."""

    def on_receive(self, message: str) -> None:
        if message == "hold":
            self.handle = self.reply_later()
        else:
            self.handle.reply()
