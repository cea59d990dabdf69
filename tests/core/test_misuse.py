"""Misuse that would go unnoticed, or end in a riddle, is refused where it stands, and the text says what to do instead."""

from __future__ import annotations

import asyncio
import copy
import functools
import math
import pickle
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorRef,
    ActorStartError,
    ActorSystem,
    Bounded,
    CancelToken,
    DeadlockError,
    DispatcherKind,
    Future,
    HandlerDeclarationError,
    NotInActorError,
    Priority,
    ShutdownPhase,
    SystemStoppedError,
    Timeout,
    Unbounded,
    handler,
)
from actors.events import ActorCrashed

pytestmark = pytest.mark.usefixtures("no_leaks")
SAFETY = 30.0


class Calling(Actor):
    """Calls the function it is sent with itself."""

    def on_receive(self, message: Any) -> Any:
        return message(self)


# -- callbacks -------------------------------------------------------------------------------------------------------------


async def ignored(*_: Any) -> None:
    pass


class AsyncCallable:
    async def __call__(self, *_: Any) -> None:
        pass

    async def method(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    "callback",
    [ignored, functools.partial(ignored, 1), AsyncCallable(), AsyncCallable().method],
    ids=["function", "partial", "object", "method"],
)
@pytest.mark.parametrize(
    ("register", "name"),
    [
        (lambda me, callback: Future().add_done_callback(callback), "callback"),
        (lambda me, callback: me.cancel_token.add_callback(callback), "callback"),
        (lambda me, callback: me.system.events.subscribe(object, callback), "target"),
        (lambda me, callback: me.pipe_to_self(Future(), on_success=callback), "on_success"),
        (lambda me, callback: me.pipe_to_self(Future(), on_failure=callback), "on_failure"),
        (lambda _, callback: Priority(callback), "key"),
    ],
    ids=["future", "token", "event", "success", "failure", "key"],
)
def test_an_async_callback_is_refused_because_nobody_would_await_it(
    register: Callable[[Any, Any], object], name: str, callback: Callable[..., Any]
) -> None:
    with ActorSystem() as system, pytest.raises(TypeError, match=f"^{name}=.*nobody would await it; pass a plain function"):
        system.spawn(Calling).ask(lambda me: register(me, callback), timeout=SAFETY)


def test_a_cancel_token_takes_functions_only() -> None:
    def register(me: Actor) -> CancelToken:
        with pytest.raises(TypeError, match="callback=5 is not valid: a function without arguments"):
            me.cancel_token.add_callback(5)  # type: ignore[arg-type]
        return me.cancel_token

    with ActorSystem() as system:
        assert not system.spawn(Calling).ask(register, timeout=SAFETY).cancelled


# -- futures and refs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["text", 5, None, ValueError], ids=repr)
def test_a_future_fails_with_an_exception_only(error: Any) -> None:
    future: Future[int] = Future()
    with pytest.raises(TypeError, match=r"^error=.* is not valid: an exception"):
        future.try_fail(error)
    assert not future.done()


@pytest.mark.parametrize("given", ["text", 5, ValueError, (), (1, 2), (ValueError, "text", None), (5, None, None)], ids=repr)
def test_set_exception_takes_an_exception_or_a_triple_only(given: Any) -> None:
    future: Future[int] = Future()
    with pytest.raises(TypeError, match=r"^exc_info=.* is not valid: an exception, a sys.exc_info\(\) triple"):
        future.set_exception(given)
    assert not future.done()


def test_a_reply_handle_that_was_failed_with_no_exception_still_owes_the_answer() -> None:
    class Late(Actor):
        def on_receive(self, message: Any) -> None:
            self.reply_later().fail("text")  # type: ignore[arg-type]

    with ActorSystem() as system:
        ref = system.spawn(Late)
        asked = ref.ask("x", block=False)
        ref.stop()
        assert isinstance(asked.exception(timeout=SAFETY), (TypeError, ActorDeadError))


def test_a_copy_of_a_ref_is_the_ref_also_in_a_message() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Calling)
        assert copy.copy(ref) is ref
        message = {"reply to": [ref], "text": ["x"]}
        copied = copy.deepcopy(message)
        assert copied["reply to"][0] is ref
        assert copied["text"] is not message["text"]


def test_a_ref_that_is_pickled_says_how_far_refs_travel() -> None:
    with ActorSystem() as system, pytest.raises(TypeError, match=r"cannot be pickled: use system\.codec"):
        pickle.dumps(system.spawn(Calling))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("future", [Future(), Future[int]().map(str)], ids=["plain", "lazy"])
