"""The semantics of OTP's and Elixir's supervisors, of Pekko's backoff and death watch: a test for each fact that we say we match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors import Actor, ActorDeadError, ActorRef, ActorRestarting, ActorStartError, Down, DownReason, Lifecycle
from actors.events import ActorRestarted, ActorStopped
from actors.testing import Probe, Simulation
from supervisors import (
    AutoShutdown,
    Backoff,
    ChildRunningError,
    ChildSpec,
    ChildSpecError,
    ChildState,
    CountChildren,
    DuplicateChildError,
    DynamicSupervisor,
    GetChild,
    Limit,
    RemoveChild,
    Restart,
    RestartChild,
    RestartLimitError,
    RestartScheduled,
    Shutdown,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    SupervisorGaveUp,
    TooManyChildrenError,
    UnknownChildError,
    WhileDown,
    child,
)
from tests.supervisors.players import Player, Script, crash, fail, get, infos, names, states


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as made:
        yield made


@pytest.fixture
def script() -> Script:
    return Script()


def abc(script: Script, **changes: dict[str, Any]) -> list[ChildSpec[Any]]:
    """Three children, with what is changed for some."""
    return [child(Player, script, name=name, **changes.get(name, {})) for name in ("a", "b", "c")]


# -- strategies --------------------------------------------------------------------------------------------------------------


def test_one_for_one_restarts_only_the_child_that_failed(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.ONE_FOR_ONE)
    assert script.took() == ["a starts", "b starts", "c starts"]
    crash(sim, supervisor, "b")
    assert script.took() == ["b starts"]


def test_one_for_all_terminates_the_others_in_reverse_start_order_and_starts_all_in_start_order(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.ONE_FOR_ALL)
    script.took()
    crash(sim, supervisor, "b")
    assert script.took() == ["c comes down", "a comes down", "a starts", "b starts", "c starts"]


def test_rest_for_one_terminates_the_later_siblings_in_reverse_start_order_then_restarts_in_start_order(
    sim: Simulation, script: Script
) -> None:
    specs = [*abc(script), child(Player, script, name="d")]
    supervisor = sim.spawn(Supervisor, specs, strategy=Strategy.REST_FOR_ONE)
    script.took()
    crash(sim, supervisor, "b")
    assert script.took() == ["d comes down", "c comes down", "b starts", "c starts", "d starts"]


def test_the_first_of_rest_for_one_concerns_all_and_the_last_only_itself(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.REST_FOR_ONE, intensity=2)
    script.took()
    crash(sim, supervisor, "c")
    assert script.took() == ["c starts"]
    crash(sim, supervisor, "a")
    assert script.took() == ["c comes down", "b comes down", "a starts", "b starts", "c starts"]


def test_simple_one_for_one_is_the_dynamic_supervisor(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(DynamicSupervisor)
    for spec in abc(script):
        supervisor.ask(StartChild(spec))
    script.took()
    crash(sim, supervisor, "b")
    assert script.took() == ["b starts"]
    assert names(supervisor) == ["a", "b", "c"]


# -- intensity ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_the_default_intensity_is_one_restart_in_five_seconds(sim: Simulation, script: Script, kind: type[Any]) -> None:
    supervisor = sim.spawn(kind)
    supervisor.ask(StartChild(child(Player, script, name="a")))
    crash(sim, supervisor, "a")
    sim.advance(5.125)
    crash(sim, supervisor, "a")
    assert supervisor.is_alive()
    sim.advance(5.0)
    crash(sim, supervisor, "a")
    assert not supervisor.is_alive()


@pytest.mark.parametrize(("later", "alive"), [(2.0, False), (2.125, True)])
def test_a_restart_that_is_exactly_a_period_old_still_counts(sim: Simulation, script: Script, later: float, alive: bool) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=1, period=2.0)
    crash(sim, supervisor, "a")
    sim.advance(later)
    crash(sim, supervisor, "a")
    assert supervisor.is_alive() is alive


def test_the_window_slides(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=2, period=2.0)
    for _ in range(20):
        crash(sim, supervisor, "a")
        sim.advance(1.125)
    assert supervisor.is_alive()
    crash(sim, supervisor, "a", "a")
    assert not supervisor.is_alive()


def test_the_window_is_the_supervisors_not_the_childs(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=2)
    crash(sim, supervisor, "a", "b")
    assert supervisor.is_alive()
    crash(sim, supervisor, "c")
    assert not supervisor.is_alive()


def test_with_intensity_0_the_first_failure_is_too_many(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=0)
    script.took()
    crash(sim, supervisor, "a")
    assert not supervisor.is_alive()
    assert script.took() == ["c stops", "b stops"]


def test_without_an_intensity_no_number_is_too_many(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=None)
    crash(sim, supervisor, *["a"] * 100)
    assert infos(supervisor)["a"].restarts == 100


@pytest.mark.parametrize(("failing", "alive"), [(2, True), (3, False)])
def test_a_failed_restart_counts_again(sim: Simulation, script: Script, failing: int, alive: bool) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=3)
    script.failing["a"] = failing
    crash(sim, supervisor, "a")
    assert supervisor.is_alive() is alive
    if alive:
        assert infos(supervisor)["a"].restarts == 3


def test_a_failed_restart_of_rest_for_one_goes_on_from_the_child_that_failed(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.REST_FOR_ONE, intensity=5)
    script.took()
    script.failing["b"] = 1
    crash(sim, supervisor, "a")
    assert script.took() == ["c comes down", "b comes down", "a starts", "b fails", "b starts", "c starts"]
    assert {name: info.restarts for name, info in infos(supervisor).items()} == {"a": 1, "b": 1, "c": 0}


def test_a_failed_restart_of_one_for_all_begins_all_over_again(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.ONE_FOR_ALL, intensity=5)
    script.took()
    script.failing["b"] = 1
    crash(sim, supervisor, "c")
    assert script.took() == [
        *("b comes down", "a comes down", "a starts", "b fails"),
        *("a comes down", "a starts", "b starts", "c starts"),
    ]


def test_a_start_that_was_asked_for_in_a_restart_of_others_comes_also_if_that_begins_anew(sim: Simulation, script: Script) -> None:
    backoff = Backoff(1.0, 1.0, jitter=0.0)
    supervisor = sim.spawn(Supervisor, abc(script, b={"backoff": backoff}), strategy=Strategy.REST_FOR_ONE, intensity=2)
    supervisor.ask(StopChild("a"))
    script.failing["b"] = 1
    get(supervisor, "b").tell(fail)
    sim.advance(0.5)
    started = supervisor.ask(RestartChild("a"), block=False)
    sim.advance(2.0)
    assert states(supervisor) == {"a": ChildState.RUNNING, "b": ChildState.RUNNING, "c": ChildState.RUNNING}
    assert started.get() == get(supervisor, "a")


def test_a_start_that_was_asked_for_in_a_restart_of_others_and_fails_is_told_and_not_tried_again(sim: Simulation, script: Script) -> None:
    backoff = Backoff(1.0, 1.0, jitter=0.0)
    supervisor = sim.spawn(Supervisor, abc(script, b={"backoff": backoff}), strategy=Strategy.REST_FOR_ONE)
    supervisor.ask(StopChild("a"))
    get(supervisor, "b").tell(fail)
    sim.advance(0.5)
    script.failing["a"] = 1
    started = supervisor.ask(RestartChild("a"), block=False)
    sim.advance(2.0)
    assert isinstance(started.exception(), ActorStartError)
    assert states(supervisor) == {"a": ChildState.STOPPED, "b": ChildState.RUNNING, "c": ChildState.RUNNING}
    assert infos(supervisor)["a"].restarts == 0


def test_a_first_start_that_fails_is_no_restart_and_the_supervisor_is_not_started(sim: Simulation, script: Script) -> None:
    script.failing["c"] = 1
    with pytest.raises(ActorStartError) as caught:
        sim.spawn(Supervisor, abc(script), intensity=None)
    assert script.took() == ["a starts", "b starts", "c fails", "b stops", "a stops"]
    cause = caught.value.__cause__
    assert isinstance(cause, ActorStartError)
    assert isinstance(cause.__cause__, LookupError)
    assert sim.system.actors() == []


def test_a_restart_that_was_asked_for_does_not_count(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=0)
    for _ in range(5):
        assert get(supervisor, "a").restart() is True
    sim.run()
    assert supervisor.is_alive()
    assert infos(supervisor)["a"].restarts == 0


def test_the_limit_of_a_child_comes_on_top_of_the_intensity_of_all(sim: Simulation, script: Script) -> None:
    specs = abc(script, a={"limit": Limit(1, 60.0)})
    supervisor = sim.spawn(Supervisor, specs, intensity=None)
    crash(sim, supervisor, "a", *["b"] * 10)
    sim.advance(60.0)
    crash(sim, supervisor, "a")
    assert not supervisor.is_alive()


# -- restart types -----------------------------------------------------------------------------------------------------------

ENDS = {"crash": lambda ref: ref.tell(_fail), "stop": lambda ref: ref.stop(), "kill": lambda ref: ref.kill()}
COMES_BACK = {
    (Restart.PERMANENT, "crash"): True,
    (Restart.PERMANENT, "stop"): True,
    (Restart.PERMANENT, "kill"): True,
    (Restart.TRANSIENT, "crash"): True,
    (Restart.TRANSIENT, "stop"): False,
    (Restart.TRANSIENT, "kill"): True,
    (Restart.TEMPORARY, "crash"): False,
    (Restart.TEMPORARY, "stop"): False,
    (Restart.TEMPORARY, "kill"): False,
}


def _fail(_: Any) -> None:
    raise LookupError


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize(("restart", "end"), COMES_BACK)
def test_permanent_always_transient_after_a_failure_temporary_never(
    sim: Simulation, script: Script, strategy: Strategy, restart: Restart, end: str
) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, b={"restart": restart}), strategy=strategy)
    ENDS[end](get(supervisor, "b"))
    sim.run()
    comes_back = COMES_BACK[restart, end]
    info = infos(supervisor).get("b")
    if comes_back:
        assert info is not None
        assert (info.state, info.restarts) == (ChildState.RUNNING, 1)
    elif restart is Restart.TEMPORARY:
        assert info is None
    else:
        assert info is not None
        assert (info.state, info.restarts, info.ref) == (ChildState.STOPPED, 0, None)
    assert script.log.count("a starts") == 1 + (comes_back and strategy is Strategy.ONE_FOR_ALL)
    assert script.log.count("c starts") == 1 + (comes_back and strategy is not Strategy.ONE_FOR_ONE)


@pytest.mark.parametrize(("restart", "end"), COMES_BACK)
def test_a_dynamic_supervisor_restarts_by_the_same_types_and_forgets_what_has_ended_for_good(
    sim: Simulation, script: Script, restart: Restart, end: str
) -> None:
    supervisor = sim.spawn(DynamicSupervisor)
    ENDS[end](supervisor.ask(StartChild(child(Player, script, name="b", restart=restart))))
    sim.run()
    assert names(supervisor) == (["b"] if COMES_BACK[restart, end] else [])


def test_a_crash_restarts_in_place_behind_the_same_ref(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    ref = get(supervisor, "a")
    instance = sim.instance(ref)
    crash(sim, supervisor, "a")
    assert get(supervisor, "a") == ref
    assert sim.instance(ref) is not instance
    assert ref.stats().restarts == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_child_that_has_ended_is_succeeded_by_a_new_actor_of_the_same_name(sim: Simulation, script: Script, end: str) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    ref = get(supervisor, "a")
    ENDS[end](ref)
    sim.run()
    successor = get(supervisor, "a")
    assert successor != ref
    assert successor.path == ref.path
    assert not ref.is_alive()


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_temporary_children_are_removed_and_never_restarted_by_a_sibling(sim: Simulation, script: Script, strategy: Strategy) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, b={"restart": Restart.TEMPORARY}), strategy=strategy)
    temporary = get(supervisor, "b")
    script.took()
    crash(sim, supervisor, "a")
    assert script.took() == ["c comes down", "b stops", "a starts", "c starts"]
    assert names(supervisor) == ["a", "c"]
    assert not temporary.is_alive()


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_a_restart_of_the_group_starts_also_those_that_were_stopped(
    sim: Simulation, script: Script, strategy: Strategy, restart: Restart
) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, b={"restart": restart}), strategy=strategy)
    assert supervisor.ask(StopChild("b")) is True
    script.took()
    crash(sim, supervisor, "a")
    assert script.took() == ["c comes down", "a starts", "b starts", "c starts"]


# -- shutdown ----------------------------------------------------------------------------------------------------------------


def test_children_end_in_reverse_start_order(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    script.took()
    supervisor.stop()
    assert script.took() == ["c stops", "b stops", "a stops"]


def test_a_successor_ends_in_the_place_of_the_one_it_succeeds(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    get(supervisor, "b").kill()
    sim.run()
    script.took()
    supervisor.stop()
    assert script.took() == ["c stops", "b stops", "a stops"]


def test_a_worker_has_five_seconds_by_default_and_is_then_killed(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    watcher = Probe(sim.system)
    hanging = get(supervisor, "c")
    watcher.watch(hanging)
    script.hanging.add("c")
    assert supervisor.stop() is True
    assert sim.now == 5.0
    assert watcher.expect_down(hanging).reason is DownReason.KILLED
    assert script.log[-3:] == ["c stops", "b stops", "a stops"]


def test_a_supervisor_has_as_long_as_it_takes_by_default(sim: Simulation, script: Script) -> None:
    inner = [child(Player, script, name=name, shutdown=100.0) for name in ("x", "y")]
    outer = sim.spawn(Supervisor, [child(Supervisor, inner, name="inner")])
    script.hanging.update(("x", "y"))
    assert outer.stop() is True
    assert sim.now == 200.0
    assert script.log[-2:] == ["y stops", "x stops"]


def test_a_deadline_is_the_childs_own(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a={"shutdown": 2.0}, b={"shutdown": 0.5}))
    script.hanging.update("ab")
    supervisor.stop()
    assert sim.now == 2.5


def test_infinity_waits_for_a_worker(sim: Simulation, script: Script) -> None:
    class Slow(Actor):
        async def on_stop(self) -> None:
            import asyncio

            await asyncio.sleep(10_000.0)

    supervisor = sim.spawn(Supervisor, [child(Slow, shutdown=Shutdown.INFINITY)])
    assert supervisor.stop() is True
    assert sim.now == 10_000.0


def test_kill_ends_a_child_at_once_without_its_hooks(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, b={"shutdown": Shutdown.KILL}))
    watcher = Probe(sim.system)
    killed = get(supervisor, "b")
    watcher.watch(killed)
    script.hanging.add("b")
    script.took()
    supervisor.stop()
    assert sim.now == 0.0
    assert script.took() == ["c stops", "a stops"]
    assert watcher.expect_down(killed).reason is DownReason.KILLED


def test_a_child_that_does_not_come_down_in_time_is_killed_and_succeeded_and_that_is_no_failure(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.ONE_FOR_ALL, intensity=1)
    before = {name: info.ref for name, info in infos(supervisor).items()}
    script.took()
    script.hanging.add("c")
    crash(sim, supervisor, "a")
    assert sim.now == 5.0
    assert script.took() == ["c comes down", "b comes down", "a starts", "b starts", "c starts"]
    after = infos(supervisor)
    assert {name: after[name].ref == before[name] for name in before} == {"a": True, "b": True, "c": False}
    assert {name: info.restarts for name, info in after.items()} == {"a": 1, "b": 0, "c": 0}


def test_dynamic_children_end_at_the_same_time_under_one_timer_for_each_deadline(sim: Simulation) -> None:
    timers: list[int] = []

    class Stubborn(Player):
        def on_stop(self) -> None:
            super().on_stop()
            family = supervisor._target.rare
            timers.append(len(family.deadlines or ()))

    script = Script()
    supervisor = sim.spawn(DynamicSupervisor)
    for number in range(100):
        supervisor.ask(StartChild(child(Stubborn, script, name=f"n{number}", shutdown=5.0 if number % 2 else 3.0)))
    script.hanging.update(f"n{number}" for number in range(50))
    script.took()
    assert supervisor.stop() is True
    assert sim.now == 5.0
    assert len(script.took()) == 100
    assert set(timers) == {2}


# -- significant children ----------------------------------------------------------------------------------------------------

SIGNIFICANT = {"restart": Restart.TRANSIENT, "significant": True}


def test_any_significant_ends_the_supervisor_with_the_first_of_them(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a=SIGNIFICANT, b=SIGNIFICANT), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    script.took()
    get(supervisor, "a").stop()
    sim.run()
    assert script.took() == ["a stops", "c stops", "b stops"]
    assert not supervisor.is_alive()


def test_all_significant_ends_the_supervisor_with_the_last_of_them(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a=SIGNIFICANT, b=SIGNIFICANT), auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    get(supervisor, "a").stop()
    sim.run()
    assert supervisor.is_alive()
    get(supervisor, "b").stop()
    sim.run()
    assert not supervisor.is_alive()


@pytest.mark.parametrize("auto_shutdown", [AutoShutdown.ANY_SIGNIFICANT, AutoShutdown.ALL_SIGNIFICANT])
def test_only_significant_children_end_their_supervisor(sim: Simulation, script: Script, auto_shutdown: AutoShutdown) -> None:
    specs = abc(script, a=SIGNIFICANT, b={"restart": Restart.TRANSIENT}, c={"restart": Restart.TEMPORARY})
    supervisor = sim.spawn(Supervisor, specs, auto_shutdown=auto_shutdown)
    get(supervisor, "b").stop()
    get(supervisor, "c").kill()
    sim.run()
    assert supervisor.is_alive()


@pytest.mark.parametrize("end", ENDS)
def test_a_significant_temporary_child_counts_however_it_ends(sim: Simulation, script: Script, end: str) -> None:
    specs = abc(script, a={"restart": Restart.TEMPORARY, "significant": True})
    supervisor = sim.spawn(Supervisor, specs, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    ENDS[end](get(supervisor, "a"))
    sim.run()
    assert not supervisor.is_alive()


def test_a_significant_child_that_is_restarted_has_not_ended(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a=SIGNIFICANT), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    crash(sim, supervisor, "a")
    assert supervisor.is_alive()


def test_a_significant_child_that_its_supervisor_ends_does_not_end_it(sim: Simulation, script: Script) -> None:
    specs = abc(script, b=SIGNIFICANT, c={"restart": Restart.TEMPORARY, "significant": True})
    supervisor = sim.spawn(Supervisor, specs, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT, strategy=Strategy.ONE_FOR_ALL)
    crash(sim, supervisor, "a")
    assert names(supervisor) == ["a", "b"]
    assert supervisor.ask(StopChild("b")) is True
    sim.run()
    assert supervisor.is_alive()


def test_an_automatic_shutdown_is_a_normal_end_for_the_parent(sim: Simulation, script: Script) -> None:
    def inner(name: str, restart: Restart) -> ChildSpec[Any]:
        specs = [child(Player, script, name="a", restart=Restart.TRANSIENT, significant=True)]
        return child(Supervisor, specs, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT, name=name, restart=restart)

    outer = sim.spawn(Supervisor, [inner(restart.value, restart) for restart in Restart])
    for restart in Restart:
        get(get(outer, restart.value), "a").stop()
        sim.run()
    assert {name: (info.state, info.restarts) for name, info in infos(outer).items()} == {
        "permanent": (ChildState.RUNNING, 1),
        "transient": (ChildState.STOPPED, 0),
    }


def test_significant_and_permanent_is_refused(script: Script) -> None:
    with pytest.raises(ChildSpecError, match="significant=True is not valid: a permanent child"):
        child(Player, script, significant=True)


def test_significant_is_refused_by_a_supervisor_that_never_ends_by_itself(sim: Simulation, script: Script) -> None:
    spec = child(Player, script, name="a", restart=Restart.TRANSIENT, significant=True)
    with pytest.raises(ActorStartError) as caught:
        sim.spawn(Supervisor, [spec])
    assert isinstance(caught.value.__cause__, ChildSpecError)
    assert caught.value.__cause__.parameter == "significant"
    for kind in (Supervisor, DynamicSupervisor):
        supervisor = sim.spawn(kind)
        with pytest.raises(ChildSpecError, match=r"significant=True is not valid.*AutoShutdown\.NEVER"):
            supervisor.ask(StartChild(spec))
        assert names(supervisor) == []


# -- escalation --------------------------------------------------------------------------------------------------------------


def test_giving_up_ends_the_children_in_reverse_order_and_tells_the_whole_story(sim: Simulation, script: Script) -> None:
    gave_up: list[SupervisorGaveUp] = []
    sim.system.events.subscribe(SupervisorGaveUp, gave_up.append)
    supervisor = sim.spawn(Supervisor, abc(script), intensity=1, period=3.0)
    watcher = Probe(sim.system)
    watcher.watch(supervisor)
    crash(sim, supervisor, "b")
    sim.advance(1.0)
    script.took()
    crash(sim, supervisor, "a")
    assert script.took() == ["c stops", "b stops"]
    down = watcher.expect_down(supervisor)
    assert down.reason is DownReason.CRASHED
    error = down.error
    assert isinstance(error, RestartLimitError)
    assert (error.supervisor, error.child, error.restarts, error.period) == (supervisor.path, "a", 1, 3.0)
    assert [(failure.child, failure.at) for failure in error.history] == [("b", 0.0), ("a", 1.0)]
    assert isinstance(error.__cause__, LookupError)
    assert [(event.supervisor, event.error) for event in gave_up] == [(supervisor, error)]


def test_giving_up_is_a_failure_for_the_parent_that_restarts_the_supervisor_with_its_first_children(
    sim: Simulation, script: Script
) -> None:
    outer = sim.spawn(Supervisor, [child(Supervisor, abc(script), name="inner", intensity=0)])
    inner = get(outer, "inner")
    inner.ask(StartChild(child(Player, script, name="added")))
    script.took()
    crash(sim, inner, "b")
    assert script.took() == ["added stops", "c stops", "a stops", "a starts", "b starts", "c starts"]
    assert get(outer, "inner") == inner
    assert infos(outer)["inner"].restarts == 1
    assert isinstance(infos(outer)["inner"].last_error, RestartLimitError)
    assert names(inner) == ["a", "b", "c"]


def test_giving_up_is_a_failure_also_of_a_transient_supervisor(sim: Simulation, script: Script) -> None:
    outer = sim.spawn(Supervisor, [child(Supervisor, abc(script), name="inner", intensity=0, restart=Restart.TRANSIENT)])
    crash(sim, get(outer, "inner"), "b")
    assert states(outer) == {"inner": ChildState.RUNNING}


def test_what_a_supervisor_that_gives_up_leaves_behind_ends_before_its_parent_acts(sim: Simulation, script: Script) -> None:
    inner = child(Supervisor, abc(script), name="inner", intensity=0)
    beside = child(Player, script, name="beside")
    outer = sim.spawn(Supervisor, [inner, beside], strategy=Strategy.ONE_FOR_ALL)
    script.took()
    script.hanging.add("c")
    get(get(outer, "inner"), "a").tell(fail)
    sim.advance(4.0)
    assert script.took() == ["c stops"]
    assert infos(outer)["inner"].restarts == 0
    sim.advance(2.0)  # the deadline of c
    assert script.took() == ["b stops", "beside comes down", "a starts", "b starts", "c starts", "beside starts"]
    assert infos(outer)["inner"].restarts == 1
    assert isinstance(infos(outer)["inner"].last_error, RestartLimitError)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_supervisor_that_gives_up_can_be_ended_while_its_children_still_end(sim: Simulation, script: Script, end: str) -> None:
    inner = child(Supervisor, abc(script), name="inner", intensity=0, shutdown=1.0)
    outer = sim.spawn(Supervisor, [inner, child(Player, script, name="beside")], strategy=Strategy.ONE_FOR_ALL)
    script.hanging.add("c")
    ref = get(outer, "inner")
    get(ref, "a").tell(fail)
    sim.advance(0.5)
    if end == "stop":
        assert outer.ask(StopChild("inner")) is True
        assert states(outer) == {"inner": ChildState.STOPPED, "beside": ChildState.RUNNING}
    else:
        assert ref.kill() is True
        sim.run()
        assert states(outer) == {"inner": ChildState.RUNNING, "beside": ChildState.RUNNING}
        assert get(outer, "inner") != ref
        assert infos(outer)["inner"].restarts == 1
    assert not ref.is_alive()


def test_a_restarted_supervisor_counts_from_nothing(sim: Simulation, script: Script) -> None:
    outer = sim.spawn(Supervisor, [child(Supervisor, abc(script), name="inner", intensity=1)], intensity=1)
    inner = get(outer, "inner")
    crash(sim, inner, "a", "a", "a")
    assert infos(outer)["inner"].restarts == 1
    assert infos(inner)["a"].restarts == 1


def test_limits_multiply_until_the_root_gives_up(sim: Simulation, script: Script) -> None:
    spec = child(Player, script, name="worker")
    for level in range(3):
        spec = child(Supervisor, [spec], name=f"level{level}", intensity=1)
    root = sim.spawn(Supervisor, [spec], intensity=1)
    crashes = 0
    while root.is_alive():
        ref = root
        for level in reversed(range(3)):
            ref = get(ref, f"level{level}")
        crash(sim, ref, "worker")
        crashes += 1
    assert crashes == 2**4
    assert sim.system.actors() == []


def test_the_parents_strategy_applies_to_a_supervisor_that_gives_up(sim: Simulation, script: Script) -> None:
    inner = child(Supervisor, [child(Player, script, name="x")], name="inner", intensity=0)
    specs = [child(Player, script, name="a"), inner, child(Player, script, name="c")]
    outer = sim.spawn(Supervisor, specs, strategy=Strategy.REST_FOR_ONE)
    script.took()
    crash(sim, get(outer, "inner"), "x")
    assert script.took() == ["c comes down", "x starts", "c starts"]


# -- requests ----------------------------------------------------------------------------------------------------------------


def test_a_child_that_is_started_later_is_the_last_and_keeps_its_place(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), strategy=Strategy.REST_FOR_ONE)
    supervisor.ask(StartChild(child(Player, script, name="d")))
    assert names(supervisor) == ["a", "b", "c", "d"]
    script.took()
    crash(sim, supervisor, "c")
    assert script.took() == ["d comes down", "c starts", "d starts"]


def test_a_later_child_that_cannot_start_is_not_kept_and_does_not_count(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=0)
    script.failing["d"] = 1
    with pytest.raises(ActorStartError):
        supervisor.ask(StartChild(child(Player, script, name="d")))
    assert names(supervisor) == ["a", "b", "c"]
    assert supervisor.is_alive()


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_a_second_child_of_a_name_is_refused(sim: Simulation, script: Script, kind: type[Any]) -> None:
    supervisor = sim.spawn(kind)
    supervisor.ask(StartChild(child(Player, script, name="a")))
    with pytest.raises(DuplicateChildError, match="name='a'"):
        supervisor.ask(StartChild(child(Player, script, name="a")))


def test_a_stopped_child_keeps_its_spec_until_it_is_removed(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    for refused in (RestartChild("b"), RemoveChild("b")):
        with pytest.raises(ChildRunningError, match="'b' is running"):
            supervisor.ask(refused)
    assert supervisor.ask(StopChild("b")) is True
    assert supervisor.ask(StopChild("b")) is False
    assert supervisor.ask(GetChild("b")) is None
    assert states(supervisor)["b"] is ChildState.STOPPED
    restarted = supervisor.ask(RestartChild("b"))
    assert get(supervisor, "b") == restarted
    supervisor.ask(StopChild(restarted))
    assert supervisor.ask(RemoveChild("b")) is None
    assert names(supervisor) == ["a", "c"]
    for unknown in (StopChild("b"), RestartChild("b"), RemoveChild("b")):
        with pytest.raises(UnknownChildError, match="'b'"):
            supervisor.ask(unknown)


def test_a_temporary_child_that_is_stopped_is_forgotten(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, b={"restart": Restart.TEMPORARY}))
    assert supervisor.ask(StopChild("b")) is True
    assert names(supervisor) == ["a", "c"]


def test_children_are_counted_by_kind(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, [*abc(script), child(Supervisor, name="inner")])
    supervisor.ask(StopChild("a"))
    counts = supervisor.ask(CountChildren())
    assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (4, 3, 1, 3)


# -- Elixir's DynamicSupervisor ------------------------------------------------------------------------------------------------


def test_max_children_refuses_one_more_until_one_has_ended(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(DynamicSupervisor, max_children=2)
    first = supervisor.ask(StartChild(child(Player, script)))
    supervisor.ask(StartChild(child(Player, script)))
    with pytest.raises(TooManyChildrenError) as caught:
        supervisor.ask(StartChild(child(Player, script)))
    assert caught.value.limit == 2
    supervisor.ask(StopChild(first))
    assert supervisor.ask(StartChild(child(Player, script))).is_alive()


def test_a_child_that_is_restarting_still_counts_for_max_children(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(DynamicSupervisor, max_children=1)
    supervisor.ask(StartChild(child(Player, script, name="a", backoff=Backoff(10.0, 10.0, jitter=0.0)))).tell(_fail)
    sim.advance(1.0)
    assert states(supervisor) == {"a": ChildState.WAITING}
    with pytest.raises(TooManyChildrenError):
        supervisor.ask(StartChild(child(Player, script)))


def test_names_are_optional_and_children_are_found_by_ref(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(DynamicSupervisor)
    refs = [supervisor.ask(StartChild(child(Player, script))) for _ in range(3)]
    assert names(supervisor) == [None, None, None]
    assert supervisor.ask(GetChild(refs[1])) == refs[1]
    assert supervisor.ask(StopChild(refs[1])) is True
    with pytest.raises(UnknownChildError):
        supervisor.ask(StopChild(refs[1]))


# -- Pekko's backoff ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.5, 0.999])
@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 5, 5000])
def test_a_delay_is_initial_times_two_to_the_n_with_jitter_and_capped_after_it(attempt: int, chance: float) -> None:
    backoff = Backoff(1.0, 20.0, factor=2.0, jitter=0.5)
    grown = min(20.0, 2.0 ** min(attempt, 50))
    assert backoff.delay(attempt, chance) == min(20.0, grown * (1 + chance * 0.5))


def delays(sim: Simulation) -> list[float]:
    found: list[float] = []
    sim.system.events.subscribe(RestartScheduled, lambda event: found.append(event.delay))
    return found


def test_each_failure_without_a_quiet_time_doubles_the_wait_up_to_the_maximum(sim: Simulation, script: Script) -> None:
    found = delays(sim)
    supervisor = sim.spawn(Supervisor, abc(script, a={"backoff": Backoff(1.0, 6.0, jitter=0.0)}), intensity=None)
    script.failing["a"] = 4
    crash(sim, supervisor, "a")
    assert found == [1.0, 2.0, 4.0, 6.0, 6.0]
    assert sim.now == 19.0
    assert states(supervisor)["a"] is ChildState.RUNNING


@pytest.mark.parametrize(("quiet", "then"), [(3.875, 2.0), (4.0, 1.0)])
def test_the_wait_begins_anew_after_a_quiet_time(sim: Simulation, script: Script, quiet: float, then: float) -> None:
    found = delays(sim)
    backoff = Backoff(1.0, 60.0, jitter=0.0, reset_after=4.0)
    supervisor = sim.spawn(Supervisor, abc(script, a={"backoff": backoff}), intensity=None)
    crash(sim, supervisor, "a")
    sim.advance(quiet)
    crash(sim, supervisor, "a")
    assert found == [1.0, then]


def test_without_a_backoff_a_child_is_restarted_at_once(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    crash(sim, supervisor, "a")
    assert sim.now == 0.0


def test_the_jitter_is_the_systems_chance(script: Script) -> None:
    def run(seed: int) -> list[float]:
        with Simulation(seed=seed) as sim:
            found = delays(sim)
            supervisor = sim.spawn(Supervisor, abc(script, a={"backoff": Backoff(1.0, 9.0, jitter=1.0)}), intensity=None)
            crash(sim, supervisor, "a", "a")
            return found

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert all(1.0 <= first <= 2.0 <= second <= 4.0 for first, second in (run(seed) for seed in range(5)))


def test_a_wait_is_cancelled_by_stopping_the_child(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a={"backoff": Backoff(10.0, 10.0, jitter=0.0)}))
    get(supervisor, "a").tell(_fail)
    sim.advance(1.0)
    script.took()
    assert supervisor.ask(StopChild("a")) is True
    sim.run()
    assert sim.now == 1.0
    assert script.took() == []
    assert states(supervisor)["a"] is ChildState.STOPPED


def test_the_group_waits_for_the_backoff_of_the_child_that_failed(sim: Simulation, script: Script) -> None:
    specs = abc(script, a={"backoff": Backoff(10.0, 10.0, jitter=0.0)})
    supervisor = sim.spawn(Supervisor, specs, strategy=Strategy.ONE_FOR_ALL)
    script.took()
    get(supervisor, "a").tell(_fail)
    sim.advance(9.0)
    assert script.took() == ["c comes down", "b comes down"]
    assert states(supervisor) == {"a": ChildState.WAITING, "b": ChildState.DOWN, "c": ChildState.DOWN}
    sim.advance(1.0)
    assert script.took() == ["a starts", "b starts", "c starts"]


def test_who_asks_a_child_in_backoff_to_fail_fast_is_told_when_to_ask_again(sim: Simulation, script: Script) -> None:
    specs = abc(script, a={"backoff": Backoff(10.0, 10.0, jitter=0.0), "while_down": WhileDown.FAIL_FAST})
    supervisor = sim.spawn(Supervisor, specs)
    ref = get(supervisor, "a")
    ref.tell(_fail)
    sim.advance(4.0)
    with pytest.raises(ActorRestarting) as caught:
        ref.ask("hello")
    assert caught.value.retry_after == 6.0
    assert caught.value.message == "hello"
    assert infos(supervisor)["a"].retry_after == 6.0
    sim.advance(6.0)
    assert ref.ask("hello") == "hello"


def test_messages_for_a_child_in_backoff_wait_by_default(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script, a={"backoff": Backoff(10.0, 10.0, jitter=0.0)}))
    ref = get(supervisor, "a")
    ref.tell(_fail)
    sim.advance(1.0)
    ref.tell("told")
    assert ref.ask("asked") == "asked"
    assert sim.now == 10.0
    assert sim.instance(ref).got == ["told", "asked"]


# -- death watch -------------------------------------------------------------------------------------------------------------


def test_a_restart_is_no_death_for_a_watcher(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    watcher = Probe(sim.system)
    ref = get(supervisor, "a")
    watcher.watch(ref)
    crash(sim, supervisor, "a")
    watcher.expect_none(within=1.0)
    supervisor.stop()
    assert watcher.expect_down(ref).reason is DownReason.STOPPED
    watcher.expect_none(within=1.0)


def test_a_child_that_is_killed_is_dead_for_its_watcher_though_it_has_a_successor(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    watcher = Probe(sim.system)
    ref = get(supervisor, "a")
    watcher.watch(ref)
    ref.kill()
    assert watcher.expect_down(ref) == Down(ref, DownReason.KILLED)
    sim.run()
    watcher.watch(ref)
    assert watcher.expect_down(ref).reason is DownReason.NOT_FOUND, "an already dead target still answers, once"
    watcher.expect_none(within=1.0)


def test_a_child_that_is_given_up_while_it_is_down_is_dead_for_its_watcher_once(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script), intensity=0)
    watcher = Probe(sim.system)
    ref = get(supervisor, "a")
    watcher.watch(ref)
    crash(sim, supervisor, "a")
    assert watcher.expect_down(ref).ref == ref
    watcher.expect_none(within=1.0)


def test_what_a_child_watches_stays_watched_over_its_restart(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    ref, other = get(supervisor, "a"), sim.spawn(Player)
    ref.ask(lambda actor: actor.watch(other))
    crash(sim, supervisor, "a")
    other.stop()
    sim.run()
    assert sim.instance(ref).got == [Down(other, DownReason.STOPPED)]


def test_events_tell_of_restarts_and_ends(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(Supervisor, abc(script))
    events: list[Any] = []
    sim.system.events.subscribe(object, events.append)
    ref = get(supervisor, "a")
    crash(sim, supervisor, "a")
    (restarted,) = [event for event in events if isinstance(event, ActorRestarted)]
    assert restarted.ref == ref
    assert isinstance(restarted.error, LookupError)
    (scheduled,) = [event for event in events if isinstance(event, RestartScheduled)]
    assert (scheduled.supervisor, scheduled.child, scheduled.delay, scheduled.restarts) == (supervisor, "a", 0.0, 1)
    assert not [event for event in events if isinstance(event, ActorStopped)]


# -- references to siblings --------------------------------------------------------------------------------------------------


def test_a_sibling_as_an_argument_is_its_ref_at_each_start(sim: Simulation, script: Script) -> None:
    class User(Player):
        def __init__(self, script: Script, provider: ActorRef[Any]) -> None:
            super().__init__(script)
            self.provider = provider

    class Shop(Supervisor, strategy=Strategy.REST_FOR_ONE):
        provider = child(Player, script)
        user = child(User, script, provider=provider)

        def on_receive(self, message: Any) -> Any:
            return getattr(self, message)

    shop = sim.spawn(Shop)
    provider, user = get(shop, "provider"), get(shop, "user")
    assert (shop.ask("provider"), shop.ask("user")) == (provider, user)
    assert sim.instance(user).provider == provider
    provider.kill()
    sim.run()
    successor = get(shop, "provider")
    assert successor != provider
    assert get(shop, "user") == user
    assert sim.instance(user).provider == successor
    shop.ask(StopChild("provider"))
    with pytest.raises(ActorDeadError):
        shop.ask("provider")
    assert user.state is Lifecycle.RUNNING
