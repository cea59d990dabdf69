"""Async and plain actors side by side: one has many slow calls in flight, the other adds up.

Calls of a model behind an API are slow and limited in number. An `async def` actor runs on an event loop; with `reentrant=True`
it takes the next message whenever a handler awaits, so one actor keeps many calls in flight. Plain actors run on a few threads,
use what they like, and know nothing of loops. A message does not care which kind it goes to.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from actors import Actor, ActorRef, ActorSystem, Future, handler

from _terminal import QUICK, print_table

CALLS = 40 if QUICK else 200
LIMIT = 20  # what the provider allows at the same time
LATENCY = 0.1  # seconds


@dataclass(frozen=True)
class Answer:
    prompt: str
    tokens: int
    in_flight: int


@dataclass(frozen=True)
class Prompt:
    text: str
    answer_to: ActorRef[Statistics]


@dataclass(frozen=True)
class Summary:
    answers: int
    tokens: int
    most_in_flight: int


class Model(Actor, reentrant=True):
    """Makes the slow calls, as many at once as it may. Between two awaits its state is still its own."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = 0
        self.slots = asyncio.Semaphore(LIMIT)

    @handler
    async def on_prompt(self, message: Prompt) -> None:
        async with self.slots:
            self.in_flight += 1
            in_flight = self.in_flight
            tokens = await self.call_the_api(message.text)
            self.in_flight -= 1
        message.answer_to.tell(Answer(message.text, tokens, in_flight))

    async def call_the_api(self, text: str) -> int:
        await asyncio.sleep(LATENCY)  # stands for the network
        return 10 + len(text)


class Statistics(Actor):
    """Adds up, one answer at a time; then resolves a future."""

    def __init__(self, expected: int, done: Future[Summary]) -> None:
        super().__init__()
        self.expected = expected
        self.done = done
        self.answers: list[Answer] = []

    @handler
    def on_answer(self, message: Answer) -> None:
        self.answers.append(message)
        if len(self.answers) == self.expected:
            tokens = sum(answer.tokens for answer in self.answers)
            self.done.set(Summary(self.expected, tokens, max(answer.in_flight for answer in self.answers)))


def main() -> None:
    with ActorSystem() as system:
        done: Future[Summary] = Future()
        model = system.spawn(Model)
        statistics = system.spawn(Statistics, CALLS, done)

        begin = time.perf_counter()
        for number in range(CALLS):
            model.tell(Prompt(f"Summarise page {number}", statistics))
        summary = done.get(timeout=60)
        seconds = time.perf_counter() - begin

        threads = system.stats().threads
    print_table(
        f"{CALLS} calls of {LATENCY:.1f} s each, by one actor",
        ("", "value"),
        [
            ("one after the other", f"{CALLS * LATENCY:.1f} s"),
            ("it took", f"{seconds:.1f} s"),
            ("most in flight", str(summary.most_in_flight)),
            ("tokens", f"{summary.tokens:,}"),
            ("threads", str(threads)),
        ],
    )


if __name__ == "__main__":
    main()
