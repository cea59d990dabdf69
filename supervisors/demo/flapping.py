"""Demo: a dependency that comes and goes, met at once and with backoff."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors import Actor, ActorRef, ActorSystem, Request, handler
from supervisors.demo.feed import Tone
from supervisors.demo.parts import Feeder, Obedient, Sent, Victim, Work
from supervisors.demo.stage import Claim, Demo
from supervisors.policy import Backoff
from supervisors.spec import child
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from supervisors.demo.books import Books, Decision
    from supervisors.nodes import TreeNode

__all__ = ["Flapping"]

UP, DOWN = 3.0, 2.5  # seconds
BACKOFF = Backoff(0.1, 1.5, reset_after=1.0)
LIMIT = 3  # restarts in 5 seconds that the eager supervisor allows
EAGER, PATIENT = "/eager/connection", "/patient/connection"
AGAIN = 1000  # times that a message may meet an outage


@dataclass(frozen=True, slots=True)
class Connect(Request[None]):
    """Let me in."""


@dataclass(frozen=True, slots=True)
class Deliver(Request[None]):
    """Take this."""

    client: str
    work: Work


@dataclass(frozen=True, slots=True)
class Flipped:
    """The service has come, or gone."""

    up: bool

    def line(self) -> tuple[Tone, str, str]:
        """Say so."""
        return (Tone.GOOD, "/service", "is up") if self.up else (Tone.BAD, "/service", "is down")


@dataclass(frozen=True, slots=True)
class Arrived:
    """What has arrived at the service in all, by client.

    Attributes:
        different: messages.
        twice: those that came more than once.
    """

    different: dict[str, int]
    twice: int


@dataclass(frozen=True, slots=True)
class _Flip:
    """Time to come, or to go."""


class Service(Actor):
    """Takes what it is given while it is up, and refuses everything while it is down."""

    def __init__(self) -> None:
        super().__init__()
        self._up = True
        self._arrived: dict[str, Counter[int]] = {}

    def on_start(self) -> None:
        """Be up for a while."""
        self.start_timer("flip", UP, _Flip())

    @handler
    def _on_flip(self, _: _Flip) -> None:
        self._up = not self._up
        self.system.events.publish(Flipped(self._up))
        self.start_timer("flip", UP if self._up else DOWN, _Flip())

    def _check(self) -> None:
        if not self._up:
            raise ConnectionRefusedError("the service is down")

    @handler
    def _on_connect(self, _: Connect) -> None:
        self._check()

    @handler
    def _on_deliver(self, message: Deliver) -> None:
        self._check()
        self._arrived.setdefault(message.client, Counter())[message.work.number] += 1

    def on_stop(self) -> None:
        """Say what has arrived."""
        different = {client: len(numbers) for client, numbers in self._arrived.items()}
        twice = sum(count > 1 for numbers in self._arrived.values() for count in numbers.values())
        self.system.events.publish(Arrived(different, twice))


class Connection(Obedient):
    """Passes work on to the service. Without it, it can do nothing but fail."""

    def __init__(self, service: ActorRef[Service]) -> None:
        super().__init__()
        self._service = service

    def on_start(self) -> None:
        """Connect."""
        self._service.ask(Connect())

    @handler
    def _on_work(self, work: Work) -> None:
        self._service.ask(Deliver(self.path, work))


class Flapping(Demo):
    """See the module's docstring."""

    name = "backoff"
    title = "backoff against a dependency that comes and goes"
    about = "One connection is restarted at once and burns its limit in a moment; the other one waits longer each time, and loses nothing."
    seconds = 25.0

    def build(self, system: ActorSystem) -> None:
        """Start the service, and the same connection twice: with and without backoff."""
        service = system.spawn(Service, name="service")
        spec = child(Connection, service, name="connection", redeliver=AGAIN)
        system.spawn(Supervisor, [spec], intensity=LIMIT, period=5.0, name="eager")
        system.spawn(Supervisor, [spec.replace(backoff=BACKOFF)], intensity=100, period=10.0, name="patient")
        self.sources = [system.spawn(Feeder, [path], 0.05, name=f"feeder-{path.split('/')[1]}") for path in (EAGER, PATIENT)]

    def victims(self) -> list[Victim]:
        """Return both connections."""
        return [Victim(EAGER), Victim(PATIENT)]

    def claims(self, books: Books, last: TreeNode) -> list[Claim]:
        """Check who survived, how long it waited, and that nothing is lost or delivered twice."""
        alive = {node.path for node in last.everyone()}
        outages = sum(not flipped.up for flipped in books.all_of(Flipped))
        decided = books.decisions("/eager")
        patient = books.decisions("/patient")
        odd = sum(not _fits(before, after) for before, after in zip([None, *patient], patient, strict=False))
        longest = max((one.delay for one in patient), default=0.0)
        met = any(one.error.startswith(ConnectionRefusedError.__name__) for one in decided)
        gave_up = books.given_up["/eager"]
        return [
            Claim(
                "without backoff the limit is burnt at once",
                f"given up {gave_up} times, after {len(decided)} restarts, in {outages} outages",
                holds=gave_up in (1, 0 if not met else 1) and ("/eager" in alive) != bool(gave_up),
            ),
            Claim("with backoff it survives", f"{outages} outages, {len(patient)} restarts", holds="/patient" in alive),
            Claim("every delay is as declared", f"{len(patient)} delays, the longest {longest:.2f} s, {odd} odd", holds=not odd),
            *self._deliveries(books),
        ]

    @staticmethod
    def _deliveries(books: Books) -> list[Claim]:
        """Compare what was sent with what has arrived at the other end."""
        claims = []
        arrived = books.last_of(Arrived) or Arrived({}, 0)
        for path in (EAGER, PATIENT):
            feeder = f"/feeder-{path.split('/')[1]}"
            sent = sum(one.accepted for one in books.all_of(Sent) if one.feeder == feeder)
            came, dead = arrived.different.get(path, 0), books.dead_at([path], Work.__name__)
            figures = f"{sent:,} sent = {came:,} arrived + {dead:,} dead letters"
            claims.append(Claim(f"nothing sent to {path.split('/')[1]} is lost", figures, holds=sent == came + dead))
        return [*claims, Claim("nothing arrives twice", f"{arrived.twice} did", holds=not arrived.twice)]


def _fits(before: Decision | None, after: Decision) -> bool:
    """Tell whether a delay is that of a first try, or of the try after the one before."""
    for attempt in range(50):
        low, high = BACKOFF.delay(attempt, 0.0), BACKOFF.delay(attempt, 0.999_999_999)
        if low <= after.delay <= high and (attempt == 0 or (before is not None and before.delay >= BACKOFF.delay(attempt - 1, 0.0))):
            return True
    return False
