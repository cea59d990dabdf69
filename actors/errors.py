"""Every exception the framework raises of its own, as one tree.

    ActorError
    ├── ActorDeadError (also pykka.ActorDeadError)
    │   ├── ActorStartError
    │   ├── ActorRestarting
    │   └── DeadlineExceeded
    ├── Timeout (also pykka.Timeout)
    ├── MailboxFullError
    │   └── WouldBlockError
    ├── DeadlockError
    ├── BlockingInLoopError
    ├── AskCancelled
    ├── StashFullError
    ├── LinkedActorDied
    ├── NameTakenError
    ├── InvalidNameError
    ├── SystemStoppedError
    ├── ForkedError
    ├── HandlerDeclarationError (also TypeError)
    ├── NotInActorError
    ├── CodecError (also ValueError)
    ├── RegistrationError (also TypeError)
    ├── MutableMessageError (also TypeError)
    ├── RemoteError
    ├── BudgetExceededError
    └── InternalError

    ActorKilled (a BaseException: unwinds a handler that is killed)

Data is kept in attributes and the sentence is built in ``__init__``, so that handlers never parse text. All of them pickle: what
they were built from is what ``args`` holds.
"""

from __future__ import annotations

from typing import Any

import pykka

__all__ = [
    "ActorDeadError",
    "ActorError",
    "ActorKilled",
    "ActorRestarting",
    "ActorStartError",
    "AskCancelled",
    "BlockingInLoopError",
    "BudgetExceededError",
    "CodecError",
    "DeadlineExceeded",
    "DeadlockError",
    "ForkedError",
    "HandlerDeclarationError",
    "InternalError",
    "InvalidNameError",
    "LinkedActorDied",
    "MailboxFullError",
    "MutableMessageError",
    "NameTakenError",
    "NotInActorError",
    "RegistrationError",
    "RemoteError",
    "StashFullError",
    "SystemStoppedError",
    "Timeout",
    "WouldBlockError",
]


class ActorError(Exception):
    """Root of all errors of the framework."""

    def __repr__(self) -> str:
        """Return the sentence, without the message that may ride on the error: that can be of any size."""
        return f"{type(self).__name__}({str(self)!r})"


class ActorDeadError(ActorError, pykka.ActorDeadError):
    """The actor is stopped, or stopped before it handled the message.

    Attributes:
        recipient: the actor, as text.
        message: the message that was not handled, if there was one; it is yours again.
    """

    def __init__(self, text: str = "actor not found", recipient: str = "", message: Any = None) -> None:
        super().__init__(text, recipient, message)
        self.text = text
        self.recipient = recipient
        self.message = message

    def __str__(self) -> str:
        return self.text


class ActorStartError(ActorDeadError):
    """The actor could not be started; ``__cause__`` (and ``cause``) tells why."""

    def __init__(self, recipient: str, cause: BaseException | None = None) -> None:
        why = f": {type(cause).__name__}: {cause}" if cause is not None else ""
        super().__init__(f"{recipient} could not be started{why}", recipient)
        self.args = (recipient, cause)
        self.cause = cause


class ActorRestarting(ActorDeadError):
    """The actor is being restarted: the reply it owed is lost, or it takes no mail before it is back; ask again.

    Attributes:
        retry_after: seconds after which asking again makes sense, None if unknown.
        message: the message that was not taken, if there was one; it is yours again.
    """

    def __init__(self, recipient: str, retry_after: float | None = None, message: Any = None) -> None:
        hint = f" in {retry_after:.3g} seconds" if retry_after is not None else ""
        super().__init__(f"{recipient} is restarting and will not answer; ask again{hint}", recipient, message)
        self.args = (recipient, retry_after, message)
        self.retry_after = retry_after


class DeadlineExceeded(ActorDeadError):
    """The message was still waiting when its deadline passed; it was not handled."""

    def __init__(self, recipient: str, message: Any = None) -> None:
        super().__init__(
            f"the deadline passed before {recipient} took the message; it was not handled",
            recipient,
            message,
        )
        self.args = (recipient, message)


class Timeout(ActorError, pykka.Timeout):
    """The wait took longer than ``timeout`` seconds. What was waited for goes on."""


