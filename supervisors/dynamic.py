"""Supervisors of children that come and go: any number, with or without names, one for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from actors import ActorRef, ReplyHandle, handler
from supervisors.errors import DuplicateChildError, TooManyChildrenError, UnknownChildError
from supervisors.keeper import Child, Keeper
from supervisors.options import Unset, declared, limit_of
from supervisors.policy import AutoShutdown
from supervisors.requests import StartChild, StopChild
from supervisors.spec import ChildSpec, check_significant, checked

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DynamicSupervisor"]


class DynamicSupervisor(Keeper):
    """Starts children when it is asked to, and restarts each that fails by itself.

    A child that has ended for good is forgotten. At the end of the supervisor all children end at the same time, under one timer for each
    deadline that their specs have. Starting, ending and restarting a child takes the same time however many there are.

    Args (class keywords, and arguments; those of `Actor` as well):
        max_children: children at most; StartChild then fails with TooManyChildrenError. None: no limit.
        intensity: as for `Supervisor`.
        period: seconds.

    The semantics are those of Elixir's ``DynamicSupervisor``.
    """

    _max_children: ClassVar[int | None] = None
    _intensity: ClassVar[int | None] = 1
    _period: ClassVar[float] = 5.0

    def __init_subclass__(
        cls,
        *,
        max_children: int | Unset | None = Unset.UNSET,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
        **keywords: Any,
    ) -> None:
        super().__init_subclass__(**keywords)
        declared(cls, max_children=max_children, intensity=intensity, period=period)

    def __init__(
        self,
        *,
        max_children: int | Unset | None = Unset.UNSET,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
    ) -> None:
        declared(self, max_children=max_children, intensity=intensity, period=period)
        super().__init__(limit_of(self._intensity, self._period))
        self._children: dict[Child, None] = {}
        self._names: dict[str, Child] = {}
        self._greenroom_cell.extras().together = True

    def _has(self, child: Child) -> bool:
        return child in self._children

    def _all(self) -> Iterable[Child]:
        return self._children

    def _find(self, which: str | ActorRef[Any]) -> Child | None:
        if isinstance(which, str):
            return self._names.get(which)
        guard = which._target.guard if isinstance(which, ActorRef) else None
        child = guard.child if guard is not None and guard.owner is self else None
        return child if child in self._children and child.cell is which._target else None

    def _forget(self, child: Child) -> None:
        del self._children[child]
        if child.name is not None:
            del self._names[child.name]

    def _drops_stopped(self) -> bool:
        return True

    def _check_room(self) -> None:
        if self._max_children is not None and len(self._children) >= self._max_children:
            raise TooManyChildrenError(self._max_children)

    def _admit(self, spec: ChildSpec[Any]) -> Child:
        """Take a child in.

        Raises:
            SupervisorStoppingError, TooManyChildrenError, DuplicateChildError: it cannot be.
        """
        self._check_open()
        self._check_room()
        if spec.name is not None and spec.name in self._names:
            raise DuplicateChildError(spec.name)
        child = self._new_child(spec, spec.name)
        self._children[child] = None
        if spec.name is not None:
            self._names[spec.name] = child
        return child

    @handler
    def _start_child(self, message: StartChild) -> ActorRef[Any] | ReplyHandle:  # type: ignore[type-arg]  # a handler is for a plain class
        (spec,) = checked([message.spec], "StartChild")
        check_significant(spec, AutoShutdown.NEVER)
        child = self._admit(spec)
        handle = self.reply_later()
        child.starters = (*child.starters, handle)
        child.asked = True
        self._start(child)
        return handle

    @handler
    def _stop_child(self, message: StopChild) -> bool | ReplyHandle:
        child = self._find(message.which)
        if child is None:
            raise UnknownChildError(message.which)
        if not self._end(child):
            self._forget(child)
            return False
        handle = self.reply_later()
        child.stoppers = (*child.stoppers, handle)
        return handle
