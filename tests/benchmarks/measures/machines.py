"""State machines: what an event costs beside the same message to a plain actor, and beside other libraries' machines."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.contenders import bare, machines
from tests.benchmarks.harness import Case, race, ratio
from tests.benchmarks.model import BARE, EVENTS, Check, Findings, Measure, Plan

PLAIN = "plain actor, on_receive"
STAYS = "machine: stays"
CHANGES = "machine: changes"
ASYNC, ASYNC_CHANGES = "async actor", "async machine: changes"
AT_MOST = 2.5


def events(plan: Plan) -> Findings:
    """Events told to a machine, and the same messages told to an actor."""
    n = plan.size(200_000, 10_000)
    flip, tick = {"event": machines.Flip}, {"event": machines.Tick}
    cases = [
        Case(BARE, n, bare.messages),
        Case(PLAIN, n, partial(machines.tells, machines.Plain, **flip)),
        Case("plain actor, @handler", n, partial(machines.tells, machines.Declared, **flip)),
        Case(STAYS, n, partial(machines.tells, machines.Simple, **tick)),
        Case(CHANGES, n, partial(machines.tells, machines.Simple, **flip)),
        Case("machine: guard, changes", n, partial(machines.tells, machines.Guarded, **flip)),
        Case("machine: enter and exit actions", n // 2, partial(machines.tells, machines.Entered, **flip)),
        Case("machine: every second one postponed", n // 4, machines.postponed),
        Case("machine: state timeout started, cancelled", n // 4, partial(machines.tells, machines.Timed, **flip)),
        Case(ASYNC, n // 2, partial(machines.tells, machines.Waiting, **flip)),
        Case(ASYNC_CHANGES, n // 2, partial(machines.tells, machines.WaitingMachine, **flip)),
        Case("python-statemachine, no actor", n // 20, machines.python_statemachine),
        Case("transitions, no actor", n // 10, machines.transitions),
    ]
    figures = race(cases, plan, unit=EVENTS)
    pairs = ((STAYS, PLAIN), (CHANGES, PLAIN), (ASYNC_CHANGES, ASYNC))
    checks = [
        Check(f"time per event, {machine} ÷ {actor}", ratio(figures, actor, machine), AT_MOST, at_least=False) for machine, actor in pairs
    ]
    return Findings(figures, checks, (PLAIN, CHANGES))


MEASURES = (Measure("machines", "events through state machines", events, 600.0, 60.0),)
