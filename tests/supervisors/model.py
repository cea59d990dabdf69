"""OTP's supervisors as a sequential model, to compare ours with.

Written from the documentation of OTP's ``supervisor`` and Elixir's ``DynamicSupervisor``, and from the differences that are decided: a
crash restarts in place, behind the same ref; a child that has *ended*, by a stop or a kill, is succeeded by a new actor; a supervisor that
gives up has crashed for its parent. Nothing of `supervisors` is used but its enums.

The model has no messages and no turns. Each method of `Model` does one thing to the tree, and everything that comes of it; `Model.now` is
the time at which all is at rest again. All durations are multiples of 1/8, so that times are equal or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from supervisors import AutoShutdown, Restart, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Group", "Kid", "Model", "Spec", "Team"]

KILL = 0.0  # a deadline of 0 stands for Shutdown.KILL


class Brief:
    """Shows only what is not as it would be anyway."""

    def __repr__(self) -> str:
        given = [(one, getattr(self, one.name)) for one in fields(self)]  # type: ignore[arg-type]  # dataclasses, all of them
        shown = ", ".join(f"{one.name}={value}" for one, value in given if value != one.default)
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True, repr=False)
class Spec(Brief):
    """A child as it is declared: a worker, or a supervisor if it has a group."""

    name: str
    restart: Restart = Restart.PERMANENT
    deadline: float = 5.0  # KILL: at once; infinite: as long as it takes
    significant: bool = False
    limit: tuple[int, float] | None = None
    backoff: tuple[float, float] | None = None  # initial and maximum; factor 2, no jitter
    group: Group | None = None
    is_async: bool = False
    fails_in_init: bool = False


@dataclass(frozen=True, repr=False)
class Group(Brief):
    """A supervisor as it is declared."""

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int | None = 1
    period: float = 5.0
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    dynamic: bool = False
    children: tuple[Spec, ...] = ()


@dataclass(eq=False)
class Kid:
    """What has become of a child. The root is one, too, of nobody."""

    spec: Spec
    of: Team | None
    actor: int | None = None  # the number of its actor; None while it has none
    incarnation: int = 0  # of that actor: how often an instance was made for it again
    restarts: int = 0  # failures that count, of this child
    down: bool = False  # it has an actor, but that does not run
    hangs: bool = False  # its last hook does not return
    times: list[float] = field(default_factory=list)  # of its own limit
    attempt: int | None = None  # of its backoff
    since: float | None = None
    team: Team | None = None  # the children, if it is a supervisor

    @property
    def path(self) -> str:
        above = self.of.kid.path if self.of is not None else ""
        return f"{above}/{self.spec.name}"


@dataclass(eq=False)
class Team:
    """The children of one incarnation of a supervisor."""

    kid: Kid
    group: Group
    kids: list[Kid] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


class Model:
    """A tree of supervisors and workers."""

    def __init__(self, group: Group) -> None:
        self.now = 0.0
        self.actors = 0
        self.failures: dict[str, int] = {}  # by path: how many of the next starts fail
        self.log: dict[str, list[tuple[str, str, float]]] = {}  # by path of a supervisor: what its children's hooks tell, and when
        self.root = Kid(Spec("root", deadline=math.inf, group=group), None)

    # -- looking -----------------------------------------------------------------------------------------------------------

    def living(self, kid: Kid | None = None) -> Iterator[Kid]:
        """The children that run, and the root: each before its own."""
        kid = kid or self.root
        if kid.actor is not None:
            yield kid
            for one in kid.team.kids if kid.team is not None else ():
                yield from self.living(one)

    def note(self, kid: Kid, what: str) -> None:
        self.log.setdefault(kid.path.rpartition("/")[0], []).append((what, kid.spec.name, self.now))

    # -- starting ----------------------------------------------------------------------------------------------------------

    def start(self, kid: Kid) -> bool:
        """Start a child that has no actor or is down; tell whether it came to run."""
        if kid.actor is None:
            self.actors += 1
            kid.actor, kid.incarnation, anew = self.actors, 0, True
        else:
            kid.incarnation += 1
            anew = False
        kid.hangs = False
        kid.down = not self._comes_up(kid)
        if kid.down:
            if anew:
                kid.actor, kid.down = None, False
            return False
        kid.since = self.now
        return True

    def _comes_up(self, kid: Kid) -> bool:
        path = kid.path
        if kid.spec.group is None:
            if self.failures.get(path, 0):
                self.failures[path] -= 1
                return False
            self.note(kid, "up")
            return True
        self.note(kid, "up")
        kid.team = team = Team(kid, kid.spec.group)
        for spec in kid.spec.group.children:
            one = Kid(spec, team)
            if not self.start(one):
                self.note(kid, "down")
                self.end_all(team, math.inf)
                kid.team = None
                return False
            team.kids.append(one)
        return True

    # -- ending ------------------------------------------------------------------------------------------------------------

    def end(self, kid: Kid, until: float, *, for_good: bool) -> bool:
        """Terminate a child as its spec says; False if that is not done at `until`, when whoever has it is killed."""
        if kid.actor is None:
            return True
        if kid.down:
            kid.actor, kid.down = None, False
            return True
        if kid.spec.deadline == KILL:
            kid.actor = kid.team = None
            return True
        mine = self.now + kid.spec.deadline
        last = min(until, mine)
        stays = not for_good and kid.spec.restart is not Restart.TEMPORARY
        if kid.team is None:
            self.note(kid, "down")
            done = not kid.hangs
        else:
            if stays:
                self.note(kid, "down")
            done = self.end_all(kid.team, last)
            if done and not stays:
                self.note(kid, "down")
            kid.team = None
        if not done:
            self.now = last
            kid.actor = None
            return mine <= until
        if stays:
            kid.down = True
        else:
            kid.actor = None
        return True

    def end_all(self, team: Team, until: float) -> bool:
        """Terminate all children for good: the last first, or all at once."""
        if not team.group.dynamic:
            return all(self.end(kid, until, for_good=True) for kid in reversed(team.kids))
        began, over, done = self.now, self.now, True
        for kid in team.kids:
            self.now = began
            done = self.end(kid, until, for_good=True) and done
            over = max(over, self.now)
        self.now = over
        return done

    # -- failing -----------------------------------------------------------------------------------------------------------

    def failed(self, kid: Kid) -> None:
        """A child has crashed, failed to start again, or ended though it should not: count it, and restart whom that concerns."""
        assert kid.of is not None
        team, until, first = kid.of, 0.0, math.inf
        failing: Kid | None = kid
        while failing is not None:
            if self._too_many(team, failing):
                self.give_up(team)
                return
            until = max(until, self.now + self._delay(failing))
            if team.group.strategy is Strategy.ONE_FOR_ONE:
                self.now = max(self.now, until)
                failing = None if self.start(failing) else failing
                continue
            index = 0 if team.group.strategy is Strategy.ONE_FOR_ALL else team.kids.index(failing)
            first = min(first, index)
            for one in reversed(team.kids[index:]):
                if not one.down:
                    self.end(one, math.inf, for_good=False)
            team.kids[index:] = [one for one in team.kids[index:] if one.spec.restart is not Restart.TEMPORARY]
            self.now = max(self.now, until)
            failing = next((one for one in team.kids[int(first) :] if (one.actor is None or one.down) and not self.start(one)), None)

    def _too_many(self, team: Team, kid: Kid) -> bool:
        kid.restarts += 1
        team.times = [time for time in team.times if time >= self.now - team.group.period] + [self.now]
        if team.group.intensity is not None and len(team.times) > team.group.intensity:
            return True
        if kid.spec.limit is None:
            return False
        allowed, period = kid.spec.limit
        kid.times = [time for time in kid.times if time >= self.now - period] + [self.now]
        return len(kid.times) > allowed

    def _delay(self, kid: Kid) -> float:
        if kid.spec.backoff is None:
            return 0.0
        initial, maximum = kid.spec.backoff
        quiet = self.now - kid.since if kid.since is not None else 0.0
        kid.since = None
        kid.attempt = 0 if kid.attempt is None or quiet >= maximum else kid.attempt + 1
        return min(maximum, initial * 2**kid.attempt)

    def give_up(self, team: Team) -> None:
        """A supervisor crashes."""
        self.crash(team.kid)

    def crash(self, kid: Kid) -> None:
        """A worker or supervisor crashes: its last hook runs, its children end, then its supervisor hears of it, or it ends."""
        self.note(kid, "down")
        if kid.team is not None:
            self.end_all(kid.team, math.inf)
            kid.team = None
        if kid.of is None or kid.spec.restart is Restart.TEMPORARY:
            kid.actor = None
            self.ended(kid, normally=False)
            return
        kid.down = True
        self.failed(kid)

    def ended(self, kid: Kid, *, normally: bool) -> None:
        """A child has ended by itself."""
        if kid.of is None:
            return
        team, restart = kid.of, kid.spec.restart
        if restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and not normally):
            self.failed(kid)
            return
        if restart is Restart.TEMPORARY or team.group.dynamic:
            team.kids.remove(kid)
        auto = team.group.auto_shutdown
        others = any(one.spec.significant and one.actor is not None for one in team.kids)
        if kid.spec.significant and auto is not AutoShutdown.NEVER and (auto is AutoShutdown.ANY_SIGNIFICANT or not others):
            self.stop(team.kid)

    # -- what is done to an actor ------------------------------------------------------------------------------------------

    def stop(self, kid: Kid, deadline: float = math.inf) -> None:
        """A graceful stop that is not the supervisor's."""
        began = self.now
        if kid.team is None:
            self.note(kid, "down")
            done = not kid.hangs
        else:
            done = self.end_all(kid.team, began + deadline)
            if done:
                self.note(kid, "down")
            kid.team = None
        if not done:
            self.now = began + deadline
        kid.actor = None
        self.ended(kid, normally=done)

    def kill(self, kid: Kid) -> None:
        kid.actor = kid.team = None
        self.ended(kid, normally=False)

    def restart(self, kid: Kid) -> None:
        """A restart that was asked for: it does not count, unless the start fails."""
        self.note(kid, "down")
        if kid.team is not None:
            self.end_all(kid.team, math.inf)
            kid.team = None
        kid.incarnation += 1
        since = kid.since
        if self._comes_up(kid):
            kid.since = since
        elif kid.of is None or kid.spec.restart is Restart.TEMPORARY:
            kid.actor = None
            self.ended(kid, normally=False)
        else:
            kid.down = True
            self.failed(kid)

    # -- requests to a supervisor; each returns its answer, or the name of its error ---------------------------------------------

    def start_child(self, team: Team, spec: Spec) -> str:
        if spec.significant and (team.group.dynamic or team.group.auto_shutdown is AutoShutdown.NEVER):
            return "ChildSpecError"
        if any(one.spec.name == spec.name for one in team.kids):
            return "DuplicateChildError"
        kid = Kid(spec, team)
        if not self.start(kid):
            return "ActorStartError"
        team.kids.append(kid)
        return "ref"

    def stop_child(self, team: Team, kid: Kid) -> bool:
        was = kid.actor is not None
        self.end(kid, math.inf, for_good=True)
        if was and (kid.spec.restart is Restart.TEMPORARY or team.group.dynamic):
            team.kids.remove(kid)
        return was

    def restart_child(self, kid: Kid) -> str:
        if kid.actor is not None:
            return "ChildRunningError"
        return "ref" if self.start(kid) else "ActorStartError"

    def remove_child(self, team: Team, kid: Kid) -> str:
        if kid.actor is not None:
            return "ChildRunningError"
        team.kids.remove(kid)
        return "None"