def test_a_future_is_not_copied(duplicate: Callable[[Any], Any], future: Future[Any]) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        duplicate(future)


# -- calls -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [lambda actor: actor, 5, functools.partial(print)], ids=["lambda", "number", "partial"])
def test_a_call_needs_a_function_with_the_name_of_a_method(method: Any) -> None:
    with (
        ActorSystem() as system,
        pytest.raises(TypeError, match=r"^method=.* is not valid: a method of the actor's class, like Counter.add"),
    ):
        system.spawn(Calling).call(method)


def told(system: ActorSystem, function: Callable[[Any], Any]) -> BaseException:
    """Tell an actor to call `function`, which fails; return the failure."""
    crashed: Future[BaseException] = Future()
    system.events.subscribe(ActorCrashed, lambda event: crashed.set(event.error))
    system.spawn(Calling).tell(function)
    return crashed.get(timeout=SAFETY)


def test_a_later_reply_to_a_told_message_says_that_nobody_asked() -> None:
    with ActorSystem() as system:
        error = told(system, lambda me: me.reply_later())
        assert isinstance(error, NotInActorError)
        assert str(error) == (
            "reply_later() has nobody to reply to: this message was told, not asked; send it with ask(), or do not take a handle for it"
        )
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_second_handle_of_one_ask_is_refused_with_the_reason() -> None:
    def twice(me: Actor) -> None:
        handle = me.reply_later()
        with pytest.raises(NotInActorError) as caught:
            me.reply_later()
        handle.reply(str(caught.value))

    with ActorSystem() as system:
        text = system.spawn(Calling).ask(twice, timeout=SAFETY)
    assert text == "reply_later() was called for this ask already: use the handle it returned then"


def test_a_handle_or_a_stash_in_a_hook_is_refused_with_the_reason() -> None:
    texts: list[str] = []

    class Early(Actor):
        def on_start(self) -> None:
            for call in (self.reply_later, self.stash):
                with pytest.raises(NotInActorError) as caught:
                    call()
                texts.append(str(caught.value))

    with ActorSystem() as system:
        system.spawn(Early)
    assert texts == [
        "reply_later() answers the ask being handled: there is none in a hook, nor once it was stashed",
        "stash() puts the message being handled aside: there is none in a hook, nor once it was stashed",
    ]


# -- declared handlers -----------------------------------------------------------------------------------------------------


class Shaped(Protocol):
    def area(self) -> float: ...


@runtime_checkable
class Checkable(Protocol):
    def area(self) -> float: ...


class Explicit(Checkable):
    def area(self) -> float:
        return 1.0


def handler_given_a_class() -> None:
    @handler(int)
    def wrong(self: Any, message: int) -> None: ...


def handler_given_a_text() -> None:
    @handler("int")  # type: ignore[type-var]
    def wrong(self: Any, message: int) -> None: ...


def over_a_classmethod() -> None:
    class Bad(Actor):
        @handler
        @classmethod
        def wrong(cls, message: int) -> None: ...


def under_a_classmethod() -> None:
    class Bad(Actor):
        @classmethod
        @handler
        def wrong(cls, message: int) -> None: ...


def over_a_staticmethod() -> None:
    class Bad(Actor):
        @handler
        @staticmethod
        def wrong(message: int) -> None: ...


def under_a_staticmethod() -> None:
    class Bad(Actor):
        @staticmethod
        @handler
        def wrong(actor: Any, message: int) -> None: ...


def over_a_property() -> None:
    class Bad(Actor):
        @handler  # type: ignore[type-var]
        @property
        def wrong(self) -> int: ...


def under_a_property() -> None:
    class Bad(Actor):
        @property
        @handler
        def wrong(self) -> int: ...


def with_a_protocol() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: int | Shaped) -> None: ...


