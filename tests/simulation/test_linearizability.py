"""Linearizability: histories of concurrent clients are explained by an order of their operations, or it is told what is not."""

from __future__ import annotations

import itertools
import pickle
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorRef, ActorSystem, Timeout
from actors.testing import (
    Counter,
    FifoQueue,
    History,
    LinearizabilityError,
    Model,
    Mutex,
    Operation,
    Ordering,
    Register,
    Simulation,
    TooManyConfigurationsError,
    check_linearizable,
    explore,
)
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from actors.testing import Call


class Bag(Model):
    """Holds numbers; ("take",) has any of them as its result: an operation with several outcomes."""

    def initial(self) -> frozenset[int]:
        return frozenset()

    def outcomes(self, state: frozenset[int], operation: Any) -> Iterable[tuple[frozenset[int], Any]]:
        match operation:
            case ("put", value):
                return [(state | {value}, None)]
            case _:
                return [(state - {one}, one) for one in sorted(state)] or [(state, None)]


VALUES = (0, 1, 2)
OBJECTS: dict[str, tuple[Model, list[Any]]] = {
    "register": (
        Register(0),
        [("read",), *(("write", value) for value in VALUES), *(("cas", old, new) for old in VALUES for new in VALUES)],
    ),
    "counter": (Counter(), [("get",), ("add", 1), ("add", 2)]),
    "queue": (FifoQueue(), [("get",), ("get",), ("put", 1), ("put", 2)]),
    "mutex": (Mutex(), [("acquire",), ("try_acquire",), ("release",)]),
    "bag": (Bag(), [("take",), ("put", 1), ("put", 2)]),
}


def history_of(*events: tuple[str, Any]) -> History:
    """A history in a few letters: ("a", operation) begins one of client a, ("a=", result) ends it."""
    history = History()
    calls: dict[str, Call] = {}
    for client, what in events:
        if client.endswith("="):
            calls[client[:-1]].returned(what)
        else:
            calls[client] = history.invoke(client, what)
    return history


def is_explained(model: Model, order: Sequence[Operation]) -> bool:
    """Whether `order` is one in which the operations may happen, by the definition."""
    states = {model.initial()}
    for position, one in enumerate(order):
        if any(later.returned is not None and later.returned < one.invoked for later in order[position:]):
            return False
        states = {
            state for before in states for state, result in model.outcomes(before, one.what) if one.returned is None or result == one.result
        }
    return bool(states)


def by_brute_force(model: Model, operations: Iterable[Operation]) -> bool:
    """Whether any order of the completed operations and some of the pending ones explains the results: all are tried."""
    completed = [one for one in operations if one.returned is not None]
    pending = [one for one in operations if one.returned is None]
    return any(
        is_explained(model, order)
        for count in range(len(pending) + 1)
        for some in itertools.combinations(pending, count)
        for order in itertools.permutations([*completed, *some])
    )


def random_history(chance: random.Random, model: Model, operations: list[Any]) -> History:
    """Three clients, up to five operations, results that would fit some state, and calls that are never over."""
    history = History()
    results = [None, True, False, 0, 1, 2, 3]
    states = [model.initial()]
    at_work: dict[int, tuple[Any, Call]] = {}
    left = 5
    while left or at_work:
        client = chance.randrange(3)
        if client not in at_work:
            if left:
                left -= 1
                operation = chance.choice(operations)
                at_work[client] = operation, history.invoke(client, operation)
            continue
        operation, call = at_work.pop(client)
        possible = list(model.outcomes(chance.choice(states), operation))
        if chance.random() < 0.2:
            continue  # pending; the client goes on
        if possible and chance.random() < 0.95:
            state, result = chance.choice(possible)
            states.append(state)
        else:
            result = chance.choice(results)
        call.returned(result)
    return history


def verdict(model: Model, history: History) -> LinearizabilityError | None:
    try:
        orders = check_linearizable(history, model)
    except LinearizabilityError as error:
        return error
    completed = {one.invoked for one in history.operations if one.returned is not None}
    for order in orders.values():
        placed = [one.invoked for one in order]
        assert len(placed) == len(set(placed))
        assert is_explained(model, order)
        completed.difference_update(placed)
    assert completed == set()
    return None


@pytest.mark.parametrize("name", OBJECTS)
def test_every_order_was_tried_and_the_verdict_is_the_same(name: str) -> None:
    model, operations = OBJECTS[name]
    chance = random.Random(name)
    verdicts = {True: 0, False: 0}
    for _ in range(scaled(5_000, 300, least=300)):
        history = random_history(chance, model, operations)
        expected = by_brute_force(model, history.operations)
        verdicts[expected] += 1
        assert (verdict(model, history) is None) == expected, [str(one) for one in history.operations]
    assert min(verdicts.values()) > 20


