"""Subscribers that tests can look at, hold up and let go."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors import Future
from actors.channels import open_channel

if TYPE_CHECKING:
    from actors.events import BusEvent, BusSubscription

SAFETY = 30.0  # seconds; no test waits for so long unless something is broken


class Subscriber:
    """A function that notes what it gets; `hold` keeps it in its call until `go`."""

    def __init__(self, *, held: bool = False) -> None:
        self._sender, self._receiver = open_channel(None)
        self._gate = threading.Event()
        self.busy = threading.Event()
        if not held:
            self._gate.set()

    def __call__(self, event: BusEvent[Any]) -> None:
        self.busy.set()
        assert self._gate.wait(SAFETY)
        self._sender.send(event)

    def go(self) -> None:
        self._gate.set()

    def get(self, count: int = 1) -> list[Any]:
        """The next events that it was called with, without their envelopes."""
        return [self._receiver.receive(timeout=SAFETY).event for _ in range(count)]

    def nothing_left(self) -> bool:
        return self._receiver.stats().waiting == 0


def events_of(subscription: BusSubscription[Any]) -> list[Any]:
    """What waits in it."""
    waiting = subscription.stats().waiting
    return [subscription.receive_nowait().event for _ in range(waiting)]


def in_thread(call: Any) -> Future[Any]:
    """The outcome of `call()` on a thread of its own."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set(call())
        except BaseException as error:  # noqa: BLE001  # the outcome
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
