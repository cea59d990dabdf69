"""A stream that can be run, and its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from actors._core.ending import when_ended
from actors._core.ports import touched
from actors.streams.checks import check_count, check_system
from actors.streams.coordinator import Course, StreamActor
from actors.streams.errors import StageDiedError, StreamCancelled
from actors.streams.messages import Cancel, Finish, send
from actors.streams.picture_mermaid import stream_mermaid
from actors.streams.picture_svg import stream_svg
from actors.streams.picture_text import stream_text

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from actors._core.future import Future
    from actors._core.ref import ActorRef
    from actors.streams.graph import Node
    from actors.streams.stats import StreamStats
    from actors.system import ActorSystem

__all__ = ["Stream", "StreamRun"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
R = TypeVar("R")

CLOSING = 5.0  # seconds that the end of a `with` waits for a cancelled stream; stages that are stuck are left behind long before


class Stream(Generic[R]):
    """A description of a whole stream, from its sources to its ends. Immutable; may be run several times, also at once.

    Args:
        streams: several ends of one graph, as the branches of a broadcast or a partition have; the result is the tuple of their results.
    """

    _ends: tuple[Node, ...]
    _single: bool

    @overload
    def __init__(self: Stream[tuple[A]], one: Stream[A], /) -> None: ...
    @overload
    def __init__(self: Stream[tuple[A, B]], one: Stream[A], two: Stream[B], /) -> None: ...
    @overload
    def __init__(self: Stream[tuple[A, B, C]], one: Stream[A], two: Stream[B], three: Stream[C], /) -> None: ...
    @overload
    def __init__(self: Stream[tuple[Any, ...]], *streams: Stream[Any]) -> None: ...
    def __init__(self, *streams: Stream[Any]) -> None:
        if not streams:
            msg = "streams=() is not valid: one stream or more; Source(...).to(Sink...) makes one"
            raise ValueError(msg)
        for stream in streams:
            if not isinstance(stream, Stream):
                msg = f"streams={stream!r} is not valid: a Stream, which Source(...).to(Sink...) makes"
                raise TypeError(msg)
            if not stream._single:
                msg = f"streams={stream!r} is not valid: it has several ends itself; give all of them to one Stream"
                raise ValueError(msg)
        self._ends = tuple(stream._ends[0] for stream in streams)
        self._single = False

    @classmethod
    def _of(cls, end: Node) -> Stream[Any]:
        stream: Stream[Any] = Stream.__new__(Stream)
        stream._ends, stream._single = (end,), True
        return stream

    def __repr__(self) -> str:
        return f"<Stream to {', '.join(repr(end.label) for end in self._ends)}>"

    def run(self, system: ActorSystem, *, name: str | None = None, buffer: int = 512) -> StreamRun[R]:
        """Start its stages, each an actor of `system`, and return at once.

        Args:
            system: where they run.
            name: of the actor that they are children of; None: one that the system makes.
            buffer: elements that wait before each stage at most; a stage with several inlets shares it among them. What a stage holds by
                itself (a batch, a window, answers to come) is beside that.

        Raises:
            StreamGraphError: the stages do not hang together: a branch that is not used, or used twice.
            NameTakenError: `name` is taken.
        """
        check_system(system)
        check_count("buffer", buffer)
        course = Course(self._ends, system.ports, single=self._single, buffer=buffer)
        return StreamRun(course, system.start(StreamActor, course, name=name))


class StreamRun(Generic[R]):
    """One run of a stream. Made by `Stream.run`.

    With ``with`` or ``async with`` it is cancelled at the end if it is not over. It may be awaited: that gives the result.
    """

    def __init__(self, course: Course, ref: ActorRef[StreamActor]) -> None:
        self._course = course
        self._ref = ref
        course.name = ref.name

        def lost(_: object) -> None:  # however the stream's actor ends, there is a result
            course.halt()
            course.future.try_fail(StageDiedError(course.name, course.name))
            if any(flow.held for flow in course.flows):  # the actor was killed; generators of users are closed where they may block
                course.ports.aside(course.release, "stream")

        def settled(_: object) -> None:  # also by somebody who cancels the future: nobody waits for the result, and nothing shall run on
            course.halt()
            send(ref, Cancel())

        self._gone = when_ended(ref._target)
        self._gone.add_done_callback(lost)
        course.future.add_done_callback(settled)
        # At a shutdown a graceful stop of the stages would wait for calls that take long, or never come back.
        shutdown = ref._target.system.shutdown
        if not shutdown.ends_first(course, self._end):
            self.cancel()
        self._gone.add_done_callback(lambda _: shutdown.ended_before(course))

    def __repr__(self) -> str:
        return f"<StreamRun {self._course.name!r} {self._course.state.value}>"

    @property
    def future(self) -> Future[R]:
        """The future of the result. It is resolved exactly once, whatever happens. To cancel it is to cancel the stream."""
        return self._course.future

    @property
    def ref(self) -> ActorRef[StreamActor]:
        """The actor that is the parent of the stages."""
        return self._ref

    @property
    def done(self) -> bool:
        """Whether the result, or the error in its place, is there."""
        return self._course.future.done()

    def result(self, *, timeout: float | None = None) -> R:
        """Return the result, waiting for it if need be.

        Args:
            timeout: seconds to wait at most; the stream goes on.

        Raises:
            Timeout: it is not there within `timeout`.
            StreamCancelled: the stream was cancelled, or the system has ended.
            StageDiedError: an actor of the stream was killed.
            Exception: what a stage raised, with a note that says where.
        """
        return self._course.future.get(timeout=timeout)

    def __await__(self) -> Generator[Any, None, R]:
        return self._course.future.__await__()

    def stop(self) -> None:
        """Have the sources end. What they have pulled goes through to the ends, and the result is that of what came.

        A source whose iterator does not come back within half a second is left behind: what it gives later is a dead letter.
        """
        self._course.stopping = True
        send(self._ref, Finish())

    def cancel(self) -> bool:
        """End the stream now; what is under way is lost. Return False if it was over before."""
        return self._course.future.try_fail(StreamCancelled(self._course.name))

    def _end(self) -> Future[Any]:
        self.cancel()
        return self._gone

    def stats(self) -> StreamStats:
        """Return what every stage is at, how much has passed it, and how fast. Costs the stream nothing."""
        touched(self._course.ports, None)
        return self._course.stats()

    def picture(self, kind: Literal["text", "mermaid", "svg"] = "text", *, width: int = 100) -> str:
        """Return the stages as they are now, and how they hang together: what each is at, how fast, how much waits before it.

        The stage that sets the pace of the others, see `StreamStats.stuck`, is marked.

        Args:
            kind: ``text`` for a terminal, ``mermaid`` for a flowchart that GitHub and MkDocs draw, ``svg`` for a picture.
            width: columns of the text at most, 20 or more.
        """
        check_count("width", width, least=20)
        if kind not in ("text", "mermaid", "svg"):
            msg = f"kind={kind!r} is not valid: 'text', 'mermaid' or 'svg'"
            raise ValueError(msg)
        stats = self.stats()
        if kind == "text":
            return stream_text(stats, width)
        return stream_mermaid(stats) if kind == "mermaid" else stream_svg(stats)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.cancel()
        self._gone.get(timeout=CLOSING)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.cancel()
        await self._gone