@pytest.mark.parametrize("name", OBJECTS)
def test_a_failure_tells_up_to_where_the_history_is_explained(name: str) -> None:
    model, operations = OBJECTS[name]
    chance = random.Random(name)
    failures = 0
    for _ in range(scaled(3_000, 150, least=150)):
        history = random_history(chance, model, operations)
        error = verdict(model, history)
        if error is None:
            continue
        failures += 1
        assert is_explained(model, error.prefix)
        assert not {one.invoked for one in error.unexplained} & {one.invoked for one in error.prefix}
        for one in error.unexplained:
            # In the same order, a bag may be in another state than the one that was found.
            assert not is_explained(model, [*error.prefix, one]) or name == "bag"
        # What ended before the first unexplained one did can be explained, and is placed.
        end = error.unexplained[0].returned
        assert end is not None
        before = [one for one in history.operations if one.returned is not None and one.returned < end]
        assert {one.invoked for one in before} <= {one.invoked for one in error.prefix}
        assert max(len(line) for line in error.picture.splitlines()) <= 100
        assert error.picture.count("!") >= len(error.unexplained)
    assert failures > 10


@st.composite
def linearizable(draw: st.DrawFn, model: Model, operations: list[Any]) -> History:
    """A history made from an order: operation n takes effect at moment n, and is under way for a while around it."""
    history = History()
    state: Any = model.initial()
    events: list[tuple[float, int, Any]] = []
    results = []
    for moment in range(draw(st.integers(0, 25))):
        operation = draw(st.sampled_from(operations))
        possible = list(model.outcomes(state, operation))
        if not possible:
            continue
        state, result = draw(st.sampled_from(possible))
        number = len(results)
        results.append(result)
        events.append((moment - draw(st.integers(0, 4)) - 0.25, number, operation))
        if draw(st.integers(0, 9)) > 0:
            events.append((moment + draw(st.integers(0, 4)) + 0.25, number, None))
    for moment in draw(st.lists(st.integers(-1, 25), max_size=3)):  # these never happen
        events.append((moment, len(results), draw(st.sampled_from(operations))))
        results.append(None)
    calls: dict[int, Call] = {}
    for _, number, what in sorted(events, key=lambda event: event[:2]):
        if number in calls:
            calls[number].returned(results[number])
        else:
            calls[number] = history.invoke(number, what)
    return history


@pytest.mark.parametrize("name", OBJECTS)
@settings(max_examples=scaled(500, 50))
@given(data=st.data())
def test_histories_made_from_an_order_are_accepted(name: str, data: st.DataObject) -> None:
    model, operations = OBJECTS[name]
    assert verdict(model, data.draw(linearizable(model, operations))) is None


