"""Events as lines that people read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from actors import DeadLetter, DownReason
from actors.events import (
    ActorCrashed,
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    CallbackFailed,
    HandlerAbandoned,
    HandlerBlocked,
    UnreadFailure,
    WorkersExhausted,
)
from actors.texts import error_text, plain, short
from supervisors.demo.parts import Crash, Ordered, Stuck
from supervisors.errors import RestartLimitError
from supervisors.events import BreakerChanged, RestartScheduled, SupervisorGaveUp
from supervisors.policy import BreakerState

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Note", "Said", "Tone", "merged", "note_of"]

LONGEST = 300  # characters of a line
SPAN = 0.1  # demo seconds in which the same lines are one


class Tone(Enum):
    """How much a line matters."""

    QUIET = "quiet"
    GOOD = "good"
    ODD = "odd"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Note:
    """One line.

    Attributes:
        at: demo seconds.
        tone: how much it matters.
        who: the path of whom it is about.
        text: what happened.
        times: how often, at about that time.
    """

    at: float
    tone: Tone
    who: str
    text: str
    times: int = 1

    @property
    def whole(self) -> str:
        """The text, and how often."""
        return self.text if self.times == 1 else f"{self.text} ({self.times:,} times)"


@runtime_checkable
class Said(Protocol):
    """An event of a demo's own that has something to say."""

    def line(self) -> tuple[Tone, str, str]:
        """Return the tone, whom it is about, and what happened."""


def note_of(event: object, at: float) -> Note | None:
    """Return the line for an event, None for one that says nothing."""
    told = _told(event)
    if told is None:
        return None
    tone, who, text = told
    return Note(at, tone, plain(who), plain(text)[:LONGEST])


def _told(event: object) -> tuple[Tone, str, str] | None:  # noqa: C901, PLR0911, PLR0912  # one kind of event a line
    match event:
        case ActorStarted():
            return Tone.QUIET, event.ref.path, "started"
        case ActorRestarted():
            return Tone.GOOD, event.ref.path, "runs again behind the same ref"
        case ActorCrashed(error=RestartLimitError()):
            return None  # that it gives up is told
        case ActorCrashed():
            return Tone.BAD, event.ref.path, f"crashed: {error_text(event.error)}"
        case ActorStopped(reason=DownReason.KILLED):
            return Tone.ODD, event.ref.path, "is killed"
        case ActorStopped(reason=DownReason.CRASHED):
            return Tone.BAD, event.ref.path, "has ended"
        case ActorStopped():
            return Tone.QUIET, event.ref.path, "stopped"
        case DeadLetter(message=Crash()):
            return None  # that it crashed is told
        case DeadLetter():
            return Tone.ODD, event.recipient.path, f"dead letter: {short(event.message, 60)}: {event.reason.value}"
        case RestartScheduled():
            when = f"in {event.delay:.2f} s" if event.delay else "at once"
            return Tone.ODD, event.supervisor.path, f"restarts {event.child} {when}; failures that count: {event.restarts}"
        case SupervisorGaveUp():
            return Tone.BAD, event.supervisor.path, f"gives up: {event.error.child} failed once more than {_limit(event)}"
        case BreakerChanged():
            tone = Tone.GOOD if event.after is BreakerState.CLOSED else Tone.BAD if event.after is BreakerState.OPEN else Tone.ODD
            return tone, event.name, f"the circuit was {event.before.value} and is {event.after.value}"
        case HandlerBlocked():
            return (
                Tone.QUIET,
                event.ref.path,
                f"held its thread for {event.seconds:.2f} s: {event.actor_class.__name__} moves to other threads",
            )
        case HandlerAbandoned():
            return Tone.ODD, event.ref.path, "would not end: it is left behind, and can reply and send no more"
        case WorkersExhausted():
            return Tone.BAD, "/", f"all {event.limit} threads for handlers that block are blocked"
        case UnreadFailure():
            return Tone.ODD, event.recipient, f"failed, and nobody read it: {error_text(event.error)}"
        case CallbackFailed():
            return Tone.BAD, "/", f"a callback failed: {error_text(event.error)}"
        case Ordered():
            return Tone.ODD, event.path, f"order: {event.order.value}" + ("" if event.reached else ", but nobody is there")
        case Stuck():
            return Tone.ODD, event.path, f"no progress for {event.seconds:.1f} s: the watchdog kills it"
        case Said():
            return event.line()
    return None


def _limit(event: SupervisorGaveUp) -> str:
    return f"{event.error.restarts} in {event.error.period:g} s"


def merged(notes: Iterable[Note]) -> list[Note]:
    """Return the lines with those that say the same of the same actor at about the same time as one, where the first of them stood."""
    found: list[Note] = []
    last: dict[tuple[str, str], int] = {}
    for note in notes:
        key = note.who, note.text
        place = last.get(key)
        if place is not None and note.at - found[place].at < SPAN:
            first = found[place]
            found[place] = Note(first.at, first.tone, *key, first.times + note.times)
        else:
            last[key] = len(found)
            found.append(note)
    return found
