"""The same child several times, each for a part of the keys."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

from actors import ActorDeadError, ActorRef, Request, handler
from supervisors.errors import ChildSpecError
from supervisors.options import Unset
from supervisors.spec import ChildSpec
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervisors.policy import AutoShutdown, Strategy

__all__ = ["GetPartition", "PartitionSupervisor"]


@dataclass(frozen=True, slots=True)
class GetPartition(Request[ActorRef[Any]]):
    """Get the child that a key belongs to, as it is now.

    A whole number belongs to the partition of its remainder, a text or bytes to that of its CRC-32: the same in every process. The ask
    fails with ActorDeadError while that child has no actor, and with TypeError for another kind of key.
    """

    key: str | bytes | int


class PartitionSupervisor(Supervisor):
    """Several children of one kind, named "0", "1", and so on: what would be too much for one actor, divided by key.

    Args:
        spec: the child; or a function that makes the spec for the number of a partition.
        partitions: how many; None: as many as there are processors.
        strategy: as for `Supervisor`, and so are the others.

    Raises:
        ChildSpecError: something does not fit; what the function makes is looked at when the supervisor starts.

    The semantics are those of Elixir's ``PartitionSupervisor``.
    """

    _takes_specs: ClassVar[bool] = True

    def __init__(
        self,
        spec: ChildSpec[Any] | Callable[[int], ChildSpec[Any]],
        *,
        partitions: int | None = None,
        strategy: Strategy | None = None,
        intensity: int | Unset | None = Unset.UNSET,
        period: float | None = None,
        auto_shutdown: AutoShutdown | None = None,
    ) -> None:
        super().__init__(strategy=strategy, intensity=intensity, period=period, auto_shutdown=auto_shutdown)
        if not isinstance(spec, ChildSpec) and not callable(spec):
            raise ChildSpecError("spec", spec, "a ChildSpec, or a function that makes one for a number")
        if partitions is not None and (isinstance(partitions, bool) or not isinstance(partitions, int) or partitions < 1):
            raise ChildSpecError("partitions", partitions, "a whole number, 1 or more, or None")
        self._spec = spec
        self._partitions = partitions or os.cpu_count() or 1

    def specs(self) -> Iterable[ChildSpec[Any]]:
        """Return one spec for each partition."""
        return [self._spec_of(number) for number in range(self._partitions)]

    def _spec_of(self, number: int) -> ChildSpec[Any]:
        spec = self._spec if isinstance(self._spec, ChildSpec) else self._spec(number)
        if not isinstance(spec, ChildSpec):
            raise ChildSpecError(f"spec({number})", spec, "a ChildSpec; child(...) makes one")
        return spec.replace(name=str(number))

    @handler
    def _get_partition(self, message: GetPartition) -> ActorRef[Any]:
        number = partition_of(message.key, self._partitions)
        child = self._children.get(str(number))
        if child is None or child.cell is None:
            label = f"{self.path}/{number}"
            raise ActorDeadError(f"{label} is not there now", label)
        return child.cell.ref


def partition_of(key: str | bytes | int, partitions: int) -> int:
    """Return the number of the partition, of so many, that `key` belongs to."""
    if isinstance(key, int) and not isinstance(key, bool):
        return key % partitions
    if isinstance(key, str | bytes):
        return crc32(key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key) % partitions
    msg = f"key={key!r} is not valid: a text, bytes or a whole number, which belong to the same partition in every process"
    raise TypeError(msg)
