"""A place for a worker, which outlives it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.routers.pool.jobs import Parcel

__all__ = ["Slot"]


class Slot:
    """One place for a worker. Guarded by the lock of the pool's books.

    Attributes:
        number: which one it is; never used again.
        cell: its worker; None while there is none.
        ready: whether that is running.
        retiring: whether it is to go; it gets no job any more.
        told: whether its worker was told to stop.
        held: what its worker has, in the order handed out.
        room: how many parcels more it may have.
        handed: how many parcels it was ever handed.
        proven: whether its worker has done anything since it was started.
        deaths: of its workers in a row that had done nothing.
        lane: jobs (or keys) that wait for this one.
        idle: what `handed` was when it was first seen with nothing to do, and the clock time of that; None: it was at something.
        hanging: what it was first seen with, its worker then, and the clock time of that.
    """

    __slots__ = ("cell", "deaths", "handed", "hanging", "held", "idle", "lane", "number", "proven", "ready", "retiring", "room", "told")

    def __init__(self, number: int) -> None:
        self.number = number
        self.cell: Cell | None = None
        self.ready = False
        self.retiring = False
        self.told = False
        self.held: dict[Parcel, None] = {}
        self.room = 0
        self.handed = 0
        self.proven = False
        self.deaths = 0
        self.lane: OrderedDict[Any, None] = OrderedDict()
        self.idle: tuple[int, float] | None = None
        self.hanging: tuple[Parcel, Cell, float] | None = None

    @property
    def name(self) -> str:
        """What its workers are called."""
        return f"worker-{self.number}"

    @property
    def open(self) -> bool:
        """Whether it may be handed something."""
        return self.room > 0 and self.ready and not self.retiring
