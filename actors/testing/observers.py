"""How oracles are told what happens in a run."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from actors.testing.errors import InvariantError, SimulationError, SimulationOver
from actors.testing.network import Kind, network_of
from actors.testing.oracles import Mail, Oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._core.cell import Cell
    from actors.testing.network import Pending
    from actors.testing.world import World

__all__ = ["AtRest", "Eventually", "Observers"]


class Observers:
    """The oracles of one run. They cost nothing where there are none."""

    def __init__(self, world: World) -> None:
        self.oracles: list[Oracle] = []
        self._world = world
        self.missed_end = False  # whether an oracle waits for a moment when nothing can happen any more
        self._mails: dict[Pending, Mail] = {}

    def add(self, oracle: Oracle) -> None:
        """Let `oracle` watch, too.

        Raises:
            SimulationError: it has watched another run, and would mix the two up.
        """
        run = vars(oracle).setdefault("_Observers__run", weakref.ref(self))
        if run() is not self:
            msg = f"the oracle {oracle.name!r} has watched another run: create it in the scenario, like sim.check(oracles.PairFifo())"
            raise SimulationError(msg)
        if all(oracle is not one for one in self.oracles):  # two that are equal are two
            self.oracles.append(oracle)
        self.missed_end = self.missed_end or type(oracle).settled is not Oracle.settled

    def sent(self, cell: Cell, pending: Pending, entry: Any, original: Pending | None = None) -> None:
        """Tell of a send, or of the copy that a fault made of one."""
        mail = self._mails[pending] = Mail(cell, pending, entry, self._mails.get(original) if original is not None else None)
        self._tell("sent", mail)

    def perform(self, chosen: Pending, perform: Callable[[Pending], None]) -> None:
        """Let a step happen, and tell of it."""
        network = network_of(chosen.cell) if chosen.kind is Kind.DELIVERY and chosen.cell is not None else None
        mail = self._mails.get(chosen) if network is not None and chosen in network.pending else None
        if mail is not None:
            self._tell("delivered", mail)
        perform(chosen)
        if mail is not None:
            self._tell("done", mail)
        self._tell("stepped", self._world)

    def crashed(self, actor: str, error: BaseException) -> None:
        """Tell that an actor has failed."""
        self._tell("crashed", actor, error)

    def settled(self) -> None:
        """Tell that nothing can happen any more."""
        self.missed_end = False
        self._tell("settled", self._world)

    def look(self, oracle: Oracle) -> None:
        """Let one look before the next step."""
        self._tell("stepped", self._world, to=(oracle,))

    def _tell(self, what: str, *args: Any, to: Sequence[Oracle] | None = None) -> None:
        world = self._world
        outer = world.checked  # what an oracle does may be a send
        try:
            for oracle in self.oracles if to is None else to:
                world.checked = oracle.name
                getattr(oracle, what)(*args)
        except SimulationOver:
            world.raise_endless()
            raise
        finally:
            world.checked = outer


class Eventually(Oracle):
    """Something that has to hold at some moment, before nothing can happen any more."""

    looks_between = True

    def __init__(self, name: str, holds: Callable[[], object]) -> None:
        self.name = name
        self._holds = holds
        self._held = False

    def stepped(self, world: World) -> None:  # noqa: ARG002
        """Look."""
        self._held = self._held or bool(self._holds())

    def settled(self, world: World) -> None:  # noqa: ARG002
        """Check that it did."""
        if not self._held:
            self.fail("nothing can happen any more, and it has never held")


class AtRest(Oracle):
    """Something that has to hold whenever nothing can happen any more."""

    def __init__(self, name: str, holds: Callable[[], object]) -> None:
        self.name = name
        self._holds = holds

    def settled(self, world: World) -> None:
        """Check it."""
        if not self._holds():
            raise InvariantError(self.name, world.steps)
