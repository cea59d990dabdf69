"""What a circuit breaker knows, and how it goes on: steps from one frozen record to the next.

    CLOSED ── failures in a row ──▶ OPEN ── time is up, and a call comes ──▶ HALF_OPEN ── the probe went well ──▶ CLOSED
                                     ▲                                           │
                                     └──────────── the probe failed ─────────────┘

The one call that half-open lets through is the *probe*. It holds its right for as long as the circuit was open before: if it has not come
back by then, the next call becomes the probe in its place, so that a probe that is lost wedges nothing. A lost one that goes well after all
still closes the circuit; that it fails counts no more. A probe that is abandoned leaves its right to the next call at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from supervisors.policy.backoff import Backoff
from supervisors.policy.checks import check_number, check_whole

__all__ = ["BreakerRules", "BreakerState", "Circuit", "Pass", "abandon", "admit", "close", "fail", "retry_after", "succeed", "trip"]


class BreakerState(Enum):
    """What a circuit breaker does with calls."""

    CLOSED = "closed"
    """Calls go through."""

    OPEN = "open"
    """Calls are refused."""

    HALF_OPEN = "half_open"
    """One call is through, to find out; others are refused until it is back."""


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a circuit opens, and for how long.

    Args:
        failures: in a row after which it opens; 1 or more.
        reset: seconds until a call is let through to find out, or a `Backoff` that makes them longer each time that this fails.

    Raises:
        TypeError: one of them is no number.
        ValueError: one of them is out of range.
    """

    failures: int = 5
    reset: float | Backoff = 30.0

    def __post_init__(self) -> None:
        check_whole("failures", self.failures, "a whole number of failures in a row, 1 or more", 1)
        if not isinstance(self.reset, Backoff):
            check_number("reset", self.reset, "seconds, more than 0, or a Backoff", above=True)
        elif not self.reset.initial:
            msg = f"reset={self.reset!r} is not valid: a Backoff with an initial delay of more than 0"
            raise ValueError(msg)

    @property
    def waits(self) -> Backoff:
        """`reset` as a backoff, which may be one that stays as it is."""
        reset = self.reset
        return reset if isinstance(reset, Backoff) else Backoff(reset, reset, factor=1.0, jitter=0.0)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What a breaker knows.

    Attributes:
        state: what it does with calls.
        failures: in a row, while it is closed.
        since: when it took this state; while it is half open, when the probe of now was let through.
        until: when a call may be let through to find out, unless it is closed.
        lasting: seconds that it is open, and that a probe has then.
        attempt: how many times it opened since it was closed for long, less one; -1: it never did.
        epoch: how many times the state changed. What a call that was let through before brings back does not count.
        probes: how many calls were let through to find out.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    since: float = 0.0
    until: float = 0.0
    lasting: float = 0.0
    attempt: int = -1
    epoch: int = 0
    probes: int = 0


@dataclass(frozen=True, slots=True)
class Pass:
    """One call that was let through, and when."""

    epoch: int
    probe: int


def admit(circuit: Circuit, now: float) -> tuple[Circuit, Pass | None]:
    """Let a call through, or not: None.

    A clock that jumped back does not keep calls out until it is where it was: the wait begins anew.
    """
    if circuit.state is BreakerState.CLOSED:
        return circuit, Pass(circuit.epoch, 0)
    if now < circuit.since:
        circuit = replace(circuit, since=now, until=now + circuit.lasting)
    if now < circuit.until:
        return circuit, None
    epoch = circuit.epoch + (circuit.state is BreakerState.OPEN)
    probes = circuit.probes + 1
    circuit = replace(circuit, state=BreakerState.HALF_OPEN, since=now, until=now + circuit.lasting, epoch=epoch, probes=probes)
    return circuit, Pass(epoch, probes)


def succeed(circuit: Circuit, passed: Pass, now: float) -> Circuit:
    """Go on from a call that went well."""
    if passed.epoch != circuit.epoch:
        return circuit
    if circuit.state is BreakerState.HALF_OPEN:
        return close(circuit, now)
    return replace(circuit, failures=0) if circuit.failures else circuit


def fail(circuit: Circuit, rules: BreakerRules, passed: Pass, now: float, chance: float) -> Circuit:
    """Go on from a call that failed."""
    if passed.epoch != circuit.epoch:
        return circuit
    if circuit.state is BreakerState.CLOSED:
        circuit = replace(circuit, failures=circuit.failures + 1)
        return trip(circuit, rules, now, chance) if circuit.failures >= rules.failures else circuit
    return trip(circuit, rules, now, chance) if passed.probe == circuit.probes else circuit


def abandon(circuit: Circuit, passed: Pass, now: float) -> Circuit:
    """Go on from a call of which nobody will learn whether it would have gone well: another probe may go at once."""
    if passed.epoch != circuit.epoch or circuit.state is not BreakerState.HALF_OPEN or passed.probe != circuit.probes:
        return circuit
    return replace(circuit, until=now)


def trip(circuit: Circuit, rules: BreakerRules, now: float, chance: float) -> Circuit:
    """Open the circuit; if it is open, for as long again."""
    attempt, epoch = circuit.attempt, circuit.epoch
    if circuit.state is not BreakerState.OPEN:
        quiet = now - circuit.since if circuit.state is BreakerState.CLOSED else 0.0
        attempt = rules.waits.next_attempt(attempt, quiet)
        epoch += 1
    lasting = rules.waits.delay(attempt, chance)
    return replace(
        circuit, state=BreakerState.OPEN, failures=0, since=now, until=now + lasting, lasting=lasting, attempt=attempt, epoch=epoch
    )


def close(circuit: Circuit, now: float) -> Circuit:
    """Close the circuit and forget failures. How often it opened is forgotten only when it stays closed for long enough."""
    if circuit.state is BreakerState.CLOSED:
        return replace(circuit, failures=0)
    return replace(circuit, state=BreakerState.CLOSED, failures=0, since=now, epoch=circuit.epoch + 1)


def retry_after(circuit: Circuit, now: float) -> float | None:
    """Return the seconds until a call is let through to find out; None if calls are let through, or one is out to find out."""
    if circuit.state is not BreakerState.OPEN:
        return None
    return min(max(0.0, circuit.until - now), circuit.lasting)
