"""Properties of actors that give way to a program's own attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Shadowable"]

F = TypeVar("F")


class Shadowable(Generic[F]):
    """A read-only property that an instance attribute of the same name may hide, so that no program's own names collide."""

    def __init__(self, get: Callable[[Any], F]) -> None:
        self._get = get
        self.__doc__ = get.__doc__

    @overload
    def __get__(self, actor: None, owner: type) -> Self: ...

    @overload
    def __get__(self, actor: object, owner: type | None = None) -> F: ...

    def __get__(self, actor: Any, owner: type | None = None) -> Any:
        """Return what the function makes of the actor."""
        return self if actor is None else self._get(actor)
