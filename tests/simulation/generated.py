"""Small programs of actors that hypothesis makes, and a record of what happens in them, kept by the actors themselves."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from actors import Actor, ActorDeadError, ActorError, ActorRef, DeadLetter, DeadlockError, Down, DownReason, MailboxFullError, ReplyHandle
from actors.events import ActorStopped

if TYPE_CHECKING:
    from collections.abc import Generator

    from actors.testing import Simulation

Op = tuple[Any, ...]
KINDS = ("plain", "async")
ORDERED = (
    *("tell", "ask", "ask later", "watch") * 3,
    *("reply later", "reply", "spawn", "sleep") * 2,
    *("stop", "kill", "restart", "fail"),
)
EVERY = (*ORDERED, *("stash", "unstash", "timer", "cancel") * 2, "tell within", "ask within")
ENDS = ("stop", "kill", "restart")
SENT = ("tell", "ask later", "tell within")
ALONE = ("reply later", "reply", "stash", "unstash", "fail")
BARE = (*ENDS, *ALONE, "sleep", "cancel", "watch")
SCENARIO = "scenario"


@dataclass(frozen=True)
class Program:
    """What actors there are, and what the scenario does; a message carries what its receiver does."""

    kinds: tuple[str, ...]
    main: tuple[Op, ...]


@st.composite
def programs(draw: st.DrawFn, names: tuple[str, ...] = EVERY, kinds: tuple[str, ...] = KINDS, depth: int = 2) -> Program:
    """Make a program in which the operations `names` come up, more often those that are in it twice."""
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=3))
    target, delay, key = st.integers(0, len(chosen) - 1), st.sampled_from((0.0, 1.0, 2.0)), st.integers(0, 1)

    def script(level: int, most: int = 3) -> tuple[Op, ...]:
        return tuple(op(draw(st.sampled_from(names)), level - 1) for _ in range(draw(st.integers(level > 0, most))))

    def op(name: str, level: int) -> Op:
        inner = script(level) if level >= 0 and name not in BARE else ()
        if name in ALONE:
            return (name,)
        if name in ("sleep", "cancel"):
            return (name, draw(delay if name == "sleep" else key))
        if name == "timer":
            return (name, draw(key), draw(delay), inner)
        return (name, draw(target), draw(delay), inner) if name.endswith("within") else (name, draw(target), inner)

    sends = tuple(name for name in SENT if name in names)
    ways = sends * 4 + tuple(name for name in ENDS if name in names)
    return Program(tuple(chosen), tuple(op(draw(st.sampled_from(ways)), depth) for _ in range(draw(st.integers(3, 6)))))


class Mail:
    """A message, with what its sender knew when it was sent."""

    def __init__(self, number: int, sender: str, to: str, way: str, past: frozenset[int], script: tuple[Op, ...]) -> None:
        self.number = number
        self.sender, self.to, self.way = sender, to, way
        self.past = past
        self.script = script
        self.latest: Any = None  # until when it may be handled; None: for ever
        self.timer: tuple[int, int, float] | None = None  # its key, number, and the earliest time

    def __repr__(self) -> str:
        return f"{self.way} {self.number}"


@dataclass(frozen=True)
class Event:
    """Something that happened: `what` of `who`."""

    what: str
    who: str
    mail: Any = None  # a Mail, of most
    more: Any = None
    time: float = 0.0


class Run:
    """One run of a program: makes it happen, and keeps the record of it."""

    def __init__(self, sim: Simulation, program: Program, **options: Any) -> None:
        self.sim, self.program = sim, program
        self.events: list[Event] = []
        self.mails: list[Mail] = []
        self.known: dict[str, frozenset[int]] = {SCENARIO: frozenset()}
        self.outcomes: dict[int, list[Any]] = {}  # of each ask: what it was resolved with
        self.returned: dict[int, Any] = {}  # sends that raised
        self.waits: dict[str, Mail] = {}  # who waits without end for the answer to what
        self.at: dict[str, int] = {}  # how many handlers each one is at
        self.timers: dict[tuple[str, int], int] = {}  # the live timer of each key
        self.watching: dict[tuple[str, str], bool] = {}
        self.incarnations: dict[str, int] = {}
        self.parents: dict[str, str] = {}
        self.refs: dict[str, ActorRef[Any]] = {}
        self.ended: dict[str, DownReason] = {}
        self.quiet = 0  # how many events there were before the shutdown
        sim.system.events.subscribe(DeadLetter, self._dead)
        sim.system.events.subscribe(ActorStopped, self._stopped)
        for place, kind in enumerate(program.kinds):
            name = f"{kind}{place}"
            self.refs[name] = sim.spawn(CLASSES[kind], self, name, name=name, **options)

    def note(self, what: str, who: str, mail: Mail | None = None, more: Any = None) -> None:
        self.events.append(Event(what, who, mail, more, self.sim.now))

    def _dead(self, event: DeadLetter) -> None:
        if isinstance(event.message, Mail):
            self.note("dead", event.message.to, event.message, event.reason)

    def _stopped(self, event: ActorStopped) -> None:
        self.ended[event.ref.name] = event.reason
        self.note("ended", event.ref.name, more=event.reason)

    def begin(self) -> Run:
        """Make the program happen, and then its end."""
        driver = Driver(self, SCENARIO)
        for _ in driver.steps(self.program.main, None, None):
            raise AssertionError
        self.sim.run()
        self.known[SCENARIO] = frozenset(range(len(self.mails)))
        self.quiet = len(self.events)
        self.busy = {name for name, count in self.at.items() if count}
        self.stuck = dict(self.waits)
        self.note("quiet", SCENARIO)
        self.ended_before = dict(self.ended)
        self.alive = {name for name, ref in self.refs.items() if ref.is_alive()}
        self.sim.system.shutdown(timeout=10.0)
        self.sim.run()
        return self

    # -- what claims ask for -----------------------------------------------------------------------------------------------

    def all(self, *what: str, before: int | None = None) -> list[Event]:
        return [event for event in self.events[:before] if event.what in what]

    def place(self, what: str, mail: Mail) -> int | None:
        """Return when something first happened to `mail`."""
        return next((index for index, event in enumerate(self.events) if event.mail is mail and event.what == what), None)

    def fate(self, mail: Mail) -> int | None:
        """Return when it was settled what becomes of `mail`; None if it never was, or was returned."""
        places = [place for what in ("begin", "dead", "resolved") if (place := self.place(what, mail)) is not None]
        return min(places, default=None)

    def handlings(self, mail: Mail) -> int:
        """Return how often `mail` was handled; to put it into the stash is not to handle it."""
        of = [event.what for event in self.events if event.mail is mail]
        return of.count("begin") - of.count("stashed")


class Driver:
    """What an actor, or the scenario, does with a script; it yields whenever it has to wait."""

    def __init__(self, run: Run, name: str) -> None:
        self.run, self.name = run, name
        self.handles: list[ReplyHandle] = []

    def send(self, to: str, way: str, script: tuple[Op, ...]) -> Mail:
        run = self.run
        mail = Mail(len(run.mails), self.name, to, way, run.known[self.name], script)
        run.mails.append(mail)
        run.known[self.name] |= {mail.number}
        return mail

    def tell(self, to: str, script: tuple[Op, ...], within: float | None = None) -> None:
        mail = self.send(to, "tell", script)
        ref = self.run.refs[to]
        self.run.note("sent", self.name, mail)
        try:
            if within is None:
                ref.tell(mail)
            else:
                mail.latest = self.run.sim.now + within
                ref.tell_within(mail, within)
        except (ActorDeadError, MailboxFullError) as error:
            self.run.returned[mail.number] = error

    def ask(self, to: str, script: tuple[Op, ...], within: float | None = None) -> tuple[Mail, Any]:
        mail = self.send(to, "ask", script)
        if within is not None:
            mail.latest = self.run.sim.now + within
        outcomes = self.run.outcomes[mail.number] = []

        def resolved(future: Any) -> None:
            outcomes.append(future.exception() or "answered")
            self.run.note("resolved", to, mail, outcomes[-1])

        self.run.note("sent", self.name, mail)
        future = self.run.refs[to].ask(mail, block=False, deadline=within)
        future.add_done_callback(resolved)
        return mail, future

    def steps(self, script: tuple[Op, ...], mail: Mail | None, actor: Any) -> Generator[Any, Any, Any]:  # noqa: C901, PLR0912  # a table
        """Do what `script` says."""
        run, me = self.run, self.name
        names = list(run.refs)[: len(run.program.kinds)]
        for op in script:
            match op:
                case ("tell", to, inner):
                    self.tell(names[to], inner)
                case ("tell within", to, seconds, inner):
                    self.tell(names[to], inner, seconds)
                case ("ask later", to, inner):
                    self.ask(names[to], inner)
                case ("ask", to, inner):
                    yield from self.waited(*self.ask(names[to], inner))
                case ("ask within", to, seconds, inner):
                    yield from self.waited(*self.ask(names[to], inner, seconds))
                case ("stop" | "kill" | "restart" as what, to, _):
                    self.order(what, names[to])
                case ("sleep", seconds):
                    yield seconds
                case ("reply",) if self.handles:
                    self.handles.pop(0).reply(run.known[me])
                case ("reply later",) if mail is not None and mail.way == "ask" and run.place("later", mail) is None:
                    run.note("later", me, mail)
                    self.handles.append(actor.reply_later())
                case ("stash",) if mail is not None and mail.way != "tick" and run.place("stashed", mail) is run.place("later", mail):
                    run.note("stashed", me, mail)
                    actor.stash()
                    return
                case ("unstash",):
                    run.note("unstashed", me, more=actor.unstash())
                case ("timer", key, delay, inner):
                    tick = self.send(me, "tick", inner)
                    tick.timer = key, tick.number, run.sim.now + delay
                    run.timers[me, key] = tick.number
                    actor.start_timer(key, delay, tick)
                case ("cancel", key):
                    run.timers.pop((me, key), None)
                    actor.cancel_timer(key)
                case ("watch", to, _):
                    run.note("watch", me, more=(names[to], not run.watching.get((me, names[to]))))
                    run.watching[me, names[to]] = True
                    actor.watch(run.refs[names[to]])
                case ("spawn", _, inner):
                    yield from self.spawned(actor, inner)
                case ("fail",):
                    raise LookupError

    def order(self, what: str, to: str) -> None:
        run = self.run
        mail = self.send(to, what, ())
        run.note(what, self.name, mail, (run.at.get(to, 0), run.incarnations[to]))
        getattr(run.refs[to], what)(block=False)

    def waited(self, mail: Mail, future: Any) -> Generator[Any, Any, Any]:
        run = self.run
        run.waits[self.name] = mail
        answer = yield future
        if isinstance(answer, DeadlockError):
            run.note("deadlock", self.name, mail, dict(run.waits))
        run.waits.pop(self.name, None)
        if isinstance(answer, frozenset):
            run.known[self.name] |= answer

    def spawned(self, actor: Any, inner: tuple[Op, ...]) -> Generator[Any, Any, Any]:
        run = self.run
        name = f"{self.name}-{len(run.parents)}"
        run.parents[name] = self.name
        ref = yield lambda what: getattr(actor, what)(type(actor), run, name, name=name)
        if isinstance(ref, ActorRef):
            run.refs[name] = ref
            self.tell(name, inner)


class Recorded(Actor):
    """What plain and async actors share."""

    def __init__(self, run: Run, name: str) -> None:
        super().__init__()
        self.run, self.name = run, name
        self.driver = Driver(run, name)
        self.incarnation = run.incarnations[name] = run.incarnations.get(name, 0) + 1
        run.known.setdefault(name, frozenset())
        for key in [key for key in run.timers if key[0] == name]:
            del run.timers[key]

    def begun(self, message: Any) -> Generator[Any, Any, Any]:
        run, name = self.run, self.name
        if isinstance(message, Down):
            run.note("down", name, more=message.ref.name)
            run.watching[name, message.ref.name] = False
            return ()
        run.note(
            "begin",
            name,
            message,
            (run.at.get(name, 0), self.incarnation, run.timers.get((name, message.timer[0])) if message.timer else None),
        )
        run.known[name] |= message.past | {message.number}
        run.at[name] = run.at.get(name, 0) + 1
        try:
            yield from self.driver.steps(message.script, message, self)
        finally:
            run.at[name] -= 1
            run.waits.pop(name, None)
            run.note("end", name, message)
        return run.known[name]

    def on_stop(self) -> None:
        self.run.note("on_stop", self.name)


class Plain(Recorded):
    def on_receive(self, message: Any) -> Any:
        with closing(self.begun(message)) as steps:
            answer: Any = None
            while True:
                try:
                    wait = steps.send(answer)
                except StopIteration as end:
                    return end.value
                try:
                    answer = self.answer(wait)
                except (ActorError, LookupError) as error:  # the latter of the one that was asked
                    answer = error

    def answer(self, wait: Any) -> Any:
        if callable(wait):
            return wait("spawn")
        return None if isinstance(wait, float) else wait.get()


class Async(Recorded):
    async def on_receive(self, message: Any) -> Any:
        with closing(self.begun(message)) as steps:
            answer: Any = None
            while True:
                try:
                    wait = steps.send(answer)
                except StopIteration as end:
                    return end.value
                try:
                    answer = await self.answer(wait)
                except (ActorError, LookupError) as error:
                    answer = error

    async def answer(self, wait: Any) -> Any:
        if callable(wait):
            return await wait("spawn_async")
        return await asyncio.sleep(wait) if isinstance(wait, float) else await wait


CLASSES: dict[str, Any] = {"plain": Plain, "async": Async}
