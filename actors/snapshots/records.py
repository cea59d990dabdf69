"""What is known of an actor at one moment, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors._core.lifecycle import Lifecycle
    from actors._core.stats import ActorStats

__all__ = ["ActorInfo", "MailboxInfo", "MessageInfo", "TimerInfo", "WaitInfo", "WaitKind"]


class WaitKind(Enum):
    """What an actor waits for."""

    ANSWER = "answer"
    """The answer of another actor, or a reply handle of its."""

    END = "end"
    """The end or the restart of another actor."""

    ROOM = "room"
    """Room in the bounded mailbox of another actor."""

    CHANNEL = "channel"
    """A channel: a value to receive, or room for one to send."""

    FUTURE = "future"
    """A future that is no actor's to resolve."""

    CHILD = "child"
    """The end of a child, in an actor that is stopping or restarting itself."""

    FOREIGN = "foreign"
    """Nothing that the framework knows of: its code runs, or blocks outside of the framework."""


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """One message.

    Attributes:
        type: the qualified name of its class.
        text: the message in at most 200 characters; no code of its own runs for that.
        asked: whether somebody waits for the answer.
        sender: path of the actor that sent it; None from outside of actors, and in a system without `SystemConfig.tracing`.
        correlation: the correlation id; None in a system without `SystemConfig.tracing`.
    """

    type: str
    text: str
    asked: bool
    sender: str | None = None
    correlation: str | None = None


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """What waits for an actor.

    Attributes:
        kind: "unbounded", "bounded" or "priority".
        waiting: messages in the mailbox.
        capacity: how many may wait; None: any number.
        stashed: messages put aside by the actor.
        head: the first five, the next one first. Those of a priority mailbox come in no particular order behind that.
    """

    kind: str
    waiting: int
    capacity: int | None
    stashed: int
    head: tuple[MessageInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitInfo:
    """One thing that an actor waits for. If there are several, any of them may be enough.

    Attributes:
        kind: what kind of thing.
        on: the path of an actor, "receiver of orders" of a channel, the class of a future, or empty.
        finite: whether the wait has a timeout.
        seconds: for how long, since somebody first looked; None if that is not known.
    """

    kind: WaitKind
    on: str
    finite: bool
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TimerInfo:
    """One timer of an actor.

    Attributes:
        key: its key, as text.
        due: seconds until it is due; less than 0 if its tick waits already.
        interval: seconds from one tick to the next; None if there is only one.
    """

    key: str
    due: float
    interval: float | None


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """What is known of one actor.

    Attributes:
        path: the names from the root down.
        name: its own.
        uid: unique in its system; a restart keeps it.
        actor_class: the qualified name of its class.
        supervisor: whether it is a supervisor.
        state: where it is in its life.
        incarnation: 1 for the first instance, one more with each restart in place.
        suspended: whether its mail waits until it is resumed.
        dispatcher: "pool", "blocking" (a pool's worker for classes that were seen blocking), "thread", "event_loop" or "simulated".
        stats: its counters.
        mailbox: what waits for it.
        handling: the message it is at; of a reentrant actor the oldest of them.
        waits: what it waits for, if it is at something.
        timers: its keyed timers, those due first first.
        watchers: paths of the actors that watch it.
        watching: paths of the actors that it watches.
        links: paths of the actors that it is linked with.
        groups: names of the groups it is in.
        warnings: what watchdogs have to say of it.
        children: in start order.
    """

    path: str
    name: str
    uid: int
    actor_class: str
    supervisor: bool
    state: Lifecycle
    incarnation: int
    suspended: bool
    dispatcher: str
    stats: ActorStats
    mailbox: MailboxInfo
    handling: MessageInfo | None = None
    waits: tuple[WaitInfo, ...] = ()
    timers: tuple[TimerInfo, ...] = ()
    watchers: tuple[str, ...] = ()
    watching: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    children: tuple[ActorInfo, ...] = field(default=(), repr=False)
