"""An actor's instance outside of any actor system: what lives in a worker process in place of an actor.

Any class will do that handles messages by `on_receive` or `@handler`; its `on_start`, `on_stop` and `on_failure` are called as in an actor,
and `cancel_token` and `deadline` tell of the message under way. What needs a system is refused with NotInActorError.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

from actors._core.future import Future
from actors._core.messages import IDLE, Entry, Note
from actors._core.options import Options
from actors._core.ports import ambient
from actors.errors import NotInActorError
from actors.scheduler.context import current_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.actor import Actor
    from actors._core.ports import Ports

__all__ = ["Resident", "ask", "fail", "move_in", "move_out", "tell"]

WHY = (
    "is not to be had here: this instance lives in a worker process, outside of the actor system. Its messages come from its pool; let it "
    "return what others are to do, or send that from an actor of the program"
)
NAMES = {
    "ref": "actor_ref, or stop(),",
    "children": "children",
    "face": "system",
    "get_urn": "actor_urn",
    "actor_class": "log, other than the standard library's,",
}

logger = logging.getLogger("actors")


class _Outside:
    """A system where none is: the clock is there, and that is all."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.config = self
        self.tracing = False

    def callback_failed(self, callback: object, error: BaseException) -> None:
        logger.error(f"greenroom: the callback {callback!r} of a cancel token failed", exc_info=error)

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)


class _Room:
    """What an instance has in place of a cell: the message under way."""

    reentrant = False
    rare = None
    incarnation = 1
    reply = None

    def __init__(self, path: str, ports: Ports) -> None:
        self.path = path
        self.receiver: Any = None
        self.current: Any = IDLE
        self.options = Options()
        self.system = _Outside(ports)

    def label(self) -> str:
        return self.path

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(name)


def _refuse(name: str) -> NoReturn:
    if name.startswith("__"):  # a protocol of Python's that asks whether it is there
        raise AttributeError(name)
    raise NotInActorError(NAMES.get(name, name), WHY)


class Resident:
    """One instance. Its methods are called one at a time.

    Args:
        actor_class: of what; it has no async handlers or hooks.
        args: of its ``__init__``.
        kwargs: likewise.
        path: of the actor that it stands for.
        ports: where it finds its clock; None: those of the process.
    """

    def __init__(
        self, actor_class: type[Actor], args: tuple[Any, ...], kwargs: dict[str, Any], path: str, ports: Ports | None = None
    ) -> None:
        self._room = _Room(path, ports or ambient())
        self._error: Exception | None = None
        self._instance = self._made(actor_class, args, kwargs)
        self._call(self._instance.on_start)

    def _made(self, actor_class: type[Actor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Actor:
        instance = actor_class.__new__(actor_class, *args, **kwargs)
        object.__setattr__(instance, "_greenroom_cell", self._room)  # a __setattr__ of the class's own may rely on its __init__
        self._call(instance.__init__, *args, **kwargs)  # type: ignore[misc]  # as `instantiate` of the kernel does
        if self._room.receiver is None:
            msg = f"{actor_class.__qualname__}.__init__() does not call super().__init__(); call it first"
            raise TypeError(msg)
        return instance

    def handle(self, message: Any, future: Future[Any] | None, deadline: float | None) -> Any:
        """Return what the handler for `message` returns.

        Args:
            message: what to handle.
            future: cancelled when the asker has lost interest; None for a message that was told.
            deadline: seconds left, None without one.
        """
        expires = None if deadline is None else self._room.system.ports.clock.now() + deadline
        self._room.current = Entry((message, future, Note(expires)))
        try:
            return self._call(self._room.receiver.on_receive, message)
        except Exception as error:
            if future is None:  # a crash
                self._error = error
            raise
        finally:
            self._room.current = IDLE

    def stop(self) -> None:
        """Run `on_stop`."""
        self._call(self._instance.on_stop)

    def fail(self) -> None:
        """Run `on_failure` with what the last message raised that was told; with three None if none did."""
        error, self._error = self._error, None
        if error is None:
            self._call(self._instance.on_failure, None, None, None)
        else:
            self._call(self._instance.on_failure, type(error), error, error.__traceback__)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NotInActorError as error:
            if error.why == WHY:
                raise
            raise NotInActorError(error.call, WHY) from None  # where else an actor could call it is no help here


# -- in a worker process: the functions that its program has it run -------------------------------------------------------------

_residents: list[Resident] = []  # the only one, once it is there


def move_in(actor_class: type[Actor], args: tuple[Any, ...], kwargs: dict[str, Any], path: str) -> None:
    """Make the instance of this process."""
    _residents.append(Resident(actor_class, args, kwargs, path))


def ask(message: Any) -> Any:
    """Have the instance handle `message`; return its answer."""
    future: Future[Any] = Future()
    run = current_run()
    if run is None:  # called by hand
        return _residents[0].handle(message, future, None)
    run.on_cancel(future.cancel)
    return _residents[0].handle(message, future, run.deadline)


def tell(message: Any) -> None:
    """Have the instance handle `message`, which nobody waits for."""
    run = current_run()
    _residents[0].handle(message, None, run.deadline if run is not None else None)


def fail() -> None:
    """Run the hook of an instance that has crashed."""
    _residents[0].fail()


def move_out() -> None:
    """Run the hook of an instance that is stopped."""
    _residents[0].stop()
