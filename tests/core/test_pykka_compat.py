"""What pykka's own suite does not cover: a program that says `import actors as pykka`, logs, registry and mixed company."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pykka
import pytest

import actors
from actors import Actor, ActorDeadError, ActorRegistry, ActorSystem, DispatcherKind, Future, ThreadingActor, Timeout, default_system

SAFETY = 30.0
ROOT = Path(__file__).parent.parent.parent
both = pytest.mark.parametrize("library", [pykka, actors], ids=["pykka", "ours"])


@pytest.fixture(autouse=True)
def nobody_left(no_leaks: None) -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all()


# -- names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", pykka.__all__)
def test_every_public_name_of_pykka_is_here_and_compatible(name: str) -> None:
    theirs, ours = getattr(pykka, name), getattr(actors, name)
    if not isinstance(theirs, type):
        assert callable(ours) or isinstance(ours, ModuleType)
        return
    assert issubclass(ours, theirs) or ours in {ThreadingActor, Future}
    if ours is Future:
        assert issubclass(ours, pykka.Future)
    if ours is ThreadingActor:
        assert issubclass(ours, pykka.Actor)


@pytest.mark.parametrize("name", ["messages", "debug", "typing"])
def test_pykkas_modules_are_attributes_and_importable(name: str) -> None:
    theirs = importlib.import_module(f"pykka.{name}")
    own = [one for one, value in vars(theirs).items() if not one.startswith("_") and getattr(value, "__module__", "") == theirs.__name__]
    names = getattr(theirs, "__all__", own)
    assert names
    for ours in (getattr(actors, name), importlib.import_module(f"actors.{name}")):
        assert all(hasattr(ours, one) for one in names)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(actors.ActorDeadError, pykka.ActorDeadError), (actors.Timeout, pykka.Timeout)],
)
def test_errors_are_caught_under_pykkas_names(ours: type[Exception], theirs: type[Exception]) -> None:
    ref = Actor.start()
    ref.stop()
    provoke = (lambda: Future[Any]().get(timeout=0)) if ours is actors.Timeout else (lambda: ref.tell("dead"))
    with pytest.raises(theirs) as caught:
        provoke()
    assert isinstance(caught.value, ours)


# -- the same program on both ----------------------------------------------------------------------------------------------


class Record:
    """What a log record says, without the actor's URN."""

    def __init__(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split("(urn:uuid:")
        self.text = words[0] + "".join(word.split(")", 1)[1] for word in words[1:])
        self.level = record.levelname
        self.logger = record.name
        self.error = type(record.exc_info[1]).__name__ if record.exc_info else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.level} {self.logger} {self.text!r} {self.error}"


