"""Oracles: what should hold of the messages of any system, checked while a simulation runs.

Give them to `Simulation.check`. Each is told of every send and delivery, and of the moment when nothing can happen any more; it raises
`InvariantError` through `Oracle.fail`. Write your own as a subclass of `Oracle`.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any

from actors._core.bounded import bare
from actors._core.callbacks import check_callback
from actors._core.lifecycle import Lifecycle
from actors._core.lineage import FROM_USERS
from actors._core.messages import IDLE, STOP, Down
from actors.testing.checks import check_count
from actors.testing.errors import InjectedCrash, InvariantError
from actors.testing.network import comes_before, network_of
from actors.texts import short

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.testing.network import Pending
    from actors.testing.world import World

__all__ = [
    "AskResolvesOnce",
    "AtMostOnce",
    "CancelledTimersSilent",
    "CausalOrder",
    "ExactlyOnce",
    "Mail",
    "MailboxBound",
    "NoCrashes",
    "NoDeadlock",
    "NothingAfterStop",
    "NothingLeft",
    "OneAtATime",
    "Oracle",
    "PairFifo",
    "UnchangedMessages",
    "contract",
]


class Mail:
    """One message under way.

    Attributes:
        message: what was sent; of a stop, the kernel's own marker.
        sender: the path of the actor that sent it; "" for the scenario.
        recipient: the path of the actor that it is for.
        number: in the order of all sends.
        original: the mail that a fault made this a copy of; itself if it is none.
    """

    __slots__ = ("_cell", "_future", "_note", "_pending", "message", "number", "original", "recipient", "sender")

    def __init__(self, cell: Cell, pending: Pending, entry: Any, original: Mail | None) -> None:
        self.message, self._future, self._note = cell.unwrap(bare(entry))
        self.sender = pending.sender.path if pending.sender is not None else ""
        self.recipient = cell.path
        self.number = pending.sequence
        self.original = original or self
        self._cell = cell
        self._pending = pending

    @property
    def by_user(self) -> bool:
        """Whether code of a user sent it, and not the kernel: a stop, a `Down`, a tick."""
        return self.message is not STOP and type(self.message) is not Down and type(self._note) in FROM_USERS

    def __str__(self) -> str:
        what = "stop" if self.message is STOP else short(self.message)
        return f"{what} {self.sender or 'scenario'} -> {self.recipient}"


class Oracle:
    """Base class of oracles; each method does nothing.

    Attributes:
        name: what should hold, for the report.
        looks_between: whether it looks at several actors between steps; an exhaustive exploration then makes all orders of all steps.
    """

    name = "oracle"
    looks_between = False

    def sent(self, mail: Mail) -> None:
        """Take note that `mail` was sent."""

    def delivered(self, mail: Mail) -> None:
        """Take note that `mail` is about to be handled."""

    def done(self, mail: Mail) -> None:
        """Take note that the step in which `mail` was delivered is over: its handler has returned, or waits."""

    def crashed(self, actor: str, error: BaseException) -> None:
        """Take note that `actor`, a path, has failed with `error`; in a hook, a handler, or by an injected fault."""

    def stepped(self, world: World) -> None:
        """Take note that a step was taken."""

    def settled(self, world: World) -> None:
        """Take note that nothing can happen any more."""

    def fail(self, detail: str) -> None:
        """Fail the run.

        Raises:
            InvariantError: always.
        """
        raise InvariantError(self.name, detail=detail)


class PairFifo(Oracle):
    """The messages of one sender to one receiver are delivered in the order sent."""

    name = "pair FIFO"

    def __init__(self) -> None:
        self._latest: dict[tuple[Cell | None, Cell], Mail] = {}

    def delivered(self, mail: Mail) -> None:
        """Check it."""
        if not mail.by_user:
            return
        pair = mail._pending.sender, mail._cell
        latest = self._latest.get(pair)
        if latest is not None and latest.number > mail.number:
            self.fail(f"{mail} was delivered after {latest}, which was sent later")
        self._latest[pair] = mail


class CausalOrder(Oracle):
    """A message is delivered before every message to the same receiver that its sending led to."""

    name = "causal order"

    def __init__(self) -> None:
        self._delivered: dict[Cell, list[Mail]] = {}

    def delivered(self, mail: Mail) -> None:
        """Check it."""
        if not mail.by_user:
            return
        delivered = self._delivered.setdefault(mail._cell, [])
        for other in delivered:
            if comes_before(mail._pending, other._pending):
                self.fail(f"{mail} was delivered after {other}, which its sending led to")
        delivered.append(mail)


class AtMostOnce(Oracle):
    """No message is delivered twice.

    Args:
        key: of a message that makes it the same as another with that key; by default only the copy that a fault makes of it is.
    """

    name = "at most once"

    def __init__(self, key: Callable[[Any], Hashable] | None = None) -> None:
        if key is not None:
            check_callback("key", key, "a function of a message that returns what makes two the same")
        self._key = key
        self.sends: dict[Hashable, Mail] = {}
        self.times: Counter[Hashable] = Counter()

    def key_of(self, mail: Mail) -> Hashable:
        """Return what makes two messages the same."""
        return (mail._cell, self._key(mail.message)) if self._key is not None else mail.original

    def sent(self, mail: Mail) -> None:
        """Take note."""
        if mail.by_user:
            self.sends.setdefault(self.key_of(mail), mail)

    def delivered(self, mail: Mail) -> None:
        """Check it."""
        if not mail.by_user:
            return
        key = self.key_of(mail)
        self.times[key] += 1
        if self.times[key] > 1:
            self.fail(f"{mail} was delivered twice")


class ExactlyOnce(AtMostOnce):
    """Every message is delivered, once, when nothing can happen any more.

    Args:
        key: as for `AtMostOnce`.
    """

    name = "exactly once"

    def settled(self, world: World) -> None:  # noqa: ARG002
        """Check it."""
        for key, mail in self.sends.items():
            if not self.times[key]:
                self.fail(f"{mail} was never delivered")


class OneAtATime(Oracle):
    """An actor begins with a message only when it is done with the one before, unless its class is reentrant."""

    name = "one handler at a time"

    def delivered(self, mail: Mail) -> None:
        """Check it."""
        cell = mail._cell
        if cell.current is not IDLE and not cell.options.reentrant:
            self.fail(f"{mail} was delivered while {cell.path} was at work")


class NothingAfterStop(Oracle):
    """An actor that has ended is delivered nothing."""

    name = "nothing after stop"

    def delivered(self, mail: Mail) -> None:
        """Check it."""
        if mail._cell.state is Lifecycle.STOPPED and mail.by_user:
            self.fail(f"{mail} was delivered to an actor that has ended")


class AskResolvesOnce(Oracle):
    """Every ask is answered, or told why not, when nothing can happen any more; no answer changes afterwards."""

    name = "every ask resolves once"

    def __init__(self) -> None:
        self._asks: dict[Mail, Future[Any]] = {}
        self._answers: dict[Mail, Any] = {}

    def sent(self, mail: Mail) -> None:
        """Take note."""
        if mail._future is not None and mail.by_user:
            self._asks[mail] = mail._future

    def stepped(self, world: World) -> None:  # noqa: ARG002
        """Check that answers stay."""
        for mail, future in self._asks.items():
            if not future.done():
                continue
            answer = future._value
            if self._answers.setdefault(mail, answer) is not answer:
                self.fail(f"the answer to {mail} changed from {short(self._answers[mail])} to {short(answer)}")

    def settled(self, world: World) -> None:  # noqa: ARG002
        """Check that all are answered."""
        for mail, future in self._asks.items():
            if not future.done():
                self.fail(f"{mail} was never answered")


class CancelledTimersSilent(Oracle):
    """The tick of a timer that was cancelled or replaced is not handled, not even if it was in the mailbox already."""

    name = "cancelled timers are silent"

    def __init__(self) -> None:
        self._fenced: dict[Mail, int] = {}

    def delivered(self, mail: Mail) -> None:
        """Take note of what must not be handled."""
        if getattr(mail._note, "live", True) is False:
            self._fenced[mail] = mail._cell.handled

    def done(self, mail: Mail) -> None:
        """Check that it was not."""
        before = self._fenced.pop(mail, None)
        if before is not None and mail._cell.handled > before:
            self.fail(f"{mail} was handled, though its timer was cancelled")


class NothingLeft(Oracle):
    """When nothing can happen any more, every mailbox and stash of a living actor is empty."""

    name = "nothing is left"

    def settled(self, world: World) -> None:
        """Check it."""
        for cell in world.cells:
            network = network_of(cell)
            if network:
                self.fail(f"{len(network)} messages wait for {cell.path}, the first is {short(cell.unwrap(bare(network[0]))[0])}")
            stash = cell.rare.stash if cell.rare is not None else None
            if stash and cell.state is not Lifecycle.STOPPED:
                self.fail(f"{len(stash)} messages are in the stash of {cell.path}")


class NoDeadlock(Oracle):
    """When nothing can happen any more, no handler waits."""

    name = "no deadlock"

    def settled(self, world: World) -> None:
        """Check it."""
        waiting = [cell.path for cell in world.cells if cell.current is not IDLE and cell.state is not Lifecycle.STOPPED]
        if waiting:
            self.fail(f"handlers wait for ever in {', '.join(waiting)}")


class NoCrashes(Oracle):
    """No actor crashes, but for those that a fault makes crash.

    A failed assertion in an actor fails the run anyway; what follows from other exceptions is a matter of its supervision.
    """

    name = "no crashes"

    def __init__(self) -> None:
        self._crash: tuple[str, BaseException] | None = None

    def crashed(self, actor: str, error: BaseException) -> None:
        """Take note; an event must not raise."""
        if not isinstance(error, InjectedCrash | AssertionError) and self._crash is None:
            self._crash = actor, error

    def stepped(self, world: World) -> None:  # noqa: ARG002
        """Check it."""
        if self._crash is not None:
            actor, error = self._crash
            raise InvariantError(self.name, detail=f"{actor} crashed with {short(error)}") from error


class UnchangedMessages(Oracle):
    """A message is delivered as it was sent: nobody has changed it meanwhile, through another reference to it.

    Messages that can be neither copied nor compared are passed over.
    """

    name = "messages are not changed after they were sent"

    def __init__(self) -> None:
        self._copies: dict[Mail, Any] = {}

    def sent(self, mail: Mail) -> None:
        """Keep a copy."""
        if not mail.by_user:
            return
        try:
            kept = copy.deepcopy(mail.message)
            if kept == mail.message:  # else it has parts that are compared by identity
                self._copies[mail.original] = kept
        except Exception:  # noqa: BLE001  # whatever a user's class raises there: it cannot be copied
            return

    def delivered(self, mail: Mail) -> None:
        """Compare with it."""
        if mail.original in self._copies and (kept := self._copies[mail.original]) != mail.message:
            self.fail(f"{mail} was {short(kept)} when it was sent")


class MailboxBound(Oracle):
    """No mailbox ever holds more than `limit` messages.

    Args:
        limit: how many.
        actors: classes of the actors that this is about; none for all.
    """

    name = "mailboxes are bounded"

    def __init__(self, limit: int, *actors: type[Any]) -> None:
        check_count("limit", limit, 0)
        if not all(isinstance(one, type) for one in actors):
            msg = f"actors={actors!r} is not valid: classes of actors, like MailboxBound(10, Store)"
            raise TypeError(msg)
        self._limit = limit
        self._actors = actors

    def sent(self, mail: Mail) -> None:
        """Check it."""
        network = network_of(mail._cell)
        concerned = not self._actors or issubclass(mail._cell.actor_class, self._actors)
        if network is not None and concerned and len(network) >= self._limit:
            self.fail(f"{mail} is number {len(network) + 1} in the mailbox, of at most {self._limit}")


def contract() -> tuple[Oracle, ...]:
    """Return an oracle for each promise that the framework makes of every local system, whatever its actors do."""
    return (PairFifo(), CausalOrder(), AtMostOnce(), OneAtATime(), NothingAfterStop(), CancelledTimersSilent())
