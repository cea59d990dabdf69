"""The actor of a stage: it drives a logic, speaks with its neighbours, and deals with what goes wrong."""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.actor import Actor
from actors._core.events import DeadLetterReason
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.mailbox import Unbounded
from actors._core.options import DispatcherKind
from actors.streams.errors import StageDiedError
from actors.streams.events import ElementSkipped, StageRestarted
from actors.streams.graph import OnError
from actors.streams.logic import NOTHING, SLICE, SinkLogic
from actors.streams.messages import (
    Begin,
    Cancelled,
    Demand,
    Elements,
    Ended,
    Failed,
    Finish,
    Finished,
    GoOn,
    Halt,
    Stalled,
    Tick,
    send,
)

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ref import ActorRef
    from actors.streams.flow import Flow
    from actors.streams.graph import Planned
    from actors.streams.logic import Logic

__all__ = ["SinkActor", "SourceActor", "StageActor", "actor_class_of"]

GO_ON, HALT, STALLED, TICK = GoOn(), Halt(), Stalled(), Tick()
ROUNDS = 4  # slices of work of one message, at most: between two messages the stage hears whether the stream is over


class StageActor(Actor, dispatcher=DispatcherKind.POOL, isolation=Isolation.SHARE, mailbox=Unbounded()):
    """Runs one stage of one stream. Made by a `StreamActor`.

    Args:
        stream: the stream's name.
        planned: what it is.
        flow: its ends and counters.
        home: the stream's actor.
    """

    def __init__(self, stream: str, planned: Planned, flow: Flow, home: ActorRef[Any]) -> None:
        super().__init__()
        self.flow = flow
        self.ports = self._greenroom_cell.system.ports
        self._stream = stream
        self._index = planned.index
        self._node = planned.node
        self._home = home
        self._logic: Logic = planned.node.logic()
        self._begun = False
        self._opened = False
        self._bad = 0  # elements that went wrong
        self._going_on = False  # whether a GoOn of its own is in the mailbox
        # Invariant: whoever pops the only item sends a GoOn; the turn puts it back when it has that, before it looks at what there is.
        self._to_wake: deque[None] = deque((None,))
        self._caught: tuple[type[BaseException], ...] = (Exception, *self.ports.cancelled)

    def on_start(self) -> None:
        """Refuse to go on in place of an instance that was restarted: what it had, and whom it knew, is gone with it."""
        if self.flow.begun:
            raise StageDiedError(self._stream, self.flow.name)

    # -- what a logic asks for -----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """See `Stage`."""
        try:
            self._to_wake.pop()
        except IndexError:
            return
        send(self.actor_ref, GO_ON)

    def wake_after(self, seconds: float) -> None:
        """See `Stage`."""
        self.flow.timed = True
        self.start_timer("logic", seconds, TICK)

    def lost(self, element: Any) -> None:
        """See `Stage`."""
        cell = self._greenroom_cell
        cell.system.dead_letter(cell, element, DeadLetterReason.STOPPED)

    def close_failed(self, close: object, error: BaseException) -> None:
        """See `Stage`."""
        self._greenroom_cell.system.callback_failed(close, error)

    # -- messages ------------------------------------------------------------------------------------------------------------

    @handler
    def begin(self, message: Begin) -> None:
        """Learn of the neighbours, and begin."""
        for inlet, (ref, number) in zip(self.flow.inlets, message.upstream, strict=True):
            inlet.connect(ref, number)
        for outlet, (ref, number) in zip(self.flow.outlets, message.downstream, strict=True):
            outlet.connect(ref, number)
        self._begun = self.flow.begun = True
        self._run()

    @handler
    def elements(self, message: Elements) -> None:
        """Let elements in."""
        if not self.flow.ended:
            self.flow.inlets[message.inlet].came(message.items)
            self._run()

    @handler
    def upstream_ended(self, message: Ended) -> None:
        """Go on to the end."""
        self.flow.inlets[message.inlet].end(message.error)
        self._run()

    @handler
    def demand(self, message: Demand) -> None:
        """Give more."""
        self.flow.outlets[message.outlet].granted += message.count
        self._run()

    @handler
    def cancelled(self, message: Cancelled) -> None:
        """Give one of those behind nothing more."""
        self.flow.outlets[message.outlet].close()
        self._run()

    @handler
    def go_on(self, _: GoOn) -> None:
        """Do the next slice of work."""
        self._going_on = False
        if not self._to_wake:
            self._to_wake.append(None)
        self._run()

    @handler
    def tick(self, _: Tick) -> None:
        """Do what is due."""
        if not self.flow.ended:
            self.flow.timed = False
            self._logic.tick()
            self._run()

    @handler
    def finish(self, _: Finish) -> None:
        """Give no more elements; what was given goes through."""
        self._run()

    @handler
    def halt(self, _: Halt) -> None:
        """End: nobody needs anything any more."""
        if not self.flow.ended:
            for outlet in self.flow.outlets:
                outlet.close()
            self._end(None)

    # -- work ----------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        """Do what can be done now, or a good deal of it, and see to it that the rest comes."""
        flow = self.flow
        if flow.ended or not self._begun:
            return
        done = 0
        for _ in range(ROUNDS):
            done = self._slice()
            if flow.ended or self._at_end():
                return
            if not done or flow.hurry or done >= SLICE:
                break
        for number, inlet in enumerate(flow.inlets):
            if self._logic.wants(number):
                inlet.demand()
        if done:
            if not self._going_on:
                self._going_on = True
                send(self.actor_ref, GO_ON)
            return
        flow.idle = not self._going_on
        if flow.unwatched or len(flow.outlets) > 1:
            self._tell_if_stalled()

    def _slice(self) -> int:
        """Do one slice of work, and give on what it has made; return how many elements it was."""
        flow, logic = self.flow, self._logic
        if self._opened:
            try:
                close = flow.held.pop()
            except IndexError:  # given back from beside: the stream is over
                return 0
        else:
            close = functools.partial(_close, logic, self._greenroom_cell)
        done = SLICE
        failure: BaseException | None = None
        flow.begin_slice()
        try:
            if not self._opened:
                self._opened = True
                logic.open(self)
            if flow.finishing:
                logic.stop()
            done = 0 if logic.over else logic.work()
        except self._caught as error:
            if isinstance(error, self.ports.passing):
                raise
            failure = error
        finally:
            flow.working = False
            flow.hold(close)
        flow.end_slice()
        if failure is not None:
            self._failed(failure)  # what is left is for the next message: the stage hears in between whether the stream is over
            failure = None  # its traceback holds this frame
        return done

    def _at_end(self) -> bool:
        """End if there is nothing more to do; tell whether that is so."""
        logic, flow = self._logic, self.flow
        if flow.halted:
            self.halt(HALT)
            return True
        if logic.over or (flow.outlets and not any(outlet.open for outlet in flow.outlets)):
            self._end(None)
            return True
        for number, inlet in enumerate(flow.inlets):
            if inlet.error is not None and (logic.impatient or not (inlet.waiting or logic.holds)) and logic.wants(number):
                self._end(inlet.error)
                return True
        return False

    def _tell_if_stalled(self) -> None:
        """Tell the stream if one branch waits for another: should nothing move any more, it can never go on."""
        flow = self.flow
        rooms = [outlet.room for outlet in flow.outlets if outlet.open]
        held = self._logic.holds or any(inlet.waiting for inlet in flow.inlets)
        if flow.unwatched or (held and 0 in rooms and any(rooms)):
            flow.unwatched = False
            send(self._home, STALLED)

    # -- what goes wrong -----------------------------------------------------------------------------------------------------

    def _failed(self, error: BaseException) -> None:
        """Deal with what a function of the user's has raised, by the policy of the stage."""
        node, logic, flow = self._node, self._logic, self.flow
        self._bad += 1
        spent = logic.hopeless if node.limit is None else self._bad > node.limit
        if node.policy is OnError.STOP or spent:
            error.add_note(f"in stage {flow.name!r} of stream {self._stream!r}")
            flow.failed = True
            self._end(error)
            return
        element, logic.element = logic.element, NOTHING
        flow.skipped += 1
        events = self.system.events
        if element is NOTHING:
            element = None
        else:
            cell = self._greenroom_cell
            cell.system.dead_letter(cell, element, DeadLetterReason.POISONED)
        events.publish(ElementSkipped(self._stream, flow.name, element, error))
        if node.policy is OnError.RESTART:
            flow.restarts += 1
            if not logic.stateless:
                flow.release()
                self._logic = node.logic()
                self._opened = False
            events.publish(StageRestarted(self._stream, flow.name, error))

    def _end(self, error: BaseException | None) -> None:
        """End the stage, tell its neighbours, and the stream."""
        flow = self.flow
        flow.ended = True
        result: Any = None
        if not flow.outlets and error is None and not flow.halted:
            assert isinstance(self._logic, SinkLogic)
            result = self._logic.result()
        for outlet in flow.outlets:
            outlet.end(error)
            while outlet.out:  # it was stuck, and the stream went on without it
                self.lost(outlet.out.popleft())
        for inlet in flow.inlets:
            inlet.cancel()
        self.flow.release()
        if not flow.outlets and error is not None:
            send(self._home, Failed(self._index, error))
        send(self._home, Finished(self._index, result))


def _close(logic: Logic, cell: Cell) -> None:
    """Have a logic give back what it holds. What that raises is told: nothing can be done about it any more."""
    ports = cell.system.ports
    caught: tuple[type[BaseException], ...] = (Exception, *ports.cancelled)
    try:
        logic.close()
    except caught as error:
        if isinstance(error, ports.passing):
            raise
        cell.system.callback_failed(logic.close, error)


class SourceActor(StageActor):
    """A stage with no inlet. A class of its own, for iterators may block: the pool then gives actors of this class other threads."""


class SinkActor(StageActor):
    """A stage with no outlet. A class of its own, for what is done with results may block."""


def actor_class_of(planned: Planned) -> type[StageActor]:
    """Return the class of the actor for a stage."""
    if not planned.inlets:
        return SourceActor
    return StageActor if planned.outlets else SinkActor
