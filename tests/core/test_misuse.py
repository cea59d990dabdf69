"""Misuse that would go unnoticed, or end in a riddle, is refused where it stands, and the text says what to do instead."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from actors import Actor, ActorDeadError, ActorSystem, CancelToken, Future

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
    ],
    ids=["future", "token", "event", "success", "failure"],
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
    with ActorSystem() as system, pytest.raises(TypeError, match="cannot be pickled: refs travel only inside the process for now"):
        pickle.dumps(system.spawn(Calling))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("future", [Future(), Future[int]().map(str)], ids=["plain", "lazy"])
def test_a_future_is_not_copied(duplicate: Callable[[Any], Any], future: Future[Any]) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        duplicate(future)