def logged(scenario: Any, library: Any, caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[Record]:
    """Returns the records of a scenario run on one of the libraries."""
    caplog.clear()
    with caplog.at_level(level, logger="pykka"):
        scenario(library)
    return [Record(record) for record in caplog.records if record.name == "pykka"]


def crash(library: Any) -> None:
    class Culprit(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: Any) -> Any:
            raise ValueError(message)

    ref = Culprit.start()
    ref.tell("boom")
    assert ref.actor_stopped.wait(SAFETY)


def failing_ask(library: Any) -> None:
    class Culprit(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: Any) -> Any:
            raise ValueError(message)

    ref = Culprit.start()
    with pytest.raises(ValueError, match="boom"):
        ref.ask("boom")
    ref.stop()


def unexpected_message(library: Any) -> None:
    class Plain(library.ThreadingActor):  # type: ignore[misc]
        pass

    ref = Plain.start()
    ref.ask({"unhandled": "message"})
    ref.stop()


def failing_hooks(library: Any) -> None:
    class FailingStop(library.ThreadingActor):  # type: ignore[misc]
        def on_stop(self) -> None:
            raise ValueError("on_stop")

    class FailingFailure(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: Any) -> Any:
            raise ValueError(message)

        def on_failure(
            self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None
        ) -> None:
            done.set()
            raise KeyError("on_failure")

    done = threading.Event()
    FailingStop.start().stop()
    ref = FailingFailure.start()
    ref.tell("boom")
    assert done.wait(SAFETY)
    ref.stop()  # waits for the end, whichever way


def failing_start(library: Any) -> None:
    class FailingStart(library.ThreadingActor):  # type: ignore[misc]
        def on_start(self) -> None:
            raise ValueError("on_start")

    ref = FailingStart.start()
    assert ref.actor_stopped.wait(SAFETY)


def failing_proxy_call(library: Any) -> None:
    class Target(library.ThreadingActor):  # type: ignore[misc]
        def method(self) -> None:
            raise ValueError("method")

    proxy = Target.start().proxy()
    with pytest.raises(ValueError, match="method"):
        proxy.method().get()
    proxy.stop().get()


@pytest.mark.parametrize("scenario", [crash, failing_ask, unexpected_message, failing_start, failing_proxy_call])
def test_log_records_are_pykkas_and_no_others(scenario: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert logged(scenario, actors, caplog) == logged(scenario, pykka, caplog) != []


def test_log_records_of_failing_hooks_are_pykkas(caplog: pytest.LogCaptureFixture) -> None:
    ours = logged(failing_hooks, actors, caplog)
    assert [record.error for record in ours] == ["ValueError", "ValueError", "KeyError"]
    assert all(record.level == "ERROR" and record.text.startswith("Unhandled exception in Failing") for record in ours)


def lifecycle(library: Any) -> None:
    class Plain(library.ThreadingActor):  # type: ignore[misc]
        pass

    Plain.start().stop()


def test_the_debug_records_of_a_life_are_pykkas(caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = (logged(lifecycle, library, caplog, logging.DEBUG) for library in (actors, pykka))
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))


def test_nothing_below_warning_is_formatted_when_nobody_listens() -> None:
    """A URN is made when first asked for; a life without a reader of logs asks for none."""
    with ActorSystem() as system:
        ref = system.spawn(Actor)
        ref.stop()
        assert ref._target.urn is None


# -- pykka's examples, as they are -----------------------------------------------------------------------------------------

BASIC = """
    GetMessages = object()

    class BasicActor(pykka.ThreadingActor):
        def __init__(self):
            super().__init__()
            self._stored_messages = []

        def on_receive(self, message):
            if message is GetMessages:
                return self._stored_messages
            self._stored_messages.append(message)
            return None

    actor_ref = BasicActor.start()
    actor_ref.tell({"no": "Norway", "se": "Sweden"})
    actor_ref.tell({"a": 3, "b": 4, "c": 5})
    print(actor_ref.ask(GetMessages))
    actor_ref.stop()
"""

COOPERATION = """
    class Adder(pykka.ThreadingActor):
        def add_one(self, i):
            print(f"Adder is adding 1 to {i}")
            return i + 1

    class Bookkeeper(pykka.ThreadingActor):
        def __init__(self, adder):
            super().__init__()
            self.adder = adder

        def count_to(self, target):
            i = 0
            while i < target:
                i = self.adder.add_one(i).get()
                print(f"Bookkeeper got {i} back")

    adder = Adder.start().proxy()
    bookkeeper = Bookkeeper.start(adder).proxy()
    bookkeeper.count_to(5).get()
    pykka.ActorRegistry.stop_all()
"""

PROXY = """
    class FooActor(pykka.ThreadingActor):
        field = "field"

        def bar(self):
            print("bar")

        def baz(self):
            return "baz"

    proxy = FooActor.start().proxy()
    proxy.bar()
    print(proxy.baz().get())
    print(proxy.field.get())
    proxy.field = "new value"
    print(proxy.field.get())
    proxy.stop().get()
"""

POOL_OF_WORKERS = """
    class Resolver(pykka.ThreadingActor):
        def resolve(self, ip):
            return f"host-{ip}" if ip % 3 else None

    pool = [Resolver.start().proxy() for _ in range(4)]
    hosts = [pool[i % len(pool)].resolve(i) for i in range(20)]
    print(list(zip(range(20), pykka.get_all(hosts), strict=True)))
    pykka.ActorRegistry.stop_all()
"""

TRAVERSABLE = """
    class Playback:
        state = "paused"
        def play(self):
            self.state = "playing"
            return True

    class Core(pykka.ThreadingActor):
        def __init__(self):
            super().__init__()
            self.playback = pykka.traversable(Playback())

    core = Core.start().proxy()
    print(core.playback.play().get(), core.playback.state.get())
    core.playback.state = "stopped"
    print(core.playback.state.get())
    core.stop().get()
"""

FUTURES = """
    class Numbers(pykka.ThreadingActor):
        def upto(self, n):
            return list(range(n))

    numbers = Numbers.start().proxy()
    print(numbers.upto(5).map(sum).get())
    print(numbers.upto(9).filter(lambda x: x % 2).reduce(lambda a, b: a + b).get())
    print(numbers.upto(2).join(numbers.upto(3), numbers.upto(1)).get())
    future = pykka.ThreadingFuture()
    try:
        future.get(timeout=0)
    except pykka.Timeout as error:
        print("Timeout")
    future.set(1)
    print(future.get())
    numbers.stop().get()
"""

DEFER = """
    class Deferring(pykka.ThreadingActor):
        def on_start(self):
            self.count = 0
            self.proxy = self.actor_ref.proxy()

        def count_down(self, n):
            print(n)
            if n:
                self.proxy.count_down.defer(n - 1)
            else:
                self.stop()

    ref = Deferring.start()
    ref.proxy().count_down.defer(3)
    ref.actor_stopped.wait()
    print(ref.is_alive())
"""


@pytest.mark.parametrize(
    "program",
    [BASIC, COOPERATION, PROXY, POOL_OF_WORKERS, TRAVERSABLE, FUTURES, DEFER],
    ids=["basic", "cooperation", "proxy", "worker pool", "traversable", "futures", "defer"],
)
def test_a_program_that_imports_actors_as_pykka_does_the_same(program: str) -> None:
    def run(library: str) -> tuple[int, str, str]:
        source = f"import {library} as pykka\n" + textwrap.dedent(program)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, timeout=SAFETY, env=environment, check=False
        )
        return done.returncode, done.stdout, done.stderr

    ours = run("actors")
    assert ours == run("pykka")
    assert ours[0] == 0
    assert ours[1]


