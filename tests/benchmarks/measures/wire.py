"""Messages as bytes beside msgspec and pickle, copies beside `copy.deepcopy`, and what isolation costs a message."""

from __future__ import annotations

from functools import partial
from typing import Any

from actors import Isolation
from tests.benchmarks.contenders import payloads
from tests.benchmarks.harness import Case, ContenderAbsentError, find, race, reach
from tests.benchmarks.model import BYTES, CALLS, MESSAGES, SECONDS, Check, Figure, Findings, Measure, Plan

OURS, MSGSPEC, PICKLE = "greenroom", "msgspec.msgpack", "pickle, protocol 5"
MAKERS = {OURS: payloads.greenroom, MSGSPEC: payloads.msgspec, PICKLE: payloads.pickled}
CHECK_NS = 200e-9  # seconds


def _sizes(message: Any) -> list[Figure]:
    figures = []
    for name, make in MAKERS.items():
        try:
            figures.append(Figure(f"{name}: size", BYTES, [payloads.size(message, make)]))
        except ContenderAbsentError:
            continue
    return figures


def _round_trip(plan: Plan, *, message: Any, full: int, judged: bool) -> Findings:
    n = plan.size(full, full // 20)
    cases = [Case(name, n, partial(payloads.round_trips, message=message, make=make)) for name, make in MAKERS.items()]
    figures = race(cases, plan, unit=MESSAGES)
    checks = [reach(figures, OURS, MSGSPEC, 0.35), reach(figures, OURS, PICKLE, 2.5)] if judged else []
    return Findings([*figures, *_sizes(message)], checks, (MSGSPEC, PICKLE))


def frozen(plan: Plan) -> Findings:
    """A message of five plain fields that cannot change, there and back."""
    return _round_trip(plan, message=payloads.FROZEN, full=100_000, judged=True)


def mutable(plan: Plan) -> Findings:
    """The same of a plain dataclass."""
    return _round_trip(plan, message=payloads.MUTABLE, full=100_000, judged=True)


def nested(plan: Plan) -> Findings:
    """A message with ten others, a dict and a time in it, there and back."""
    return _round_trip(plan, message=payloads.BASKET, full=10_000, judged=False)


def copied(plan: Plan) -> Findings:
    """Copies of messages that can change, and of one that cannot, which is handed on."""
    n = plan.size(50_000, 2_000)
    messages = (
        ("five fields", payloads.MUTABLE, n, 3.0),
        ("nested", payloads.BASKET, n // 10, 3.0),
        ("five fields, frozen", payloads.FROZEN, n, None),
    )
    figures: list[Figure] = []
    checks: list[Check] = []
    for what, message, operations, limit in messages:
        ours, deep = f"greenroom; {what}", f"copy.deepcopy; {what}"
        cases = [
            Case(ours, operations, partial(payloads.copies, message=message, deep=False)),
            Case(deep, operations, partial(payloads.copies, message=message, deep=True)),
        ]
        figures += race(cases, plan, unit=CALLS)
        if limit is not None:
            checks.append(reach(figures, ours, deep, limit))
    return Findings(figures, checks, tuple(f"copy.deepcopy; {what}" for what, *_ in messages[:2]))


SEEN, NOTHING = "check_immutable; a frozen class seen before", "an empty function"


def checked(plan: Plan) -> Findings:
    """The check that a message cannot change, of a class that was judged before."""
    n = plan.size(500_000, 20_000)
    figures = race(
        [Case(SEEN, n, partial(payloads.checks, message=payloads.FROZEN)), Case(NOTHING, n, payloads.empty_calls)], plan, unit=CALLS
    )
    seen, nothing = (figure.median if figure else None for figure in (find(figures, SEEN), find(figures, NOTHING)))
    cost = 1 / seen - 1 / nothing if seen and nothing else None
    checks = [Check(f"time per call, less that of {NOTHING}: {SEEN}", cost, CHECK_NS, at_least=False, unit=SECONDS)]
    return Findings(figures, checks, (NOTHING,))


def told(plan: Plan) -> Findings:
    """One-way messages to an actor that shares them, checks them, has copies."""
    n = plan.size(100_000, 5_000)
    share = f"{Isolation.SHARE.value}; frozen message"
    cases = [
        Case(f"{mode.value}; {what} message", n, partial(payloads.tells, message=message, isolation=mode))
        for what, message, modes in (
            ("frozen", payloads.FROZEN, (Isolation.SHARE, Isolation.CHECK, Isolation.COPY)),
            ("mutable", payloads.MUTABLE, (Isolation.SHARE, Isolation.COPY)),
        )
        for mode in modes
    ]
    return Findings(race(cases, plan, unit=MESSAGES), references=(share,))


MEASURES = (
    Measure("wire-frozen", "five plain fields, a frozen dataclass with slots, to bytes and back", frozen, 120.0, 60.0),
    Measure("wire-mutable", "five plain fields, a plain dataclass, to bytes and back", mutable, 120.0, 60.0),
    Measure("wire-nested", "a dataclass with ten others, a dict and a datetime, to bytes and back", nested, 120.0, 60.0),
    Measure("wire-copy", "copies within the process", copied, 120.0, 60.0),
    Measure("wire-check", "the check that a message cannot change", checked, 60.0, 30.0),
    Measure("wire-tell", "one-way messages, outside → actor, by isolation", told, 120.0, 60.0),
)
