"""Companions: actors on the event loop that do for a stage what it would have to wait for.

A stage does not wait: while it did, it could not hear that the stream is over. So an `await` of an async iterable, or of a channel with
no room, happens in one task of a child of the stage's actor, and the stage hears of it by `Stage.wake`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from actors._core.actor import Actor
from actors._core.ending import when_ended
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Unbounded
from actors._core.options import DispatcherKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from actors._core.ref import ActorRef
    from actors.channels.using import Sending

__all__ = ["END", "Deliver", "Pull", "Puller", "Pusher", "Raised", "Retry"]

PATIENCE: Final = 0.5  # seconds that a task which was cancelled has to give back what it holds; then it is left behind


class _End:
    def __repr__(self) -> str:
        return "<end>"


END: Final = _End()
"""What a companion tells last."""


class Raised:
    """What a companion tells in place of an element: what was raised."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Pull:
    """To a `Puller`: there is room for so many more elements."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count

    def __repr__(self) -> str:
        return f"Pull({self.count})"


class Retry:
    """To a `Puller`: go on, in spite of what was raised."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Retry()"


class Deliver:
    """To a `Pusher`: elements to be sent."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items

    def __repr__(self) -> str:
        return f"Deliver({self.items!r:.80})"


class Companion(Actor, dispatcher=DispatcherKind.EVENT_LOOP, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Does one thing after the other in a task of its own, which ends when the actor does, however that comes.

    Everything in it happens on the thread of the loop; so does `tell`.

    Args:
        home: the stage's actor, which cannot go on without it.
        tell: takes what there is to tell: elements, what was raised, and END at the end, always.
    """

    def __init__(self, home: ActorRef[Any], tell: Callable[[Any], None]) -> None:
        super().__init__()
        self._home = home
        self._tell = tell
        self._leaving = False  # whether the task was cancelled because nobody needs it any more; set once
        self._more = asyncio.Event()

    async def on_start(self) -> None:  # type: ignore[override]  # hooks may be async
        """Begin."""
        loop = asyncio.get_running_loop()
        self._task = task = asyncio.create_task(self._run())

        def ended(_: object) -> None:
            # A kill runs no hook, so this cancels the task; and the stage would wait for ever for what this one was to tell.
            if not self._leaving:
                self._leaving = True
                with contextlib.suppress(RuntimeError):  # the loop is closed, and the task has ended with it
                    loop.call_soon_threadsafe(task.cancel)
                self._home.kill(block=False)

        when_ended(self._greenroom_cell).add_done_callback(ended)

    async def on_stop(self) -> None:  # type: ignore[override]  # hooks may be async
        """End the task, and have it give back what it holds."""
        self._leaving = True
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=PATIENCE)

    async def _run(self) -> None:
        try:
            await self._drive()
        except BaseException as error:  # noqa: BLE001  # the stage raises it: there it counts as what is raised in a stage
            self._tell_error(error)
        finally:
            self._tell(END)

    def _tell_error(self, error: BaseException) -> None:
        """Tell what was raised, unless that is how the task ends when nobody needs it any more."""
        if not (self._leaving and isinstance(error, asyncio.CancelledError)):
            self._tell(Raised(error))

    async def _drive(self) -> None:
        raise NotImplementedError


class Puller(Companion):
    """Awaits the elements of an async iterable: as many as it is told to.

    Args:
        home: see `Companion`.
        tell: likewise; it is told each element at once, before the next one is awaited.
        elements: the iterable. Its iterator is closed at the end if it has an ``aclose``.
    """

    def __init__(self, home: ActorRef[Any], tell: Callable[[Any], None], elements: AsyncIterable[Any]) -> None:
        super().__init__(home, tell)
        self._elements = elements
        self._wanted = 0
        self._raised = False  # whether it is for the stage to say whether to go on

    @handler
    async def retry(self, _: Retry) -> None:
        """Go on after an error."""
        self._raised = False
        self._more.set()

    @handler
    async def pull(self, message: Pull) -> None:
        """Go on."""
        self._wanted += message.count
        self._more.set()

    async def _drive(self) -> None:
        iterator = aiter(self._elements)
        try:
            while not self._leaving:  # an iterator may keep a cancellation to itself
                while self._raised or not self._wanted:
                    self._more.clear()
                    await self._more.wait()
                try:
                    element = await anext(iterator)
                except StopAsyncIteration:
                    return
                except Exception as error:  # noqa: BLE001  # by the policy of the stage it may go on
                    self._raised = True
                    self._tell_error(error)
                else:
                    self._wanted -= 1
                    self._tell(element)
        finally:
            close = getattr(iterator, "aclose", None)
            if callable(close):
                await close()


class Pusher(Companion):
    """Sends elements over a channel, one after the other.

    Args:
        home: see `Companion`.
        tell: likewise; it is told each element that was sent.
        sender: the end of the channel.
    """

    def __init__(self, home: ActorRef[Any], tell: Callable[[Any], None], sender: Sending[Any]) -> None:
        super().__init__(home, tell)
        self._sender = sender
        self._items: deque[Any] = deque()

    @handler
    async def deliver(self, message: Deliver) -> None:
        """Go on."""
        self._items.extend(message.items)
        self._more.set()

    async def _drive(self) -> None:
        while True:
            while not self._items:
                self._more.clear()
                await self._more.wait()
            element = self._items.popleft()
            await self._sender.send_async(element)
            self._tell(element)
