"""What becomes of a message that is not handled: back to its asker, to the dead letters, to the actor's own hook; counted in any case."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.context import in_context
from actors._core.events import DeadLetterReason
from actors._core.lifecycle import DownReason
from actors._core.messages import STOP, Control, Signal
from actors.errors import ActorDeadError, ActorKilled

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["dead_letter", "dropped", "refuse"]

LOST = 1000  # dropped messages kept for an actor's hook


def refuse(cell: Cell, entry: Any, *, own_turn: bool = False) -> None:
    """Tell whoever should know that `entry` will not be handled: its asker, or the dead letters."""
    message, future = cell.unwrap(entry)[:2]
    if message is STOP:
        if future is not None and not cell.mourn(future):
            future.try_set(True)
        return
    if future is not None:
        label = cell.label()
        text = f"{label} stopped before handling the message"
        count_dead(cell)  # first: whoever learns of it may look at the counters
        if not future.try_fail(ActorDeadError(text, label, message)):
            cell.system.dead_letter(cell, message, DeadLetterReason.CANCELLED)
        return
    note = cell.unwrap(entry)[2]
    if note is not None and note.fenced(cell) and note.fate is None:
        return
    dead_letter(cell, message, _why(cell), own_turn=own_turn)


def _why(cell: Cell) -> DeadLetterReason:
    kinds = {DownReason.CRASHED: DeadLetterReason.CRASHED, DownReason.KILLED: DeadLetterReason.KILLED}
    return kinds.get(cell.end[0], DeadLetterReason.STOPPED) if cell.end is not None else DeadLetterReason.STOPPED


def count_dead(cell: Cell) -> None:
    """Count one message that ended as a dead letter or an error to its asker."""
    rare = cell.extras()
    with cell.system.lock:
        rare.dead_lettered += 1


def dead_letter(cell: Cell, message: Any, reason: DeadLetterReason, *, own_turn: bool = False) -> None:
    """Count and publish a message that will not be handled; on the actor's own turn tell its hook, too."""
    count_dead(cell)
    cell.system.dead_letter(cell, message, reason)
    if own_turn and cell.actor is not None:
        undelivered(cell, message, reason)


def undelivered(cell: Cell, message: Any, reason: DeadLetterReason) -> None:
    """Call the actor's hook for its own undelivered messages, if its class has one."""
    actor = cell.actor  # an abandon takes it away beside this
    if actor is None or not cell.actor_class._greenroom_undelivered:
        return
    try:
        in_context(cell, actor.on_undelivered, message, reason)
    except Exception as error:  # noqa: BLE001  # published: the actor is past crashing here
        cell.system.callback_failed(actor.on_undelivered, error)
    except ActorKilled:
        return  # the kill is in the control lane and comes next
    except BaseException as error:  # ends the system, but not the turn that tells of the message
        if isinstance(error, cell.system.ports.passing):
            raise
        cell.system.fatal()


def _tell_lost(cell: Cell) -> None:
    """Tell the hook of the messages that the mailbox dropped since it was told last."""
    lost = cell.extras().lost
    while lost:
        try:
            message, reason = lost.popleft()
        except IndexError:
            return
        undelivered(cell, message, reason)


def dropped(cell: Cell, entry: Any, reason: DeadLetterReason) -> None:
    """Account for a message that a full mailbox dropped by its policy."""
    message, future = cell.unwrap(entry)[:2]
    rare = cell.extras()
    with cell.system.lock:
        rare.dropped += 1
    if future is not None:
        label = cell.label()
        future.try_fail(ActorDeadError(f"{label} dropped the message: {reason.value}", label, message))
    cell.system.dead_letter(cell, message, reason)
    if cell.actor_class._greenroom_undelivered:
        with cell.system.lock:
            first = not rare.lost
            if rare.lost is None:
                rare.lost = deque(maxlen=LOST)
            rare.lost.append((message, reason))
        if first:
            cell.signal(Control(Signal.CALL, call=lambda: _tell_lost(cell)))
