"""What goes wrong in looking at actors."""

from __future__ import annotations

from typing import Any

from actors.errors import ActorError

__all__ = ["ForeignActorError", "ObserveError"]


class ObserveError(ActorError):
    """Base class of these."""


class ForeignActorError(ObserveError):
    """There is nothing to be seen of this actor: it is one of pykka's own, or it is none.

    Attributes:
        ref: what was given; None of a copy that was pickled.
    """

    def __init__(self, ref: Any) -> None:
        super().__init__("there is nothing to be seen: give a ref of an actor of this framework, in this process")
        self.ref = ref

    def __reduce__(self) -> Any:
        return type(self), (None,)