class MailboxFullError(ActorError):
    """The bounded mailbox had no room and its policy is to refuse.

    Attributes:
        recipient: the actor, as text.
        message: the message that was not accepted; it is yours again.
        capacity: how many messages the mailbox holds.
    """

    advice = "slow down, raise the capacity, or choose another Overflow"

    def __init__(self, recipient: str, message: Any, capacity: int, why: str = "") -> None:
        super().__init__(recipient, message, capacity, why)
        self.recipient = recipient
        self.message = message
        self.capacity = capacity
        self.why = why

    def __str__(self) -> str:
        why = f" {self.why}" if self.why else ""
        return f"the mailbox of {self.recipient} is full ({self.capacity} messages){why}: {self.advice}"


class WouldBlockError(MailboxFullError):
    """A send from an event loop would have blocked the loop."""

    advice = "a send here would block the event loop; use `await ref.tell_async(message)`"


class DeadlockError(ActorError):
    """Waiting here would close a cycle of waits that nobody can ever end.

    Attributes:
        cycle: the actors' paths, each waiting for the next, the first one again at the end; like ``system:/path`` if they are of
            several systems.
        advice: what to do instead.
    """

    def __init__(
        self, cycle: tuple[str, ...], advice: str = "tell instead of ask, reply later, or give one of the waits a timeout"
    ) -> None:
        super().__init__(cycle, advice)
        self.cycle = cycle
        self.advice = advice

    def __str__(self) -> str:
        return f"these actors would wait for each other for ever: {' -> '.join(self.cycle)}; {self.advice}"


