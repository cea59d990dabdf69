"""What pictures and texts say of an actor, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.records import WaitKind
from actors.texts import clipped, plain

if TYPE_CHECKING:
    from actors.snapshots.records import ActorInfo, WaitInfo

__all__ = ["details", "wait_words"]

_MESSAGE = 60  # columns
_WORDS = {
    WaitKind.ANSWER: "waits for an answer of",
    WaitKind.END: "waits for the end of",
    WaitKind.ROOM: "waits for room in",
    WaitKind.CHANNEL: "waits as",
    WaitKind.FUTURE: "waits for a future",
    WaitKind.CHILD: "waits for its child",
    WaitKind.FOREIGN: "busy",
}


def wait_words(wait: WaitInfo) -> str:
    """Return what an actor waits for."""
    said = f"{_WORDS[wait.kind]} {wait.on}".rstrip() + (", with a timeout" if wait.finite else "")
    return said + (f", for {wait.seconds:.1f} s" if wait.seconds else "")


def details(info: ActorInfo) -> list[str]:
    """Return what there is to say of an actor besides its name, class and state: only what is out of the ordinary."""
    stats = info.stats
    said = ["suspended"] if info.suspended else []
    if info.handling is not None:
        said.append(f"at {clipped(plain(info.handling.text), _MESSAGE)}")
    said += [wait_words(wait) for wait in info.waits if info.handling is None or wait.kind is not WaitKind.FOREIGN]
    if info.incarnation > 1:
        said.append(f"incarnation {info.incarnation}")
    if stats.waiting:
        of = "" if info.mailbox.capacity is None else f" of {info.mailbox.capacity:,}"
        said.append(f"{stats.waiting:,}{of} waiting")
    said += [f"{number:,} {what}" for number, what in ((stats.stashed, "stashed"), (stats.handled, "handled")) if number]
    return [*said, *info.warnings]
