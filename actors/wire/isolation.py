"""What an isolation mode does to a value on its way from one side to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.isolation import Isolation
from actors.wire.immutable import _rests, check_immutable

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.wire.codec import Codec

__all__ = ["isolator"]


def isolator(mode: Isolation, codec: Codec) -> Callable[[Any], Any]:
    """Return the function that gives for each value what the other side gets.

    Args:
        mode: CHECK or COPY; who shares hands nothing through a function.
        codec: makes the copies; its registry knows which types are immutable.
    """
    if mode is Isolation.COPY:
        return codec.copy
    registry = codec.registry

    def check(value: Any) -> Any:
        if _rests[id(type(value))](value):  # as `check_immutable` does it, without a call
            check_immutable(value, registry)
        return value

    return check
