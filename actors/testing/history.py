"""`History`: what concurrent clients asked for, and what they were answered, in the order it happened."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.ports import simulated
from actors.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors._core.ref import ActorRef
    from actors.testing.network import Now

__all__ = ["Call", "History", "Operation"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a history.

    Attributes:
        client: who wanted it.
        key: of which object; each key is an object of its own.
        what: the operation, as the model knows it.
        invoked: when it began: its place among all beginnings and ends of the history.
        returned: when it ended, counted likewise; None if it is pending.
        result: what came of it; None if it is pending.
    """

    client: Hashable
    key: Hashable
    what: Any
    invoked: int
    returned: int | None = None
    result: Any = None

    def __str__(self) -> str:
        return f"{self.client}: {self.what!r} -> {'?' if self.returned is None else repr(self.result)}"


class Call:
    """An operation that has begun. Left open, it is pending: it may have taken effect at any time since, or never.

    Made by `History.invoke`. Safe to use from any thread.
    """

    __slots__ = ("_history", "_operation", "_over")

    def __init__(self, history: History, operation: Operation) -> None:
        self._history = history
        self._operation = operation
        self._over = False

    def returned(self, result: Any = None) -> None:
        """Note that the client has its result now. A refusal is a result, too: a False, or an exception as a value.

        Raises:
            RuntimeError: the call is over already.
        """
        self._history._end(self, result, happened=True)

    def failed(self) -> None:
        """Take the operation out of the history: it certainly did not happen, and never will.

        If that is not certain, as after a timeout, leave the call open.

        Raises:
            RuntimeError: the call is over already.
        """
        self._history._end(self, None, happened=False)


class History:
    """What concurrent clients did, for `check_linearizable`.

    Beginnings and ends are ordered as they are told to the history, which may be used from several threads. One run makes one
    history: make it inside the scenario.

    In a simulation, who begins an operation counts as knowing of all that had ended before: under `Ordering.CAUSAL` its messages
    do not overtake what was sent before those ends. Real mailboxes promise that, and no order that they do not allow is blamed.

    Keys, clients, operations and results are kept as they are: do not change them afterwards.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[Call, None] = {}  # in the order of their beginnings
        self._time = 0
        self._past = 0  # in a simulation: what was sent in the causal past of the ends so far

    def invoke(self, client: Hashable, operation: Any, *, key: Hashable = None) -> Call:
        """Note that `client` begins `operation`. Do so before anything of it is sent.

        Args:
            client: a label for reports.
            operation: any value that the model understands, such as ``("write", 1)``.
            key: of the object that it is for; histories of different keys are checked apart.

        Returns:
            The call, to be told how it ends.

        Raises:
            TypeError: `client` or `key` is not hashable.
        """
        for name, value in (("client", client), ("key", key)):
            try:
                hash(value)
            except TypeError as error:
                msg = f"{name}={value!r} is not valid: it must be hashable"
                raise TypeError(msg) from error
        now = _now_simulated()
        with self._lock:
            if now is not None:
                now.past |= self._past
            self._time += 1
            call = Call(self, Operation(client, key, operation, self._time))
            self._calls[call] = None
            return call

    def ask(
        self,
        ref: ActorRef[Any],
        operation: Any,
        *,
        client: Hashable,
        key: Hashable = None,
        message: Any = None,
        timeout: float | None = None,
    ) -> Any:
        """Ask `ref`, note the operation and its result, and return the result.

        Args:
            ref: the actor to ask, as by `ActorRef.ask`.
            operation: any value that the model understands.
            client: a label for reports.
            key: of the object that it is for.
            message: what is sent; None: the operation itself.
            timeout: seconds to wait at most.

        Raises:
            BaseException: whatever `ActorRef.ask` raises, a `Timeout` for one. The operation stays pending then: no exception tells
                for sure that nothing has happened, since it may come from anybody that the asked actor asked.
        """
        call = self.invoke(client, operation, key=key)
        result = ref.ask(operation if message is None else message, timeout=timeout)
        call.returned(result)
        return result

    async def ask_async(
        self,
        ref: ActorRef[Any],
        operation: Any,
        *,
        client: Hashable,
        key: Hashable = None,
        message: Any = None,
        timeout: float | None = None,
    ) -> Any:
        """Do as `ask` does, in an async handler: await the answer.

        Args and raises: as for `ask`.
        """
        call = self.invoke(client, operation, key=key)
        result = await ref.ask_async(operation if message is None else message, timeout=timeout)
        call.returned(result)
        return result

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations so far, in the order of their beginnings; those whose call is open are pending."""
        with self._lock:
            return tuple(call._operation for call in self._calls)

    def _end(self, call: Call, result: Any, *, happened: bool) -> None:
        now = _now_simulated()
        with self._lock:
            began = call._operation
            if call._over:
                msg = f"the call is over already: {began}"
                raise RuntimeError(msg)
            call._over = True
            if not happened:
                del self._calls[call]
                return
            if now is not None:
                self._past |= now.past
            self._time += 1
            call._operation = Operation(began.client, began.key, began.what, began.invoked, self._time, result)


def _now_simulated() -> Now | None:
    """Return whoever is at work in the simulation on this thread; None outside of simulations."""
    ports = simulated()
    world = None if ports is None else ports.clock
    if not isinstance(world, World):
        return None
    world.looks_at("history", changes=True)  # the order of beginnings and ends is what it is about
    return world.at_work
