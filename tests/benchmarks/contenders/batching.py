"""Clients that ask a model, each text by itself; the model is called for one text, or for a batch of them."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import importlib.util
import itertools
import sys
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors import Actor, ActorSystem
from actors.routers import Batch, Pool
from tests.benchmarks.harness import ContenderAbsentError, percentile

from .streaming import repeated

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
WAIT = 60.0
TEXTS = 4_000  # different ones
QUERY = 80  # characters of each

Embed = Callable[[Sequence[str]], Sequence[Any]]
"""A model: returns as many results as it is given texts."""


@functools.cache
def texts() -> tuple[str, ...]:
    """Return what clients ask for."""
    lines = (line.strip()[:QUERY] for line in repeated(2**62))
    return tuple(itertools.islice(filter(None, lines), TEXTS))


@functools.cache
def trained() -> Embed:
    """Return the model that the examples train with scikit-learn: latent semantic analysis."""
    if importlib.util.find_spec("sklearn") is None:
        raise ContenderAbsentError("scikit-learn is not installed")
    sys.path.append(str(EXAMPLES))
    embedding = importlib.import_module("_embedding")
    documents = [document.named for document in embedding.load_documents()]
    embed: Embed = embedding.LatentSemanticAnalysis(documents).embed
    return embed


@functools.cache
def stand_in() -> Embed:
    """Return what stands in for a model: each call unpacks a table of 2 MB, which takes milliseconds, and hashes each text.

    It needs no other package, and no library that computes on several threads of its own.
    """
    packed = zlib.compress(b"".join(hashlib.sha512(str(number).encode()).digest() for number in range(2**15)))

    def embed(batch: Sequence[str]) -> list[int]:
        table = zlib.decompress(packed)
        found = []
        for text in batch:
            place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")
            found.append(table[place])
        return found

    return embed


class OneByOne(Actor):
    """A worker that gets a text."""

    def __init__(self, embed: Embed) -> None:
        super().__init__()
        self.embed = embed

    def on_receive(self, text: str) -> Any:
        return self.embed([text])[0]


class Batched(OneByOne):
    """A worker that gets texts."""

    def on_receive(self, batch: list[str]) -> Any:
        return list(self.embed(batch))


def _pool(system: ActorSystem, embed: Embed, batch: Batch | None) -> Pool[Any]:
    return Pool(system, functools.partial(Batched if batch else OneByOne, embed), size=1, batch=batch)


def coroutines(asks: int, *, model: Callable[[], Embed], batch: Batch | None, clients: int) -> float:
    """Return the seconds that so many asks take of coroutines, each of which asks again when it has its answer."""

    async def client(pool: Pool[Any], mine: Sequence[str]) -> None:
        for text in mine:
            await pool.ref.ask(text, block=False)

    async def main(pool: Pool[Any]) -> float:
        await client(pool, texts()[:3])
        begin = time.perf_counter()
        async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
            for mine in _shares(asks, clients):
                tasks.create_task(client(pool, mine))
        return time.perf_counter() - begin

    with ActorSystem() as system, _pool(system, model(), batch) as pool:
        return asyncio.run(main(pool))


def threads(asks: int, *, model: Callable[[], Embed], batch: Batch | None, clients: int) -> float:
    """Return the same of threads."""
    with ActorSystem() as system, _pool(system, model(), batch) as pool:

        def client(mine: Sequence[str]) -> None:
            for text in mine:
                pool.ref.ask(text, timeout=WAIT)

        client(texts()[:3])
        running = [threading.Thread(target=client, args=(mine,), daemon=True) for mine in _shares(asks, clients)]
        begin = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return time.perf_counter() - begin


def calls(asks: int, *, model: Callable[[], Embed], most: int) -> float:
    """Return the seconds that the model takes by itself, called for so many texts at once: the best that batching can do."""
    embed = model()
    todo = texts_for(asks)
    begin = time.perf_counter()
    for first in range(0, asks, most):
        embed(todo[first : first + most])
    return time.perf_counter() - begin


THINKS = 0.005  # seconds


def latency(asks: int, *, model: Callable[[], Embed], batch: Batch | None) -> float:
    """Return the median of the seconds that a client waits for an answer that is the only one to ask.

    It pauses before each: a model costs more after a pause, and a batch's window is one. So the two contenders differ in the window alone.
    """
    taken = []
    with ActorSystem() as system, _pool(system, model(), batch) as pool:
        for text in texts_for(asks):
            time.sleep(THINKS)
            begin = time.perf_counter()
            pool.ref.ask(text, timeout=WAIT)
            taken.append(time.perf_counter() - begin)
    return percentile(taken, 50)


def texts_for(asks: int) -> list[str]:
    """Return so many texts."""
    return list(itertools.islice(itertools.cycle(texts()), asks))


def _shares(asks: int, clients: int) -> list[list[str]]:
    todo = texts_for(asks)
    return [todo[first::clients] for first in range(clients)]
