"""What goes wrong around supervisors: bad declarations, children that misbehave, ends at the wrong time, clocks that jump."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import (
    Actor,
    ActorDeadError,
    ActorStartError,
    ActorSystem,
    Bounded,
    DispatcherKind,
    Down,
    DownReason,
    Lifecycle,
    SystemConfig,
    SystemState,
)
from actors.testing import ManualClock, Probe, Simulation
from supervisors import (
    AskFailure,
    AutoShutdown,
    Backoff,
    ChildSpec,
    ChildSpecError,
    ChildState,
    DynamicSupervisor,
    GetChild,
    Limit,
    ListChildren,
    Restart,
    RestartChild,
    RestartLimitError,
    Shutdown,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    SupervisorError,
    SupervisorStoppingError,
    WhileDown,
    child,
)
from supervisors.policy import Window
from tests.contract.kit import EVERY_KIND, WAIT, Gate, Puppet, eventually, settle, under, until_down
from tests.supervisors.players import Player, Script, crash, fail, get, infos, names, states

everywhere = pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.value)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    """A simulation that nothing is left behind in."""
    with Simulation() as made:
        yield made
        made.system.shutdown()
        assert made.system.actors() == []
        before = made.now
        made.run()
        assert made.now == before, "a timer was left"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def system(clock: ManualClock) -> Iterator[ActorSystem]:
    """A real system whose time is `clock`; nothing is left behind in it."""
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as made:
        yield made
    assert made.actors() == []
    clock.advance(made.config.blocked_after * 2)  # the second looks at what was killed
    assert clock.pending == 0, "a timer was left"


def passes(clock: ManualClock, condition: Callable[[], object]) -> Callable[[], object]:
    """Let time pass with each look at a condition: whoever is to set a timer may not have come to it."""

    def look() -> object:
        clock.advance(1.0)
        return condition()

    return look


@pytest.fixture
def script() -> Script:
    return Script()


# -- declarations ------------------------------------------------------------------------------------------------------------


class Reentrant(Actor, reentrant=True):
    async def on_receive(self, message: Any) -> None: ...


TEMPORARY = {"restart": Restart.TEMPORARY}
BAD: list[tuple[str, Any, dict[str, Any]]] = [
    ("actor_class", "Player", {}),
    ("actor_class", int, {}),
    ("actor_class", Player(), {}),
    ("args", [1], {}),
    ("kwargs", [1], {}),
    ("kwargs", {1: 2}, {}),
    ("name", "", {}),
    ("name", "a/b", {}),
    ("name", "a" * 129, {}),
    ("name", 3, {}),
    ("restart", "permanent", {}),
    ("restart", True, {}),
    ("restart", None, {}),
    ("shutdown", 0, {}),
    ("shutdown", -1.0, {}),
    ("shutdown", float("inf"), {}),
    ("shutdown", float("nan"), {}),
    ("shutdown", True, {}),
    ("shutdown", "kill", {}),
    ("significant", 1, {}),
    ("significant", True, {}),
    ("backoff", 1.0, {}),
    ("backoff", Backoff(1.0, 2.0), TEMPORARY),
    ("limit", 3, {}),
    ("limit", Limit(1, 1.0), TEMPORARY),
    ("ask_failure", "crash", {}),
    ("ask_failure", None, {}),
    ("redeliver", -1, {}),
    ("redeliver", 1.0, {}),
    ("redeliver", True, {}),
    ("redeliver", 1, TEMPORARY),
    ("redeliver", 1, {"actor_class": Reentrant}),
    ("while_down", "keep", {}),
    ("while_down", WhileDown.DROP, TEMPORARY),
    ("while_down", WhileDown.FAIL_FAST, TEMPORARY),
    ("start_timeout", 0, {}),
    ("start_timeout", float("inf"), {}),
    ("start_timeout", "1", {}),
    ("dispatcher", "pool", {}),
    ("dispatcher", DispatcherKind.POOL, {"actor_class": Reentrant}),
    ("dispatcher", DispatcherKind.THREAD, {"actor_class": Reentrant}),
    ("mailbox", 10, {}),
    ("mailbox", Bounded, {}),
]


@pytest.mark.parametrize(("parameter", "value", "others"), BAD, ids=lambda value: repr(value)[:40])
def test_a_bad_parameter_of_a_spec_is_refused_by_name_and_value(parameter: str, value: Any, others: dict[str, Any]) -> None:
    parameters = {"actor_class": Player, **others, parameter: value}
    with pytest.raises(ChildSpecError) as caught:
        ChildSpec(**parameters)
    assert (caught.value.parameter, caught.value.value) == (parameter, value) or value != value  # noqa: PLR0124  # NaN
    assert str(caught.value).startswith(f"{parameter}={value!r} is not valid: ")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SupervisorError)
    with pytest.raises(ChildSpecError):
        ChildSpec(**{name: one for name, one in parameters.items() if name != parameter}, **{parameter: value})


@pytest.mark.parametrize(("parameter", "value", "others"), BAD, ids=lambda value: repr(value)[:40])
def test_replace_refuses_the_same(parameter: str, value: Any, others: dict[str, Any]) -> None:
    good = ChildSpec(actor_class=Player)
    with pytest.raises(ChildSpecError):
        good.replace(**{**others, parameter: value})


def test_a_parameter_that_there_is_not_is_an_argument_of_the_child_and_fails_its_start(sim: Simulation) -> None:
    with pytest.raises(ActorStartError, match="restrat"):
        sim.spawn(Supervisor, [child(Player, restrat=Restart.TRANSIENT)])


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("intensity", -1),
        ("intensity", 1.5),
        ("intensity", True),
        ("intensity", "1"),
        ("period", 0),
        ("period", -5.0),
        ("period", float("nan")),
        ("period", "5"),
        ("strategy", "one for one"),
        ("auto_shutdown", "never"),
        ("max_children", 0),
        ("max_children", -1),
        ("max_children", 1.0),
        ("max_children", True),
    ],
)
def test_a_bad_option_of_a_supervisor_is_refused_by_name_and_value(sim: Simulation, kind: type[Any], option: str, value: Any) -> None:
    if (option == "max_children") is not (kind is DynamicSupervisor) and option not in ("intensity", "period"):
        with pytest.raises(TypeError):
            type("Bad", (kind,), {}, **{option: value})
        return
    refusal = f"{option}={value!r} is not valid: "
    with pytest.raises(ChildSpecError) as caught:
        type("Bad", (kind,), {}, **{option: value})
    assert str(caught.value).startswith(refusal)
    with pytest.raises(ActorStartError) as failed:
        sim.spawn(kind, **{option: value})
    assert isinstance(failed.value.__cause__, ChildSpecError)
    assert str(failed.value.__cause__).startswith(refusal)
    assert sim.system.actors() == []


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        (7, "Odd.specs()"),
        (None, "Odd.specs()"),
        ([Player], "Odd.specs()"),
        (["spec"], "Odd.specs()"),
        ([None], "Odd.specs()"),
        ([child(Player), child(Player)], "name"),
        ([child(Player, name="a"), child(Actor, name="a")], "name"),
        ([child(Player, child(Actor))], "args"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_specs_that_return_the_wrong_thing_fail_the_start_by_name_and_value(sim: Simulation, given: Any, parameter: str) -> None:
    class Odd(Supervisor):
        def specs(self) -> Any:
            return given

    with pytest.raises(ActorStartError) as caught:
        sim.spawn(Odd)
    assert isinstance(caught.value.__cause__, ChildSpecError)
    assert caught.value.__cause__.parameter.endswith(parameter)
    assert sim.system.actors() == []


def test_specs_that_raise_fail_the_start(sim: Simulation) -> None:
    class Broken(Supervisor):
        def specs(self) -> Any:
            raise LookupError("no specs")

    with pytest.raises(ActorStartError) as caught:
        sim.spawn(Broken)
    assert isinstance(caught.value.__cause__, LookupError)


def test_specs_that_fail_at_a_restart_are_one_more_failure_for_the_parent(sim: Simulation, script: Script) -> None:
    class Fickle(Supervisor, intensity=0):
        calls = 0

        def specs(self) -> Any:
            type(self).calls += 1
            if self.calls in (2, 3):
                raise LookupError("not now")
            return [child(Player, script, name="a")]

    outer = sim.spawn(Supervisor, [child(Fickle, name="inner")], intensity=3)
    crash(sim, get(outer, "inner"), "a")
    assert infos(outer)["inner"].restarts == 3
    assert states(outer) == {"inner": ChildState.RUNNING}


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
@pytest.mark.parametrize("spec", [None, Player, "a", 3], ids=repr)
def test_what_is_no_spec_cannot_be_started(sim: Simulation, kind: type[Any], spec: Any) -> None:
    supervisor = sim.spawn(kind)
    with pytest.raises(ChildSpecError):
        supervisor.ask(StartChild(spec))
    assert supervisor.ask(ListChildren()) == ()


@pytest.mark.parametrize("request_class", [StopChild, RestartChild, GetChild])
@pytest.mark.parametrize("which", [None, 3, "nobody", b"a", ["a"], {}], ids=repr)
def test_what_is_no_child_is_unknown(sim: Simulation, script: Script, request_class: type[Any], which: Any) -> None:
    supervisor = sim.spawn(Supervisor, [child(Player, script, name="a")])
    if request_class is GetChild:
        assert supervisor.ask(GetChild(which)) is None
    else:
        with pytest.raises(SupervisorError):
            supervisor.ask(request_class(which))
    assert supervisor.is_alive()


def test_the_ref_of_somebody_elses_child_is_unknown(sim: Simulation, script: Script) -> None:
    for kind in (Supervisor, DynamicSupervisor):
        one, other = sim.spawn(kind), sim.spawn(kind)
        ref = other.ask(StartChild(child(Player, script, name="a")))
        one.ask(StartChild(child(Player, script, name="a")))
        assert one.ask(GetChild(ref)) is None
        with pytest.raises(SupervisorError):
            one.ask(StopChild(ref))
        with pytest.raises(SupervisorError):
            one.ask(StopChild(sim.spawn(Player)))
        assert ref.is_alive()


# -- children that misbehave -------------------------------------------------------------------------------------------------


class Hopeless(Actor):
    """Never starts again after its first start."""

    starts = 0

    def __init__(self, where: str) -> None:
        super().__init__()
        type(self).starts += 1
        self.where = where
        if where == "__init__" and self.starts > 1:
            raise LookupError(where)

    def on_start(self) -> None:
        if self.where == "on_start" and self.starts > 1:
            raise LookupError(self.where)

    def on_receive(self, message: Any) -> None:
        raise LookupError("crash")


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("where", ["__init__", "on_start"])
def test_a_child_that_never_starts_again_makes_its_supervisor_give_up(sim: Simulation, strategy: Strategy, where: str) -> None:
    class Never(Hopeless):
        starts = 0

    supervisor = sim.spawn(Supervisor, [child(Never, where), child(Player)], strategy=strategy, intensity=4)
    watcher = Probe(sim.system)
    watcher.watch(supervisor)
    get(supervisor, "Never").tell("crash")
    error = watcher.expect_down(supervisor).error
    assert isinstance(error, RestartLimitError)
    assert len(error.history) == 5
    assert Never.starts == 5


@everywhere
def test_a_child_class_that_always_fails_to_start_fails_the_supervisor_and_leaves_nothing(
    system: ActorSystem, kind: DispatcherKind
) -> None:
    class Broken(Puppet):
        def on_start(self) -> None:
            raise LookupError("never")

    before = threading.active_count() if kind is DispatcherKind.THREAD else None
    with pytest.raises(ActorStartError):
        system.spawn(Supervisor, [child(under(kind, Puppet), name="good"), child(under(kind, Broken), name="bad")])
    assert system.actors() == []
    if before is not None:
        eventually(lambda: threading.active_count() <= before + 2)


def test_a_child_that_never_starts_again_does_not_keep_its_supervisor_from_answering(sim: Simulation, script: Script) -> None:
    backoff = Backoff(1.0, 1.0, jitter=0.0)
    supervisor = sim.spawn(Supervisor, [child(Player, script, name="a", backoff=backoff)], intensity=None)
    script.failing["a"] = 10**9
    get(supervisor, "a").tell(fail)
    sim.advance(1000.0)
    assert 990 < infos(supervisor)["a"].restarts <= 1001
    assert supervisor.ask(StopChild("a")) is True
    sim.run()


@everywhere
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_a_hook_that_hangs_is_ended_by_the_deadline(system: ActorSystem, clock: ManualClock, kind: DispatcherKind, hook: str) -> None:
    gate = Gate()

    class Hanging(Puppet):
        def on_stop(self) -> None:
            if hook == "on_stop":
                gate.hold()

        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            gate.hold()

    specs = [child(Puppet, name="a"), child(under(kind, Hanging), name="b", shutdown=3.0)]
    supervisor = system.spawn(Supervisor, specs, strategy=Strategy.ONE_FOR_ALL)
    hanging = get(supervisor, "b")
    if hook == "on_stop":
        stopped = supervisor.stop(block=False)
        gate.reached()
        eventually(passes(clock, stopped.done))
    else:
        get(supervisor, "a").tell(fail)
        gate.reached()
        eventually(passes(clock, lambda: states(supervisor) == {"a": ChildState.RUNNING, "b": ChildState.RUNNING}))
        assert get(supervisor, "b") != hanging
    assert not hanging.is_alive()
    gate.open()
    clock.advance(1.0)


def test_a_handler_that_blocks_its_thread_is_abandoned_at_the_deadline(system: ActorSystem, clock: ManualClock) -> None:
    entered, release = threading.Event(), threading.Event()

    def block(_: Any) -> None:
        entered.set()
        release.wait(WAIT)

    supervisor = system.spawn(Supervisor, [child(Player, name="a", shutdown=3.0, dispatcher=DispatcherKind.THREAD)])
    blocked = get(supervisor, "a")
    blocked.tell(block)
    assert entered.wait(WAIT)
    stopped = supervisor.stop(block=False)
    eventually(passes(clock, stopped.done))
    release.set()
    assert not blocked.is_alive()


@everywhere
def test_a_child_that_spawns_and_dies_at_once_leaves_nothing(system: ActorSystem, clock: ManualClock, kind: DispatcherKind) -> None:
    from tests.contract.kit import spawn_child

    class Brief(Puppet):
        def on_start(self) -> None:
            spawn_child(self, under(kind, Puppet))
            self.stop()

    supervisor = system.spawn(Supervisor, [child(under(kind, Brief), name="a", restart=Restart.TEMPORARY)])
    eventually(lambda: names(supervisor) == [])
    assert system.actors() == [supervisor]


@pytest.mark.parametrize("restart", [Restart.PERMANENT, Restart.TRANSIENT])
def test_a_child_that_ends_at_once_whenever_it_starts_is_no_endless_loop(sim: Simulation, restart: Restart) -> None:
    class Brief(Actor):
        def on_start(self) -> None:
            self.stop()

    supervisor = sim.spawn(Supervisor, [child(Brief, restart=restart)], intensity=10)
    sim.run()
    assert supervisor.is_alive() is (restart is Restart.TRANSIENT)


def test_a_child_that_crashes_at_once_whenever_it_starts_makes_its_supervisor_give_up(sim: Simulation) -> None:
    class Doomed(Actor):
        def on_start(self) -> None:
            self.actor_ref.tell("go")

        def on_receive(self, message: Any) -> None:
            raise LookupError

    supervisor = sim.spawn(Supervisor, [child(Doomed)], intensity=10)
    sim.run()
    assert not supervisor.is_alive()


def test_a_start_that_takes_too_long_has_failed(sim: Simulation) -> None:
    class Slow(Actor):
        starts = 0

        async def on_start(self) -> None:
            import asyncio

            type(self).starts += 1
            await asyncio.sleep(100.0)

    with pytest.raises(ActorStartError) as caught:
        sim.spawn(Supervisor, [child(Slow, start_timeout=2.0)])
    assert sim.now == 2.0
    assert isinstance(caught.value.__cause__, ActorStartError)
    assert "2.0 seconds" in str(caught.value)
    supervisor = sim.spawn(DynamicSupervisor)
    with pytest.raises(ActorStartError):
        supervisor.ask(StartChild(child(Slow, start_timeout=2.0)))
    assert supervisor.ask(ListChildren()) == ()


def test_a_restart_that_takes_too_long_counts_again(sim: Simulation) -> None:
    class Slow(Player):
        starts = 0

        async def on_start(self) -> None:  # type: ignore[override]
            import asyncio

            type(self).starts += 1
            if self.starts in (2, 3):
                await asyncio.sleep(100.0)

    supervisor = sim.spawn(Supervisor, [child(Slow, start_timeout=2.0)], intensity=3, period=60.0)
    crash(sim, supervisor, "Slow")
    assert sim.now == 4.0
    assert infos(supervisor)["Slow"].restarts == 3
    assert states(supervisor) == {"Slow": ChildState.RUNNING}


# -- ends at the wrong time --------------------------------------------------------------------------------------------------


@everywhere
def test_a_supervisor_that_is_killed_takes_its_whole_family_along(system: ActorSystem, kind: DispatcherKind) -> None:
    worker = under(kind, Puppet)
    inner = child(Supervisor, [child(worker, name="x"), child(worker, name="y")], name="inner")
    supervisor = system.spawn(Supervisor, [child(worker, name="a"), inner, child(DynamicSupervisor, name="dynamic")])
    get(supervisor, "dynamic").ask(StartChild(child(worker)))
    assert len(system.actors()) == 7
    down = until_down(system, supervisor)
    assert supervisor.kill(timeout=WAIT) is True
    assert down.get(timeout=WAIT).reason is DownReason.KILLED
    eventually(lambda: len(system.actors()) == 1)


def test_a_supervisor_that_is_killed_is_succeeded_by_a_new_one_with_new_children(sim: Simulation, script: Script) -> None:
    outer = sim.spawn(Supervisor, [child(Supervisor, [child(Player, script, name="x")], name="inner")])
    inner = get(outer, "inner")
    x = get(inner, "x")
    inner.kill()
    sim.run()
    successor = get(outer, "inner")
    assert successor != inner
    assert get(successor, "x") != x
    assert not x.is_alive()
    assert len(sim.system.actors()) == 3


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("strategy", Strategy)
def test_an_end_of_the_supervisor_ends_a_restart_under_way(sim: Simulation, script: Script, strategy: Strategy, end: str) -> None:
    specs = [child(Player, script, name="a", backoff=Backoff(10.0, 10.0)), child(Player, script, name="b")]
    supervisor = sim.spawn(Supervisor, specs, strategy=strategy)
    get(supervisor, "a").tell(fail)
    sim.advance(1.0)
    assert states(supervisor)["a"] is ChildState.WAITING
    assert getattr(supervisor, end)() is True
    sim.run()
    assert sim.now == 1.0
    assert sim.system.actors() == []
    assert script.log.count("a starts") == 1


@pytest.mark.parametrize("steps", range(0, 60, 3))
@pytest.mark.parametrize("strategy", Strategy)
def test_a_stop_in_the_middle_of_a_restart_ends_everything(steps: int, strategy: Strategy) -> None:
    script = Script()
    with Simulation() as sim:
        inner = child(Supervisor, [child(Player, script, name="x")], name="inner", intensity=0)
        specs = [child(Player, script, name="a"), inner, child(Player, script, name="c")]
        supervisor = sim.spawn(Supervisor, specs, strategy=strategy, intensity=5)
        get(get(supervisor, "inner"), "x").tell(fail)
        for _ in range(steps):
            sim.step()
        stopped = supervisor.stop(block=False)
        sim.run()
        assert stopped.get() is True
        assert sim.system.actors() == []


@pytest.mark.parametrize("strategy", Strategy)
def test_a_shutdown_of_the_system_in_the_middle_of_restarts_ends_everything(script: Script, strategy: Strategy) -> None:
    for steps in range(0, 60, 4):
        with Simulation() as sim:
            specs = [child(Player, script, name=name, backoff=Backoff(1.0, 9.0) if name == "b" else None) for name in "abc"]
            supervisor = sim.spawn(Supervisor, specs, strategy=strategy, intensity=None)
            for name in "abc":
                get(supervisor, name).tell(fail)
            for _ in range(steps):
                sim.step()
            report = sim.system.shutdown()
            assert report.killed == ()
            assert sim.system.actors() == []


def test_a_stopping_supervisor_starts_nothing(sim: Simulation, script: Script) -> None:
    gate = Gate()

    class Slow(Player):
        def on_stop(self) -> None:
            gate.hold()

    supervisor = sim.spawn(Supervisor, [child(Player, script, name="a"), child(Slow, name="b")])
    stopped = supervisor.stop(block=False)
    sim.step()
    sim.step()
    with pytest.raises((SupervisorStoppingError, ActorDeadError)):
        supervisor.ask(StartChild(child(Player, script, name="c")))
    gate.open()
    sim.run()
    assert stopped.get() is True
    assert script.log.count("c starts") == 0


def test_a_supervisor_that_ends_by_itself_starts_nothing_any_more(sim: Simulation, script: Script) -> None:
    specs = [child(Player, script, name="a", restart=Restart.TRANSIENT, significant=True), child(Player, script, name="b")]
    supervisor = sim.spawn(Supervisor, specs, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    get(supervisor, "a").stop(block=False)
    asks = [supervisor.ask(StartChild(child(Player, script, name=f"n{number}")), block=False) for number in range(20)]
    sim.run()
    assert all(ask.done() for ask in asks)
    assert sim.system.actors() == []


@pytest.mark.parametrize("strategy", Strategy)
def test_a_child_in_backoff_can_be_stopped_and_started_again(sim: Simulation, script: Script, strategy: Strategy) -> None:
    specs = [child(Player, script, name="a", backoff=Backoff(10.0, 10.0, jitter=0.0)), child(Player, script, name="b")]
    supervisor = sim.spawn(Supervisor, specs, strategy=strategy)
    get(supervisor, "a").tell(fail)
    sim.advance(1.0)
    assert supervisor.ask(StopChild("a")) is True
    sim.run()
    assert states(supervisor)["a"] is ChildState.STOPPED
    assert states(supervisor)["b"] is ChildState.RUNNING
    supervisor.ask(RestartChild("a"))
    assert states(supervisor) == {"a": ChildState.RUNNING, "b": ChildState.RUNNING}


def test_a_dynamic_child_in_backoff_can_be_stopped(sim: Simulation, script: Script) -> None:
    supervisor = sim.spawn(DynamicSupervisor)
    ref = supervisor.ask(StartChild(child(Player, script, backoff=Backoff(10.0, 10.0, jitter=0.0))))
    ref.tell(fail)
    sim.advance(1.0)
    assert supervisor.ask(StopChild(ref)) is True
    assert supervisor.ask(ListChildren()) == ()
    assert not ref.is_alive()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_child_in_backoff_can_be_ended_by_anybody(sim: Simulation, script: Script, end: str) -> None:
    supervisor = sim.spawn(
        Supervisor, [child(Player, script, name="a", restart=Restart.TEMPORARY), child(Player, script, name="b", backoff=Backoff(9.0, 9.0))]
    )
    ref = get(supervisor, "b")
    ref.tell(fail)
    sim.advance(1.0)
    assert ref.state is Lifecycle.RESTARTING
    assert getattr(ref, end)() is True
    assert not ref.is_alive()
    sim.run()


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL])
@pytest.mark.parametrize(("restart", "end"), [(Restart.PERMANENT, "stop"), (Restart.PERMANENT, "kill"), (Restart.TRANSIENT, "kill")])
def test_the_end_of_a_child_in_backoff_is_no_failure_more(
    sim: Simulation, script: Script, strategy: Strategy, restart: Restart, end: str
) -> None:
    spec = child(Player, script, name="a", restart=restart, backoff=Backoff(9.0, 90.0, jitter=0.0))
    supervisor = sim.spawn(Supervisor, [spec, child(Player, script, name="b")], strategy=strategy, intensity=1)
    ref = get(supervisor, "a")
    ref.tell(fail)
    sim.advance(1.0)
    assert getattr(ref, end)() is True
    sim.advance(7.0)
    assert states(supervisor)["a"] is ChildState.WAITING
    assert supervisor.ask(GetChild("a")) is None
    sim.advance(1.0)
    assert states(supervisor) == {"a": ChildState.RUNNING, "b": ChildState.RUNNING}
    assert infos(supervisor)["a"].restarts == 1
    assert get(supervisor, "a") != ref


def test_a_transient_child_that_is_stopped_in_backoff_is_not_started_again(sim: Simulation, script: Script) -> None:
    spec = child(Player, script, name="a", restart=Restart.TRANSIENT, backoff=Backoff(9.0, 90.0, jitter=0.0))
    supervisor = sim.spawn(Supervisor, [spec])
    ref = get(supervisor, "a")
    ref.tell(fail)
    sim.advance(1.0)
    assert ref.stop() is True
    sim.advance(100.0)
    assert states(supervisor) == {"a": ChildState.STOPPED}
    supervisor.ask(RestartChild("a"))
    assert states(supervisor) == {"a": ChildState.RUNNING}


def test_a_name_that_is_taken_at_a_restart_is_a_failure_like_others(sim: Simulation, script: Script) -> None:
    class Crowded(Supervisor, intensity=None):
        def on_receive(self, message: Any) -> Any:
            return message(self)

    backoff = Backoff(1.0, 1.0, jitter=0.0)
    supervisor = sim.spawn(Crowded, [child(Player, script, name="a", backoff=backoff)])
    get(supervisor, "a").kill()
    sim.advance(0.5)
    squatter = supervisor.ask(lambda actor: actor.spawn(Player, script, name="a"))
    sim.advance(3.0)
    info = infos(supervisor)["a"]
    assert info.state is ChildState.WAITING
    assert info.restarts >= 3
    assert "taken" in str(info.last_error)
    squatter.stop()
    sim.run()
    assert states(supervisor) == {"a": ChildState.RUNNING}
    assert get(supervisor, "a") != squatter


def test_a_name_that_is_taken_at_the_first_start_fails_the_start(sim: Simulation, script: Script) -> None:
    class Crowded(Supervisor):
        def on_start(self) -> None:
            self.spawn(Player, name="a")

    with pytest.raises(ActorStartError, match="taken"):
        sim.spawn(Crowded, [child(Player, script, name="a")])
    assert sim.system.actors() == []


def test_a_start_that_is_refused_for_ever_does_not_keep_its_supervisor_from_its_mail_and_its_end(script: Script) -> None:
    class Crowded(Supervisor, intensity=None):
        a = child(Player, script)

        def on_receive(self, message: Any) -> None:
            self.a.kill()
            self.spawn(Player, name="a")

    with ActorSystem() as system:
        supervisor = system.spawn(Crowded)
        supervisor.ask("squat", timeout=WAIT)
        eventually(lambda: supervisor.ask(ListChildren(), timeout=WAIT)[0].restarts > 2)
        assert supervisor.stop(timeout=WAIT) is True


# -- clocks that jump ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_forgets_what_is_old_and_fires_what_is_due(system: ActorSystem, clock: ManualClock) -> None:
    supervisor = system.spawn(Supervisor, [child(Player, name="a", backoff=Backoff(10.0, 10.0, jitter=0.0))])
    ref = get(supervisor, "a")
    for _ in range(3):
        ref.tell(fail)
        eventually(lambda: states(supervisor)["a"] is ChildState.WAITING)
        clock.advance(10**6)
        eventually(lambda: states(supervisor)["a"] is ChildState.RUNNING)
    assert supervisor.is_alive()
    assert infos(supervisor)["a"].restarts == 3


def test_a_clock_that_jumps_back_neither_forgets_restarts_nor_keeps_them_for_ever() -> None:
    window = Window(Limit(2, 10.0))
    assert window.add(1000.0)
    assert window.add(1001.0)
    assert not window.add(5.0), "three in a row are too many, whatever the clock says"
    window = Window(Limit(2, 10.0))
    window.add(1000.0)
    assert window.count(5.0) == 1
    assert window.count(15.0) == 1
    assert window.count(15.125) == 0


# -- what ends the system ------------------------------------------------------------------------------------------------------


@everywhere
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["handler", "on_start", "__init__", "on_stop", "on_failure"])
def test_a_base_exception_in_a_child_ends_the_system_and_is_not_restarted(
    clock: ManualClock, kind: DispatcherKind, error: BaseException, where: str
) -> None:
    armed = threading.Event()
    starts: list[int] = []

    class Culprit(Puppet):
        def __init__(self) -> None:
            super().__init__()
            starts.append(1)
            self.at("__init__")

        def at(self, place: str) -> None:
            if place == where and armed.is_set():
                raise error

        def on_start(self) -> None:
            self.at("on_start")

        def on_stop(self) -> None:
            self.at("on_stop")

        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            self.at("on_failure")

    system = ActorSystem(config=SystemConfig(ports=clock.ports()))
    supervisor = system.spawn(Supervisor, [child(under(kind, Culprit), name="a"), child(under(kind, Puppet), name="b")], intensity=None)
    ref = get(supervisor, "a")
    armed.set()
    if where == "handler":
        ref.tell(lambda actor: actor.at("handler"))
    elif where == "on_stop":
        ref.stop(block=False)
    else:
        ref.tell(fail)
    eventually(lambda: system.state is SystemState.STOPPED)
    assert system.actors() == []
    assert len(starts) <= 2
    system.shutdown()
    assert clock.pending == 0


@everywhere
def test_a_base_exception_in_the_first_start_of_a_child_ends_the_system(kind: DispatcherKind) -> None:
    class Culprit(Puppet):
        def on_start(self) -> None:
            raise SystemExit(3)

    system = ActorSystem()
    with pytest.raises(ActorDeadError):
        system.spawn(Supervisor, [child(under(kind, Puppet), name="a"), child(under(kind, Culprit), name="b")])
    eventually(lambda: system.state is SystemState.STOPPED)
    assert system.actors() == []
    system.shutdown()


@everywhere
@pytest.mark.parametrize("asked", [AskFailure.ANSWERED, AskFailure.CRASH])
def test_a_base_exception_while_an_ask_is_answered_reaches_the_asker_and_ends_the_system(kind: DispatcherKind, asked: AskFailure) -> None:
    def leave(_: Any) -> None:
        raise SystemExit(3)

    system = ActorSystem()
    supervisor = system.spawn(Supervisor, [child(under(kind, Puppet), name="a", ask_failure=asked)])
    with pytest.raises(ActorDeadError):
        get(supervisor, "a").ask(leave, timeout=WAIT)
    eventually(lambda: system.state is SystemState.STOPPED)
    system.shutdown()
    assert system.actors() == []


# -- supervisors that misbehave themselves -------------------------------------------------------------------------------------


def test_a_supervisor_that_crashes_in_a_handler_of_its_own_is_restarted_with_its_children(sim: Simulation, script: Script) -> None:
    class Clumsy(Supervisor):
        a = child(Player, script)

        def on_receive(self, message: Any) -> None:
            raise LookupError("clumsy")

    outer = sim.spawn(Supervisor, [child(Clumsy, name="inner")])
    inner = get(outer, "inner")
    script.took()
    inner.tell("crash")
    sim.run()
    assert script.took() == ["a stops", "a starts"]
    assert get(outer, "inner") == inner
    assert names(inner) == ["a"]


def test_a_supervisor_hears_of_what_it_watches_besides_its_children(sim: Simulation, script: Script) -> None:
    class Watching(Supervisor):
        a = child(Player, script)

        def on_start(self) -> None:
            self.downs: list[Any] = []

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Down):
                self.downs.append(message)
                return None
            return self.watch(message)

    supervisor = sim.spawn(Watching)
    ref = get(supervisor, "a")
    supervisor.ask(ref)
    ref.kill()
    sim.run()
    assert [down.reason for down in sim.instance(supervisor).downs] == [DownReason.KILLED]
    assert states(supervisor) == {"a": ChildState.RUNNING}


def test_a_supervisor_without_children_is_one_all_the_same(sim: Simulation) -> None:
    supervisor = sim.spawn(Supervisor)
    assert supervisor.ask(ListChildren()) == ()
    assert supervisor.stop() is True


@everywhere
def test_a_supervisor_runs_on_every_dispatcher(system: ActorSystem, kind: DispatcherKind) -> None:
    class There(Supervisor, dispatcher=kind):
        a = child(under(kind, Puppet), restart=Restart.TRANSIENT, shutdown=Shutdown.INFINITY)

    supervisor = system.spawn(There)
    ref = get(supervisor, "a")
    ref.tell(fail)
    settle(ref)
    assert ref.stats().restarts == 1
    assert supervisor.stop(timeout=WAIT) is True