# The queue histories are those of figure 1 of Herlihy & Wing (1990); where the paper has no result, None is it.
KNOWN = {
    "H1: overlapping puts come out in either order": (
        True,
        FifoQueue(),
        [("a", ("put", "x")), ("b", ("put", "y")), ("b=", None), ("a=", None), ("b", ("get",)), ("b=", "x")],
        [("a", ("get",)), ("a=", "y"), ("a", ("put", "z"))],
    ),
    "H2: what was put first comes out first": (
        False,
        FifoQueue(),
        [("a", ("put", "x")), ("a=", None), ("b", ("put", "y")), ("a", ("get",)), ("b=", None), ("a=", "y")],
        [],
    ),
    "H3: a pending put may have happened": (
        True,
        FifoQueue(),
        [("a", ("put", "x")), ("b", ("get",)), ("b=", "x")],
        [],
    ),
    "H4: nothing comes out twice": (
        False,
        FifoQueue(),
        [("a", ("put", "x")), ("b", ("put", "y")), ("a=", None), ("b=", None), ("a", ("get",)), ("c", ("get",))],
        [("a=", "y"), ("c=", "y")],
    ),
    "a stale read": (
        False,
        Register(0),
        [("a", ("write", 1)), ("a=", None), ("b", ("read",)), ("b=", 0)],
        [],
    ),
    "a read while it is written, old": (True, Register(0), [("a", ("write", 1)), ("b", ("read",)), ("b=", 0), ("a=", None)], []),
    "a read while it is written, new": (True, Register(0), [("a", ("write", 1)), ("b", ("read",)), ("b=", 1), ("a=", None)], []),
    "new, then old again": (
        False,
        Register(0),
        [("a", ("write", 1)), ("b", ("read",)), ("b=", 1), ("b", ("read",)), ("b=", 0), ("a=", None)],
        [],
    ),
    "a pending write that takes effect between two reads": (
        True,
        Register(0),
        [("a", ("write", 1)), ("b", ("read",)), ("b=", 0), ("b", ("read",)), ("b=", 1)],
        [],
    ),
    "a pending write takes effect once": (
        False,
        Register(0),
        [("a", ("write", 1)), ("b", ("read",)), ("b=", 1), ("b", ("write", 2)), ("b=", None), ("b", ("read",)), ("b=", 2)],
        [("b", ("read",)), ("b=", 1)],
    ),
    "a lost update": (
        False,
        Counter(),
        [("a", ("add", 1)), ("b", ("add", 1)), ("a=", 1), ("b=", 1)],
        [],
    ),
    "two in a critical section": (
        False,
        Mutex(),
        [("a", ("acquire",)), ("b", ("acquire",)), ("a=", None), ("b=", None), ("a", ("release",)), ("a=", None)],
        [],
    ),
    "one after the other in a critical section": (
        True,
        Mutex(),
        [("a", ("acquire",)), ("b", ("acquire",)), ("a=", None), ("a", ("release",)), ("b=", None), ("a=", None)],
        [],
    ),
    "an addition has the number after it": (
        True,
        Counter(),
        [("a", ("add", 2)), ("a=", 2), ("a", ("get",)), ("a=", 2), ("a", ("add", 1)), ("a=", 3)],
        [],
    ),
    "only one gets a lock, the other learns that it did not": (
        True,
        Mutex(),
        [("a", ("try_acquire",)), ("a=", True), ("b", ("try_acquire",)), ("b=", False)],
        [],
    ),
    "a lock that was taken is not free": (False, Mutex(), [("a", ("try_acquire",)), ("a=", True), ("b", ("acquire",)), ("b=", None)], []),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_examples(name: str) -> None:
    expected, model, begin, end = KNOWN[name]
    history = history_of(*begin, *end)
    assert by_brute_force(model, history.operations) == expected
    assert (verdict(model, history) is None) == expected


def test_the_report_names_the_operations_and_draws_them() -> None:
    history = history_of(("a", ("write", 1)), ("c", ("write", 5)), ("a=", None), ("b", ("read",)), ("b=", 0))
    with pytest.raises(LinearizabilityError) as caught:
        check_linearizable(history, Register(0))
    error = caught.value
    assert isinstance(error, AssertionError)
    assert (error.key, error.state) == (None, 1)
    assert [one.what for one in error.prefix] == [("write", 1)]
    assert [one.client for one in error.unexplained] == ["b"]
    assert error.picture.splitlines() == [
        "1  a: ('write', 1) -> None  |-------|",
        "   c: ('write', 5) -> ?         |----------------------------------->",
        "!  b: ('read',) -> 0                    |---|",
    ]
    assert str(error).startswith("the history is not linearizable: after 1 operation in order, with the state 1,")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_is_reported_is_the_latest_moment_up_to_which_all_is_explained_not_the_longest_order() -> None:
    # a, b, c could come in that order, but then never x, which ends first.
    begin = [("x", ("cas", 0, 2)), ("a", ("cas", 0, 1)), ("b", ("cas", 1, 3)), ("c", ("read",))]
    history = history_of(*begin, ("x=", True), ("a=", True), ("b=", True), ("c=", 3))
    error = verdict(Register(0), history)
    assert error is not None
    assert [one.client for one in error.prefix] == ["x"]
    assert [one.client for one in error.unexplained] == ["a", "b", "c"]


def test_a_picture_of_a_long_history_is_short_and_of_long_values_narrow() -> None:
    history = History()
    for number in range(300):
        call = history.invoke("writer", ("write", "long value\n" * number))
        if number % 60 == 0:
            history.invoke(number, ("write", "never"))
        call.returned()
    call = history.invoke("reader", ("read",))
    call.returned("what nobody wrote")
    error = verdict(Register(), history)
    assert error is not None
    assert [one.client for one in error.unexplained] == ["reader"]
    lines = error.picture.splitlines()
    assert lines[-1] == f"({len(lines) - 1} of 306 operations)"
    assert len(lines) <= 21
    assert max(map(len, lines)) <= 100
    assert any(line.lstrip().startswith("!  reader: ('read',)") for line in lines)


def test_each_key_is_an_object_of_its_own_and_the_failing_one_is_named() -> None:
    history = History()
    for key in ("x", "y"):
        history.invoke("a", ("write", key), key=key).returned()
        history.invoke("b", ("read",), key=key).returned(key)
    orders = check_linearizable(history, Register())
    assert {key: [one.what for one in order] for key, order in orders.items()} == {
        "x": [("write", "x"), ("read",)],
        "y": [("write", "y"), ("read",)],
    }
    history.invoke("b", ("read",), key="y").returned("x")
    with pytest.raises(LinearizabilityError, match="of key 'y'") as caught:
        check_linearizable(history, Register())
    assert caught.value.key == "y"


def test_what_failed_for_sure_is_no_part_of_the_history() -> None:
    history = History()
    history.invoke("a", ("write", 1)).failed()
    assert history.operations == ()
    history.invoke("b", ("read",)).returned(1)
    assert verdict(Register(0), history) is not None


def test_a_call_is_over_once() -> None:
    history = History()
    call = history.invoke("a", ("write", 1))
    call.returned()
    for again in (call.returned, call.failed):
        with pytest.raises(RuntimeError, match="over already"):
            again()
    gone = history.invoke("a", ("write", 1))
    gone.failed()
    for again in (gone.returned, gone.failed):
        with pytest.raises(RuntimeError, match="over already"):
            again()


def test_pending_operations_that_have_to_have_happened_are_in_the_order_and_others_are_not() -> None:
    history = history_of(("a", ("write", 1)), ("b", ("write", 2)), ("c", ("read",)), ("c=", 1), ("d", ("read",)))
    order = check_linearizable(history, Register(0))[None]
    assert [str(one) for one in order] == ["a: ('write', 1) -> ?", "c: ('read',) -> 1"]
    assert check_linearizable(history_of(("a", ("write", 1))), Register(0)) == {None: ()}
    assert check_linearizable(History(), Register(0)) == {}


def long_history(chance: random.Random, count: int) -> History:
    """Five clients on one register; some writes are never answered."""
    history = History()
    value = 0
    at_work: dict[int, tuple[Any, Call, bool, Any]] = {}
    begun = 0
    while begun < count or at_work:
        client = chance.randrange(5)
        if client not in at_work:
            if begun < count:
                begun += 1
                operation = chance.choice([("read",), ("write", begun), ("cas", value, begun)])
                at_work[client] = operation, history.invoke(client, operation), False, None
            continue
        operation, call, happened, result = at_work[client]
        if not happened:
            result, (value, _) = Register().apply(value, operation)[1], (Register().apply(value, operation))
            at_work[client] = operation, call, True, result
        else:
            del at_work[client]
            if begun % 400:
                call.returned(result)
    return history


def test_a_history_of_two_thousand_operations_of_five_clients_is_checked() -> None:
    history = long_history(random.Random(1), 2000)
    assert sum(one.returned is None for one in history.operations) >= 4
    assert verdict(Register(0), history) is None
    history.invoke("last", ("read",)).returned("what nobody wrote")
    error = verdict(Register(0), history)
    assert error is not None
    assert [one.client for one in error.unexplained] == ["last"]


def test_a_search_that_is_given_up_is_no_verdict() -> None:
    history = History()
    calls = [history.invoke(number, ("add", 1 << number)) for number in range(30)]
    for call in calls:
        call.returned(-1)
    history.invoke("other", ("get",), key="other").returned(0)
    with pytest.raises(LinearizabilityError):
        check_linearizable(history, Counter())
    crowd = History()
    calls = [crowd.invoke(number, ("write", number), key="k") for number in range(30)]
    for call in calls:
        call.returned()
    crowd.invoke("reader", ("read",), key="k").returned(-1)
    with pytest.raises(TooManyConfigurationsError, match=r"5000 configurations .* key 'k'") as caught:
        check_linearizable(crowd, Register(), max_configurations=5000)
    assert not isinstance(caught.value, AssertionError)
    assert (caught.value.key, caught.value.limit) == ("k", 5000)
    with pytest.raises(ValueError, match="max_configurations=0"):
        check_linearizable(crowd, Register(), max_configurations=0)


def test_what_is_not_hashable_is_refused_where_it_comes_in() -> None:
    class Careless(Model):
        def initial(self) -> Any:
            return ()

        def apply(self, state: Any, operation: Any) -> tuple[Any, Any]:
            return [operation], None

    history = History()
    with pytest.raises(TypeError, match="client="):
        history.invoke([], ("read",))
    with pytest.raises(TypeError, match="key="):
        history.invoke("a", ("read",), key=[])
    assert history.operations == ()
    history.invoke("a", "x").returned()
    with pytest.raises(TypeError, match="Careless has the state"):
        check_linearizable(history, Careless())


@pytest.mark.parametrize("model", [Register(), Counter(), FifoQueue(), Mutex()])
def test_an_operation_that_the_model_does_not_know_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match=f"{type(model).__name__} does not know"):
        check_linearizable(history_of(("a", ("explode",)), ("a=", None)), model)


