"""Trees of supervisors against the model of OTP's: whatever is done to them, both come to rest as the same tree, at the same time."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorRef, ActorStartError, DispatcherKind, Future, Lifecycle
from actors.testing import Simulation
from actors.testing.network import Kind, Pending
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
    ListChildren,
    RemoveChild,
    Restart,
    RestartChild,
    Shutdown,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    SupervisorError,
)
from tests.supervisors.model import KILL, Brief, Group, Kid, Model, Spec, Team
from tests.support import scaled


class AnyOrder:
    """Any step that can happen now is as likely as the others; time goes on only when none can."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, enabled: Sequence[Pending]) -> int:
        now = [index for index, one in enumerate(enabled) if one.kind is not Kind.TIMER]
        return self._random.choice(now) if now else self._random.randrange(len(enabled))


# -- the tree of actors ------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """What the actors of a run share: which starts are to fail, and what their hooks have told."""

    failures: dict[str, int] = field(default_factory=dict)
    log: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def note(self, actor: Actor, what: str) -> None:
        above, _, name = actor.path.rpartition("/")
        self.log.setdefault(above, []).append((what, name))

    def fails(self, actor: Actor) -> None:
        if self.failures.get(actor.path, 0):
            self.failures[actor.path] -= 1
            raise LookupError("it is to fail")


class Worker(Actor):
    """Does nothing but what it is told, and tells of its hooks."""

    def __init__(self, stage: Stage, fails_in_init: bool) -> None:
        super().__init__()
        self.stage = stage
        self.ran = False
        self.hangs = False
        self.fails_in_init = fails_in_init
        if fails_in_init:
            stage.fails(self)

    def on_start(self) -> None:
        if not self.fails_in_init:
            self.stage.fails(self)
        self.ran = True
        self.stage.note(self, "up")

    def on_receive(self, message: Any) -> None:
        if message == "crash":
            raise LookupError("it is to crash")
        self.hangs = True

    def leaves(self, asked: bool) -> bool:
        if self.ran:
            self.stage.note(self, "down")
        return self.hangs and asked

    def on_stop(self) -> None:
        if self.leaves(asked=True):
            Future().get()

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        if self.leaves(asked=exception_type is None):
            Future().get()


class AsyncWorker(Worker, dispatcher=DispatcherKind.EVENT_LOOP):
    async def on_stop(self) -> None:  # type: ignore[override]
        if self.leaves(asked=True):
            await Future()

    async def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:  # type: ignore[override]
        if self.leaves(asked=exception_type is None):
            await Future()


class Static(Supervisor):
    def __init__(self, stage: Stage, group: Group) -> None:
        self.stage = stage
        super().__init__(
            [declared(stage, spec) for spec in group.children],
            strategy=group.strategy,
            intensity=group.intensity,
            period=group.period,
            auto_shutdown=group.auto_shutdown,
        )

    def on_start(self) -> None:
        self.stage.note(self, "up")

    def on_stop(self) -> None:
        self.stage.note(self, "down")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.stage.note(self, "down")


class Dynamic(DynamicSupervisor):
    def __init__(self, stage: Stage, group: Group) -> None:
        self.stage = stage
        super().__init__(intensity=group.intensity, period=group.period)

    on_start = Static.on_start
    on_stop = Static.on_stop
    on_failure = Static.on_failure


def declared(stage: Stage, spec: Spec) -> ChildSpec[Any]:
    """The spec for our supervisors."""
    group = spec.group
    actor_class: type[Any] = AsyncWorker if spec.is_async else Worker
    if group is not None:
        actor_class = Dynamic if group.dynamic else Static
    return ChildSpec(
        actor_class=actor_class,
        args=(stage, spec.fails_in_init if group is None else group),
        name=spec.name,
        restart=spec.restart,
        shutdown=Shutdown.KILL if spec.deadline == KILL else Shutdown.INFINITY if spec.deadline == math.inf else spec.deadline,
        significant=spec.significant,
        limit=Limit(*spec.limit) if spec.limit is not None else None,
        backoff=Backoff(*spec.backoff, jitter=0.0) if spec.backoff is not None else None,
    )


# -- what is drawn -----------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d")
EIGHTHS = (0.125, 0.5, 1.0, 2.0, 2.5, 4.875, 5.0, 5.125, 10.0)


@st.composite
def specs(draw: Any, name: str, depth: int, auto_shutdown: AutoShutdown) -> Spec:
    group = draw(groups(depth - 1)) if depth > 1 and draw(st.integers(0, 2)) == 0 else None
    restart = draw(st.sampled_from((Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY)))
    deadlines = (2.0, 5.0, KILL) if group is None else (math.inf, math.inf, KILL, 3.0 + depth / 8)
    again = restart is not Restart.TEMPORARY
    return Spec(
        name,
        restart,
        draw(st.sampled_from(deadlines)),
        significant=auto_shutdown is not AutoShutdown.NEVER and restart is not Restart.PERMANENT and draw(st.booleans()),
        limit=draw(st.sampled_from((None, None, None, (0, 1.0), (1, 2.0), (2, 8.0)))) if again else None,
        backoff=draw(st.sampled_from((None, None, (0.5, 2.0), (1.0, 16.0)))) if again else None,
        group=group,
        is_async=group is None and draw(st.booleans()),
        fails_in_init=draw(st.booleans()),
    )


