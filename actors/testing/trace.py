"""What happened in a run, step by step, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors._core.bounded import bare
from actors._core.messages import STOP
from actors.testing.network import Kind, network_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors._core.cell import Cell
    from actors.testing.network import Pending
    from actors.testing.world import World

__all__ = ["Step", "as_text", "record"]

WIDTH = 60  # characters of a message that are shown


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run.

    Attributes:
        number: counted from 1.
        kind: what kind of step it was.
        actor: the path of the actor whose step it was; "" for the scenario.
        sender: the path of who sent, set or caused it; "" for the scenario.
        message: the message delivered, as text; of a signal its name, like "start"; "" in other kinds of steps.
        time: virtual time, in seconds.
        cause: the number of the step in which it was sent, set or caused; 0 for the beginning of the scenario.
        overtook: how many that had waited longer were possible, too.
    """

    number: int
    kind: Kind
    actor: str
    sender: str
    message: str
    time: float
    cause: int
    overtook: int

    def __str__(self) -> str:
        who = f"{self.sender or 'scenario'} -> {self.actor or 'scenario'}"
        late = f"  (before {self.overtook} older)" if self.overtook else ""
        what = self.message or self.kind.value
        return f"{self.time:g}s {who}: {what}{late}"


def record(world: World) -> list[Step]:
    """Have the steps of `world` written down from now on; return the list, which grows."""
    steps: list[Step] = []
    perform = world.perform

    def noted(chosen: Pending) -> None:
        overtook = 0 if chosen.kind is Kind.TIMER else sum(one.sequence < chosen.sequence for one in world.last_enabled)
        message = _message(chosen)
        now = world.now()
        sender, actor = _path(chosen.sender), _path(chosen.cell)
        steps.append(Step(world.steps, chosen.kind, actor, sender, message, now, chosen.cause, overtook))
        perform(chosen)

    world.perform = noted  # type: ignore[method-assign]  # of this one run; hunting pays nothing
    return steps


def _path(cell: Cell | None) -> str:
    return cell.path if cell is not None else ""


def _message(chosen: Pending) -> str:
    cell = chosen.cell
    if chosen.kind is Kind.SIGNAL and cell is not None and cell.control:
        return cell.control[0].signal.name.lower().replace("_", " ")
    network = network_of(cell) if chosen.kind is Kind.DELIVERY and cell is not None else None
    if cell is None or network is None or chosen not in network.pending:
        return ""
    message = cell.unwrap(bare(network[network.pending.index(chosen)]))[0]
    if message is STOP:
        return "stop"
    text = repr(message)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def as_text(steps: Sequence[Step]) -> str:
    """Return the steps as lines."""
    digits = len(str(len(steps)))
    return "\n".join(f"{step.number:>{digits}}  {step}" for step in steps)