class BlockingInLoopError(ActorError):
    """A blocking wait for an unresolved future on the thread of an event loop that runs actors."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or "get() would block the event loop; write `await future` (or `await ref.ask_async(...)`) in async code")


class AskCancelled(ActorError):
    """The ask was cancelled by its asker before it was answered."""


class StashFullError(ActorError):
    """The stash is full; the message being handled was not stashed.

    Attributes:
        recipient: the actor, as text.
        capacity: how many messages the stash holds.
    """

    def __init__(self, recipient: str, capacity: int) -> None:
        super().__init__(recipient, capacity)
        self.recipient = recipient
        self.capacity = capacity

    def __str__(self) -> str:
        return (
            f"the stash of {self.recipient} is full ({self.capacity} messages): "
            "unstash earlier, or raise stash_capacity in the class declaration"
        )


class LinkedActorDied(ActorError):
    """An actor linked to this one ended abnormally.

    Attributes:
        recipient: the linked actor, as text.
        reason: how it ended.
    """

    def __init__(self, recipient: str, reason: object) -> None:
        super().__init__(recipient, reason)
        self.recipient = recipient
        self.reason = reason

    def __str__(self) -> str:
        return f"the linked actor {self.recipient} ended abnormally ({self.reason})"


class NameTakenError(ActorError):
    """A living sibling has this name."""

    def __init__(self, name: str, parent: str = "/") -> None:
        super().__init__(name, parent)
        self.name = name
        self.parent = parent

    def __str__(self) -> str:
        return f"name={self.name!r} is taken under {self.parent!r}: choose another, or wait for its Down"


class InvalidNameError(ActorError):
    """The name may not be used for an actor."""

    def __init__(self, name: object) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"name={self.name!r} is not valid: use 1 to 128 of the letters A-Z a-z 0-9 and - _ . ~ + @"


class SystemStoppedError(ActorError):
    """The actor system is shut down, or shutting down; it starts no more actors and takes no more hooks."""

    def __init__(self, system: str) -> None:
        super().__init__(system)
        self.system = system

    def __str__(self) -> str:
        return f"the actor system {self.system!r} is shut down: use a new ActorSystem"


class ForkedError(ActorError):
    """The actor system was inherited through a fork; its threads did not come along."""

    def __init__(self, system: str) -> None:
        super().__init__(system)
        self.system = system

    def __str__(self) -> str:
        return (
            f"the actor system {self.system!r} belongs to the process that forked this one: "
            "build a new ActorSystem here, or start processes with the 'spawn' method"
        )


class HandlerDeclarationError(ActorError, TypeError):
    """A method decorated with ``@handler`` cannot serve as one; the text says which and why."""


class NotInActorError(ActorError):
    """This call works only inside a handler or hook of the actor itself, or there only with the right message.

    Attributes:
        call: what was called.
        why: what is missing, if it was called inside.
    """

    def __init__(self, call: str, why: str = "") -> None:
        super().__init__(call, why)
        self.call = call
        self.why = why

    def __str__(self) -> str:
        if self.why:
            return f"{self.call} {self.why}"
        return f"{self.call} works only in the actor's own handlers and hooks; from __init__, move it to on_start"


class CodecError(ActorError, ValueError):
    """A value cannot be made bytes, or bytes are no message: because of what they are, or of a limit.

    Attributes:
        why: what is wrong, and what to do about it.
        path: where, like ``message.orders[3].price``; for keys of a dict and elements of a set like ``message.seen{2}``.
        limit: the name of the limit in `actors.wire.Limits`, None if it is none.
        fatal: whether nothing that comes after it in a stream can be read either.
    """

    def __init__(self, why: str, path: str = "message", limit: str | None = None, fatal: bool = False) -> None:  # noqa: FBT001, FBT002  # picklable
        super().__init__(why, path, limit, fatal)
        self.why = why
        self.path = path
        self.limit = limit
        self.fatal = fatal

    def __str__(self) -> str:
        return f"{self.path} {self.why}"

    def under(self, part: str) -> CodecError:
        """Return this error, with `part`, like ``.price`` or ``[3]``, put behind the root of its path."""
        self.path = f"message{part}{self.path.removeprefix('message')}"
        self.args = (self.why, self.path, self.limit, self.fatal)
        return self


class RegistrationError(ActorError, TypeError):
    """A type cannot be registered as it was asked for.

    Attributes:
        subject: the type, or what was given in its place, as text.
        why: what is wrong, and what to do about it.
    """

    def __init__(self, subject: str, why: str) -> None:
        super().__init__(subject, why)
        self.subject = subject
        self.why = why

    def __str__(self) -> str:
        return f"{self.subject} cannot be registered: {self.why}"


class MutableMessageError(ActorError, TypeError):
    """A message, or an answer, has a part that can change, and its receiver is isolated by `Isolation.CHECK`.

    Attributes:
        path: the part, like ``message.tags[2]``.
        kind: the name of its type.
        why: what is wrong with it, and what to do about it.
    """

    def __init__(self, path: str, kind: str, why: str = "can change") -> None:
        super().__init__(path, kind, why)
        self.path = path
        self.kind = kind
        self.why = why

    def __str__(self) -> str:
        return (
            f"{self.path} ({self.kind}) {self.why}: send what cannot change (a frozen dataclass, a tuple, a frozenset, ...), "
            "or let the receiver have a copy with Isolation.COPY, if it is of what can be copied"
        )


class RemoteError(ActorError):
    """An exception that came as bytes and whose type is not registered here.

    Attributes:
        type_name: module and name of its type.
        arguments: its ``args``; of those that could not be made bytes, the `repr`.
        text: its `str`.
        notes: its notes; they are this exception's, too.
        traceback: as Python prints it, where it was raised; "" if that was not sent.
    """

    def __init__(
        self, type_name: str, arguments: tuple[Any, ...] = (), text: str = "", notes: tuple[str, ...] = (), traceback: str = ""
    ) -> None:
        super().__init__(type_name, arguments, text, notes, traceback)
        self.type_name = type_name
        self.arguments = arguments
        self.text = text
        self.notes = notes
        self.traceback = traceback
        for note in notes:
            self.add_note(note)

    def __str__(self) -> str:
        return f"{self.type_name}: {self.text}" if self.text else self.type_name


class BudgetExceededError(ActorError):
    """An ask was not sent on: what a message from outside has brought about is more than its budget allows.

    Attributes:
        budget: the `actors.Budget`.
        chain: the messages that led there, each with `path` and `kind`: the first, and the latest.
        message: the message that was not sent.
    """

    def __init__(self, budget: Any, chain: tuple[Any, ...] = (), message: Any = None) -> None:
        super().__init__(budget, chain, message)
        self.budget = budget
        self.chain = chain
        self.message = message

    def __str__(self) -> str:
        way = " -> ".join(f"{link.kind} to {link.path}" for link in self.chain[-5:])
        return f"over {self.budget}: ... {way}; do these actors go on for ever? If not, give what begins it a larger budget"


class InternalError(ActorError):
    """A bug in the framework itself. Please report it with the traceback."""


class ActorKilled(BaseException):
    """Thrown into a handler that is parked or awaiting when its actor is killed.

    Not an ``Exception``, so that a handler's ``except Exception`` does not keep a killed actor alive.
    """
