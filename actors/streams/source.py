"""The description of where elements come from, and of what is done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from actors._core.bounded import Overflow
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds
from actors.channels.using import Receiving
from actors.streams.batching import Batch, Buffer, Fold, Window
from actors.streams.checks import (
    check_callable,
    check_count,
    check_interval,
    check_name,
    check_plain,
    check_rate,
    check_system,
    is_async,
)
from actors.streams.elements import Elements, Handover, ToLoop
from actors.streams.files import check_encoding, check_path, read_blocks, read_lines
from actors.streams.graph import Edge, Node, OnError
from actors.streams.joining import Broadcast, Concat, Merge, Partition, Zip
from actors.streams.linear import Drop, Filter, FlatMap, Map, Scan, Take, TakeWhile, Tap
from actors.streams.parallel import AskEach, MapInPool
from actors.streams.sink import Sink
from actors.streams.sourcing import FromIterable
from actors.streams.stream import Stream
from actors.streams.timing import Throttle, Ticks, WindowTime
from actors.streams.waiting import FromAsync, FromEither

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
    from os import PathLike

    from actors.streams.logic import Logic
    from actors.system import ActorSystem

__all__ = ["Source"]

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")


class Source(Generic[T]):
    """A description: where elements come from, and what is done with them. It is immutable, runs nothing, and may be used again.

    Each method gives a new source with one stage more; `to` makes a `Stream` of it, which can be run.

    Args:
        elements: an iterable, an async one, or a function that makes one of the two, which is called anew for each run. Of an iterator (a
            generator, a file) a second run gets what the first has left. An async one is gone through on the system's event loop, and so is
            what is both, like a subscription of an `EventBus`.
        name: of the source, for pictures and errors.
    """

    _edge: Edge

    def __init__(
        self,
        elements: Iterable[T] | AsyncIterable[T] | Callable[[], Iterable[T] | AsyncIterable[T]],
        *,
        name: str | None = None,
    ) -> None:
        check_name(name)
        fixed = None
        iterable = hasattr(elements, "__iter__") or hasattr(elements, "__aiter__")
        if iterable and not isinstance(elements, type):  # a class makes iterables, and is none
            make: Callable[[], Any] = lambda: elements  # noqa: E731  # `elements` is one of the two
            if hasattr(elements, "__next__") or hasattr(elements, "__anext__"):
                fixed = "an iterator cannot begin anew; give Source a function that makes one"
        elif callable(elements):
            if is_async(elements):
                msg = f"elements={elements!r} is not valid: it gives a coroutine, and no elements; an async function that yields gives some"
                raise TypeError(msg)
            make = elements
        else:
            msg = f"elements={elements!r} is not valid: an iterable, an async one, or a function that makes one of them"
            raise TypeError(msg)
        self._edge = Edge(Node("source", lambda: FromEither(make), name=name, fixed=fixed))

    @classmethod
    def lines(cls, path: str | PathLike[str], *, encoding: str = "utf-8", errors: str = "strict") -> Source[str]:
        """Return a source of the lines of a text file, without their ends. The file is open from the first demand to the end of the run.

        A line is held as a whole: for files without lines there is `blocks`.

        Args:
            path: of the file; one that cannot be opened fails the stream with that OSError.
            encoding: of the text.
            errors: what becomes of bytes that are none, as for `open`.
        """
        checked = check_path(path)
        check_encoding(encoding, errors)
        return cls._of(Edge(Node("lines", lambda: FromIterable(lambda: read_lines(checked, encoding, errors)))))

    @classmethod
    def blocks(cls, path: str | PathLike[str], *, size: int = 65_536) -> Source[bytes]:
        """Return a source of the bytes of a file, `size` at a time; the last block may be shorter. See `lines`."""
        checked = check_path(path)
        check_count("size", size)
        return cls._of(Edge(Node("blocks", lambda: FromIterable(lambda: read_blocks(checked, size)))))

    @classmethod
    def receive(cls, receiver: Receiving[T]) -> Source[T]:
        """Return a source of what comes through a channel, until that is closed and drained.

        Several runs, and others, may receive from the same end: each value goes to one of them. A run takes what it has room for, and no
        more; `StreamRun.stop` lets that go through, `StreamRun.cancel` drops it. The receiver stays open.
        """
        if not isinstance(receiver, Receiving):
            msg = f"receiver={receiver!r} is not valid: a Receiver, or a Channel; what else can be iterated goes to Source(...)"
            raise TypeError(msg)
        return cls._of(Edge(Node("receive", lambda: FromAsync(receiver))))

    @classmethod
    def ticks(cls, interval: float, *, times: int | None = None) -> Source[int]:
        """Return a source of 0, 1, 2, ..., one each `interval` seconds by the clock, the first after one interval.

        A tick for which there is no room is left out, and the next number comes later: none are made up for.

        Args:
            interval: seconds, 0.001 or more.
            times: how many numbers are given; None: without end.
        """
        seconds = check_interval("interval", interval)
        if times is not None:
            check_count("times", times, least=0)
        return cls._of(Edge(Node("ticks", lambda: Ticks(seconds, times))))

    @classmethod
    def _of(cls, edge: Edge) -> Source[Any]:
        source: Source[Any] = Source.__new__(Source)
        source._edge = edge
        return source

    def _then(self, kind: str, logic: Callable[[], Logic], *others: Source[Any], outlets: int = 1) -> Source[Any]:
        """Return a source with one more stage, fed by this one and `others`."""
        edges = (self._edge, *(other._edge for other in others))
        return self._of(Edge(Node(kind, logic, edges, outlets)))

    def __repr__(self) -> str:
        return f"<Source ending in {self._edge.node.label!r}>"

    # -- one element after the other -----------------------------------------------------------------------------------------

    @overload
    def map(
        self, function: Callable[[T], Coroutine[Any, Any, U]], *, parallel: int = 1, ordered: bool = True, processes: bool = False
    ) -> Source[U]: ...
    @overload
    def map(self, function: Callable[[T], U], *, parallel: int = 1, ordered: bool = True, processes: bool = False) -> Source[U]: ...
    def map(self, function: Callable[[T], Any], *, parallel: int = 1, ordered: bool = True, processes: bool = False) -> Source[Any]:
        """Give what `function` returns for each element.

        Args:
            function: plain, or async: then its calls run on the event loop.
            parallel: calls at once. More than one of a plain function run on threads.
            ordered: whether results are given in the order of their elements; else as they come.
            processes: let the calls run in so many processes, for functions that compute; elements and results travel in company.
        """
        check_callable("function", function, "a function of one element")
        check_count("parallel", parallel)
        awaited = is_async(function)
        if processes and awaited:
            msg = f"processes={processes!r} is not valid for an async function, which waits rather than computes; a plain one computes"
            raise ValueError(msg)
        if parallel == 1 and not awaited and not processes:
            return self._then("map", lambda: Map(function))
        return self._then("map", lambda: MapInPool(function, parallel, ordered=ordered, is_async=awaited, processes=processes))

    def ask(self, ref: ActorRef[Any], *, parallel: int = 1, ordered: bool = True, timeout: float | None = None) -> Source[Any]:
        """Ask `ref` each element, and give the answers.

        Args:
            ref: an actor, a router or a pool.
            parallel: elements asked and not answered, at most. `ref` has to have room for as many: what it refuses has failed.
            ordered: whether answers are given in the order of their elements; else as they come.
            timeout: seconds that an answer may take, else the element has failed with `Timeout`; None: any time.
        """
        if not isinstance(ref, ActorRef):
            msg = f"ref={ref!r} is not valid: the ref of an actor, a router or a pool"
            raise TypeError(msg)
        check_count("parallel", parallel)
        seconds = None if timeout is None else check_seconds("timeout", timeout)
        return self._then("ask", lambda: AskEach(ref, parallel, seconds, ordered=ordered))

    def filter(self, predicate: Callable[[T], object]) -> Source[T]:
        """Give those elements on for which `predicate` is true."""
        check_plain("predicate", predicate, "a function of one element")
        return self._then("filter", lambda: Filter(predicate))

    def flat_map(self, function: Callable[[T], Iterable[U]]) -> Source[U]:
        """Give, for each element, all elements of the iterable that `function` returns. That one may be long, or without end."""
        check_plain("function", function, "a function of one element that returns an iterable")
        return self._then("flat_map", lambda: FlatMap(function))

    def scan(self, initial: U | Callable[[], U], function: Callable[[U, T], U]) -> Source[U]:
        """Give the state after each element.

        Args:
            initial: the first state, or a function of nothing that makes it.
            function: takes state and element, and returns the next state.
        """
        check_plain("function", function, "a function of state and element")
        return self._then("scan", lambda: Scan(initial, function))

    def take(self, count: int) -> Source[T]:
        """Give the first `count` elements on, and want no more: what comes before ends, too.

        No more than `count` elements are asked for, so that a source right before this stage is pulled for no others. Stages in between
        may be ahead: what they raise for elements that are not wanted any more is told to nobody.
        """
        check_count("count", count, least=0)
        return self._then("take", lambda: Take(count))

    def drop(self, count: int) -> Source[T]:
        """Give all but the first `count` elements on."""
        check_count("count", count, least=0)
        return self._then("drop", lambda: Drop(count))

    def take_while(self, predicate: Callable[[T], object]) -> Source[T]:
        """Give elements on until `predicate` is false for one, and want no more."""
        check_plain("predicate", predicate, "a function of one element")
        return self._then("take_while", lambda: TakeWhile(predicate))

    def tap(self, function: Callable[[T], object]) -> Source[T]:
        """Call `function` with each element before it is given on."""
        check_plain("function", function, "a function of one element")
        return self._then("tap", lambda: Tap(function))

    # -- gathering -----------------------------------------------------------------------------------------------------------

    def batch(self, most: int, *, within: float | None = None) -> Source[list[T]]:
        """Give lists of up to `most` elements.

        Args:
            most: elements of a full list.
            within: seconds that the first element of a list waits for company at most; None: until the list is full, or at the end.
        """
        check_count("most", most)
        seconds = None if within is None else check_seconds("within", within)
        return self._then("batch", lambda: Batch(most, seconds))

    def window(self, count: int, *, every: int | None = None) -> Source[list[T]]:
        """Give the last `count` elements (fewer at the beginning), as a list, after each `every` elements, and at the end what is left.

        Args:
            count: elements of a window.
            every: elements between two windows; None: `count`, so that each element is in one window.
        """
        check_count("count", count)
        step = count if every is None else check_count("every", every)
        return self._then("window", lambda: Window(count, step))

    def window_time(self, seconds: float, *, every: float | None = None, limit: int = 1_000_000) -> Source[list[T]]:
        """Give the elements of the last `seconds`, as a list, each `every` seconds, and at the end what is left.

        An element belongs to the time at which this stage takes it. The first window ends `every` seconds after the stream has begun. One
        with nothing in it is not given. If there is no room for a window that is due, nothing is taken until there is.

        Args:
            seconds: length of a window, 0.001 or more.
            every: seconds from one to the next, up to `seconds`; None: `seconds`, so that each element is in one window.
            limit: elements of a window at most; what is more waits, before this stage, for the next one.
        """
        length = check_interval("seconds", seconds)
        step = length if every is None else check_interval("every", every)
        if step > length:
            msg = f"every={every!r} is not valid: up to seconds={seconds!r}, for what comes between two windows would be in none"
            raise ValueError(msg)
        check_count("limit", limit)
        return self._then("window_time", lambda: WindowTime(length, step, limit))

    def throttle(self, per_second: float, *, burst: int = 1) -> Source[T]:
        """Give no more than so many elements a second on; others wait.

        Args:
            per_second: elements a second, by the clock.
            burst: how many may go at once after a time in which fewer came: a bucket of so many tokens, full at the beginning.
        """
        rate = check_rate("per_second", per_second)
        check_count("burst", burst)
        return self._then("throttle", lambda: Throttle(rate, burst))

    def fold(self, initial: R | Callable[[], R], function: Callable[[R, T], R]) -> Source[R]:
        """Give one element, at the end: what `function` has made of all.

        Args:
            initial: the first state, or a function of nothing that makes it.
            function: takes state and element, and returns the next state.
        """
        check_plain("function", function, "a function of state and element")
        return self._then("fold", lambda: Fold(initial, function))

    def buffer(self, capacity: int, overflow: Overflow = Overflow.BLOCK) -> Source[T]:
        """Hold up to `capacity` elements for what comes behind.

        Args:
            capacity: elements held, beside those that wait before every stage.
            overflow: what becomes of more. BLOCK: they wait before. DROP_OLDEST, DROP_NEWEST: one is dropped, and counted in
                `StageStats.dropped`, so that nothing before is held up.
        """
        check_count("capacity", capacity)
        if not isinstance(overflow, Overflow):
            msg = f"overflow={overflow!r} is not valid: a member of Overflow"
            raise TypeError(msg)
        if overflow is Overflow.REJECT:
            msg = f"overflow={overflow} is not valid: nobody is there to be refused; BLOCK, DROP_OLDEST or DROP_NEWEST"
            raise ValueError(msg)
        return self._then("buffer", lambda: Buffer(capacity, overflow))

    # -- several sources -----------------------------------------------------------------------------------------------------

    def merge(self, *others: Source[T]) -> Source[T]:
        """Give the elements of all sources on as they come, each source's in order. It ends when all have ended."""
        return self._then("merge", Merge, *_sources(others))

    def concat(self, *others: Source[T]) -> Source[T]:
        """Give all elements of this source on, then those of the next. A source is not begun before its turn."""
        return self._then("concat", Concat, *_sources(others))

    @overload
    def zip(self, other: Source[U], /) -> Source[tuple[T, U]]: ...
    @overload
    def zip(self, *others: Source[Any]) -> Source[tuple[Any, ...]]: ...
    def zip(self, *others: Source[Any]) -> Source[Any]:
        """Give tuples with one element of each source, until one of them has ended.

        Where the sources are branches of one stage, and one of them drops or adds elements, the other has to hold what is to wait:
        give it a `buffer`. A stream whose branches wait for each other for ever fails with `StreamGraphError`.
        """
        return self._then("zip", Zip, *_sources(others))

    def broadcast(self, count: int) -> tuple[Source[T], ...]:
        """Return `count` sources that each give every element. The slowest sets the pace; one that wants no more leaves the others.

        All of them have to be used, in the same run: see `Stream`.
        """
        check_count("count", count)
        return self._branches(count, "broadcast", Broadcast)

    def partition(self, count: int, key: Callable[[T], int]) -> tuple[Source[T], ...]:
        """Return `count` sources that share the elements: each goes to the one whose number `key` returns.

        All of them have to be used, in the same run: see `Stream`. An element that its branch has no room for holds up those behind it.
        What is for a branch that wants no more is dropped, and counted in `StageStats.dropped`.

        Args:
            count: how many.
            key: takes an element, and returns a number from 0 to ``count - 1`` (False is 0, True is 1). What it raises, or any other
                result, which is a ValueError, fails the stream.
        """
        check_count("count", count)
        check_plain("key", key, "a function of one element that returns a whole number")
        return self._branches(count, "partition", lambda: Partition(key))

    def _branches(self, count: int, kind: str, logic: Callable[[], Logic]) -> tuple[Source[T], ...]:
        node = self._then(kind, logic, outlets=count)._edge.node
        return tuple(self._of(Edge(node, outlet)) for outlet in range(count))

    def via(self, flow: Callable[[Source[T]], Source[U]]) -> Source[U]:
        """Return ``flow(self)``: stages that are written once and used in several streams."""
        source = check_plain("flow", flow, "a function from Source to Source")(self)
        if not isinstance(source, Source):
            msg = f"flow={flow!r} is not valid: it returned {source!r}, and not a Source"
            raise TypeError(msg)
        return source

    # -- of the last stage ---------------------------------------------------------------------------------------------------

    def named(self, name: str) -> Source[T]:
        """Give the last stage a name, for pictures and errors."""
        if check_name(name) is None:
            msg = "name=None is not valid: a text"
            raise TypeError(msg)
        return self._with(name=name)

    def on_error(self, policy: OnError, *, limit: int | None = None) -> Source[T]:
        """Say what happens if the function of the last stage raises, or the source does; without this, `OnError.STOP`.

        Args:
            policy: see `OnError`.
            limit: so many times at most, then STOP; None: any number of times. (A source that raises before its first element is tried
                again only if there is a limit.)
        """
        if not isinstance(policy, OnError):
            msg = f"policy={policy!r} is not valid: a member of OnError"
            raise TypeError(msg)
        if limit is not None:
            check_count("limit", limit, least=0)
        fixed = self._edge.node.fixed
        if policy is OnError.RESTART and fixed is not None:
            msg = f"policy={policy} is not valid here: {fixed}"
            raise ValueError(msg)
        return self._with(policy=policy, limit=limit)

    def _with(self, **changes: Any) -> Source[T]:
        node = self._edge.node
        if node.outlets > 1:
            name, value = next(iter(changes.items()))
            msg = f"{name}={value!r} is not valid for a branch of a {node.kind}(); say it before that"
            raise ValueError(msg)
        return self._of(Edge(replace(node, **changes)))

    def to(self, sink: Sink[T, R]) -> Stream[R]:
        """Return the stream that ends in `sink`."""
        if not hasattr(sink, "_end"):
            msg = f"sink={sink!r} is not valid: a Sink, like Sink.collect()"
            raise TypeError(msg)
        return Stream._of(sink._end(self))

    def iterate(self, system: ActorSystem, *, capacity: int = 256) -> Elements[T]:
        """Run it with a loop as its end: return the elements, for ``for`` or ``async for``.

        Args:
            system: where it runs.
            capacity: elements that wait for the loop at most; when it does not come back for more, the stream is held up.
        """
        check_system(system)
        check_count("capacity", capacity)
        handover = Handover(capacity, system.ports)
        return Elements(self.to(Sink._make("loop", lambda: ToLoop(handover))).run(system), handover)


def _sources(others: tuple[Any, ...]) -> tuple[Source[Any], ...]:
    if not others:
        msg = "others=() is not valid: one source or more"
        raise ValueError(msg)
    for other in others:
        if not isinstance(other, Source):
            msg = f"others={other!r} is not valid: a Source"
            raise TypeError(msg)
    return others
