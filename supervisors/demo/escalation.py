"""Demo: a defect that no restart cures, and how it is passed on upwards until nobody is left to restart anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors import ActorSystem, handler
from supervisors.demo.parts import Feeder, Obedient, Order, Victim, Work
from supervisors.demo.stage import Claim, Demo, Progress
from supervisors.spec import child
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from supervisors.demo.books import Books
    from supervisors.nodes import TreeNode

__all__ = ["Escalation"]

INTENSITY = 2  # restarts that every supervisor here allows
DEFECT = "/house/ward/room/patient"
SUPERVISORS = ("/house/ward/room", "/house/ward", "/house")  # from the defect upwards
CHILDREN = {
    "/house/ward/room": ("patient", "visitor"),
    "/house/ward": ("room", "nurse"),
    "/house": ("ward", "porter"),
}
NEIGHBOUR = "/neighbour/guest"
AFTERWARDS = 2.0  # demo seconds that are shown after the end of the house


@dataclass(frozen=True, slots=True)
class _Relapse:
    """Time to fail."""


class Person(Obedient):
    """Handles work, and forgets it."""

    @handler
    def _on_work(self, work: Work) -> None:
        """Nothing to do."""


class Patient(Obedient):
    """Has a defect: fails soon after each start."""

    def on_start(self) -> None:
        """Feel well for a while."""
        self.start_timer("relapse", 0.25, _Relapse())

    @handler
    def _on_relapse(self, _: _Relapse) -> None:
        raise LookupError("a defect that no restart cures")


class Room(Supervisor, intensity=INTENSITY, period=60.0):
    """Restarts the patient."""

    patient = child(Patient)
    visitor = child(Person)


class Ward(Supervisor, intensity=INTENSITY, period=60.0):
    """Restarts the room."""

    room = child(Room)
    nurse = child(Person)


class House(Supervisor, intensity=INTENSITY, period=60.0):
    """Restarts the ward. Nobody restarts it."""

    ward = child(Ward)
    porter = child(Person)


class Neighbour(Supervisor):
    """Has nothing to do with it."""

    guest = child(Person)


class Escalation(Demo):
    """See the module's docstring."""

    name = "escalation"
    title = "a failure is passed on to the root"
    about = "A patient fails after every restart. Each supervisor allows 2 restarts, then gives up, and its own supervisor restarts it."
    seconds = 30.0

    def __init__(self, *, quick: bool = False) -> None:
        super().__init__(quick=quick)
        self._end: float | None = None

    def build(self, system: ActorSystem) -> None:
        """Start the house with the defect in it, and the neighbour."""
        system.spawn(House, name="house")
        system.spawn(Neighbour, name="neighbour")
        people = [victim.path for victim in self.victims() if victim.path != DEFECT]
        self.sources = [system.spawn(Feeder, people, 0.1, name="feeder")]

    def victims(self) -> list[Victim]:
        """Return everybody in the house."""
        paths = (DEFECT, "/house/ward/room/visitor", "/house/ward/nurse", "/house/porter")
        return [Victim(path, (Order.CRASH, Order.KILL)) for path in paths]

    def is_done(self, books: Books) -> bool:
        """Tell whether the house is gone, and the sight of that was taken in."""
        if self._end is None and books.given_up["/house"]:
            self._end = books.now() + AFTERWARDS
        return self._end is not None and books.now() >= self._end

    def progress(self, books: Books) -> Progress:
        """Return how many failures the house has had of those that it bears."""
        return Progress(books.crashes[DEFECT], (INTENSITY + 1) ** len(SUPERVISORS), "failures of the patient")

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Check that every failure went as far up as it had to, and no further."""
        alive = {node.path for node in last.everyone()}
        meddled = sum(books.orders.values()) > 0
        over = books.given_up["/house"] > 0
        claims = [self._passed_on(books, path, exact=over and not meddled) for path in SUPERVISORS]
        if over and not meddled:
            claims.append(self._sum(books))
        over = books.given_up["/house"] > 0
        claims.append(
            Claim("who has given up at the root is gone", "the house is gone" if over else "not reached", holds=over != ("/house" in alive))
        )
        others = books.lives(NEIGHBOUR)
        claims.append(
            Claim("nobody else is touched", f"the neighbour's guest has had {others} life", holds=others == 1 and NEIGHBOUR in alive)
        )
        return claims

    @staticmethod
    def _passed_on(books: Books, path: str, *, exact: bool) -> Claim:
        """Compare what the kernel told of the children with what their supervisor made of it."""
        failed = books.failures(f"{path}/{name}" for name in CHILDREN[path])
        restarts, gave_up = len(books.decisions(path)), books.given_up[path]
        # Who fails while its supervisor gives up or stops, is past being restarted.
        holds = failed == restarts + gave_up if exact else failed >= restarts + gave_up
        figures = f"{failed} failures {'=' if failed == restarts + gave_up else '≥'} {restarts} restarts + {gave_up} times given up"
        return Claim(f"{path.rpartition('/')[2]} restarts or gives up", figures, holds)

    @staticmethod
    def _sum(books: Books) -> Claim:
        each = INTENSITY + 1
        counted = books.crashes[DEFECT]
        figures = f"{counted} failures = {' × '.join([str(each)] * len(SUPERVISORS))}"
        return Claim("limits of nested supervisors multiply", figures, holds=counted == each ** len(SUPERVISORS))
