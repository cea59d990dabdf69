"""`@handler`: checked when the class is made, dispatched by exact type first and then along the bases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Annotated, Any, Generic, Optional, TypeVar, Union
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorError,
    ActorSystem,
    DispatcherKind,
    Future,
    HandlerDeclarationError,
    NotInActorError,
    ReplyHandle,
    Request,
    ThreadingActor,
    handler,
)
from actors.events import ActorCrashed

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal  # known to type checkers only

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 20.0


class Animal:
    pass


class Bird(Animal):
    pass


class Penguin(Bird):
    pass


class Swimmer:
    pass


class Duck(Bird, Swimmer):
    pass


@dataclass(frozen=True)
class Add:
    amount: int


class Get(Request[int]):
    pass


class Names(Request[list[str]]):
    pass


class Colour(Enum):
    RED = auto()


T = TypeVar("T")


class Boxed(Generic[T]):
    pass


class Generically(Request[T]):
    pass


class Counter(Actor):
    def __init__(self, start: int = 0) -> None:
        super().__init__()
        self.total = start

    @handler
    def added(self, message: Add) -> None:
        self.total += message.amount

    @handler
    def get(self, message: Get) -> int:
        return self.total


# -- dispatch --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD, DispatcherKind.EVENT_LOOP])
def test_each_message_goes_to_the_handler_of_its_type(dispatcher: DispatcherKind) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Counter, 1, dispatcher=dispatcher)
        ref.tell(Add(2))
        ref.tell(Add(3))
        assert ref.ask(Get(), timeout=SAFETY) == 6


def test_async_handlers_are_dispatched_too() -> None:
    class Async(Actor):
        @handler
        async def number(self, message: int) -> str:
            await asyncio.sleep(0)
            return f"number {message}"

        @handler
        def text(self, message: str) -> str:
            return f"text {message}"

    with ActorSystem() as system:
        ref = system.spawn(Async)
        assert ref.ask(1, timeout=SAFETY) == "number 1"
        assert ref.ask("a", timeout=SAFETY) == "text a"


class Zoo(Actor):
    @handler
    def animal(self, message: Animal) -> str:
        return "animal"

    @handler
    def penguin(self, message: Penguin) -> str:
        return "penguin"

    @handler
    def swimmer(self, message: Swimmer) -> str:
        return "swimmer"

    def on_receive(self, message: Any) -> str:
        return f"on_receive {message!r}"


@pytest.mark.parametrize(
    ("message", "taker"),
    [
        (Animal(), "animal"),
        (Bird(), "animal"),
        (Penguin(), "penguin"),
        (Swimmer(), "swimmer"),
        (Duck(), "animal"),  # Duck, Bird, Animal, Swimmer
        (7, "on_receive 7"),
        (None, "on_receive None"),
    ],
)
def test_the_exact_type_comes_first_then_the_bases_in_method_resolution_order(message: Any, taker: str) -> None:
    with ActorSystem() as system:
        assert system.spawn(Zoo).ask(message, timeout=SAFETY) == taker


@given(st.data())
def test_dispatch_agrees_with_a_walk_along_the_mro(data: st.DataObject) -> None:
    """A random lattice of message classes, some of them handled."""
    classes: list[type] = []
    for number in range(data.draw(st.integers(1, 7), "classes")):
        bases = data.draw(st.lists(st.sampled_from(classes), max_size=2, unique=True) if classes else st.just([]), "bases")
        try:
            classes.append(type(f"M{number}", tuple(bases), {}))
        except TypeError:  # no consistent order of those bases
            classes.append(type(f"M{number}", (), {}))
    handled = data.draw(st.sets(st.sampled_from(classes)), "handled")

    def method(owner: type) -> Any:
        def take(self: Any, message: Any) -> str:
            return owner.__name__

        take.__annotations__["message"] = owner
        return handler(take)

    members: dict[str, Any] = {f"take_{owner.__name__}": method(owner) for owner in handled}
    members["on_receive"] = lambda self, message: "on_receive"
    actor_class = type("Any", (Actor,), members)
    with ActorSystem() as system:
        ref = system.spawn(actor_class)
        for message_type in classes:
            expected = next((base.__name__ for base in message_type.__mro__ if base in handled), "on_receive")
            assert ref.ask(message_type(), timeout=SAFETY) == expected


def test_a_union_declares_each_of_its_types() -> None:
    class Either(Actor):
        @handler
        def new_style(self, message: int | Add) -> str:
            return "int or Add"

        @handler
        def old_style(self, message: Union[str, bytes]) -> str:  # noqa: UP007  # the spelling under test
            return "str or bytes"

        @handler
        def optional(self, message: Optional[Colour]) -> str:  # noqa: UP045  # the spelling under test
            return "Colour or None"

    with ActorSystem() as system:
        ref = system.spawn(Either)
        answers = [ref.ask(message, timeout=SAFETY) for message in (1, Add(1), "s", b"b", Colour.RED, None)]
    assert answers == ["int or Add"] * 2 + ["str or bytes"] * 2 + ["Colour or None"] * 2


def test_a_handler_of_object_takes_everything() -> None:
    class Everything(Actor):
        @handler
        def anything(self, message: object) -> str:
            return "object"

        def on_receive(self, message: Any) -> str:
            return "on_receive"

    with ActorSystem() as system:
        ref = system.spawn(Everything)
        assert [ref.ask(message, timeout=SAFETY) for message in (1, None, Add(1), int)] == ["object"] * 4


def test_what_no_handler_takes_goes_to_on_receive_of_the_base_which_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    with ActorSystem() as system:
        ref = system.spawn(Counter)
        assert ref.ask("unknown", timeout=SAFETY) is None
    assert f"Unexpected message received by {ref}: unknown" in [record.getMessage() for record in caplog.records]


def test_a_subclass_takes_over_a_type_and_inherits_the_others() -> None:
    class Doubling(Counter):
        @handler
        def twice(self, message: Add) -> None:
            self.total += 2 * message.amount

    with ActorSystem() as system:
        ref = system.spawn(Doubling)
        ref.tell(Add(2))
        assert ref.ask(Get(), timeout=SAFETY) == 4
        parent = system.spawn(Counter)
        parent.tell(Add(2))
        assert parent.ask(Get(), timeout=SAFETY) == 2


def test_an_override_by_name_is_what_runs() -> None:
    class Tripling(Counter):
        @handler
        def added(self, message: Add) -> None:
            self.total += 3 * message.amount

    with ActorSystem() as system:
        ref = system.spawn(Tripling)
        ref.tell(Add(2))
        assert ref.ask(Get(), timeout=SAFETY) == 6


def test_a_mixin_brings_its_handlers_along() -> None:
    class Pinged(Actor):
        @handler
        def ping(self, message: bytes) -> str:
            return "pong"

    class Both(Pinged, Counter):
        pass

    with ActorSystem() as system:
        ref = system.spawn(Both)
        assert ref.ask(b"", timeout=SAFETY) == "pong"
        assert ref.ask(Get(), timeout=SAFETY) == 0


def test_message_classes_of_a_function_are_found() -> None:
    @dataclass
    class Local:
        text: str

    class Taker(Actor):
        @dataclass
        class Nested:
            text: str

        @handler
        def local(self, message: Local) -> str:
            return f"local {message.text}"

        @handler
        def nested(self, message: Nested) -> str:
            return f"nested {message.text}"

    with ActorSystem() as system:
        ref = system.spawn(Taker)
        assert ref.ask(Local("a"), timeout=SAFETY) == "local a"
        assert ref.ask(Taker.Nested("b"), timeout=SAFETY) == "nested b"


def test_a_declared_handler_is_still_a_method_for_proxies_and_calls() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Counter)
        ref.proxy().added(Add(1)).get(timeout=SAFETY)
        ref.call(Counter.added, Add(2)).get(timeout=SAFETY)
        assert ref.ask(Get(), timeout=SAFETY) == 3


def test_a_handler_that_raises_while_told_crashes_the_actor() -> None:
    class Raising(Actor):
        @handler
        def number(self, message: int) -> None:
            raise ValueError(message)

    with ActorSystem() as system:
        crashed: Future[ActorCrashed] = Future()
        system.events.subscribe(ActorCrashed, crashed.set)
        ref = system.spawn(Raising)
        with pytest.raises(ValueError, match="1"):
            ref.ask(1, timeout=SAFETY)
        ref.tell(2)
        assert str(crashed.get(timeout=SAFETY).error) == "2"


def test_a_handler_may_stash_and_reply_later() -> None:
    class Later(Actor):
        @handler
        def wait(self, message: int) -> None:
            self.kept = self.reply_later()

        @handler
        def go(self, message: str) -> None:
            self.kept.reply(message)

        @handler
        def stashed(self, message: bytes) -> str:
            if not hasattr(self, "kept"):
                self.stash()
            return "unstashed"

        def on_receive(self, message: Any) -> int:
            return self.unstash()

    with ActorSystem() as system:
        ref = system.spawn(Later)
        stashed = ref.ask(b"", block=False)
        waiting = ref.ask(1, block=False)
        ref.tell("go")
        assert waiting.get(timeout=SAFETY) == "go"
        assert ref.ask(None, timeout=SAFETY) == 1
        assert stashed.get(timeout=SAFETY) == "unstashed"


def test_annotations_of_undecorated_methods_are_left_alone() -> None:
    class Unresolvable(ThreadingActor):
        def amount(self, value: Decimal) -> DoesNotExist:  # type: ignore[name-defined]  # noqa: F821  # the point
            return value

        @handler
        def number(self, message: int) -> int:
            return message

    assert issubclass(Unresolvable, Actor)


# -- declarations that are refused -----------------------------------------------------------------------------------------


def no_annotation() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202


def no_message() -> None:
    class Bad(Actor):
        @handler
        def wrong(self) -> None: ...


def two_messages() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, one: int, other: str) -> None: ...


def keyword_only() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, *, message: int) -> None: ...


def required_keyword() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: int, *, more: str) -> None: ...


def unresolvable() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: DoesNotExist) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the point


def only_for_type_checkers() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Decimal) -> None: ...


def parametrised() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: list[int]) -> None: ...


def parametrised_in_union() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: int | dict[str, int]) -> None: ...


def parametrised_generic() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Boxed[int]) -> None: ...


def any_message() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Any) -> None: ...


def type_variable() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: T) -> None: ...


def not_a_type() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: 3) -> None: ...  # type: ignore[valid-type]


def taken() -> None:
    class Bad(Actor):
        @handler
        def right(self, message: int) -> None: ...

        @handler
        def wrong(self, message: int | str) -> None: ...


def wrong_reply() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Get) -> str:
            return "not an int"


def wrong_parametrised_reply() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Names) -> list[int]:
            return [1]


def wrong_async_reply() -> None:
    class Bad(Actor):
        @handler
        async def wrong(self, message: Get) -> str:
            return "not an int"


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (no_annotation, "needs an annotation on 'message'"),
        (no_message, "must take self and one message"),
        (two_messages, "must take self and one message"),
        (keyword_only, "must take self and one message"),
        (required_keyword, "must take self and one message"),
        (unresolvable, "'DoesNotExist' is not defined"),
        (only_for_type_checkers, "'Decimal' is not defined"),
        (parametrised, "is not a plain class"),
        (parametrised_in_union, "is not a plain class"),
        (parametrised_generic, "is not a plain class"),
        (type_variable, "is not a plain class"),
        (not_a_type, "wrong"),
        (taken, "both handle int"),
        (wrong_reply, "Get is a Request"),
        (wrong_parametrised_reply, "Names is a Request"),
        (wrong_async_reply, "Get is a Request"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_declaration_that_cannot_serve_is_refused_where_it_stands(declare: Callable[[], None], says: str) -> None:
    with pytest.raises(HandlerDeclarationError) as caught:
        declare()
    assert says in str(caught.value)
    assert f"{declare.__name__}.<locals>.Bad.wrong" in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ActorError)


def test_a_handler_annotated_any_is_refused() -> None:
    """`object` says the same and works."""
    with pytest.raises(HandlerDeclarationError, match=r"wrong.*object"):
        any_message()


def test_async_handlers_on_a_thread_dispatcher_are_refused() -> None:
    for dispatcher in (DispatcherKind.POOL, DispatcherKind.THREAD):
        with pytest.raises(HandlerDeclarationError, match="EVENT_LOOP"):

            class Bad(Actor, dispatcher=dispatcher):
                @handler
                async def number(self, message: int) -> None: ...

    with pytest.raises(HandlerDeclarationError, match="EVENT_LOOP"):

        class Threading(ThreadingActor):
            async def on_receive(self, message: Any) -> None: ...


def test_reentrancy_of_a_class_without_await_is_refused() -> None:
    with pytest.raises(HandlerDeclarationError, match="reentrant"):

        class Bad(Actor, reentrant=True):
            def on_receive(self, message: Any) -> None: ...


# -- declarations that are fine --------------------------------------------------------------------------------------------


def test_replies_that_fit_the_request_are_taken() -> None:
    class Fine(Actor):
        @handler
        def subclass(self, message: Get) -> bool:
            return True

        @handler
        def same(self, message: Names) -> list[str]:
            return ["a"]

        @handler
        def open_type(self, message: Generically) -> str:  # type: ignore[type-arg]
            return "generic"

    with ActorSystem() as system:
        ref = system.spawn(Fine)
        assert ref.ask(Get(), timeout=SAFETY) is True
        assert ref.ask(Names(), timeout=SAFETY) == ["a"]
        assert ref.ask(Generically(), timeout=SAFETY) == "generic"


def test_a_handler_may_leave_its_return_type_out_and_have_optional_parameters() -> None:
    class Fine(Actor):
        @handler
        def get(self, message: Get, extra: int = 1, *, more: int = 2):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return extra + more

    with ActorSystem() as system:
        assert system.spawn(Fine).ask(Get(), timeout=SAFETY) == 3


def test_an_annotated_class_is_the_class() -> None:
    class Fine(Actor):
        @handler
        def number(self, message: Annotated[int, "of something"]) -> str:
            return "int"

    with ActorSystem() as system:
        assert system.spawn(Fine).ask(1, timeout=SAFETY) == "int"


def test_actor_only_calls_from_outside_are_refused_by_name() -> None:
    class Leaky(Actor):
        def on_receive(self, message: Any) -> Any:
            return self

    with ActorSystem() as system:
        actor = system.spawn(Leaky).ask("self", timeout=SAFETY)
        calls: dict[str, Callable[[], Any]] = {
            "spawn()": lambda: actor.spawn(Counter),
            "watch()": lambda: actor.watch(actor.actor_ref),
            "stash()": actor.stash,
            "unstash()": actor.unstash,
            "reply_later()": actor.reply_later,
            "start_timer()": lambda: actor.start_timer("key", 1, "x"),
            "pipe_to_self()": lambda: actor.pipe_to_self(Future()),
        }
        for name, call in calls.items():
            with pytest.raises(NotInActorError) as caught:
                call()
            assert name in str(caught.value)


def test_a_class_attribute_that_answers_to_any_name_is_no_handler() -> None:
    class Served(Actor):
        client = mock.MagicMock()

        @handler
        def on_text(self, message: str) -> Any:
            return self.client.answer(message)

    Served.client.answer.return_value = "answered"
    with ActorSystem() as system:
        assert system.spawn(Served).ask("a question") == "answered"


def test_a_base_class_that_wants_a_class_keyword_says_so_itself() -> None:
    class Tagged:
        def __init_subclass__(cls, *, tag: str, **keywords: Any) -> None:
            super().__init_subclass__(**keywords)

    with pytest.raises(TypeError, match="'tag'"):

        class Untagged(Actor, Tagged):  # type: ignore[call-arg]
            pass


class MaybeCount(Request[int | None]):
    """May have no answer."""


@pytest.mark.parametrize("returns", [int, None, int | None, bool, int | ReplyHandle])
def test_a_request_for_one_of_several_types_is_answered_with_any_of_them(returns: Any) -> None:
    def on_maybe(self: Any, message: MaybeCount) -> Any:
        return None

    on_maybe.__annotations__.update(message=MaybeCount, **{"return": returns})
    made = type(Actor)("Answering", (Actor,), {"on_maybe": handler(on_maybe)})
    assert made


def test_a_request_for_one_of_several_types_is_not_answered_with_another() -> None:
    with pytest.raises(HandlerDeclarationError):

        class Wrong(Actor):
            @handler
            def on_maybe(self, message: MaybeCount) -> str:
                return ""


def test_an_async_on_undelivered_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(HandlerDeclarationError, match="on_undelivered"):

        class Waiting(Actor):
            async def on_undelivered(self, message: Any, reason: Any) -> None:  # type: ignore[override]
                """Nobody could await this."""
