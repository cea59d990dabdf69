"""A gateway in front of a model: many clients, one model, answers that are streamed, and nothing that piles up.

    64 clients ──Search(text, sender)──> Gateway ──text──> breaker ──> pool of workers: batches of up to 64 texts ──> model
        ^                                   │
        └──────── hits, 4 at most wait ─────┘

Clients ask what in the standard library is about the same as a text. The model takes hardly longer for 64 texts than for one, so the pool
collects what comes within a few milliseconds into a batch, and begins no more than so many jobs a second. A request brings along the
sending end of a channel, and the gateway streams what was found into it, as fast as that client reads.

Not all is well. Some clients go away in the middle: they cancel, so a job that still waits is not done for nobody, and a stream ends.
Some never read their stream: the gateway gives such a one up after a while. Half-way through, the model is taken away, as if a new one
were installed: requests run into their timeout, the breaker opens, and clients are refused at once instead of waiting in vain. Then the
model is there again, the breaker lets one call through to find out, and all goes on.

At the end: what has become of each request, and how long the answers took.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from textwrap import shorten

from actors import Actor, ActorRef, ActorSystem, AskCancelled, Request, Timeout, handler
from actors.channels import ChannelClosedError, Sender, open_channel
from actors.routers import Batch, Pool, PoolFullError, Rate
from supervisors import CircuitBreaker, CircuitOpenError

from _embedding import Hit, Library, NoModelError, load_documents
from _terminal import QUICK, print_table

TOP = 8  # hits of an answer
ROOM = 4  # hits that wait in a stream, at most
PATIENCE = 1.0  # seconds that the gateway waits for the model; longer if all clients together take the model that long
GIVE_UP = 0.5  # seconds after which a stream that nobody reads is given up
REOPEN = 0.3  # seconds after which the breaker lets a call through to find out
RETRY = 0.05  # seconds after which a client that was refused comes again, if it was not told when
QUERY = 80  # characters of a text that is searched for


# -- the model -------------------------------------------------------------------------------------------------------------


class Searcher(Actor):
    """A worker of the pool: gets a batch, a list of texts, and returns what was found for each of them."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self.library = library

    def on_receive(self, texts: list[str]) -> list[list[Hit]]:
        return self.library.search(texts, TOP)


# -- the gateway -----------------------------------------------------------------------------------------------------------


class Outcome(Enum):
    """What has become of a request."""

    ANSWERED = "answered"
    CLIENT_GONE = "client went away"
    NOT_READ = "stream was not read: given up"
    TIMED_OUT = "no answer in time"
    REFUSED = "refused: circuit is open"
    FULL = "refused: too many wait"


@dataclass(frozen=True)
class Search(Request[Outcome]):
    text: str
    hits: Sender[Hit]


class Gateway(Actor, reentrant=True):
    """Has any number of requests under way; each of them waits for the model first and for its client then.

    What it refuses (the circuit is open, too many wait) fails with an error that says when to come again.
    """

    def __init__(self, model: ActorRef[Searcher], breaker: CircuitBreaker, patience: float) -> None:
        super().__init__()
        self.model = model
        self.breaker = breaker
        self.patience = patience

    @handler
    async def on_search(self, request: Search) -> Outcome:
        async with request.hits as stream:  # closed whatever happens, so that the client sees the end
            try:
                for hit in await self.breaker.call_async(self.ask_model, request.text):
                    await stream.send_async(hit, timeout=GIVE_UP)
            except (AskCancelled, ChannelClosedError):
                return Outcome.CLIENT_GONE
            except Timeout:
                return Outcome.NOT_READ
            except TimeoutError:
                return Outcome.TIMED_OUT
        return Outcome.ANSWERED

    async def ask_model(self, text: str) -> list[Hit]:
        answer = self.model.ask(text, block=False)
        self.cancel_token.add_callback(answer.cancel)  # the client cancels: a job that still waits is not done
        try:
            async with asyncio.timeout(self.patience):
                return await answer
        finally:
            answer.cancel()  # likewise when the time is up; nothing if it is there


def is_failure_of_the_model(error: BaseException) -> bool:
    """Tell whether the breaker counts it: a client that went away, or a full pool, says nothing of the model."""
    return isinstance(error, Exception) and not isinstance(error, (AskCancelled, PoolFullError))


# -- the clients -----------------------------------------------------------------------------------------------------------


class Manner(Enum):
    """How a client treats its stream."""

    READS = "reads"
    LEAVES = "leaves"
    SLEEPS = "sleeps"


@dataclass
class Log:
    """What the clients saw. All of them run on one event loop, so nothing guards it."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    requests: int = 0
    hits: int = 0
    latencies: list[float] = field(default_factory=list)  # seconds from the request to the last hit


@dataclass
class Client:
    gateway: ActorRef[Gateway]
    texts: Sequence[str]
    manner: Manner
    chance: random.Random
    log: Log

    async def run(self, seconds: float) -> None:
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            try:
                outcome = await self.request()
            except (CircuitOpenError, PoolFullError) as error:
                outcome = Outcome.REFUSED if isinstance(error, CircuitOpenError) else Outcome.FULL
                await asyncio.sleep(error.retry_after or RETRY)
            self.log.outcomes[outcome] += 1

    async def request(self) -> Outcome:
        """Search for something, and treat the answer as one's manner is."""
        self.log.requests += 1
        begins = time.perf_counter()
        sender, receiver = open_channel(ROOM, of=Hit)
        answer = self.gateway.ask(Search(self.chance.choice(self.texts), sender), block=False)
        async with receiver:  # closed at the end: whoever still sends hears that nobody reads
            if self.manner is Manner.SLEEPS:
                return await answer
            if self.manner is Manner.LEAVES:
                await asyncio.sleep(self.chance.uniform(0.0, 0.2))
                if answer.cancel():
                    return Outcome.CLIENT_GONE
            async for _ in receiver:
                self.log.hits += 1
        outcome = await answer
        if outcome is Outcome.ANSWERED:
            self.log.latencies.append(time.perf_counter() - begins)
        return outcome


