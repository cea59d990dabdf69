"""A connection that mends itself: a state machine between asks and a real server on a real socket.

    CONNECTING ──> CONNECTED: IDLE <──> AWAITING        one request at a time, and a heartbeat when nobody asks
        ^              │
        └── DOWN <─────┘                                a longer pause after each attempt

Whoever asks knows nothing of all that. A question asked while the connection is down, or busy, is *postponed*: it comes again in the next
state. The server is a process of its own, so that it can really be killed; it can also fall silent, which only a heartbeat notices.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from queue import SimpleQueue

from actors import ActorSystem, Future, ReplyHandle, Request
from supervisors import Backoff
from supervisors.machine import (
    Chart,
    NamedTimeout,
    StateChanged,
    StateMachine,
    final,
    ignore,
    initial,
    on,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)

HOST = "127.0.0.1"
BACKOFF = Backoff(0.02, 0.5, jitter=0.0)  # one client needs no jitter; many do
QUIET = 0.2  # seconds without a question until a heartbeat
PATIENCE = 0.7  # seconds that an answer may take
HEARTBEAT = "heartbeat"


# -- the machine ---------------------------------------------------------------------------------------------------------------


class Link(Enum):
    CONNECTING = auto()
    CONNECTED = auto()
    IDLE = auto()
    AWAITING = auto()
    DOWN = auto()
    CLOSED = auto()


@dataclass(frozen=True)
class Ask(Request[str]):
    """Send a line to the server; its answer is a line."""

    line: str


@dataclass(frozen=True)
class Close:
    """Hang up, for good."""


@dataclass(frozen=True)
class Dialled:
    """The server has answered the call."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True)
class NotDialled:
    """It has not."""

    error: BaseException


@dataclass(frozen=True)
class Heard:
    """A line from the server. One that breaks off is the end of that connection, whichever it was."""

    reader: asyncio.StreamReader
    line: bytes


