"""Channels: typed, bounded, for any number of senders and receivers; from threads, handlers and coroutines alike."""

from actors.channels.ends import Channel, Receiver, Sender, open_channel
from actors.channels.errors import (
    ChannelClosedError,
    ChannelEmptyError,
    ChannelEndedError,
    ChannelError,
    ChannelFullError,
    ChannelOutsideError,
)
from actors.channels.selecting import Selected, select, select_async
from actors.channels.stats import ChannelStats
from actors.channels.using import SendCase

__all__ = [
    "Channel",
    "ChannelClosedError",
    "ChannelEmptyError",
    "ChannelEndedError",
    "ChannelError",
    "ChannelFullError",
    "ChannelOutsideError",
    "ChannelStats",
    "Receiver",
    "Selected",
    "SendCase",
    "Sender",
    "open_channel",
    "select",
    "select_async",
]