def test_the_deadlock_example_ends_with_an_error_instead() -> None:
    class ActorA(ThreadingActor):
        def foo(self, b: Any) -> Any:
            return b.bar().get()

    class ActorB(ThreadingActor):
        def __init__(self, a: Any) -> None:
            super().__init__()
            self.a = a

        def bar(self) -> Any:
            return self.a.foo(None).get()

    a = ActorA.start().proxy()
    b = ActorB.start(a).proxy()
    with pytest.raises(actors.DeadlockError):
        a.foo(b).get(timeout=SAFETY)


# -- the registry ----------------------------------------------------------------------------------------------------------


class Ours(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


class OursThreaded(ThreadingActor):
    pass


class Theirs(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> Any:
        return message


def test_the_registry_is_shared_with_pykkas_in_start_order() -> None:
    refs = [cls.start() for cls in (Ours, Theirs, OursThreaded, Theirs, Ours)]
    for registry in (pykka.ActorRegistry, ActorRegistry):
        assert registry.get_all() == refs
        assert registry.get_by_class(Theirs) == [refs[1], refs[3]]
        assert registry.get_by_class(Ours) == [refs[0], refs[4]]
        assert registry.get_by_class_name("OursThreaded") == [refs[2]]
        for ref in refs:
            assert registry.get_by_urn(ref.actor_urn) is ref
        assert registry.get_by_urn("urn:uuid:unknown") is None
    refs[0].stop()
    assert pykka.ActorRegistry.get_all() == refs[1:]


def test_stop_all_stops_the_last_started_first_and_answers_per_actor() -> None:
    order: list[str] = []

    def noting(base: Any, name: str) -> Any:
        class Noting(base):  # type: ignore[misc]
            def on_stop(self) -> None:
                order.append(name)

        return Noting

    for number in range(3):
        noting(Actor, f"ours {number}").start()
        noting(pykka.ThreadingActor, f"theirs {number}").start()
    assert ActorRegistry.stop_all() == [True] * 6
    assert order == ["theirs 2", "ours 2", "theirs 1", "ours 1", "theirs 0", "ours 0"]
    assert ActorRegistry.get_all() == []
    assert ActorRegistry.stop_all() == []


def test_broadcast_reaches_both_kinds() -> None:
    got: list[str] = []
    done = threading.Semaphore(0)

    def noting(base: Any) -> Any:
        class Noting(base):  # type: ignore[misc]
            def on_receive(self, message: Any) -> Any:
                got.append(type(self).__mro__[1].__module__.split(".")[0] + message)
                done.release()

        return Noting

    noting(Actor).start()
    noting(pykka.ThreadingActor).start()
    ActorRegistry.broadcast("!")
    assert done.acquire(timeout=SAFETY)
    assert done.acquire(timeout=SAFETY)
    assert sorted(got) == ["actors!", "pykka!"]


def test_actors_of_explicit_systems_are_not_in_the_registry() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Ours)
        assert ref not in ActorRegistry.get_all()
        assert ActorRegistry.stop_all() == []
        assert ref.ask("alive", timeout=SAFETY) == "alive"


def test_children_are_not_stopped_twice_by_stop_all() -> None:
    class Parent(Ours):
        def on_start(self) -> None:
            self.spawn(Ours)

    Parent.start().ask("started", timeout=SAFETY)
    assert all(isinstance(result, bool) for result in ActorRegistry.stop_all())
    assert default_system().actors() == []


@both
def test_is_alive_registry_and_stopped_event_change_before_the_hooks(library: Any) -> None:
    seen: list[tuple[str, bool, bool, bool]] = []

    class Looking(library.ThreadingActor):  # type: ignore[misc]
        def look(self, name: str) -> None:
            ref = self.actor_ref
            seen.append((name, ref.is_alive(), ref.actor_stopped.is_set(), ref in pykka.ActorRegistry.get_all()))

        def on_start(self) -> None:
            self.look("on_start")

        def on_stop(self) -> None:
            self.look("on_stop")

        def on_failure(self, *_: Any) -> None:
            self.look("on_failure")
            done.set()

        def on_receive(self, message: Any) -> Any:
            raise ValueError

    done = threading.Event()
    Looking.start().stop()
    failing = Looking.start()
    failing.tell("boom")
    assert done.wait(SAFETY)
    alive, dead = (True, False, True), (False, True, False)
    assert seen == [("on_start", *alive), ("on_stop", *dead), ("on_start", *alive), ("on_failure", *dead)]


# -- mixed company ---------------------------------------------------------------------------------------------------------


def relaying(base: Any) -> Any:
    """A class of either library that passes on what it is sent, its own way."""

    class Relaying(base):  # type: ignore[misc]
        def __init__(self, target: Any) -> None:
            super().__init__()
            self.target = target

        def on_receive(self, message: Any) -> Any:
            return self.target.ask(message)

        def by_proxy(self, message: Any) -> Any:
            return self.target.proxy().on_receive(message).get()

        def failing(self) -> Any:
            return self.target.proxy().does_raise().get()

        def tell_it(self, message: Any) -> None:
            self.target.tell(message)

        def stop_it(self) -> Any:
            return self.target.stop()

    return Relaying


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD])
def test_pykkas_actors_and_ours_talk_to_each_other(dispatcher: DispatcherKind) -> None:
    class Target(Actor, dispatcher=dispatcher):
        def on_receive(self, message: Any) -> Any:
            return ("ours", message)

        def does_raise(self) -> Any:
            raise LookupError("ours")

    class TheirTarget(pykka.ThreadingActor):
        def on_receive(self, message: Any) -> Any:
            return ("theirs", message)

        def does_raise(self) -> Any:
            raise LookupError("theirs")

    class Base(Actor, dispatcher=dispatcher):
        pass

    for relay, target, name in ((relaying(pykka.ThreadingActor), Target, "ours"), (relaying(Base), TheirTarget, "theirs")):
        ref = target.start()
        one = relay.start(ref)
        assert one.ask(1, timeout=SAFETY) == (name, 1)
        assert one.proxy().by_proxy(2).get(timeout=SAFETY) == (name, 2)
        with pytest.raises(LookupError, match=name):
            one.proxy().failing().get(timeout=SAFETY)
        one.proxy().tell_it("x").get(timeout=SAFETY)
        assert one.proxy().stop_it().get(timeout=SAFETY) is True
        assert not ref.is_alive()
        with pytest.raises(pykka.ActorDeadError):
            one.ask("dead", timeout=SAFETY)
        assert one.stop(timeout=SAFETY) is True


