"""Helpers for typed proxies: pykka's, with the futures of this framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast, overload

from pykka.typing import ActorMemberMixin

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pykka.typing import Method

    from actors._core.future import Future

__all__ = ["ActorMemberMixin", "proxy_field", "proxy_method"]

T = TypeVar("T")
P = ParamSpec("P")


def proxy_field(field: T) -> Future[T]:
    """Type a field of a proxy.

    Use it on a class that describes the proxy: ``count = proxy_field(Counter.count)``.
    """
    return cast("Future[T]", field)


@overload
def proxy_method(method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Method[P, Future[T]]: ...


@overload
def proxy_method(method: Callable[Concatenate[Any, P], T]) -> Method[P, Future[T]]: ...


def proxy_method(method: Callable[Concatenate[Any, P], Any]) -> Method[P, Future[Any]]:
    """Type a method of a proxy.

    Use it on a class that describes the proxy: ``add = proxy_method(Counter.add)``.
    """
    return cast("Method[P, Future[Any]]", method)
