"""What is known of a channel at one moment."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChannelStats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStats:
    """A channel at one moment: ``sent == received + waiting + discarded``.

    A value that is just being handed over counts as received.

    Attributes:
        capacity: how many values may wait; None: any number.
        waiting: values that wait in the channel.
        sent: values that were let in, or handed over, since the channel was made.
        received: values that somebody took.
        discarded: values that waited when the last receiver was closed, which returned them.
        senders: sending ends that are open.
        receivers: receiving ends that are open.
        waiting_senders: sends that wait for room, or for a receiver.
        waiting_receivers: receives that wait for a value.
        closed: whether nothing can be sent any more.
    """

    capacity: int | None
    waiting: int
    sent: int
    received: int
    discarded: int
    senders: int
    receivers: int
    waiting_senders: int
    waiting_receivers: int
    closed: bool
