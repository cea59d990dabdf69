"""Proxies: an actor's methods and attributes as futures. pykka's, following restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka

from actors.errors import ActorDeadError

if TYPE_CHECKING:
    from actors._core.actor import Actor

__all__ = ["ActorProxy"]

A = TypeVar("A", bound="Actor")


class ActorProxy(pykka.ActorProxy[A], Generic[A]):
    """See `ActorRef.proxy`. Attributes are looked up on the actor's current instance."""

    def __init__(self, *, actor_ref: Any, attr_path: tuple[str, ...] | None = None) -> None:
        try:
            super().__init__(actor_ref=actor_ref, attr_path=attr_path)
        except pykka.ActorDeadError as error:
            raise ActorDeadError(str(error), str(actor_ref)) from None

    @property
    def _actor(self) -> A:
        """The current instance; after the end, the last one this proxy has seen."""
        current = self.actor_ref._actor_weakref()
        if current is not None:
            self.__dict__["_last"] = current
        return self.__dict__.get("_last")  # type: ignore[return-value]

    @_actor.setter
    def _actor(self, actor: A) -> None:
        self.__dict__["_last"] = actor

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, pykka.ActorProxy):
            return False
        return self.actor_ref == other.actor_ref and self._attr_path == other._attr_path

    def __hash__(self) -> int:
        return hash((self.actor_ref, self._attr_path))

    def __getattr__(self, name: str) -> Any:
        """Get a field, method or traversable object of the actor."""
        found = super().__getattr__(name)
        if type(found) is pykka.ActorProxy:
            found = ActorProxy(actor_ref=self.actor_ref, attr_path=found._attr_path)
            self._actor_proxies[found._attr_path] = found
        return found
