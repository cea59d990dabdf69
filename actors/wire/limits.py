"""How much one message may be: nothing that comes from outside is trusted to be small."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from actors.errors import CodecError

if TYPE_CHECKING:
    from typing import Final

__all__ = ["DEEPEST", "Limits", "exceeded"]

DEEPEST: Final = 200  # a value takes at most two arrays, one in the other, and msgpack goes 511 deep


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a codec refuses, of one message, both ways.

    Args:
        size: bytes of a payload, uncompressed.
        depth: containers and registered types within each other; at most 200.
        length: elements of one collection, and of all shared parts that are hashed in the message, counted each time.
        memory: bytes that decoding may take, estimated from above before they are taken.
    """

    size: int = 16 * 1024 * 1024
    depth: int = 100
    length: int = 1_000_000
    memory: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                msg = f"{field.name}={value!r} is not valid: a whole number, 1 or more"
                raise ValueError(msg)
        if self.depth > DEEPEST:
            msg = (
                f"depth={self.depth!r} is not valid: {DEEPEST} at most; what is deeper, like a linked list, travels as a list of its links"
            )
            raise ValueError(msg)


def exceeded(limit: str, what: str, limits: Limits, path: str = "message") -> CodecError:
    """Return the error of a message that goes beyond `limit`.

    Args:
        limit: the name of the limit.
        what: what there is too much of, like ``"has 2000000 elements"``.
        limits: those in force.
        path: where in the message.
    """
    return CodecError(f"{what}, and the limit is {limit}={getattr(limits, limit)}: raise it with Limits({limit}=...)", path, limit)