def with_a_checkable_protocol() -> None:
    class Bad(Actor):
        @handler
        def wrong(self, message: Checkable) -> None: ...


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (handler_given_a_class, r"@handler\(int\) is not valid: write @handler alone"),
        (handler_given_a_text, r"@handler\('int'\) is not valid: write @handler alone"),
        (over_a_classmethod, "wrong: @handler is for plain methods.*not for a classmethod"),
        (under_a_classmethod, "Bad.wrong: @handler is for plain methods.*not for a classmethod"),
        (over_a_staticmethod, "wrong: @handler is for plain methods.*not for a staticmethod"),
        (under_a_staticmethod, "Bad.wrong: @handler is for plain methods.*not for a staticmethod"),
        (over_a_property, "@handler is for plain methods.*not for a property"),
        (under_a_property, "Bad.wrong: @handler is for plain methods.*not for a property"),
        (with_a_protocol, "Bad.wrong: Shaped is a Protocol, but handlers are found by the class of a message"),
        (with_a_checkable_protocol, "Bad.wrong: Checkable is a Protocol, but handlers are found by the class of a message"),
    ],
)
def test_a_decorator_that_would_be_without_effect_is_refused(declare: Callable[[], None], says: str) -> None:
    with pytest.raises(HandlerDeclarationError, match=says):
        declare()


def test_a_class_that_follows_a_protocol_is_handled_like_any_other() -> None:
    class Measuring(Actor):
        @handler
        def measure(self, message: Explicit) -> float:
            return message.area()

    with ActorSystem() as system:
        assert system.spawn(Measuring).ask(Explicit(), timeout=SAFETY) == 1.0


# -- names of one's own ----------------------------------------------------------------------------------------------------


def test_an_attribute_named_like_a_property_of_the_framework_breaks_no_other() -> None:
    class Own(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.cancel_token = "mine"  # type: ignore[assignment]
            self.system = self.parent = self.children = self.path = self.correlation_id = None  # type: ignore[assignment, method-assign]

        def on_receive(self, message: Any) -> Any:
            if message == "reply later":
                handle = self.reply_later()
                return handle.reply((self.cancel_token, handle.cancel_token.cancelled))
            return self.deadline

    with ActorSystem() as system:
        ref = system.spawn(Own)
        left = ref.ask("deadline", deadline=SAFETY, timeout=SAFETY)
        assert 0 < left <= SAFETY
        assert ref.ask("reply later", timeout=SAFETY) == ("mine", False)


# -- hooks that come too late ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", list(ShutdownPhase))
def test_a_hook_for_a_system_that_is_shut_down_is_refused(phase: ShutdownPhase) -> None:
    system = ActorSystem("over")
    system.shutdown()
    with pytest.raises(SystemStoppedError, match="'over' is shut down: use a new ActorSystem"):
        system.on_shutdown(phase, lambda: None, name="late")


def test_a_hook_may_add_one_for_a_phase_to_come_and_none_for_a_phase_that_is_over() -> None:
    ran: list[str] = []
    refused: list[ShutdownPhase] = []
    system = ActorSystem()

    class Last(Actor):
        def on_stop(self) -> None:
            system.on_shutdown(ShutdownPhase.AFTER_STOP, lambda: ran.append("after"), name="after")
            for phase in (ShutdownPhase.BEFORE_STOP, ShutdownPhase.ACTORS):
                try:
                    system.on_shutdown(phase, lambda: ran.append("never"), name="late")
                except SystemStoppedError:
                    refused.append(phase)

    system.spawn(Last)
    system.shutdown()
    assert ran == ["after"]
    assert refused == [ShutdownPhase.BEFORE_STOP, ShutdownPhase.ACTORS]


@pytest.mark.parametrize("phase", list(ShutdownPhase))
def test_a_hook_cannot_add_one_for_the_phase_it_runs_in(phase: ShutdownPhase) -> None:
    refused: list[ShutdownPhase] = []
    system = ActorSystem()

    def early() -> None:
        try:
            system.on_shutdown(phase, refused.clear, name="late")
        except SystemStoppedError:
            refused.append(phase)

    system.on_shutdown(phase, early, name="early")
    system.shutdown()
    assert refused == [phase]


def test_a_keyword_that_spawn_keeps_for_itself_is_named_if_init_misses_it() -> None:
    class Named(Actor):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.own_name = name

        def on_receive(self, message: Any) -> Any:
            return self.own_name

    with ActorSystem() as system:
        with pytest.raises(ActorStartError) as caught:
            system.spawn(Named, name="n")
        (note,) = caught.value.__notes__
        assert note.startswith("name= is spawn()'s own keyword")
        assert note.endswith("Named.__init__(): pass that argument by position, or rename the parameter")
        with pytest.raises(ActorStartError) as caught:
            system.spawn(Named)
        assert not hasattr(caught.value, "__notes__")
        assert system.spawn(Named, "by position", name="n").ask("name", timeout=SAFETY) == "by position"


# -- what errors of waits say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stop", "restart"])
def test_a_wait_for_an_end_that_waits_for_the_waiter_says_that_it_goes_on(how: str) -> None:
    def spawn(me: Actor) -> Any:
        return me.spawn(Calling, name="child")

    with ActorSystem() as system:
        parent = system.spawn(Calling, name="parent")
        child = parent.ask(spawn, timeout=SAFETY)
        failed = child.ask(lambda _: getattr(parent, how)(), block=False).exception(timeout=SAFETY)
    assert isinstance(failed, DeadlockError)
    assert failed.cycle == ("/parent/child", "/parent", "/parent/child")
    assert "the stop or restart was begun and goes on" in str(failed)
    assert str(failed).endswith("use self.stop() or block=False")
    assert str(pickle.loads(pickle.dumps(failed))) == str(failed)


@pytest.mark.parametrize("reentrant", [True, False])
def test_an_awaited_end_that_waits_for_the_waiter_says_so_too(reentrant: bool) -> None:  # a parameter of the test
    class Waiting(Actor, reentrant=reentrant):
        async def on_receive(self, message: Any) -> Any:
            return await self.actor_ref.stop(block=False)

    with ActorSystem() as system:
        failed = system.spawn(Waiting, name="own").ask("stop", block=False).exception(timeout=SAFETY)
    assert isinstance(failed, DeadlockError)
    assert failed.cycle == ("/own", "/own")
    assert "the stop or restart was begun and goes on" in str(failed)


def test_a_wait_for_ones_own_stop_says_that_it_goes_on() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Calling, name="own")
        failed = ref.ask(lambda _: ref.stop(), block=False).exception(timeout=SAFETY)
        assert ref.stop(timeout=SAFETY) in {True, False}
    assert isinstance(failed, DeadlockError)
    assert str(failed).endswith("use self.stop() or block=False")


