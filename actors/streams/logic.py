"""What a stage does: the interface between the actor of a stage and the many kinds of stages.

How to add a kind of stage:

1. Write a `Logic`. For one inlet and one outlet inherit from `Linear` and write `feed`, which takes elements and gives others; say in
   `quota` how many it may take if that is not one for each that it may give, and in `finish` what it gives at the end. For anything else
   inherit from `Logic` and write `work`. A source is a `Logic` with no inlet, a sink a `SinkLogic`.
2. Give `Source` (or `Sink`) a method that returns ``self._then("kind", lambda: MyLogic(function))``. The lambda makes a new logic for
   each run and at each RESTART.

Rules that a logic keeps:

- It takes an element out of its inlet, and sets `element` to it, before it calls a function of the user's with it. What that raises comes
  out of `work`; the stage deals with it by its policy and calls `work` again, which goes on with the next element. No element is tried
  twice.
- It gives no more than there is room for (`Outlet.room`), and keeps no more elements than its arguments say.
- It ends a slice of work after the element at which it finds ``flow.hurry`` set, and lasts at most for `SLICE` elements.
- It does not wait: for something outside (an answer, a channel, a time) it counts what it waits for in ``flow.under_way``, and has the
  stage called again by ``stage.wake()``, from any thread, or by ``stage.wake_after(seconds)``, which calls `tick` first.
- It sets `over` when it wants nothing more and will give nothing more. It gives back what it holds in `close`, which is always called once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.ports import Ports
    from actors._core.ref import ActorRef
    from actors.streams.flow import Flow

__all__ = ["ANY_NUMBER", "NOTHING", "SLICE", "Linear", "Logic", "SinkLogic", "Stage", "initial_of"]

SLICE: Final = 1024  # elements of one slice of work, at most
ANY_NUMBER: Final = SLICE


class _Nothing:
    def __repr__(self) -> str:
        return "<nothing>"


NOTHING: Final = _Nothing()


class Stage(Protocol):
    """What a logic sees of the actor that it belongs to."""

    flow: Flow
    ports: Ports

    @property
    def actor_ref(self) -> ActorRef[Any]:
        """The actor."""

    @property
    def spawn(self) -> Callable[..., ActorRef[Any]]:
        """Starts a child of the actor. In the stage's turn only."""

    def wake(self) -> None:
        """Have `Logic.work` called soon. From any thread."""

    def wake_after(self, seconds: float) -> None:
        """Have `Logic.tick` and `Logic.work` called in so long; a former call is replaced. In the stage's turn only."""

    def lost(self, element: Any) -> None:
        """Make an element that came too late to be given on a dead letter. From any thread."""

    def close_failed(self, close: object, error: BaseException) -> None:
        """Tell of what was raised when something held was given back: nothing can be done about it. From any thread."""


class Logic:
    """See the module's docstring.

    Attributes:
        stage: the stage that it belongs to; set by `open`.
        flow: of that stage.
        element: the element being worked at; NOTHING if a function is called with none.
        over: whether it wants and gives nothing more.
        hopeless: whether trying again, which an unlimited policy would do for ever, is no use: a source that raises before its first
            element.
        stateless: whether beginning anew changes nothing, so that it goes on with what it has.
        impatient: whether an error from one inlet counts at once, also while elements wait there.
    """

    stage: Stage
    flow: Flow
    element: Any = NOTHING
    over: bool = False
    hopeless: bool = False
    impatient: bool = False
    stateless: bool = False

    @property
    def holds(self) -> bool:
        """Whether it has elements to give that come before an error from its inlet."""
        return False

    def open(self, stage: Stage) -> None:
        """Begin, in the turn of `stage`. An override calls this one first."""
        self.stage = stage
        self.flow = stage.flow

    def work(self) -> int:
        """Do one slice of work; return how many elements it was, 0 if there is nothing to do until something comes."""
        raise NotImplementedError

    def wants(self, inlet: int) -> bool:  # noqa: ARG002  # the signature is for overrides
        """Tell whether elements of the inlet with that number are wanted now."""
        return True

    def tick(self) -> None:
        """Take note that the time has come that `Stage.wake_after` was called for."""

    def stop(self) -> None:
        """Of a source: pull no more elements, and give those that it has. Called before each slice of work from then on."""
        self.over = True

    def close(self) -> None:
        """Give back what is held."""


class Linear(Logic):
    """A stage with one inlet, and one outlet or none."""

    take: Callable[[], Any]
    give: Callable[[Any], None]

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.take = self.flow.inlets[0].waiting.popleft
        if self.flow.outlets:
            self.give = self.flow.outlets[0].out.append

    def work(self) -> int:
        """See `Logic`."""
        inlet = self.flow.inlets[0]
        count = min(len(inlet.waiting), SLICE)
        if count:
            count = min(count, self.quota())
            if count:
                self.feed(count)
        elif inlet.ended and inlet.error is None:
            self.finish()
        return count

    def room(self) -> int:
        """Return how many elements it may give."""
        return self.flow.outlets[0].room

    def quota(self) -> int:
        """Return how many elements it may take now: as many as it may give, unless it gives fewer."""
        return self.room()

    def feed(self, count: int) -> None:
        """Take up to `count` elements by `take`, and pass by `give` what is to be given on."""
        raise NotImplementedError

    def finish(self) -> None:
        """Give what is left, as there is room for it, and be over. Called while nothing is left in the inlet, until it is `over`."""
        self.over = True


class SinkLogic(Linear):
    """An end of the stream."""

    def quota(self) -> int:
        """See `Linear`."""
        return ANY_NUMBER

    def result(self) -> Any:
        """Return what the run gives, once all elements have come."""
        raise NotImplementedError


def initial_of(initial: Any) -> Any:
    """Return the first state of a fold or scan: `initial`, or what it makes."""
    return initial() if callable(initial) else initial