def test_pykkas_get_all_takes_our_futures_and_ours_takes_theirs() -> None:
    mine, other = Ours.start(), Theirs.start()
    futures: list[Any] = [mine.ask(1, block=False), other.ask(2, block=False)]
    assert pykka.get_all(futures) == actors.get_all(futures) == [1, 2]


def test_an_actor_made_by_hand_queues_until_it_is_started() -> None:
    """As pykka's own tests do: the class called, its private start."""
    actor = Ours()
    ref = actor.actor_ref
    ref.tell("queued")
    future = ref.ask("asked", block=False)
    assert not future.done()
    ActorRegistry.register(ref)
    ref._actor_weakref()._start_actor_loop()
    assert future.get(timeout=SAFETY) == "asked"
    ref.stop()


@both
def test_asking_a_stopped_actor_raises_actor_dead_error_with_pykkas_text(library: Any) -> None:
    ref = library.ThreadingActor.start()
    ref.stop()
    with pytest.raises(pykka.ActorDeadError) as caught:
        ref.ask("x")
    assert str(caught.value) == f"{ref} not found"
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("x")
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()
    assert ref.stop() is False


@both
def test_messages_behind_a_stop_are_answered_with_actor_dead_error(library: Any) -> None:
    go = threading.Event()

    class Slow(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: Any) -> Any:
            go.wait(SAFETY)
            return message

    ref = Slow.start()
    first = ref.ask("first", block=False)
    stopping = ref.stop(block=False)
    behind = ref.ask("behind", block=False)
    go.set()
    assert first.get(timeout=SAFETY) == "first"
    assert stopping.get(timeout=SAFETY) is True
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=SAFETY)


