"""The description of where a stream ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds
from actors.channels.using import Sending
from actors.streams.checks import check_callable, check_count, check_name, check_plain, is_async
from actors.streams.files import ToFile, check_encoding, check_path
from actors.streams.graph import Node
from actors.streams.sinking import Collect, Count, Each, FoldAll, Ignore, Last
from actors.streams.waiting import ToChannel

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from actors.streams.logic import SinkLogic
    from actors.streams.source import Source

__all__ = ["Sink"]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Sink(Generic[T_contra, R_co]):
    """A description: where a stream ends, and what its result is. Immutable; made by the class methods; may be used again."""

    _kind: str
    _logic: Callable[[], SinkLogic]
    _name: str | None = None
    _flow: Callable[[Source[Any]], Source[Any]] | None = None  # stages that come before the last one

    @classmethod
    def _make(
        cls, kind: str, logic: Callable[[], SinkLogic], *, flow: Callable[[Source[Any]], Source[Any]] | None = None
    ) -> Sink[Any, Any]:
        """Return a sink; with `flow`, what that makes of the source goes into it."""
        sink: Sink[Any, Any] = Sink.__new__(Sink)
        sink._kind, sink._logic, sink._flow = kind, logic, flow
        return sink

    def _end(self, source: Source[Any]) -> Node:
        """Return the last stage, fed by `source`."""
        if self._flow is not None:
            source = self._flow(source)
        return Node(self._kind, self._logic, (source._edge,), 0, self._name)

    def __repr__(self) -> str:
        return f"<Sink {self._name or self._kind!r}>"

    def named(self, name: str) -> Sink[T_contra, R_co]:
        """Return the same sink with a name, for pictures and errors."""
        if check_name(name) is None:
            msg = "name=None is not valid: a text"
            raise TypeError(msg)
        sink: Sink[Any, Any] = self._make(self._kind, self._logic, flow=self._flow)
        sink._name = name
        return sink

    @classmethod
    def collect(cls, limit: int = 1_000_000) -> Sink[T, list[T]]:
        """Return a sink whose result is the list of all elements.

        Args:
            limit: elements; if more come the stream fails with `StreamLimitError`.
        """
        check_count("limit", limit, least=0)
        return cls._make("collect", lambda: Collect(limit))

    @classmethod
    def last(cls) -> Sink[T, T | None]:
        """Return a sink whose result is the last element, None if there was none."""
        return cls._make("last", Last)

    @classmethod
    def count(cls) -> Sink[Any, int]:
        """Return a sink whose result is the number of elements."""
        return cls._make("count", Count)

    @classmethod
    def ignore(cls) -> Sink[Any, None]:
        """Return a sink that drops all elements; its result is None."""
        return cls._make("ignore", Ignore)

    @classmethod
    def each(cls, function: Callable[[T], object], *, parallel: int = 1) -> Sink[T, int]:
        """Return a sink that calls `function` with each element; its result is the number of elements.

        Args:
            function: plain or async.
            parallel: calls at once; with more than one, or an async function, they are made as in `Source.map`, in no certain order.
        """
        check_callable("function", function, "a function of one element")
        check_count("parallel", parallel)
        if parallel == 1 and not is_async(function):
            return cls._make("each", lambda: Each(function))
        return cls._make("count", Count, flow=lambda source: source.map(function, parallel=parallel, ordered=False).named("each"))

    @classmethod
    def actor(cls, ref: ActorRef[Any], *, parallel: int = 1, timeout: float | None = None) -> Sink[Any, int]:
        """Return a sink that asks `ref` each element; its result is how many were answered. What is not answered yet holds the stream up.

        Args:
            ref: an actor, a router or a pool.
            parallel: elements asked and not answered, at most.
            timeout: seconds that an answer may take, else the stream fails with `Timeout`; None: any time.
        """
        if not isinstance(ref, ActorRef):
            msg = f"ref={ref!r} is not valid: the ref of an actor, a router or a pool"
            raise TypeError(msg)
        check_count("parallel", parallel)
        if timeout is not None:
            check_seconds("timeout", timeout)
        return cls._make("count", Count, flow=lambda source: source.ask(ref, parallel=parallel, ordered=False, timeout=timeout))

    @classmethod
    def fold(cls, initial: R | Callable[[], R], function: Callable[[R, T], R]) -> Sink[T, R]:
        """Return a sink whose result is what `function` has made of all elements.

        Args:
            initial: the first state, or a function of nothing that makes it.
            function: takes state and element, and returns the next state.
        """
        check_plain("function", function, "a function of state and element")
        return cls._make("fold", lambda: FoldAll(initial, function))

    @classmethod
    def channel(cls, sender: Sending[T], *, close: bool = True) -> Sink[T, int]:
        """Return a sink that sends the elements over a channel; its result is the number of those sent.

        While the channel is full the stream is held up. Once nobody can receive any more, what comes before ends, and the result is the
        number so far.

        Args:
            sender: the end of the channel.
            close: whether it is closed at the end of the run, however that comes. (Receivers cannot see whether the stream has failed:
                `Source.iterate` tells.)
        """
        if not isinstance(sender, Sending):
            msg = f"sender={sender!r} is not valid: a Sender, or a Channel"
            raise TypeError(msg)
        if not isinstance(close, bool):
            msg = f"close={close!r} is not valid: True or False"
            raise TypeError(msg)
        return cls._make("channel", lambda: ToChannel(sender, close=close))

    @classmethod
    def file(
        cls, path: str | PathLike[str], *, mode: Literal["w", "a"] = "w", encoding: str = "utf-8"
    ) -> Sink[str | bytes | bytearray | memoryview, int]:
        """Return a sink that writes the elements to a file; its result is their number.

        A str is a line: its end is added. Bytes are written as they are. What a stage has taken at a time is handed to the operating
        system at once; if the stream fails, what came before is in the file.

        Args:
            path: of the file, which is opened at the beginning of the run. One that cannot be opened fails the stream
                with that OSError.
            mode: ``w``: anew; ``a``: what is in it stays.
            encoding: of the lines.
        """
        checked = check_path(path)
        if mode not in ("w", "a"):
            msg = f"mode={mode!r} is not valid: 'w' or 'a'"
            raise ValueError(msg)
        check_encoding(encoding)
        return cls._make("file", lambda: ToFile(checked, mode, encoding))
