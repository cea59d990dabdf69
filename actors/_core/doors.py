"""Doors: what stands where the mailbox would, while there is none and after it was closed."""

from __future__ import annotations

from typing import Any

__all__ = ["CLOSED", "COLD", "Door", "Shut"]


class Shut(Exception):  # a detour, not an error
    """Raised by a door instead of taking a message: the sender takes the long way."""


class Door:
    """Stands where the mailbox would: the actor has none now (cold), or takes no more (closed)."""

    __slots__ = ()

    def append(self, _: object, *_timeout: float) -> None:
        """Send the sender the long way."""
        raise Shut

    exempt = offer = append

    def refuse(self, entry: Any) -> bool:  # noqa: ARG002  # the signature is for the door of an actor that is down
        """Deal with `entry` for good and return True; or return False: try again."""
        return False


COLD = Door()
CLOSED = Door()