@both
def test_a_timeout_of_an_ask_is_pykkas_timeout(library: Any) -> None:
    go = threading.Event()

    class Slow(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: Any) -> Any:
            go.wait(SAFETY)

    ref = Slow.start()
    with pytest.raises(pykka.Timeout) as caught:
        ref.ask("x", timeout=0.001)
    assert library is pykka or isinstance(caught.value, Timeout)
    go.set()
    ref.stop()


def test_ours_ask_never_hangs_where_pykkas_may() -> None:
    """Asks that race with a stop are all answered."""
    for _ in range(200):
        ref = Ours.start()
        asks: list[Any] = []
        thread = threading.Thread(target=lambda r=ref: r.stop(block=False))  # type: ignore[misc]
        thread.start()
        try:
            for number in range(20):
                asks.append(ref.ask(number, block=False))  # noqa: PERF401  # it may raise in the middle
        except ActorDeadError:
            pass
        thread.join()
        for number, future in enumerate(asks):
            try:
                assert future.get(timeout=SAFETY) == number
            except ActorDeadError:
                continue


def test_an_actor_with_a_setattr_of_its_own_runs() -> None:
    class Noting(Actor):
        def __init__(self) -> None:
            object.__setattr__(self, "log", [])
            super().__init__()
            self.greeting = "hello"

        def __setattr__(self, name: str, value: object) -> None:
            self.log.append(name)
            object.__setattr__(self, name, value)

    ref = Noting.start()
    assert "greeting" in ref.proxy().log.get()
    ref.stop()


@pytest.mark.parametrize("name", ["name", "dispatcher", "mailbox", "actor_class", "args", "system"])
def test_start_hands_every_argument_to_init_as_pykka_does(name: str) -> None:
    class Taking(Actor):
        def __init__(self, **given: Any) -> None:
            super().__init__()
            self.given = given

    ref = Taking.start(**{name: "mine"})
    assert ref.proxy().given.get() == {name: "mine"}
    ref.stop()


def test_hooks_of_a_pykka_mixin_behind_our_actor_still_run() -> None:
    log: list[str] = []

    class Noting(pykka.Actor):
        def on_start(self) -> None:
            log.append("start")

        def on_stop(self) -> None:
            log.append("stop")

        def on_failure(self, *_: Any) -> None:
            log.append("failure")

    class Job(Actor, Noting):
        def on_receive(self, message: Any) -> Any:
            raise LookupError(message)

    with ActorSystem() as system:
        system.spawn(Job).stop()
        ended = system.spawn(Job)
        ended.tell("fail")
        ended.actor_stopped.wait(SAFETY)
    assert log == ["start", "stop", "start", "failure"]


def test_a_call_passes_a_keyword_named_like_its_own_parameter_on() -> None:
    class Client(Actor):
        def request(self, *, method: str) -> str:
            return method

    with ActorSystem() as system:
        assert system.spawn(Client).call(Client.request, method="post").get(timeout=SAFETY) == "post"
