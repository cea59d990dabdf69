"""The settings of a system, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors._core.isolation import Isolation
from actors._core.lineage import Budget
from actors._core.mailbox import Mailbox, Unbounded
from actors._core.options import check_mailbox
from actors._core.ports import Ports

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actors.wire.codec import Codec

__all__ = ["SystemConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """How one system works.

    Args:
        turn: messages an actor may take before it goes to the back of the run queue.
        blocked_after: seconds after which a handler that neither ends nor waits in the framework's own primitives is an offence: it is
            published as `HandlerBlocked`, and its class runs on workers that never park from then on. Also how long a kill waits for a
            handler before it abandons it.
        max_workers: threads for such classes at most; at the cap `WorkersExhausted` is published.
        mailbox: for classes that declare none.
        high_water: messages that may wait for an actor before `MailboxHighWater` is published; for a bounded mailbox, 80 % of its capacity
            if that is less.
        tracing: correlation ids, the instrument port and stale-sender fencing. None: while `actors.logs` is set up, so that log lines have
            correlation ids, unless that was told otherwise.
        shutdown_timeout: seconds that actors have to end at shutdown before they are killed.
        loop_factory: makes the event loop of the system's own loop thread, e.g. ``uvloop.new_event_loop``.
        ports: clock, random, ids, waiter ...; None: the real ones.
        isolation: for classes that declare none: whether actors share messages and answers with those they talk to.
        codec: makes copies for `Isolation.COPY`, says what is immutable for `Isolation.CHECK`, and is the system's to use otherwise, as
            `ActorSystem.codec`; None: one that knows no types but Python's own.
        budget: how much each message from outside may bring about; None: no limit is kept. See `Budget`.
    """

    turn: int = 100
    blocked_after: float = 0.05
    max_workers: int = 32
    mailbox: Mailbox = field(default_factory=Unbounded)
    high_water: int = 10_000
    tracing: bool | None = None
    shutdown_timeout: float = 10.0
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    ports: Ports | None = None
    isolation: Isolation = Isolation.SHARE
    codec: Codec | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        for name in ("turn", "max_workers", "high_water"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                msg = f"{name}={value!r} is not valid: a whole number, 1 or more"
                raise ValueError(msg)
        for name in ("blocked_after", "shutdown_timeout"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
                msg = f"{name}={value!r} is not valid: seconds, more than 0"
                raise ValueError(msg)
        if self.shutdown_timeout == float("inf"):
            msg = "shutdown_timeout=inf is not valid: a shutdown has to end; for a long one give many seconds"
            raise ValueError(msg)
        self._check_kinds()

    def _check_kinds(self) -> None:
        check_mailbox(self.mailbox)
        if self.tracing is not None and not isinstance(self.tracing, bool):
            msg = f"tracing={self.tracing!r} is not valid: True, False or None"
            raise TypeError(msg)
        if self.loop_factory is not None and not callable(self.loop_factory):
            msg = f"loop_factory={self.loop_factory!r} is not valid: a function that returns an event loop, or None"
            raise TypeError(msg)
        if self.ports is not None and not isinstance(self.ports, Ports):
            msg = f"ports={self.ports!r} is not valid: a Ports, or None"
            raise TypeError(msg)
        if self.budget is not None and not isinstance(self.budget, Budget):
            msg = f"budget={self.budget!r} is not valid: a Budget, or None"
            raise TypeError(msg)
        if not isinstance(self.isolation, Isolation):
            msg = f"isolation={self.isolation!r} is not valid: use a member of Isolation"
            raise TypeError(msg)
        if self.codec is not None:
            from actors.wire.codec import Codec  # noqa: PLC0415  # who uses none does not load it

            if not isinstance(self.codec, Codec):
                msg = f"codec={self.codec!r} is not valid: a Codec, or None"
                raise TypeError(msg)
