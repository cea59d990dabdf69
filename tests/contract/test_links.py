"""Life: links share the fate of an abnormal end."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from actors import ActorSystem, DownReason, Lifecycle, LinkedActorDied
from tests.contract.conftest import On
from tests.contract.kit import WAIT, Diary, Puppet, eventually, held, settle, spawn_child, until_down


def link(target: Any) -> Any:
    return lambda actor: actor.link(target)


def end(ref: Any, how: str) -> None:
    if how == "kill":
        ref.kill(timeout=WAIT)
    else:
        ref.tell(crash)


def crash(_: Any) -> None:
    raise LookupError("crashed")


@pytest.mark.parametrize("how", ["kill", "crash"])
@pytest.mark.parametrize("linker_dies", [True, False])
def test_if_either_dies_abnormally_the_other_crashes(system: ActorSystem, on: On, how: str, linker_dies: bool) -> None:
    log: list[Any] = []
    linker, linked = system.spawn(on(Diary), log if not linker_dies else None), system.spawn(on(Diary), log if linker_dies else None)
    linker.ask(link(linked))
    dying, other = (linker, linked) if linker_dies else (linked, linker)
    down = until_down(system, other)
    end(dying, how)
    assert down.get(timeout=WAIT).reason is DownReason.CRASHED
    error = down.get().error
    assert isinstance(error, LinkedActorDied)
    assert str(dying) in error.recipient
    assert log == ["init", "on_start", "on_failure"]


def test_an_actor_that_restarts_while_its_partner_dies_crashes_all_the_same(system: ActorSystem, on: On) -> None:
    linker, linked = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    linker.ask(link(linked))
    child = linker.ask(lambda actor: spawn_child(actor, Puppet), timeout=WAIT)
    down = until_down(system, linker)
    with held(child):  # the restart waits for it
        restarted = linker.restart(block=False)
        eventually(lambda: linker.state is Lifecycle.RESTARTING)
        linked.kill(timeout=WAIT)
    assert restarted.get(timeout=WAIT) is False
    assert isinstance(down.get(timeout=WAIT).error, LinkedActorDied)


def test_a_graceful_stop_breaks_no_link(system: ActorSystem, on: On) -> None:
    linker, linked = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    linker.ask(link(linked))
    linked.stop(timeout=WAIT)
    settle(linker)
    assert linker.is_alive()


def test_unlink_undoes_the_link_from_either_side(system: ActorSystem, on: On) -> None:
    for side in (0, 1):
        pair = [system.spawn(on(Puppet)) for _ in range(2)]
        pair[0].ask(link(pair[1]))
        pair[side].ask(lambda actor, other=pair[1 - side]: actor.unlink(other))
        pair[1].kill(timeout=WAIT)
        settle(pair[0])
        assert pair[0].is_alive()


def test_linking_to_a_dead_actor_crashes_the_linker(system: ActorSystem, on: On) -> None:
    linker, linked = system.spawn(on(Puppet)), system.spawn(on(Puppet))
    linked.stop(timeout=WAIT)
    down = until_down(system, linker)
    linker.tell(link(linked))
    assert isinstance(down.get(timeout=WAIT).error, LinkedActorDied)


def test_the_death_of_one_runs_through_a_chain_of_links(system: ActorSystem, on: On) -> None:
    chain = [system.spawn(on(Puppet)) for _ in range(6)]
    for one, following in pairwise(chain):
        one.ask(link(following))
    downs = [until_down(system, ref) for ref in chain]
    chain[3].kill(timeout=WAIT)
    reasons = [down.get(timeout=WAIT).reason for down in downs]
    assert reasons == [DownReason.CRASHED] * 3 + [DownReason.KILLED] + [DownReason.CRASHED] * 2