# -- with actors --------------------------------------------------------------------------------------------------------------


class Store(Actor):
    """A register; tells its replicas what is written, one after the other."""

    def __init__(self, *replicas: ActorRef[Any]) -> None:
        super().__init__()
        self.value = 0
        self.replicas = replicas

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("write", value):
                self.value = value
                for replica in self.replicas:
                    replica.tell(message)
            case ("read",):
                return self.value
        return None


class Client(Actor):
    """Does what it is told, each time a (ref, operation)."""

    def __init__(self, history: History, name: str) -> None:
        super().__init__()
        self.history, self.name = history, name

    def on_receive(self, message: Any) -> Any:
        ref, operation = message
        return self.history.ask(ref, operation, client=self.name)


class AsyncClient(Client):
    async def on_receive(self, message: Any) -> Any:
        ref, operation = message
        return await self.history.ask_async(ref, operation, client=self.name)


def registers(read_from_replicas: bool, kind: type[Client] = Client) -> Callable[[Simulation], None]:
    def scenario(sim: Simulation) -> None:
        history = History()
        replicas = [sim.spawn(Store), sim.spawn(Store)]
        store = sim.spawn(Store, *replicas)
        sources = replicas if read_from_replicas else [store, store]
        sim.spawn(kind, history, "writer").tell((store, ("write", 1)))
        for number, source in enumerate(sources):
            sim.spawn(kind, history, f"reader {number}").tell((source, ("read",)))
        sim.run()
        check_linearizable(history, Register(0))

    return scenario


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_reads_from_replicas_are_found_out(kind: type[Client]) -> None:
    failure = explore(registers(read_from_replicas=True, kind=kind), shrinking=0).failure
    assert failure is not None
    assert isinstance(failure.error, LinearizabilityError)
    assert "reader" in str(failure)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_reads_from_the_one_store_are_linearizable(kind: type[Client]) -> None:
    explore(registers(read_from_replicas=False, kind=kind), runs=300).check()
    explore(registers(read_from_replicas=False, kind=kind), runs=300, ordering=Ordering.UNORDERED).check()


