"""Requests to a slow model, each of them a state machine: queued, running, streaming, and in the end done, cancelled or failed.

    ACTIVE (QUEUED ──> RUNNING ──> STREAMING) ──> DONE
       ^                  │                       FAILED
       └──── WAITING <────┘  (tries again)        CANCELLED, from everywhere

The model is real, if small: it has counted which word follows which two in some files of the standard library, and writes statements of
Python, a token at a time. It lets few in at once (a bulkhead) and starts so many a second (a rate limiter), and now and then it gets lost
in a statement without an end; then the machine tries again, later. A client that has lost interest cancels its ask, and that is all.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import logging
import queue
import subprocess
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from random import Random, random
from types import ModuleType
from typing import Any

from actors import ActorRef, ActorSystem, Future, ReplyHandle, Request
from supervisors import Backoff, Bulkhead, DynamicSupervisor, RateLimiter, Restart, StartChild, child
from supervisors.machine import (
    Chart,
    StateChanged,
    StateMachine,
    StateTimeout,
    final,
    initial,
    on,
    on_enter,
    on_exit,
    refuse,
    state,
    state_timeout,
)

from _terminal import QUICK, print_table

LIBRARY: tuple[ModuleType, ...] = (argparse, logging) if QUICK else (argparse, logging, inspect, subprocess, tokenize)
PROMPTS = ("return", "raise", "self.", "if not", "for", "import", "def __init__", "assert", "with", "return not", "from", "banana =")
EACH = 2 if QUICK else 3  # requests of each prompt
LONGEST = 14  # tokens of a statement
PACE = 0.003  # seconds that the model takes for a token
TRIES = 3
BACKOFF = Backoff(0.02, 1.0)
PATIENCE = 10.0  # seconds that a try may take


# -- the model ---------------------------------------------------------------------------------------------------------------


class ModelError(Exception):
    """The model cannot do it."""


class NoEndError(ModelError):
    """It got lost; another time it may find the end."""


class Model:
    """Writes what might follow in the texts it has read, a service of limited means."""

    def __init__(self, texts: Iterable[Path]) -> None:
        self.follows: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.limiter = RateLimiter(60, burst=4, name="model")
        self.bulkhead = Bulkhead(4, waiting=1000, name="model")
        for text in texts:
            with tokenize.open(text) as file:
                self.learn(words_of(file.readline))

    def learn(self, words: Iterable[str]) -> None:
        before = "", "\n"
        for word in words:
            self.follows[before].append(word)
            before = before[1], word

    async def complete(self, prompt: str, chance: Random) -> AsyncIterator[str]:
        """Write the rest of a statement, token by token."""
        lines = iter([prompt])
        *_, first, second = "", "\n", *(word for word in words_of(lambda: next(lines, "")) if word != "\n")
        for _ in range(LONGEST):
            await asyncio.sleep(PACE)
            if (first, second) not in self.follows:
                msg = f"nothing I have read goes on like {f'{first} {second}'.strip()!r}"
                raise ModelError(msg)
            first, second = second, chance.choice(self.follows[first, second])
            if second == "\n":
                return
            yield second
        msg = f"no end after {LONGEST} tokens"
        raise NoEndError(msg)


def words_of(readline: Callable[[], str]) -> Iterable[str]:
    """Return the tokens of Python source; the end of a statement as a newline."""
    kept = {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}
    for token in tokenize.generate_tokens(readline):
        if token.type == tokenize.NEWLINE:
            yield "\n"
        elif token.type in kept and "\n" not in token.string:
            yield token.string


# -- the session -------------------------------------------------------------------------------------------------------------


class Stage(Enum):
    NEW = auto()
    ACTIVE = auto()
    QUEUED = auto()
    RUNNING = auto()
    STREAMING = auto()
    WAITING = auto()
    DONE = auto()
    CANCELLED = auto()
    FAILED = auto()


class Begin(Request[str]):
    """Write the statement, and answer with it."""


class Cancel:
    """Nobody wants it any more."""


class Started:
    """The model has begun."""


@dataclass(frozen=True)
class Token:
    text: str


class Finished:
    """The statement is complete."""


@dataclass(frozen=True)
class Broken:
    error: BaseException


@dataclass
class Job:
    prompt: str
    number: int
    asked: list[ReplyHandle] = field(default_factory=list)
    tries: int = 0
    tokens: list[str] = field(default_factory=list)
    why: str = ""


@dataclass(frozen=True)
class Ended:
    """What became of a request; published on the event stream."""

    stage: Stage
    job: Job

    def text(self) -> str:
        written = " ".join([self.job.prompt, *self.job.tokens])
        return f"{written} ({self.job.why})" if self.stage is Stage.FAILED else written


class Session(StateMachine[Stage, Job]):
    def __init__(self, model: Model, prompt: str, number: int) -> None:
        super().__init__(Job(prompt, number))
        self.model = model
        self.work: asyncio.Task[None] | None = None

    def accept(self, event: Begin) -> ReplyHandle:
        del event
        me, asked = self.actor_ref, self.reply_later()
        asked.cancel_token.add_callback(lambda: me.tell(Cancel()))
        self.data.asked.append(asked)
        return asked

    def begin(self) -> None:
        self.data.tries += 1
        self.data.tokens.clear()
        self.work = asyncio.create_task(self.have_it_written())
        self.pipe_to_self(self.work, on_success=lambda _: Finished(), on_failure=Broken)

    async def have_it_written(self) -> None:
        job, me = self.data, self.actor_ref
        chance = Random(f"{job.prompt} {job.number} {job.tries}")
        await self.model.limiter.acquire_async()
        async with self.model.bulkhead:
            me.tell(Started())
            async for token in self.model.complete(job.prompt, chance):
                me.tell(Token(token))

    async def stop_work(self) -> None:
        if self.work is not None and not self.work.done():
            self.work.cancel()
            await asyncio.wait([self.work])  # it gives its place in the bulkhead back

    def keep(self, event: Token) -> None:
        self.data.tokens.append(event.text)

    def may_try_again(self, event: Broken) -> bool:
        return isinstance(event.error, NoEndError) and self.data.tries < TRIES

    def note(self, event: Broken) -> None:
        self.data.why = str(event.error)

    def lose_patience(self, event: StateTimeout) -> None:
        del event
        self.data.why = f"not done after {PATIENCE:g} s"

    def pause(self) -> float:
        return BACKOFF.delay(self.data.tries - 1, random())

    def deliver(self) -> None:
        for asked in self.data.asked:
            asked.reply(" ".join([self.data.prompt, *self.data.tokens]))

    def apologize(self) -> None:
        for asked in self.data.asked:
            asked.fail(ModelError(self.data.why))

    def report(self) -> None:
        self.system.events.publish(Ended(self.state, self.data))

    async def on_stop(self) -> None:  # type: ignore[override]
        await self.stop_work()

    chart = Chart(
        initial(Stage.NEW, on(Begin, to=Stage.ACTIVE, do=accept), state_timeout(0.5, to=Stage.CANCELLED)),  # who cancels at once never asks
        state(
            Stage.ACTIVE,
            on_exit(stop_work),
            initial(Stage.QUEUED, on_enter(begin), on(Started, to=Stage.RUNNING)),
            state(Stage.RUNNING, on(Token, to=Stage.STREAMING, do=keep)),
            state(Stage.STREAMING, on(Token, do=keep)),
            on(Finished, to=Stage.DONE),
            on(Broken, to=Stage.WAITING, when=may_try_again, do=note),
            on(Broken, to=Stage.FAILED, do=note),
            state_timeout(PATIENCE, to=Stage.FAILED, do=lose_patience),
        ),
        state(Stage.WAITING, state_timeout(pause, to=Stage.ACTIVE)),
        final(Stage.DONE, on_enter(report), on_enter(deliver)),
        final(Stage.FAILED, on_enter(report), on_enter(apologize)),
        final(Stage.CANCELLED, on_enter(report)),
        on(Cancel, to=Stage.CANCELLED),
        refuse(Begin, Started, Token, Finished, Broken),  # nothing of the kind can come elsewhere
    )


# -- the program -------------------------------------------------------------------------------------------------------------


class Sessions(DynamicSupervisor, max_children=1000):
    """One child for each request, as long as it lasts."""


def serve(system: ActorSystem, model: Model) -> list[Ended]:
    """Have all prompts completed. One client loses interest at the first token, and some while they wait in the queue."""
    ended: queue.Queue[Ended] = queue.Queue()
    system.events.subscribe(Ended, ended.put)
    sessions = system.spawn(Sessions, name="sessions")
    answers: dict[ActorRef[Any], Future[str]] = {}
    for number in range(1, EACH + 1):
        for prompt in PROMPTS:
            session = sessions.ask(StartChild(child(Session, model, prompt, number, restart=Restart.TEMPORARY)))
            answers[session] = session.ask(Begin(), block=False)

    first, *others = list(answers)[-4:]

    def look(change: StateChanged) -> None:
        if change.ref == first and change.new is Stage.STREAMING:
            answers[first].cancel()

    system.events.subscribe(StateChanged, look)
    for other in others:
        other.proxy().state.get()  # it has taken what was sent before, so it is in the queue
        answers[other].cancel()
    return [ended.get(timeout=8) for _ in answers]


def main() -> None:
    model = Model(Path(str(module.__file__)) for module in LIBRARY)
    with ActorSystem("models") as system:
        ended = serve(system, model)
    ended.sort(key=lambda one: (PROMPTS.index(one.job.prompt), one.job.number))
    rows = [(one.stage.name.lower(), one.job.tries, len(one.job.tokens), one.text()) for one in ended]
    print_table("Requests", ("in the end", "tries", "tokens", "text"), rows)
    counts = Counter(one.stage for one in ended)
    print(f"\n{len(ended)} requests: {', '.join(f'{count} {stage.name.lower()}' for stage, count in counts.most_common())}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