@st.composite
def groups(draw: Any, depth: int) -> Group:
    intensity = draw(st.sampled_from((0, 1, 1, 2, 3, 5, None)))
    period = draw(st.sampled_from((0.5, 2.0, 5.0, 10.0)))
    if draw(st.integers(0, 5)) == 5:
        return Group(intensity=intensity, period=period, dynamic=True)
    auto_shutdown = draw(st.sampled_from(AutoShutdown))
    children = tuple(draw(specs(name, depth, auto_shutdown)) for name in NAMES[: draw(st.integers(0, 3))])
    return Group(draw(st.sampled_from(Strategy)), intensity, period, auto_shutdown, children=children)


ACTIONS = ("crash", "crash", "crash", "stop", "kill", "hang", "advance", "restart", "stop_child", "restart_child", "remove_child")


@dataclass(frozen=True, repr=False)
class Action(Brief):
    """One thing that is done, to the `who`-th of those it can be done to; before that, `fails` starts of a worker are made to fail."""

    what: str
    who: int = 0
    whose: int = 0
    fails: int = 0
    seconds: float = 0.0
    spec: Spec | None = None


INDEXES = st.integers(0, 30)
FAILS = st.sampled_from((0, 0, 0, 0, 1, 2, 3, 7))
NEW = st.sampled_from(NAMES).flatmap(lambda name: specs(name, 2, AutoShutdown.ANY_SIGNIFICANT))
actions = st.one_of(
    st.builds(Action, st.sampled_from(ACTIONS), INDEXES, INDEXES, FAILS, st.sampled_from(EIGHTHS)),
    st.builds(Action, st.sampled_from(ACTIONS[:5]), INDEXES, INDEXES, FAILS),
    st.builds(Action, st.just("start_child"), INDEXES, INDEXES, FAILS, spec=NEW),
)


# -- both, side by side ------------------------------------------------------------------------------------------------------


