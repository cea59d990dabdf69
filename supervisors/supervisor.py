"""The supervisor: children with names and an order, restarted one for one, one for all, or rest for one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from actors import ActorDeadError, ActorRef, ReplyHandle, handler
from actors._core import ending, supervision
from supervisors.errors import ChildRunningError, DuplicateChildError, UnknownChildError
from supervisors.keeper import Child, Keeper
from supervisors.options import Unset, declared, limit_of
from supervisors.policy import AutoShutdown, Restart, Strategy, affected, should_shut_down
from supervisors.requests import ChildState, RemoveChild, RestartChild, StartChild, StopChild
from supervisors.spec import ChildSpec, Shutdown, check_significant, checked, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Supervisor"]

UP = (ChildState.STARTING, ChildState.RUNNING, ChildState.STOPPING)


class _Round:
    """Children that are taken down together, the last first, and then started together, the first first."""

    __slots__ = ("down", "first", "until", "up")

    def __init__(self, first: int, down: list[Child], up: deque[Child], until: float) -> None:
        self.first = first  # the number of the first child that it concerns
        self.down = down  # still to be taken down; the next one last
        self.up = up  # still to be started; the next one first
        self.until = until  # not started before that, in clock time


class Supervisor(Keeper):
    """An actor that starts other actors, and starts them again when they fail.

    Declare the children as attributes of a class, in start order; the attribute's name is the child's::

        class Shop(Supervisor, strategy=Strategy.REST_FOR_ONE, intensity=3, period=10.0):
            db = child(Database, "dsn")
            web = child(Web, db=db, shutdown=10.0)

    or spawn `Supervisor` itself with a list of specs. A child starts when the one before it is running, and `spawn()` returns when all are.
    They end in reverse order. A child that crashes keeps its ref and its mailbox: another instance goes on behind them. One that *ends*
    (it stopped itself, was killed, or did not come down in time) is succeeded by a new actor of the same name, with a new ref.

    Args (class keywords; those of `Actor` as well):
        strategy: whom a failure concerns.
        intensity: restarts at most in `period` seconds, all children together; with one more the supervisor ends its children and
            crashes with RestartLimitError, which is for its own supervisor to deal with. None: no limit.
        period: seconds.
        auto_shutdown: whether it ends when significant children have ended by themselves.

    The semantics are those of OTP's ``supervisor``; see the reference for where they go further.
    """

    _strategy: ClassVar[Strategy] = Strategy.ONE_FOR_ONE
    _intensity: ClassVar[int | None] = 1
    _period: ClassVar[float] = 5.0
    _auto_shutdown: ClassVar[AutoShutdown] = AutoShutdown.NEVER
    _declared: ClassVar[tuple[ChildSpec[Any], ...]] = ()

    def __init_subclass__(
        cls,
        *,
        strategy: Strategy | None = None,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
        auto_shutdown: AutoShutdown | None = None,
        **keywords: Any,
    ) -> None:
        super().__init_subclass__(**keywords)
        declared(cls, strategy=strategy, intensity=intensity, period=period, auto_shutdown=auto_shutdown)
        own: list[ChildSpec[Any]] = []
        for name, spec in vars(cls).items():
            if isinstance(spec, ChildSpec):
                spec.__dict__.setdefault("attribute", name)
                own.append(spec)
        redeclared = {name_of(spec) for spec in own}
        inherited = [spec for spec in cls._declared if name_of(spec) not in redeclared]
        cls._declared = tuple(checked([*inherited, *own], cls.__qualname__))

    def __init__(
        self,
        children: Iterable[ChildSpec[Any]] = (),
        *,
        strategy: Strategy | None = None,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
        auto_shutdown: AutoShutdown | None = None,
    ) -> None:
        declared(self, strategy=strategy, intensity=intensity, period=period, auto_shutdown=auto_shutdown)
        super().__init__(limit_of(self._intensity, self._period))
        self._given = tuple(checked(children, "children"))
        self._children: dict[str, Child] = {}
        self._by_spec: dict[ChildSpec[Any], Child] = {}
        self._round: _Round | None = None

    def specs(self) -> Iterable[ChildSpec[Any]]:
        """Return the children to begin with, in start order. Override it for children that depend on the supervisor's arguments."""
        return (*self._declared, *self._given)

    # -- keeping them ------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        for spec in checked(self.specs(), f"{type(self).__qualname__}.specs()"):
            self._add(spec)
        self._round = _Round(0, [], deque(self._children.values()), 0.0)
        self._go_on()

    def _add(self, spec: ChildSpec[Any]) -> Child:
        check_significant(spec, self._auto_shutdown)
        name = name_of(spec)
        child = self._children[name] = self._by_spec[spec] = self._new_child(spec, name)
        return child

    def _has(self, child: Child) -> bool:
        return self._children.get(child.name or "") is child

    def _all(self) -> Iterable[Child]:
        return self._children.values()

    def _find(self, which: str | ActorRef[Any]) -> Child | None:
        name = which.name if isinstance(which, ActorRef) else which
        child = self._children.get(name) if isinstance(name, str) else None
        if child is not None and isinstance(which, ActorRef) and (child.cell is None or child.cell.ref != which):
            return None
        return child

    def _forget(self, child: Child) -> None:
        del self._children[child.name or ""]
        self._by_spec.pop(child.spec, None)

    def _ref_of(self, spec: ChildSpec[Any]) -> ActorRef[Any]:
        child = self._by_spec.get(spec)
        if child is None or child.cell is None:
            label = name_of(spec)
            raise ActorDeadError(f"the child {label!r} of {self.path} is not there now", label)
        return child.cell.ref

    def _arguments(self, spec: ChildSpec[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        def given(one: Any) -> Any:
            sibling = isinstance(one, ChildSpec) and not (spec.takes_specs and one not in self._by_spec)
            return self._ref_of(one) if sibling else one

        return tuple(map(given, spec.args)), {key: given(one) for key, one in spec.kwargs.items()}

    # -- restarting in rounds ----------------------------------------------------------------------------------------------

    def _failed(self, child: Child, error: BaseException | None) -> None:
        if self._round is not None and child in self._round.down:
            # It is to come down anyway. OTP does not count what dies while its supervisor is about to terminate it.
            child.error = error
            child.state = ChildState.DOWN
            self._go_on()
            return
        super()._failed(child, error)

    def _bring_back(self, child: Child, delay: float) -> None:
        if self._strategy is Strategy.ONE_FOR_ONE:
            super()._bring_back(child, delay)
            return
        children = list(self._children.values())
        former = self._round
        concerned = affected(self._strategy, children, child)
        first, until = concerned[0].number, self._now() + delay
        if former is not None:
            first, until = min(first, former.first), max(until, former.until)
            lowest = min(concerned[0].number, former.first) if former.down else concerned[0].number
        else:
            lowest = first
        down = [one for one in children if one.number >= lowest and one.state in UP]
        asked = set(former.up) if former is not None else set()  # also an earlier one, whose start was asked for meanwhile
        self._round = _Round(first, down, deque(one for one in children if one.number >= first or one in asked), until)
        self._go_on()

    def _settled(self, child: Child) -> None:
        del child
        self._go_on()

    def _start_failed(self, child: Child, error: BaseException | None) -> None:
        if child.asked and self._round is not None and child in self._round.up:
            self._round.up.remove(child)  # whoever asked is told, and it stays as it is
        super()._start_failed(child, error)

    def _go_on(self) -> None:
        """Take the next step of the round under way, if it is time for one."""
        now = self._round
        if now is None or self._leaving or not self._taken_down(now):
            return
        left = now.until - self._now()
        if left > 0:
            self._alarms.set("round", left, self._go_on)
            return
        while now.up:
            child = now.up[0]
            if child.state in (ChildState.STARTING, ChildState.STOPPING):
                return
            if child.state is ChildState.RUNNING or not self._has(child):
                now.up.popleft()
                continue
            self._start(child)
            return
        self._round = None
        self._become_ready()

    def _taken_down(self, now: _Round) -> bool:
        """Take the next child down; tell whether all are."""
        while now.down:
            child = now.down[-1]
            if child.state not in UP or not self._has(child):
                now.down.pop()
                continue
            if child.state is ChildState.RUNNING:
                self._take_down(child)
            return False
        return True

    def _take_down(self, child: Child) -> None:
        assert child.cell is not None  # it is running
        cell, spec = child.cell, child.spec
        child.state = ChildState.STOPPING
        if spec.restart is Restart.TEMPORARY or spec.shutdown is Shutdown.KILL:
            ending.end_supervised(cell)  # one that is killed is succeeded by a new actor
            return
        supervision.take_down(cell)
        if spec.deadline is not None:
            self._alarms.set(child, spec.deadline, lambda: ending.kill(cell))

    # -- ending by itself --------------------------------------------------------------------------------------------------

    def _ended_for_good(self, child: Child) -> None:
        others = sum(1 for one in self._children.values() if one is not child and one.spec.significant and one.cell is not None)
        if child.spec.significant and should_shut_down(self._auto_shutdown, others > 0):
            self._leave()

    # -- requests ----------------------------------------------------------------------------------------------------------

    @handler
    def _start_child(self, message: StartChild) -> ActorRef[Any] | ReplyHandle:  # type: ignore[type-arg]  # a handler is for a plain class
        self._check_open()
        (spec,) = checked([message.spec], "StartChild") if not _depends(message.spec) else [message.spec]
        check_significant(spec, self._auto_shutdown)
        name = name_of(spec)
        if name in self._children:
            raise DuplicateChildError(name)
        return self._start_asked(self._add(spec))

    @handler
    def _restart_child(self, message: RestartChild) -> ActorRef[Any] | ReplyHandle:
        self._check_open()
        child = self._known(message.which)
        if child.state is not ChildState.STOPPED:
            raise ChildRunningError(child.label, child.state.value)
        return self._start_asked(child)

    def _start_asked(self, child: Child) -> ReplyHandle:
        handle = self.reply_later()
        child.starters = (*child.starters, handle)
        child.asked = True
        if self._round is not None and child not in self._round.up:
            self._round.up.append(child)
        if self._round is None or self._strategy is Strategy.ONE_FOR_ONE:
            self._start(child)
        return handle

    @handler
    def _stop_child(self, message: StopChild) -> bool | ReplyHandle:
        child = self._known(message.which)
        if self._round is not None and child in self._round.up:
            self._round.up.remove(child)
        if child.state is ChildState.STOPPED or not self._end(child):
            self._settled(child)
            return False
        handle = self.reply_later()
        child.stoppers = (*child.stoppers, handle)
        return handle

    @handler
    def _remove_child(self, message: RemoveChild) -> None:
        child = self._known(message.which)
        if child.state is not ChildState.STOPPED:
            raise ChildRunningError(child.label, child.state.value)
        if self._round is not None and child in self._round.up:
            self._round.up.remove(child)
        self._forget(child)
        self._settled(child)

    def _known(self, which: str | ActorRef[Any]) -> Child:
        child = self._find(which)
        if child is None:
            raise UnknownChildError(which)
        return child


def _depends(spec: object) -> bool:
    """Tell whether a spec has siblings as arguments: they are looked up when it starts."""
    return isinstance(spec, ChildSpec) and any(isinstance(one, ChildSpec) for one in (*spec.args, *spec.kwargs.values()))
