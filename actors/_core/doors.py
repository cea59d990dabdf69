"""Doors: what stands where the mailbox would, while there is none and after it was closed."""

from __future__ import annotations

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


COLD = Door()
CLOSED = Door()
