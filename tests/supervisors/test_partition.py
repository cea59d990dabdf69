"""`PartitionSupervisor`: a key has one partition, in every process and over every restart."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorDeadError, ActorStartError
from actors.testing import Simulation
from supervisors import (
    Backoff,
    ChildSpecError,
    ChildState,
    CountChildren,
    GetChild,
    GetPartition,
    PartitionSupervisor,
    Restart,
    RestartChild,
    StopChild,
    Strategy,
    child,
)
from tests.supervisors.players import Player, Script, crash, fail, get, infos, names, states

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as made:
        yield made


@pytest.fixture
def script() -> Script:
    return Script()


# -- which partition -----------------------------------------------------------------------------------------------------------


def test_there_are_as_many_children_as_partitions_named_by_number(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script), partitions=3)
    assert names(supervisor) == ["0", "1", "2"]
    assert script.took() == ["0 starts", "1 starts", "2 starts"]
    counts = supervisor.ask(CountChildren())
    assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (3, 3, 0, 3)


def test_by_default_there_is_one_for_each_processor(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert len(names(sim.spawn(PartitionSupervisor, child(Player)))) == 5
    monkeypatch.setattr("os.cpu_count", lambda: None)  # it cannot be found out
    assert len(names(sim.spawn(PartitionSupervisor, child(Player)))) == 1


@given(st.one_of(st.integers(), st.text(), st.binary()), st.integers(1, 9))
def test_a_number_belongs_to_its_remainder_and_a_text_or_bytes_to_their_crc(key: int | str | bytes, partitions: int) -> None:
    data = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    number = data % partitions if isinstance(data, int) else crc32(data) % partitions
    with Simulation() as sim:
        supervisor = sim.spawn(PartitionSupervisor, child(Player), partitions=partitions)
        assert supervisor.ask(GetPartition(key)) == get(supervisor, str(number))


def test_keys_that_are_no_proper_text_belong_somewhere_too(sim: Simulation) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player), partitions=4)
    assert supervisor.ask(GetPartition("\ud800")).is_alive()
    assert supervisor.ask(GetPartition("")) == get(supervisor, "0")
    assert supervisor.ask(GetPartition(-1)) == get(supervisor, "3")
    assert supervisor.ask(GetPartition(10**30 + 2)) == get(supervisor, "2")


def test_many_keys_are_spread_over_all_partitions(sim: Simulation) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player), partitions=4)
    found = Counter(supervisor.ask(GetPartition(f"user-{number}")) for number in range(400))
    assert len(found) == 4
    assert min(found.values()) > 50


def test_a_text_belongs_to_the_same_partition_in_every_process() -> None:
    code = "from supervisors.partition import partition_of; print([partition_of(key, 7) for key in ('ada', 'bob', b'cid', 12, 'dän')])"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True, check=True, text=True, cwd=ROOT,
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(answers) == 1


@pytest.mark.parametrize("key", [None, 1.5, True, ("a", 1), object()], ids=repr)
def test_another_kind_of_key_is_refused_by_value(sim: Simulation, key: Any) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player), partitions=2)
    with pytest.raises(TypeError, match="key="):
        supervisor.ask(GetPartition(key))
    assert supervisor.is_alive()


# -- over restarts ---------------------------------------------------------------------------------------------------------------


def test_a_partition_that_crashes_is_restarted_alone_behind_its_ref(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script), partitions=3)
    before = supervisor.ask(GetPartition(1))
    script.took()
    crash(sim, supervisor, "1")
    assert script.took() == ["1 starts"]
    assert supervisor.ask(GetPartition(1)) == before


def test_its_strategy_may_be_another(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script), partitions=3, strategy=Strategy.REST_FOR_ONE)
    script.took()
    crash(sim, supervisor, "1")
    assert script.took() == ["2 comes down", "1 starts", "2 starts"]


def test_a_key_has_the_successor_of_a_partition_that_ended(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script), partitions=3)
    before = supervisor.ask(GetPartition(1))
    before.kill()
    sim.run()
    after = supervisor.ask(GetPartition(1))
    assert after != before
    assert after == get(supervisor, "1")


def test_mail_for_a_partition_in_backoff_waits_and_its_key_keeps_it(sim: Simulation, script: Script) -> None:
    spec = child(Player, script, backoff=Backoff(5.0, 5.0, jitter=0.0))
    supervisor = sim.spawn(PartitionSupervisor, spec, partitions=2)
    one = supervisor.ask(GetPartition(1))
    one.tell(fail)
    sim.advance(1.0)
    assert states(supervisor) == {"0": ChildState.RUNNING, "1": ChildState.WAITING}
    assert supervisor.ask(GetPartition(1)) == one
    assert supervisor.ask(GetPartition(0)).ask("hello") == "hello"
    assert one.ask("kept") == "kept"
    assert sim.now == 5.0


def test_a_partition_that_is_stopped_belongs_to_nobody_else(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script), partitions=2, name="parts")
    supervisor.ask(StopChild("1"))
    with pytest.raises(ActorDeadError, match="/parts/1 is not there now"):
        supervisor.ask(GetPartition(3))
    assert supervisor.ask(GetPartition(2)) == get(supervisor, "0")
    again = supervisor.ask(RestartChild("1"))
    assert supervisor.ask(GetPartition(3)) == again


def test_a_temporary_partition_that_crashed_is_gone(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(PartitionSupervisor, child(Player, script, restart=Restart.TEMPORARY), partitions=2)
    crash(sim, supervisor, "1")
    assert supervisor.ask(GetChild("1")) is None
    with pytest.raises(ActorDeadError):
        supervisor.ask(GetPartition(1))


# -- what does not fit -------------------------------------------------------------------------------------------------------------


def test_a_function_makes_the_spec_of_each_partition(sim: Simulation, script: Script) -> None:
    backoffs = [Backoff(1.0, 1.0), None]
    supervisor = sim.spawn(PartitionSupervisor, lambda number: child(Player, script, backoff=backoffs[number]), partitions=2, intensity=2)
    for name in names(supervisor):
        get(supervisor, str(name)).tell(fail)
        sim.advance(0.0)
    assert [info.state for info in infos(supervisor).values()] == [ChildState.WAITING, ChildState.RUNNING]


def test_a_function_that_returns_the_wrong_thing_fails_the_start_by_number_and_value(sim: Simulation, script: Script) -> None:
    with pytest.raises(ActorStartError) as caught:
        sim.spawn(PartitionSupervisor, lambda number: child(Player, script) if number == 0 else Player, partitions=2)
    assert isinstance(caught.value.__cause__, ChildSpecError)
    assert "spec(1)" in str(caught.value.__cause__)
    assert sim.system.actors() == []
    assert script.took() == []


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        (("worker", 2), "spec"),
        ((None, 2), "spec"),
        ((child(Player), 0), "partitions"),
        ((child(Player), -1), "partitions"),
        ((child(Player), 1.5), "partitions"),
        ((child(Player), True), "partitions"),
        ((child(Player), "2"), "partitions"),
    ],
    ids=lambda given: repr(given)[-12:],
)
def test_a_bad_argument_fails_the_start_by_name_and_value(sim: Simulation, given: tuple[Any, Any], parameter: str) -> None:
    spec, partitions = given
    with pytest.raises(ActorStartError) as caught:
        sim.spawn(PartitionSupervisor, spec, partitions=partitions)
    cause = caught.value.cause
    assert isinstance(cause, ChildSpecError)
    assert cause.parameter == parameter
    assert cause.value == (spec if parameter == "spec" else partitions)
    assert sim.system.actors() == []
