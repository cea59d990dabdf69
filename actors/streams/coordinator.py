"""The actor of a stream: the parent of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.future import Future
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Unbounded
from actors._core.messages import Down
from actors._core.options import DispatcherKind
from actors.errors import AskCancelled
from actors.streams.errors import StageDiedError, StreamCancelled, StreamGraphError
from actors.streams.events import StreamEnded
from actors.streams.flow import Flow
from actors.streams.graph import plan
from actors.streams.messages import Begin, Cancel, Failed, Finish, Finished, Halt, Look, Overtime, Stalled, send
from actors.streams.stage import actor_class_of
from actors.streams.stats import StreamState, StreamStats
from actors.texts import error_text

if TYPE_CHECKING:
    from actors._core.ports import Ports
    from actors._core.ref import ActorRef
    from actors.streams.graph import Node, Planned
    from actors.streams.stage import StageActor

__all__ = ["Course", "StreamActor"]

PATIENCE = 0.5  # seconds that stages have to give back what they hold once the stream is over; then they are killed
STILL = 0.5  # seconds after which a stream whose branches wait for each other is looked at; then after twice as long, and so on
STILL_AT_MOST = 1e9  # seconds; a stream that was busy so long is looked at again when one of its stages has come to rest
STALLED = (
    "its branches wait for each other for ever: one has no room, another wants more, and they come together again; "
    "give the branch that waits a buffer(capacity), or let no stage between drop or add elements"
)


class Course:
    """One run of a stream: what its actor, its handle and its stages share.

    Attributes:
        ends: the sinks, in the order of the results.
        single: whether the result is that of the only sink, and not a tuple.
        stages: all stages, each after those that feed it.
        flows: their ends and counters.
        future: of the result. Whoever resolves it has decided how the stream ends.
        stopping: whether `stop()` was called; set once, from anywhere.
        begun: clock time.
        ended: clock time; None before. Written by the stream's actor.
        name: of the stream; written when its actor has a place.
    """

    def __init__(self, ends: tuple[Node, ...], ports: Ports, *, single: bool, buffer: int) -> None:
        self.ends = ends
        self.single = single
        self.ports = ports
        self.stages: list[Planned] = plan(ends)
        self.flows = [Flow(planned, ports, buffer) for planned in self.stages]
        self.future: Future[Any] = Future()
        if ports.dispatcher is not None:
            ports.dispatcher.adopt(self.future)
        self.stopping = False
        self.begun = ports.clock.now()
        self.ended: float | None = None
        self.name = "stream"

    def halt(self) -> None:
        """Have every stage end its slice of work after the element that it is at."""
        for flow in self.flows:
            flow.halted = flow.hurry = True

    def release(self) -> None:
        """Have given back what stages still hold that did not end by themselves; one that is stuck does it when it comes back."""
        self.halt()
        for flow in self.flows:
            flow.release()

    def sight(self) -> tuple[object, ...] | None:
        """Return all that changes when anything moves; None if something works, waits for the world outside, or is on its way."""
        if not all(flow.rests for flow in self.flows) or all(flow.ended for flow in self.flows):
            return None
        seen: list[object] = []
        for planned, flow in zip(self.stages, self.flows, strict=True):
            for inlet, (index, number) in zip(flow.inlets, planned.inlets, strict=True):
                outlet = self.flows[index].outlets[number]
                here, there = inlet.settled(), outlet.settled()
                if here != there:
                    return None
                seen.append(here)
        return tuple(seen)

    @property
    def state(self) -> StreamState:
        """Where the stream is in its life."""
        if not self.future.done():
            return StreamState.STOPPING if self.stopping else StreamState.RUNNING
        error = self.future.exception()
        if error is None:
            return StreamState.SUCCEEDED
        return StreamState.CANCELLED if isinstance(error, StreamCancelled | AskCancelled) else StreamState.FAILED

    def stats(self) -> StreamStats:
        """Return the figures of this moment."""
        now = self.ports.clock.now() if self.ended is None else self.ended
        stages = tuple(flow.stats(now) for flow in self.flows)
        state = self.state
        error = self.future.exception() if state is StreamState.FAILED else None
        told = error_text(error) if error is not None else None
        return StreamStats(name=self.name, state=state, seconds=now - self.begun, stages=stages, error=told)


class StreamActor(Actor, dispatcher=DispatcherKind.POOL, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Starts the stages of a stream, hears how they end, and ends with them.

    Args:
        course: the run.
    """

    def __init__(self, course: Course) -> None:
        super().__init__()
        self._course = course
        self._refs: list[ActorRef[StageActor]] = []
        self._finished: set[int] = set()  # stages
        self._results: dict[int, Any] = {}  # of sinks, by stage
        self._outcome: tuple[BaseException | None, Any] | None = None  # error and result, once they are known
        self._still: tuple[object, ...] | None = None  # what there was to see when the stream was looked at last
        self._pause = STILL  # seconds until it is looked at again
        self._at: list[tuple[Flow, int]] = []  # sources, and the slice of work that each was at when they were told to end

    def on_start(self) -> None:
        """Start the stages, and tell each of its neighbours."""
        course = self._course
        if course.future.done():  # cancelled before it began; or a restart, which has no elements to go on with
            self._leave()
            return
        course.name = self._greenroom_cell.get_name()
        me, cell = self.actor_ref, self._greenroom_cell
        for planned, flow in zip(course.stages, course.flows, strict=True):
            name = f"{planned.index}-{planned.node.kind}"
            # Not `spawn`, which waits here: parked behind a stage of another stream that blocks, no stage of this one would start.
            given = (course.name, planned, flow, me)
            ref = cell.system.start(actor_class_of(planned), given, {}, name, parent=cell)
            self.watch(ref)
            self._refs.append(ref)
        for planned in course.stages:
            upstream = [(self._refs[index], outlet) for index, outlet in planned.inlets]
            downstream = [(self._refs[index], inlet) for index, inlet in planned.outlets]
            send(self._refs[planned.index], Begin(upstream, downstream))

    def on_stop(self) -> None:
        """Give the result: now that all stages have ended. The system may end before there is one."""
        course = self._course
        course.release()
        error, result = self._outcome if self._outcome is not None else (StreamCancelled(course.name), None)
        if error is None:
            course.future.try_set(result)
        else:
            course.future.try_fail(error)
        self._tell_end()

    def on_failure(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        """Likewise, when this actor crashes or is restarted: its stages end with it."""
        course = self._course
        course.halt()
        course.future.try_fail(error or StreamCancelled(course.name))
        self._tell_end()

    @handler
    def stop_sources(self, _: Finish) -> None:
        """End the sources."""
        if self._at:  # they were told
            return
        for flow, ref in zip(self._course.flows, self._refs, strict=False):
            if not flow.inlets:
                # Invariant: a slice that does not find `finishing` set has begun before its number is read here.
                flow.finishing = flow.hurry = True
                self._at.append((flow, flow.slices))
                send(ref, Finish())
        if not self.timer_active("overtime"):  # the stream may be over, and its stages have their time
            self.start_timer("overtime", PATIENCE, Overtime())

    @handler
    def cancel(self, _: Cancel) -> None:
        """End all stages."""
        self._settle(StreamCancelled(self._course.name), None)
        self._leave_if_done()

    @handler
    def overtime(self, _: Overtime) -> None:
        """Go on without the stages that are stuck: sources that do not end when they are told, and any once the stream is over."""
        if self._outcome is not None:
            self._leave()
            return
        for flow, slices in self._at:
            if flow.working and flow.slices == slices:  # any other pulls nothing more, and gives on what it has
                for outlet in flow.outlets:
                    outlet.end(None)

    @handler
    def finished(self, message: Finished) -> None:
        """Take note that a stage has ended."""
        self._finished.add(message.index)
        course = self._course
        if self._outcome is None and not course.stages[message.index].outlets:
            self._results[message.index] = message.result
            sinks = [planned for planned in course.stages if not planned.outlets]
            if len(self._results) == len(sinks):
                results = {planned.node: self._results[planned.index] for planned in sinks}
                made = tuple(results[node] for node in course.ends)
                self._settle(None, made[0] if course.single else made)
        self._leave_if_done()

    @handler
    def failed(self, message: Failed) -> None:
        """Fail with what went wrong."""
        self._settle(message.error, None)
        self._leave_if_done()

    @handler
    def down(self, message: Down) -> None:
        """Fail if a stage has ended that should not."""
        index = self._refs.index(message.ref)
        if index not in self._finished:
            self._finished.add(index)
            flow = self._course.flows[index]
            flow.failed = flow.ended = True  # its own turns are over
            error = StageDiedError(self._course.name, flow.name, message.reason)
            error.__cause__ = message.error
            self._settle(error, None)
            self._leave_if_done()

    # -- the end -------------------------------------------------------------------------------------------------------------

    def _settle(self, error: BaseException | None, result: Any) -> None:
        """Take note of how the stream ends, if that was not known, and have the stages give back what they hold."""
        if self._outcome is not None:
            return
        self._outcome = (error, result)
        self._course.halt()
        for ref in self._refs:
            send(ref, Halt())
        self.start_timer("overtime", PATIENCE, Overtime())

    def _leave_if_done(self) -> None:
        if self._outcome is not None and len(self._finished) == len(self._refs):
            self._leave()

    def _leave(self) -> None:
        """End; a stage that is stuck is left behind."""
        for index, ref in enumerate(self._refs):
            self.unwatch(ref)
            if index not in self._finished:
                ref.kill(block=False)
        self.stop()

    def _tell_end(self) -> None:
        course = self._course
        if course.ended is not None:
            return
        course.ended = course.ports.clock.now()
        error = course.future.exception()
        self.system.events.publish(StreamEnded(course.name, course.state, error))

    # -- branches that wait for each other -----------------------------------------------------------------------------------

    @handler
    def stalled(self, _: Stalled) -> None:
        """Look, some time from now, whether anything moves."""
        if self._outcome is None and not self.timer_active("look"):
            self._still, self._pause = self._course.sight(), STILL
            self.start_timer("look", self._pause, Look())

    @handler
    def look(self, _: Look) -> None:
        """Fail if nothing has moved, nothing is on its way, and nobody waits for anything but elements and room: it will be so for ever."""
        if self._outcome is not None:
            return
        seen = self._course.sight()
        if seen is None or seen != self._still:
            self._still, self._pause = seen, 2 * self._pause
            if self._pause >= STILL_AT_MOST:
                for flow in self._course.flows:
                    flow.unwatched = True
                # Invariant: set before this look. What has come to rest before it is seen here; what does so later tells of it.
                self._still, self._pause = self._course.sight(), STILL
            if self._pause > STILL or self._still is not None:
                self.start_timer("look", self._pause, Look())
            return
        name = next((flow.name for flow in self._course.flows if len(flow.outlets) > 1), self._course.name)
        self._settle(StreamGraphError(STALLED, name), None)
        self._leave_if_done()
