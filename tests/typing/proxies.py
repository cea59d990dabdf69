"""Typed proxies as pykka documents them. Checked by two type checkers, never run."""
# mypy: disable-error-code="unused-awaitable"

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type, cast

import actors as pykka
from actors import Actor, ActorProxy
from actors.typing import ActorMemberMixin, proxy_field, proxy_method

if TYPE_CHECKING:
    from collections.abc import Callable


class CircleActor(Actor):
    pi = 3.14

    def area(self, radius: float) -> float:
        return self.pi * radius**2

    async def fetch(self, url: str) -> bytes:
        return url.encode()


class CircleProxy(ActorMemberMixin, ActorProxy[CircleActor]):
    pi = proxy_field(CircleActor.pi)
    area = proxy_method(CircleActor.area)
    fetch = proxy_method(CircleActor.fetch)


class Plain(Actor):
    pass


proxy = cast("CircleProxy", CircleActor.start().proxy())
assert_type(proxy.pi.get(), float)
assert_type(proxy.area(2.0).get(), float)
assert_type(proxy.fetch("there").get(), bytes)
assert_type(proxy.stop().get(), None)
area: Callable[[float], pykka.Future[float]] = proxy.area
proxy.area("two")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

assert_type(Plain.start().proxy(), ActorProxy[Plain])
assert_type(proxy.actor_ref.is_alive(), bool)


async def awaiting() -> None:
    assert_type(await proxy.area(2.0), float)
