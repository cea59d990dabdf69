"""A fast producer and a slow consumer: what each overflow policy of a bounded mailbox does to them.

The consumer is held at its first message until the producer is through; only under BLOCK it works from the start, because there
the producer gets through no faster than the consumer works. Every message has one fate: handled, returned or dropped.
"""

from __future__ import annotations

import threading
from typing import Any

from actors import Actor, ActorSystem, Bounded, DeadLetter, Future, MailboxFullError, Overflow

from _terminal import print_table

MESSAGES = 1_000
CAPACITY = 10
MEANING = {
    Overflow.BLOCK: "the sender waits for room",
    Overflow.REJECT: "the sender gets the message back",
    Overflow.DROP_NEWEST: "the message is dropped",
    Overflow.DROP_OLDEST: "the one that has waited longest is dropped",
}


class Consumer(Actor):
    """Notes what it handles."""

    def __init__(self, at_work: threading.Event, go_on: threading.Event, result: Future[list[int]]) -> None:
        super().__init__()
        self.at_work = at_work
        self.go_on = go_on
        self.result = result
        self.handled: list[int] = []

    def on_receive(self, message: Any) -> None:
        self.at_work.set()
        self.go_on.wait()
        self.handled.append(message)

    def on_stop(self) -> None:
        self.result.set(self.handled)


def observe(overflow: Overflow) -> tuple[object, ...]:
    """Run the two with this policy; return a row of the table."""
    at_work, go_on = threading.Event(), threading.Event()
    result: Future[list[int]] = Future()
    dropped: list[DeadLetter] = []
    returned: list[int] = []
    with ActorSystem() as system:
        system.events.subscribe(DeadLetter, dropped.append)  # nothing is dropped in silence
        consumer = system.spawn(Consumer, at_work, go_on, result, mailbox=Bounded(CAPACITY, overflow))
        if overflow is Overflow.BLOCK:
            go_on.set()
        for number in range(MESSAGES):
            try:
                consumer.tell(number)
            except MailboxFullError as error:
                returned.append(error.message)  # ours again: to send later, elsewhere, or not at all
            at_work.wait()
        go_on.set()
    handled = result.get()
    if len(handled) + len(returned) + len(dropped) != MESSAGES:
        raise AssertionError("a message is lost")
    return overflow.name, MEANING[overflow], len(handled), len(returned), len(dropped), f"#{handled[-1]}"


def main() -> None:
    columns = ("policy", "when the mailbox is full", "handled", "returned", "dropped", "last handled")
    print_table(f"{MESSAGES:,} messages into a mailbox of {CAPACITY}", columns, [observe(overflow) for overflow in Overflow])


if __name__ == "__main__":
    main()
