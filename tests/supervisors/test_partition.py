"""Children that divide the keys among them: which key is whose, and what becomes of that when a child is down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import ActorDeadError, ActorRestarting, ActorStartError
from actors.testing import Simulation
from supervisors import (
    Backoff,
    ChildSpec,
    ChildSpecError,
    CountChildren,
    DynamicSupervisor,
    GetPartition,
    ListChildren,
    PartitionSupervisor,
    RemoveChild,
    Restart,
    RestartChild,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    WhileDown,
    child,
)
from supervisors.partition import partition_of
from tests.supervisors.players import Player, Script, crash, fail, get, names

HUGE = 2**200
# Of 16 partitions. Written down here, and not computed: these numbers are where the data of users is.
BELONGS = {
    "": 0,
    b"": 0,
    "ada": 8,
    b"ada": 8,
    "bob": 0,
    "naïve": 6,
    "\ud800": 8,
    "7": 2,
    7: 7,
    16: 0,
    -1: 15,
    -17: 15,
    HUGE + 3: 3,
    -HUGE: 0,
}


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as made:
        yield made


@pytest.fixture
def script() -> Script:
    return Script()


def partition(sim: Simulation, spec: Any, **options: Any) -> Any:
    return sim.spawn(PartitionSupervisor, spec, **{"partitions": 4, **options})


def refusal(sim: Simulation, spec: Any, **options: Any) -> BaseException | None:
    """Return why a supervisor could not be started, of which nothing may be left."""
    with pytest.raises(ActorStartError) as caught:
        partition(sim, spec, **options)
    assert sim.system.actors() == []
    return caught.value.__cause__


# -- which key is whose ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "number"), BELONGS.items(), ids=lambda value: ascii(value)[:12])
def test_a_key_belongs_to_the_partition_of_its_remainder_or_checksum(sim: Simulation, key: str | bytes | int, number: int) -> None:
    supervisor = partition(sim, child(Player), partitions=16)
    assert supervisor.ask(GetPartition(key)) == get(supervisor, str(number))


def test_a_key_belongs_to_the_same_partition_in_every_process() -> None:
    texts = [key for key in BELONGS if isinstance(key, str | bytes)]
    program = f"from supervisors.partition import partition_of; print([partition_of(key, 16) for key in {texts!r}])"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout.strip() == str([BELONGS[text] for text in texts])


@given(st.integers() | st.text(st.characters()) | st.binary(), st.integers(1, 1000))
def test_every_key_belongs_to_one_of_the_partitions(key: str | bytes | int, partitions: int) -> None:
    number = partition_of(key, partitions)
    assert 0 <= number < partitions
    assert number == partition_of(key, partitions)


def test_successive_numbers_are_spread_evenly(sim: Simulation) -> None:
    supervisor = partition(sim, child(Player))
    for number in range(-20, 20):
        supervisor.ask(GetPartition(number)).ask(number)
    children = [sim.instance(get(supervisor, name)) for name in ("0", "1", "2", "3")]
    assert [len(one.got) for one in children] == [10, 10, 10, 10]
    assert children[3].got == list(range(-17, 20, 4))


@pytest.mark.parametrize("key", [None, 1.0, True, ("a", 1), bytearray(b"ada"), Player], ids=repr)
def test_another_kind_of_key_is_refused_and_hurts_nobody(sim: Simulation, script: Script, key: Any) -> None:
    supervisor = partition(sim, child(Player, script))
    script.took()
    with pytest.raises(TypeError) as caught:
        supervisor.ask(GetPartition(key))
    assert str(caught.value).startswith(f"key={key!r} is not valid: ")
    assert supervisor.ask(CountChildren()).active == 4
    assert script.took() == []


# -- the children ------------------------------------------------------------------------------------------------------------


def test_children_are_named_by_number_and_counted(sim: Simulation, script: Script) -> None:
    supervisor = partition(sim, child(Player, script, name="player"), partitions=3)
    assert script.took() == ["0 starts", "1 starts", "2 starts"]
    assert names(supervisor) == ["0", "1", "2"]
    counts = supervisor.ask(CountChildren())
    assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (3, 3, 0, 3)
    supervisor.ask(StopChild("1"))
    counts = supervisor.ask(CountChildren())
    assert (counts.specs, counts.active) == (3, 2)


def test_the_children_may_be_supervisors(sim: Simulation, script: Script) -> None:
    supervisor = partition(sim, child(Supervisor, [child(Player, script, name="inner")]), partitions=2)
    assert supervisor.ask(CountChildren()).supervisors == 2
    assert get(supervisor.ask(GetPartition(3)), "inner").path.endswith("/1/inner")


def test_there_are_as_many_as_there_are_processors_unless_declared(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, expected in ((3, 3), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda processors=processors: processors)
        assert partition(sim, child(Player), partitions=None).ask(CountChildren()).specs == expected


def test_a_single_partition_has_all_keys(sim: Simulation) -> None:
    supervisor = partition(sim, child(Player), partitions=1)
    assert {supervisor.ask(GetPartition(key)) for key in BELONGS} == {get(supervisor, "0")}


def test_a_function_makes_the_spec_of_each_partition(sim: Simulation) -> None:
    def spec_of(number: int) -> ChildSpec[Any]:
        return child(Player, Script(log=[f"for {number}"]), name="any", restart=Restart.TRANSIENT if number else Restart.PERMANENT)

    supervisor = partition(sim, spec_of, partitions=3)
    assert [sim.instance(get(supervisor, name)).script.log[0] for name in ("0", "1", "2")] == ["for 0", "for 1", "for 2"]
    kinds = [info.restart for info in supervisor.ask(ListChildren())]
    assert kinds == [Restart.PERMANENT, Restart.TRANSIENT, Restart.TRANSIENT]


@pytest.mark.parametrize("dynamic", [False, True])
def test_it_is_declared_or_started_as_a_child_like_any_other(sim: Simulation, dynamic: bool) -> None:
    class Tree(Supervisor):
        by_place = child(PartitionSupervisor, child(Player), partitions=2)
        by_name = child(PartitionSupervisor, spec=child(Player), partitions=2)

    tree = sim.spawn(Tree)
    late = sim.spawn(DynamicSupervisor) if dynamic else tree
    late.ask(StartChild(child(PartitionSupervisor, child(Player), partitions=2, name="late")))
    for supervisor in (get(tree, "by_place"), get(tree, "by_name"), get(late, "late")):
        assert supervisor.ask(GetPartition(7)).ask("mail") == "mail"
        assert names(supervisor) == ["0", "1"]


def test_a_sibling_as_its_argument_is_the_ref_of_that(sim: Simulation) -> None:
    class Shards(PartitionSupervisor):
        def __init__(self, teller: Any) -> None:
            super().__init__(child(Player, Script(log=[teller])), partitions=2)

    class Tree(Supervisor):
        teller = child(Player)
        shards = child(Shards, teller)

    tree = sim.spawn(Tree)
    shard = get(tree, "shards").ask(GetPartition(1))
    assert sim.instance(shard).script.log[0] == get(tree, "teller")


def test_a_subclass_declares_its_options_and_its_spec(sim: Simulation, script: Script) -> None:
    class Shards(PartitionSupervisor, strategy=Strategy.ONE_FOR_ALL, intensity=0):
        def __init__(self) -> None:
            super().__init__(child(Player, script), partitions=2, intensity=1)

    supervisor = sim.spawn(Shards)
    script.took()
    crash(sim, supervisor, "0")
    assert script.took() == ["1 comes down", "0 starts", "1 starts"]


# -- a partition that is down ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", Strategy)
def test_a_key_keeps_its_partition_over_a_crash(sim: Simulation, strategy: Strategy) -> None:
    supervisor = partition(sim, child(Player), strategy=strategy)
    before = [supervisor.ask(GetPartition(key)) for key in range(4)]
    crash(sim, supervisor, "1")
    assert [supervisor.ask(GetPartition(key)) for key in range(4)] == before
    assert before[1].ask("mail") == "mail"


def test_a_key_keeps_its_partition_over_a_restart_of_the_supervisor(sim: Simulation, script: Script) -> None:
    root = sim.spawn(Supervisor, [child(PartitionSupervisor, child(Player, script), partitions=16, intensity=0, name="shards")])
    before = get(root, "shards").ask(GetPartition("ada"))
    before.tell(fail)
    sim.run()
    after = get(root, "shards").ask(GetPartition("ada"))
    assert after != before
    assert after.path == before.path == f"{get(root, 'shards').path}/{BELONGS['ada']}"
    assert len(script.took()) > 16


def test_mail_for_a_partition_in_backoff_waits_or_fails_fast_as_its_spec_says(sim: Simulation) -> None:
    def spec_of(number: int) -> ChildSpec[Any]:
        return child(Player, backoff=Backoff(10.0, 10.0, jitter=0.0), while_down=WhileDown.FAIL_FAST if number else WhileDown.KEEP)

    supervisor = partition(sim, spec_of, partitions=2, intensity=2)
    patient, quick = supervisor.ask(GetPartition(0)), supervisor.ask(GetPartition(1))
    patient.tell(fail)
    quick.tell(fail)
    sim.advance(0.0)
    assert [supervisor.ask(GetPartition(key)) for key in (0, 1)] == [patient, quick]
    with pytest.raises(ActorRestarting) as caught:
        quick.ask("mail")
    assert caught.value.retry_after == 10.0
    assert patient.ask("mail") == "mail"
    assert sim.now == 10.0


def test_a_partition_that_has_ended_is_not_there_until_it_is_succeeded(sim: Simulation) -> None:
    supervisor = partition(sim, child(Player, backoff=Backoff(10.0, 10.0, jitter=0.0)), name="shards")
    before = supervisor.ask(GetPartition(2))
    before.kill()
    sim.advance(0.0)
    with pytest.raises(ActorDeadError, match="/shards/2 is not there now") as caught:
        supervisor.ask(GetPartition(2))
    assert caught.value.recipient == "/shards/2"
    assert supervisor.ask(GetPartition(1)).ask("mail") == "mail"
    sim.advance(10.0)
    after = supervisor.ask(GetPartition(2))
    assert after != before
    assert after.ask("mail") == "mail"


def test_the_keys_of_a_stopped_partition_are_nobody_elses(sim: Simulation) -> None:
    supervisor = partition(sim, child(Player))
    supervisor.ask(StopChild("2"))
    with pytest.raises(ActorDeadError):
        supervisor.ask(GetPartition(2))
    again = supervisor.ask(RestartChild("2"))
    assert supervisor.ask(GetPartition(2)) == again
    supervisor.ask(StopChild("2"))
    supervisor.ask(RemoveChild("2"))
    with pytest.raises(ActorDeadError):
        supervisor.ask(GetPartition(2))
    assert [supervisor.ask(GetPartition(key)) for key in (4, 1, 3)] == [get(supervisor, name) for name in ("0", "1", "3")]


# -- what does not fit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partitions", [0, -1, 2.0, True, "4"], ids=repr)
def test_a_bad_number_of_partitions_is_refused_by_name_and_value(sim: Simulation, partitions: Any) -> None:
    cause = refusal(sim, child(Player), partitions=partitions)
    assert isinstance(cause, ChildSpecError)
    assert (cause.parameter, cause.value) == ("partitions", partitions)


@pytest.mark.parametrize("spec", [None, "spec", 4, [child(Player)]], ids=lambda value: repr(value)[:12])
def test_what_is_neither_a_spec_nor_a_function_is_refused_by_name_and_value(sim: Simulation, spec: Any) -> None:
    cause = refusal(sim, spec)
    assert isinstance(cause, ChildSpecError)
    assert (cause.parameter, cause.value) == ("spec", spec)


@pytest.mark.parametrize(("option", "value"), [("strategy", "one_for_all"), ("intensity", -1), ("period", 0), ("auto_shutdown", True)])
def test_a_bad_option_is_refused_by_name_and_value(sim: Simulation, option: str, value: Any) -> None:
    cause = refusal(sim, child(Player), **{option: value})
    assert isinstance(cause, ChildSpecError)
    assert (cause.parameter, cause.value) == (option, value)


@pytest.mark.parametrize("wrong", [None, Player, "spec", [child(Player)]], ids=lambda value: repr(value)[:12])
def test_a_function_that_makes_no_spec_fails_the_start_before_any_child(sim: Simulation, script: Script, wrong: Any) -> None:
    cause = refusal(sim, lambda number: child(Player, script) if number < 2 else wrong)
    assert isinstance(cause, ChildSpecError)
    assert (cause.parameter, cause.value) == ("spec(2)", wrong)
    assert script.took() == []


def test_a_function_that_raises_fails_the_start(sim: Simulation, script: Script) -> None:
    def spec_of(number: int) -> ChildSpec[Any]:
        if number == 3:
            raise LookupError("no spec for 3")
        return child(Player, script)

    cause = refusal(sim, spec_of)
    assert isinstance(cause, LookupError)
    assert script.took() == []


def test_a_partition_that_cannot_start_fails_the_start_and_stops_those_before_it(sim: Simulation, script: Script) -> None:
    script.failing["2"] = 1
    cause = refusal(sim, child(Player, script))
    assert isinstance(cause, ActorStartError)
    assert isinstance(cause.cause, LookupError)
    assert script.took() == ["0 starts", "1 starts", "2 fails", "1 stops", "0 stops"]