def test_a_wait_for_the_end_of_its_own_system_names_the_way_that_does_not_wait() -> None:
    with ActorSystem() as system:
        failed = system.spawn(Calling).ask(lambda me: me.system.shutdown(), block=False).exception(timeout=SAFETY)
    assert isinstance(failed, DeadlockError)
    assert str(failed).endswith("use request_shutdown(), which does not wait")


@pytest.mark.parametrize("mailbox", [Unbounded(), Bounded(10)], ids=["unbounded", "bounded"])
def test_a_timeout_of_an_ask_names_the_seconds_it_was_given(mailbox: Any) -> None:
    async def awaited(ref: ActorRef[Any]) -> BaseException:
        with pytest.raises(Timeout) as caught:
            await ref.ask_async(lambda me: me.reply_later(), timeout=0.015625)
        return caught.value

    with ActorSystem() as system:
        ref = system.spawn(Calling, mailbox=mailbox)
        with pytest.raises(Timeout) as caught:
            ref.ask(lambda me: me.reply_later(), timeout=0.015625)
        assert str(caught.value) == "no answer within 0.015625 seconds"
        assert str(asyncio.run(awaited(ref))) == "no answer within 0.015625 seconds"


def test_a_timeout_that_the_handler_raised_comes_as_it_is() -> None:
    cause = LookupError("why")

    def fail(me: Actor) -> None:
        raise Timeout("of my own") from cause

    async def awaited(ref: ActorRef[Any]) -> BaseException:
        with pytest.raises(Timeout, match="of my own") as caught:
            await ref.ask_async(fail, timeout=SAFETY)
        return caught.value

    with ActorSystem() as system:
        ref = system.spawn(Calling, mailbox=Bounded(1))
        with pytest.raises(Timeout, match="of my own") as caught:
            ref.ask(fail, timeout=SAFETY)
        assert caught.value.__cause__ is cause
        assert asyncio.run(awaited(ref)).__cause__ is cause


@pytest.mark.parametrize("dispatcher", [DispatcherKind.POOL, DispatcherKind.THREAD], ids=lambda kind: kind.value)
def test_an_infinite_timeout_is_as_good_as_none(dispatcher: DispatcherKind) -> None:
    def circle(me: Actor) -> Any:
        return me.actor_ref.ask("never handled", timeout=math.inf)

    with ActorSystem() as system:
        ref = system.spawn(Calling, dispatcher=dispatcher)
        assert isinstance(ref.ask(circle, block=False).exception(timeout=SAFETY), DeadlockError)
        assert ref.ask(lambda _: "answer", timeout=math.inf) == "answer"