def told_before_answered(sim: Simulation) -> None:
    """The one replica is told before the writer is answered: in its mailbox, the value comes before whoever reads later."""
    history = History()
    replica = sim.spawn(Store)
    store = sim.spawn(Store, replica)
    sim.spawn(Client, history, "writer").tell((store, ("write", 1)))
    sim.spawn(Client, history, "reader").tell((replica, ("read",)))
    sim.run()
    check_linearizable(history, Register(0))


def test_who_begins_later_does_not_overtake_what_was_sent_before_the_answer() -> None:
    result = explore(told_before_answered, strategy="exhaustive", runs=100_000)
    assert result.failure is None
    assert result.exhausted
    over_a_network = explore(told_before_answered, ordering=Ordering.PAIR_FIFO, shrinking=0).failure
    assert over_a_network is not None
    assert isinstance(over_a_network.error, LinearizabilityError)


class Silent(Actor):
    """Writes, and never answers."""

    def __init__(self, store: ActorRef[Any]) -> None:
        super().__init__()
        self.store = store

    def on_receive(self, message: Any) -> None:
        self.store.tell(message)
        self.reply_later()


def test_an_ask_that_times_out_stays_pending() -> None:
    with Simulation() as sim:
        history = History()
        store = sim.spawn(Store)
        silent = sim.spawn(Silent, store)
        with pytest.raises(Timeout):
            history.ask(silent, ("write", 1), client="a", timeout=1.0)
        assert history.ask(store, "x", client="b", key="k", message=("read",)) == 1
        assert [(str(one), one.key, one.returned) for one in history.operations] == [
            ("a: ('write', 1) -> ?", None, None),
            ("b: 'x' -> 1", "k", 3),
        ]


def test_threads_on_a_real_system_may_share_a_history() -> None:
    history = History()
    with ActorSystem() as system:
        store = system.spawn(Store)

        def work(number: int) -> None:
            for step in range(50):
                history.ask(store, ("write", (number, step)), client=number, timeout=30)
                history.ask(store, ("read",), client=number, timeout=30)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    operations = history.operations
    assert len(operations) == 400
    assert sorted(time for one in operations for time in (one.invoked, one.returned or 0)) == list(range(1, 801))
    check_linearizable(history, Register(0))