@dataclass
class Wire:
    """The data beside the state."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    asker: ReplyHandle | None = None
    attempts: int = 0


class Connection(StateMachine[Link, Wire]):
    # getting a connection

    def dial(self) -> None:
        """Call the server. The actor does not wait for it: the outcome comes as an event."""
        call = asyncio.wait_for(asyncio.open_connection(HOST, self.data.port), PATIENCE)
        self.pipe_to_self(call, on_success=lambda pair: Dialled(*pair), on_failure=NotDialled)

    def keep(self, event: Dialled) -> None:
        self.data.reader, self.data.writer = event.reader, event.writer
        self.data.attempts = 0
        self.start_timeout(HEARTBEAT, QUIET)
        self.listen(event.reader)

    def count(self, _: NotDialled) -> None:
        self.data.attempts += 1

    def pause(self) -> float:
        return BACKOFF.delay(self.data.attempts, 0.0)

    async def hang_up(self) -> None:
        """Leave nothing behind: neither a socket nor somebody who waits."""
        if self.data.asker is not None:
            self.data.asker.fail(ConnectionError("the connection was lost; whether the server has done it is not known"))
        if self.data.writer is not None:
            self.data.writer.close()
            with suppress(OSError):
                await self.data.writer.wait_closed()
        self.data.reader = self.data.writer = self.data.asker = None
        self.cancel_timeout(HEARTBEAT)

    # using it

    async def send(self, event: Ask) -> ReplyHandle:
        """Send a question. Its answer comes in a later state, and so does the reply."""
        self.data.asker = self.reply_later()
        await self.write(event.line)
        return self.data.asker

    async def ping(self, _: NamedTimeout) -> None:
        await self.write("ping")

    def answer(self, event: Heard) -> None:
        if self.data.asker is not None:  # else it was for a heartbeat
            self.data.asker.reply(event.line.decode().strip())
            self.data.asker = None
        self.start_timeout(HEARTBEAT, QUIET)
        self.listen(event.reader)

    async def write(self, line: str) -> None:
        if self.data.writer is not None:
            self.data.writer.write(f"{line}\n".encode())
            with suppress(OSError):  # the reader hears of it, too
                await self.data.writer.drain()

    def listen(self, reader: asyncio.StreamReader) -> None:
        self.pipe_to_self(reader.readline(), on_success=partial(Heard, reader), on_failure=lambda _: Heard(reader, b""))

    # guards

    def is_stale(self, event: Heard) -> bool:
        return event.reader is not self.data.reader

    def is_answer(self, event: Heard) -> bool:
        return event.reader is self.data.reader and event.line.endswith(b"\n")

    chart = Chart(
        initial(
            Link.CONNECTING,
            on_enter(dial),
            on(Dialled, to=Link.CONNECTED, do=keep),
            on(NotDialled, to=Link.DOWN, do=count),
            postpone(Ask),
            ignore(Heard),
        ),
        state(
            Link.CONNECTED,
            on_exit(hang_up),
            initial(
                Link.IDLE,
                on(Ask, to=Link.AWAITING, do=send),
                timeout(HEARTBEAT, to=Link.AWAITING, do=ping),
            ),
            state(
                Link.AWAITING,
                on(Heard, when=is_answer, to=Link.IDLE, do=answer),
                postpone(Ask),
                state_timeout(PATIENCE, to=Link.DOWN),
            ),
            ignore(Heard, when=is_stale),
            on(Heard, to=Link.DOWN),  # it has ended, or says what nobody asked for
        ),
        state(
            Link.DOWN,
            state_timeout(pause, to=Link.CONNECTING),
            postpone(Ask),
            ignore(Heard),
        ),
        final(Link.CLOSED),
        on(Close, to=Link.CLOSED),
        refuse(Dialled, NotDialled),
        timeout(HEARTBEAT),
    )


# -- the server ----------------------------------------------------------------------------------------------------------------


async def serve(port: int) -> None:
    """Keep words under keys: "set KEY WORD", "get KEY", "ping". After "hush" it takes everything and answers nothing."""
    words: dict[str, str] = {}
    silent = False

    def obey(command: list[str]) -> str:
        nonlocal silent
        match command:
            case ["set", key, word]:
                words[key] = word
                return "ok"
            case ["get", key]:
                return words.get(key, "never heard of it")
            case ["ping"]:
                return "pong"
            case ["hush"]:
                silent = True
        return "what?"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = obey(line.decode().split())
            if not silent:
                writer.write(f"{answer}\n".encode())
                await writer.drain()

    server = await asyncio.start_server(talk, HOST, port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(60)  # should nobody kill it


class Server:
    """The server as a process."""

    def __init__(self) -> None:
        self.port = 0  # any that is free; after that, the same again
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, __file__, "--serve", str(self.port)]
        # In a session of its own, so that Ctrl-C is ours alone.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603  # this program
        if self.process.stdout is not None:
            self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


# -- the story -----------------------------------------------------------------------------------------------------------------


def tell_story(system: ActorSystem, server: Server) -> None:
    changes: SimpleQueue[StateChanged] = SimpleQueue()
    system.events.subscribe(StateChanged, changes.put)

    def wait_for(old: Link, new: Link) -> None:
        change = changes.get(timeout=20)
        while (change.old, change.new) != (old, new):
            change = changes.get(timeout=20)
        print(f"    {old.name} -> {new.name}")

    link = system.spawn(Connection, Wire(server.port), name="connection")
    print("A question while there is no connection yet:")
    print(f"  set colour green: {link.ask(Ask('set colour green'))}")
    print(f"  get colour: {link.ask(Ask('get colour'))}")

    print("The server is killed. Three questions, and a few vain attempts:")
    server.kill()
    wait_for(Link.IDLE, Link.DOWN)
    lines = "get colour", "set colour red", "get colour"
    questions: list[Future[str]] = [link.ask(Ask(line), block=False) for line in lines]
    for _ in range(3):
        wait_for(Link.CONNECTING, Link.DOWN)

    print("It is started again, knowing nothing. They are answered now, in the order asked:")
    server.start()
    for line, future in zip(lines, questions, strict=True):
        print(f"  {line}: {future.get(timeout=20)}")

    print("It falls silent. Who asked is told; the connection is given up, and made anew:")
    try:
        link.ask(Ask("hush"))
    except ConnectionError as error:
        print(f"  hush: {error}")
    wait_for(Link.AWAITING, Link.DOWN)
    wait_for(Link.CONNECTING, Link.IDLE)

    print("Nobody asks. A heartbeat notices that it is silent still:")
    wait_for(Link.IDLE, Link.AWAITING)
    wait_for(Link.AWAITING, Link.DOWN)

    server.kill()
    server.start()
    print("A new server:")
    print(f"  ping: {link.ask(Ask('ping'))}")
    link.tell(Close())
    link.actor_stopped.wait(20)
    print(f"Closed: {not link.is_alive()}")


def main() -> None:
    server = Server()
    try:
        server.start()
        with ActorSystem() as system:
            tell_story(system, server)
    finally:
        server.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    else:
        with suppress(KeyboardInterrupt):
            main()
