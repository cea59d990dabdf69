"""Looking at actors: what each is at, what it waits for, where it is stuck."""

from actors.observe.dump import ActorDump, Dump, Position, SystemDump, ThreadDump, dump
from actors.observe.errors import ForeignActorError, ObserveError
from actors.observe.inspecting import inspect
from actors.observe.signals import dump_on_signal
from actors.observe.stacks import Frame
from actors.observe.waits import WaitEdge, WaitGraph
from actors.snapshots.difference import TreeDifference
from actors.snapshots.records import ActorInfo, MailboxInfo, MessageInfo, TimerInfo, WaitInfo, WaitKind
from actors.snapshots.tree import Tree

__all__ = [
    "ActorDump",
    "ActorInfo",
    "Dump",
    "ForeignActorError",
    "Frame",
    "MailboxInfo",
    "MessageInfo",
    "ObserveError",
    "Position",
    "SystemDump",
    "ThreadDump",
    "TimerInfo",
    "Tree",
    "TreeDifference",
    "WaitEdge",
    "WaitGraph",
    "WaitInfo",
    "WaitKind",
    "dump",
    "dump_on_signal",
    "inspect",
]
