"""Misuse that would go unnoticed, or end in a riddle, is refused where it stands, and the text says what to do instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from actors import Actor, ActorSystem, CancelToken, Future

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