# -- the program -----------------------------------------------------------------------------------------------------------


def measure(library: Library, texts: Sequence[str]) -> tuple[float, float]:
    """Return how many seconds the model takes for one text, and for all of them at once. The best of some tries."""

    def best(some: Sequence[str]) -> float:
        times = []
        for _ in range(3):
            begins = time.perf_counter()
            library.search(some, TOP)
            times.append(time.perf_counter() - begins)
        return min(times)

    return best(texts[:1]), best(texts)


async def serve(library: Library, texts: Sequence[str], patience: float, seconds: float, options: argparse.Namespace) -> Log:
    """Run the clients against the gateway, take the model away for a while half-way through, and tell what came of it."""
    log = Log()
    breaker = CircuitBreaker(failures=5, reset=REOPEN, counts=is_failure_of_the_model, name="model")
    breaker.subscribe(lambda before, after: print(f"breaker: {before.value} -> {after.value}", flush=True))
    async with ActorSystem("gateway") as system:
        pool: Pool[Searcher] = Pool(
            system,
            partial(Searcher, library),
            size=1,
            capacity=max(64, 2 * options.batch),
            batch=Batch(options.batch, within=0.005),
            rate=Rate(options.rate, burst=options.batch),
        )
        async with pool:
            gateway = await system.spawn_async(Gateway, pool.ref, breaker, patience)
            async with asyncio.TaskGroup() as tasks:
                for number in range(options.clients):
                    client = Client(gateway, texts, manner_of(number), random.Random(number), log)
                    tasks.create_task(client.run(seconds))
                tasks.create_task(replace_model(pool, seconds / 2, 1.5 * patience))
            await pool.drain_async()
            stats = pool.stats()
    print_table(
        "The pool", ("jobs", "number"), [(name, getattr(stats, name)) for name in ("accepted", "done", "cancelled", "failed", "batches")]
    )
    print(f"\nin a batch: {stats.done / max(1, stats.batches):.1f} texts on average")
    if stats.accepted != stats.done + stats.failed + stats.shed + stats.expired + stats.cancelled + stats.poisoned:
        raise AssertionError(f"a job is lost: {stats}")
    return log


def manner_of(number: int) -> Manner:
    """Return how the client of that number is: of sixteen one leaves, and one sleeps."""
    return {3: Manner.LEAVES, 11: Manner.SLEEPS}.get(number % 16, Manner.READS)


async def replace_model(pool: Pool[Searcher], after: float, seconds: float) -> None:
    """Take the workers away, and start new ones a while later. What waits is kept meanwhile."""
    await asyncio.sleep(after)
    print("the model is taken away", flush=True)
    pool.resize(0)
    await asyncio.sleep(seconds)
    print("the model is there again", flush=True)
    pool.resize(1)


def print_histogram(seconds: Sequence[float], width: int = 60) -> None:
    """Print how many took how long, with buckets each twice as wide as the one before."""
    buckets = Counter(max(0, math.ceil(math.log2(one * 1000))) for one in seconds)
    longest = max(buckets.values())
    print("\nLatency of the answers, to their last hit")
    for bucket in range(min(buckets), max(buckets) + 1):
        number = buckets[bucket]
        bar = "#" * math.ceil(width * number / longest)
        print(f"up to {2**bucket:>6,} ms {number:>8,} {bar}")
    ranks = sorted(seconds)
    shares = (f"{share}% within {1000 * ranks[min(len(ranks) - 1, len(ranks) * share // 100)]:.0f} ms" for share in (50, 95, 99))
    print(", ".join(shares))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a small real model to many clients, in batches.")
    parser.add_argument("--clients", type=int, default=64, metavar="N", help="how many ask at the same time (64)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long (8, or longer if the model is slow)")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="texts that the model gets at once, at most; 1: no batches (64)")
    parser.add_argument("--rate", type=float, default=2_000.0, metavar="N", help="texts a second, at most (2,000)")
    options = parser.parse_args()
    if min(options.clients, options.batch) < 1 or not options.rate > 0 or not (options.seconds is None or options.seconds > 0):
        parser.error("--clients and --batch take numbers from 1, --seconds and --rate more than 0")
    return options


def main() -> int:
    options = parse()
    try:
        library = Library(load_documents())
    except NoModelError as error:
        print(error)
        return 1
    texts = [shorten(document.summary, QUERY) for document in library.documents]
    single, together = measure(library, texts[: options.batch])
    print(f"{library.model.name}: {len(library.documents):,} documents")
    print(f"one text takes {1000 * single:.1f} ms, {options.batch} at once take {1000 * together:.1f} ms", flush=True)

    patience = max(PATIENCE, 4 * together * math.ceil(options.clients / options.batch))
    seconds = options.seconds or max(4.0 if QUICK else 8.0, 6 * patience)
    log = asyncio.run(serve(library, texts, patience, seconds, options))
    print_table("What has become of the requests", ("outcome", "requests"), [(one.value, log.outcomes[one]) for one in Outcome])
    print(f"\n{log.requests:,} requests = {log.outcomes.total():,} with an outcome; {log.hits:,} hits were read")
    if log.latencies:
        print_histogram(log.latencies)
    if log.requests != log.outcomes.total():
        print("a request is LOST")
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
