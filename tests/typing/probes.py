"""Types of what a probe takes: that of the class which was expected."""

from __future__ import annotations

from typing import assert_type

from actors import Actor, ActorRef, ActorSystem, Down, SystemConfig
from actors.testing import ManualClock, Probe


async def what_is_expected_has_its_type(system: ActorSystem, ref: ActorRef[Actor]) -> None:
    probe = Probe(system)
    assert_type(probe.expect(str), str)
    assert_type(await probe.expect_async(int), int)
    assert_type(probe.fish_for(str, ignore=int), str)
    assert_type(probe.expect_down(ref), Down)
    assert_type(probe.reply(1), bool)


def a_manual_clock_makes_ports() -> None:
    clock = ManualClock()
    SystemConfig(ports=clock.ports())
    assert_type(clock.advance_to_next(), bool)
    assert_type(clock.pending, int)
