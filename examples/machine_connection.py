"""A connection that keeps itself alive, as a state machine: to a real server on this machine, which is stopped, started, and made to hang.

    CONNECTING ──> CONNECTED (IDLE <──> AWAITING)
        ^  │            │
        │  v            v
        DOWN <──────────┘          and from everywhere to CLOSED, where the machine ends

Whoever asks need not know how it is: a request that comes while another one is under way, or while there is no connection, is postponed
until its turn has come. Only one that was under way when the connection broke fails, for nobody knows whether the server has done it. A
heartbeat finds out about a server that hangs: its timeout has a name, so it goes on while the state changes between IDLE and AWAITING.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from actors import Actor, ActorSystem, ReplyHandle, Request, get_all, handler
from supervisors import Backoff
from supervisors.machine import (
    Chart,
    NamedTimeout,
    StateChanged,
    StateMachine,
    StateTimeout,
    final,
    ignore,
    initial,
    machine_info,
    on,
    on_enter,
    on_exit,
    postpone,
    state,
    state_timeout,
    timeout,
)

HOST = "127.0.0.1"
BEAT = 0.25  # seconds between signs of life
BACKOFF = Backoff(0.02, 1.0, jitter=0.0)  # of many clients, jitter would spread the tries; this is one, and tells the same story each time


# -- the server --------------------------------------------------------------------------------------------------------------


class Port(Request[int]):
    """On which port does the server listen?"""


class Hang(Request[None]):
    """Say nothing any more to those who are connected now, as a server that hangs."""


class Server(Actor):
    """Answers each line in capitals; a ping, with a pong."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.port = port
        self.clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.forgotten: set[asyncio.StreamWriter] = set()

    async def on_start(self) -> None:  # type: ignore[override]
        self.server = await asyncio.start_server(self.accept, HOST, self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def on_stop(self) -> None:  # type: ignore[override]
        self.server.close()
        for client in self.clients:
            client.transport.abort()
        await asyncio.gather(*self.clients.values())

    @handler
    async def on_port(self, _: Port) -> int:
        return self.port

    @handler
    async def on_hang(self, _: Hang) -> None:
        self.forgotten.update(self.clients)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients[writer] = asyncio.create_task(self.serve(reader, writer))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                if writer not in self.forgotten:
                    writer.write(b"pong\n" if line == b"ping\n" else line.upper())
        del self.clients[writer]
        await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


# -- the connection ----------------------------------------------------------------------------------------------------------


class Link(Enum):
    CONNECTING = auto()
    CONNECTED = auto()
    IDLE = auto()
    AWAITING = auto()
    DOWN = auto()
    CLOSED = auto()


@dataclass(frozen=True)
class Wire:
    """The two ends of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(frozen=True)
class Shout(Request[str]):
    """A request to the server."""

    text: str


class Close(Request[None]):
    """Hang up for good."""


@dataclass(frozen=True)
class Connected:
    wire: Wire


@dataclass(frozen=True)
class Refused:
    error: BaseException


@dataclass(frozen=True)
class Line:
    """A line from the server. An empty one: there will be no more."""

    wire: Wire
    text: bytes


@dataclass
class Session:
    wire: Wire | None = None
    asked: ReplyHandle | None = None
    failures: int = 0
    heard: bool = True


class Connection(StateMachine[Link, Session]):
    def __init__(self, port: int) -> None:
        super().__init__(Session())
        self.port = port

    # guards

    def is_ours(self, event: Line) -> bool:
        return event.wire == self.data.wire

    def is_broken(self, event: Line) -> bool:
        return self.is_ours(event) and not event.text

    def is_pong(self, event: Line) -> bool:
        return self.is_ours(event) and event.text == b"pong\n"

    def is_answer(self, event: Line) -> bool:
        return self.is_ours(event) and not self.is_broken(event) and not self.is_pong(event)

    def is_silent(self, event: NamedTimeout) -> bool:
        del event
        return not self.data.heard

    # connecting, and hanging up

    def dial(self) -> None:
        self.pipe_to_self(
            asyncio.open_connection(HOST, self.port), on_success=lambda streams: Connected(Wire(*streams)), on_failure=Refused
        )

    def begin(self, event: Connected) -> None:
        self.data.wire = event.wire
        self.data.heard = True
        self.listen()

    def listen(self) -> None:
        """Have the next line come as an event."""
        wire = self.wire
        self.pipe_to_self(wire.reader.readline(), on_success=lambda text: Line(wire, text), on_failure=lambda _: Line(wire, b""))

    def failed(self, event: Refused | StateTimeout) -> None:
        del event
        self.data.failures += 1

    def pause(self) -> float:
        return BACKOFF.delay(self.data.failures, 0.0)

    async def hang_up(self) -> None:
        if self.data.wire is not None:
            await close(self.data.wire.writer)
            self.data.wire = None

    @property
    def wire(self) -> Wire:
        if self.data.wire is None:
            raise LookupError("not connected")
        return self.data.wire

    async def came_too_late(self, event: Connected) -> None:
        await close(event.wire.writer)

    # requests

    async def send(self, event: Shout) -> ReplyHandle:
        self.wire.writer.write(f"{event.text}\n".encode())
        await self.wire.writer.drain()
        self.data.asked = self.reply_later()
        return self.data.asked

    def answer(self, event: Line) -> None:
        self.hear(event)
        if self.data.asked is not None:
            self.data.asked.reply(event.text.decode().strip())
            self.data.asked = None

    def give_up_request(self) -> None:
        if self.data.asked is not None:
            self.data.asked.fail(ConnectionError("the connection broke before the answer came"))
            self.data.asked = None

    # signs of life

    def hear(self, event: Line) -> None:
        del event
        self.data.heard = True
        self.data.failures = 0
        self.listen()

    def start_heart(self) -> None:
        self.start_timeout("heartbeat", BEAT)

    def beat(self, event: NamedTimeout) -> None:
        del event
        self.data.heard = False
        self.wire.writer.write(b"ping\n")
        self.start_heart()

    async def on_stop(self) -> None:  # type: ignore[override]
        await self.hang_up()

    chart = Chart(
        initial(
            Link.CONNECTING,
            on_enter(dial),
            on(Connected, to=Link.CONNECTED, do=begin),
            on(Refused, to=Link.DOWN, do=failed),
            state_timeout(2.0, to=Link.DOWN, do=failed),
        ),
        state(
            Link.CONNECTED,
            on_enter(start_heart),
            on_exit(hang_up),
            initial(Link.IDLE, on(Shout, to=Link.AWAITING, do=send)),
            state(Link.AWAITING, on(Line, to=Link.IDLE, when=is_answer, do=answer), on_exit(give_up_request)),
            on(Line, to=Link.DOWN, when=is_broken),
            on(Line, when=is_pong, do=hear),
            timeout("heartbeat", to=Link.DOWN, when=is_silent),
            timeout("heartbeat", do=beat),
        ),
        state(Link.DOWN, state_timeout(pause, to=Link.CONNECTING)),
        final(Link.CLOSED),
        # What holds wherever nothing else is said:
        postpone(Shout),
        on(Close, to=Link.CLOSED),
        on(Connected, do=came_too_late),
        ignore(Line, Refused),  # of a wire that is no longer ours
        timeout("heartbeat"),  # the next connection starts its own
    )


# -- the story ---------------------------------------------------------------------------------------------------------------


class Teller:
    """Keeps the changes of state, to print them when the story has come to them."""

    def __init__(self, system: ActorSystem) -> None:
        self.changes: queue.Queue[StateChanged] = queue.Queue()
        system.events.subscribe(StateChanged, self.changes.put)

    def tell(self, count: int) -> None:
        """Wait for so many changes, and print them."""
        changes = [self.changes.get(timeout=10) for _ in range(count)]
        print(f"    {' -> '.join(change.new.name for change in changes)}")


def main() -> None:
    with ActorSystem() as system:
        teller = Teller(system)
        print("The server is there:")
        server = system.spawn(Server, name="server")
        port = server.ask(Port())
        connection = system.spawn(Connection, port, name="connection")
        print(f"    the answer: {connection.ask(Shout('hello'), timeout=10)}")
        teller.tell(4)

        print("The server stops. Requests wait, and the connection tries again, each time later:")
        server.stop()
        teller.tell(1)
        answers = [connection.ask(Shout(text), block=False) for text in ("one", "two", "three")]
        teller.tell(6)
        print(f"    waiting: {len(machine_info(connection).postponed)} requests")

        print("The server is back:")
        server = system.spawn(Server, port, name="server")
        print(f"    the answers: {', '.join(get_all(answers, timeout=10))}")
        teller.tell(8)

        print("The server hangs. The heartbeat notices; what was under way fails, and is asked again:")
        server.ask(Hang())
        lost = connection.ask(Shout("still there?"), block=False)
        print(f"    {type(lost.exception(timeout=10)).__name__}: {lost.exception()}")
        print(f"    the answer: {connection.ask(Shout('still there?'), timeout=10)}")
        teller.tell(6)

        print("The end:")
        connection.ask(Close(), timeout=10)
        connection.actor_stopped.wait(10)
        teller.tell(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