class Pair:
    """A tree of actors and its model."""

    def __init__(self, sim: Simulation, group: Group, failures: dict[str, int]) -> None:
        self.sim = sim
        self.stage = Stage(dict(failures))
        self.model = Model(group)
        self.model.failures.update(failures)
        self.dynamic: set[str] = set()  # paths that a dynamic supervisor has, or had: its children end at the same time
        self.refs: dict[int, ActorRef[Any]] = {}  # by the number that the model gives an actor
        runs = self.model.start(self.model.root)
        try:
            self.refs[1] = sim.spawn(Dynamic if group.dynamic else Static, self.stage, group, name="root")
        except ActorStartError:
            assert not runs
        else:
            assert runs

    def ref(self, kid: Kid) -> ActorRef[Any]:
        assert kid.actor is not None
        return self.refs[kid.actor]

    def do(self, action: Action) -> None:
        model = self.model
        workers = [kid for kid in model.living() if kid.team is None]
        if action.fails and workers:
            path = workers[action.whose % len(workers)].path
            model.failures[path] = self.stage.failures[path] = action.fails
        getattr(self, action.what)(action)

    def pick(self, action: Action, *, workers: bool = False, root: bool = True) -> Kid | None:
        among = [kid for kid in self.model.living() if (kid.team is None or not workers) and (root or kid.of is not None)]
        return among[action.who % len(among)] if among else None

    def crash(self, action: Action) -> None:
        kid = self.pick(action, workers=True)
        if kid is not None:
            self.ref(kid).tell("crash")
            self.model.crash(kid)

    def hang(self, action: Action) -> None:
        kid = self.pick(action, workers=True)
        if kid is not None:
            self.ref(kid).tell("hang")
            kid.hangs = True

    def stop(self, action: Action) -> None:
        kid = self.pick(action, root=action.who % 5 == 0)
        if kid is None:
            return
        deadline = 3.0 if kid.team is None or action.who % 2 else None
        assert self.ref(kid).stop(deadline=deadline) is True
        self.model.stop(kid, math.inf if deadline is None else deadline)

    def kill(self, action: Action) -> None:
        kid = self.pick(action, root=action.who % 5 == 0)
        if kid is not None:
            assert self.ref(kid).kill() is True
            self.model.kill(kid)

    def restart(self, action: Action) -> None:
        kid = self.pick(action)
        if kid is not None and not kid.hangs:
            self.ref(kid).restart(block=False)
            self.model.restart(kid)

    def advance(self, action: Action) -> None:
        self.sim.advance(action.seconds)
        self.model.now += action.seconds

    # -- requests

    def team(self, action: Action, *, dynamic: bool = True) -> Team | None:
        teams = [kid.team for kid in self.model.living() if kid.team is not None and (dynamic or not kid.team.group.dynamic)]
        return teams[action.who % len(teams)] if teams else None

    def kid_of(self, action: Action, team: Team) -> Kid | None:
        return team.kids[action.whose % len(team.kids)] if team.kids else None

    def answer(self, team: Team, request: Any) -> Any:
        try:
            return self.ref(team.kid).ask(request)
        except (SupervisorError, ActorStartError) as error:
            return error

    def start_child(self, action: Action) -> None:
        team = self.team(action)
        if team is None or action.spec is None:
            return
        if action.who % 4 == 0 and action.fails:
            path = f"{team.kid.path}/{action.spec.name}"
            self.model.failures[path] = self.stage.failures[path] = action.fails
        expected = self.model.start_child(team, action.spec)
        self.same(self.answer(team, StartChild(declared(self.stage, action.spec))), expected)

    def stop_child(self, action: Action) -> None:
        team = self.team(action)
        kid = self.kid_of(action, team) if team is not None else None
        if team is not None and kid is not None:
            which = self.ref(kid) if kid.actor is not None and action.who % 2 else kid.spec.name
            expected = self.model.stop_child(team, kid)
            assert self.answer(team, StopChild(which)) is expected

    def restart_child(self, action: Action) -> None:
        team = self.team(action, dynamic=False)
        kid = self.kid_of(action, team) if team is not None else None
        if team is not None and kid is not None:
            self.same(self.answer(team, RestartChild(kid.spec.name)), self.model.restart_child(kid))

    def remove_child(self, action: Action) -> None:
        team = self.team(action, dynamic=False)
        kid = self.kid_of(action, team) if team is not None else None
        if team is not None and kid is not None:
            self.same(self.answer(team, RemoveChild(kid.spec.name)), self.model.remove_child(team, kid))

    @staticmethod
    def same(answer: Any, expected: str) -> None:
        kinds: dict[str, type] = {
            "ref": ActorRef,
            "None": type(None),
            "ActorStartError": ActorStartError,
            "ChildRunningError": ChildRunningError,
            "ChildSpecError": ChildSpecError,
            "DuplicateChildError": DuplicateChildError,
        }
        assert isinstance(answer, kinds[expected]), (answer, expected)

    # -- comparing

    def compare(self) -> None:
        """At rest: the same tree, of the same actors, with the same counts, at the same time, after the same hooks."""
        self.sim.run()
        model = self.model
        assert self.sim.now == model.now
        if model.root.actor is not None:
            self.compare_team(model.root)
        living = [self.ref(kid) for kid in model.living()]
        assert set(self.sim.system.actors()) == set(living)
        assert len(set(self.refs.values())) == len(self.refs)
        self.compare_hooks()

    def compare_hooks(self) -> None:
        ours, theirs = self.stage.log, self.model.log
        self.dynamic |= {kid.path for kid in self.model.living() if kid.team is not None and kid.team.group.dynamic}
        for path in {*ours, *theirs}:
            kept = sorted if path in self.dynamic else list
            assert kept(ours.get(path, [])) == kept(note[:2] for note in theirs.get(path, [])), path
        ours.clear()
        theirs.clear()

    def compare_team(self, kid: Kid) -> None:
        team, ref = kid.team, self.ref(kid)
        assert team is not None
        infos = ref.ask(ListChildren())
        assert [info.name for info in infos] == [one.spec.name for one in team.kids]
        for info, one in zip(infos, team.kids, strict=True):
            assert info.state is (ChildState.STOPPED if one.actor is None else ChildState.RUNNING), one.path
            assert info.restarts == one.restarts, one.path
            assert (info.ref is None) is (one.actor is None), one.path
            if one.actor is None:
                continue
            assert self.refs.setdefault(one.actor, info.ref) == info.ref, one.path
            assert info.ref.stats().restarts == one.incarnation, one.path
            assert info.ref.state is Lifecycle.RUNNING, one.path
            if one.team is not None:
                self.compare_team(one)
        counts = ref.ask(CountChildren())
        assert counts.specs == len(team.kids)
        assert counts.active == sum(one.actor is not None for one in team.kids)
        assert counts.supervisors == sum(one.spec.group is not None for one in team.kids)
        if team.kids:
            first = team.kids[0]
            assert ref.ask(GetChild(first.spec.name)) == (self.ref(first) if first.actor is not None else None)
        if team.group.intensity is not None:
            recent = [time for time in team.times if time >= self.model.now - team.group.period]
            assert self.sim.instance(ref)._window.count(self.sim.now) == len(recent), kid.path


@pytest.fixture(autouse=True)
def _quiet(no_leaks: None) -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@settings(max_examples=scaled(10_000, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(groups(4), st.lists(actions, min_size=1, max_size=12), st.integers(0, 2**16), st.sampled_from((0, 0, 0, 0, 0, 1)))
def test_a_tree_of_supervisors_does_what_the_model_of_otp_does(group: Group, steps: list[Action], seed: int, fails: int) -> None:
    with Simulation(AnyOrder(seed) if seed else None) as sim:
        pair = Pair(sim, group, {"/root/a": fails})
        pair.compare()
        for step in steps:
            pair.do(step)
            pair.compare()
