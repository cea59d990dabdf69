"""Actors against a model: spawn, send, stop, kill, crash, restart, watch and ask in any order, on all dispatchers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from actors import Actor, ActorDeadError, ActorRef, ActorSystem, DeadLetter, Down, DownReason, Lifecycle, NameTakenError
from tests.contract.kit import EVERY_KIND, WAIT, Gate, Puppet, emptied, eventually, settle, spawn_child, under
from tests.support import scaled

NAMES = st.one_of(st.none(), st.sampled_from(["a", "b", "c"]))


class Member(Puppet):
    """Keeps the numbers it is told for one incarnation, and the Downs for life."""

    def __init__(self, downs: list[Down]) -> None:
        super().__init__()
        self.downs = downs

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.downs.append(message)
            return None
        return super().on_receive(message)


MEMBERS: dict[Any, type[Any]] = {kind: under(kind, Member) for kind in EVERY_KIND}


@dataclass(eq=False)
class Model:
    """What is expected of one actor."""

    parent: Model | None
    name: str | None
    children: list[Model] = field(default_factory=list)
    alive: bool = True
    log: list[int] = field(default_factory=list)
    watchers: list[Model] = field(default_factory=list)
    downs: list[tuple[Any, DownReason]] = field(default_factory=list)
    restarts: int = 0
    sent: int = 0
    gate: Gate | None = None
    waiting: list[int] = field(default_factory=list)
    ref: ActorRef[Any] = None  # type: ignore[assignment]  # set as soon as it is there
    real_downs: list[Down] = field(default_factory=list)

    def path(self) -> str:
        above = self.parent.path() if self.parent is not None else ""
        return f"{above}/{self.ref.name}"


class Lives(RuleBasedStateMachine):
    """The machine; every rule returns when all that it brought about is done."""

    members = Bundle("members")

    def __init__(self) -> None:
        super().__init__()
        self.system = ActorSystem()
        self.everyone: list[Model] = []
        self.roots: list[Model] = []
        self.letters = 0
        self.real_letters: list[Any] = []
        self.system.events.subscribe(DeadLetter, self.real_letters.append)

    def teardown(self) -> None:
        for one in self.everyone:
            if one.gate is not None:
                one.gate.open()
        self.system.shutdown()
        assert self.system.actors() == []

    # -- the model's own moves ---------------------------------------------------------------------------------------------

    def free(self, model: Model) -> bool:
        """Tell whether neither the actor nor any of its family is held."""
        return model.gate is None and all(self.free(child) for child in model.children)

    def family(self, model: Model | None) -> list[Model]:
        return self.roots if model is None else model.children

    def ends(self, model: Model, reason: DownReason) -> None:
        for child in reversed(list(model.children)):
            self.ends(child, DownReason.KILLED if reason is DownReason.KILLED else DownReason.STOPPED)
        model.alive = False
        self.family(model.parent).remove(model)
        for watcher in model.watchers:
            if watcher.alive:
                watcher.downs.append((model.ref, reason))
        model.watchers.clear()
        for one in self.everyone:
            if model in one.watchers:
                one.watchers.remove(model)

    # -- rules -------------------------------------------------------------------------------------------------------------

    @initialize(target=members, kind=st.sampled_from(EVERY_KIND))
    def begin(self, kind: Any) -> Any:
        return self.spawn(None, kind, None)

    @rule(target=members, kind=st.sampled_from(EVERY_KIND), name=NAMES)
    def spawn_root(self, kind: Any, name: str | None) -> Any:
        return self.spawn(None, kind, name)

    @rule(target=members, parent=members, kind=st.sampled_from(EVERY_KIND), name=NAMES)
    def spawn_under(self, parent: Model, kind: Any, name: str | None) -> Any:
        if parent.gate is not None:
            return multiple()
        return self.spawn(parent, kind, name)

    def spawn(self, parent: Model | None, kind: Any, name: str | None) -> Any:
        model = Model(parent, name)
        taken = name is not None and any(one.name == name for one in self.family(parent))

        def go(actor: Actor | None) -> Any:
            try:
                if actor is None:
                    return self.system.spawn(MEMBERS[kind], model.real_downs, name=name)
                return spawn_child(actor, MEMBERS[kind], model.real_downs, name=name)
            except NameTakenError as error:
                return error

        if parent is None:
            made = go(None)
        elif parent.alive:
            made = parent.ref.ask(go, timeout=WAIT)
            parent.sent += 1
        else:
            with pytest.raises(ActorDeadError):
                parent.ref.ask(go, timeout=WAIT)
            return multiple()
        assert isinstance(made, NameTakenError) == taken
        if taken:
            return multiple()
        model.ref = made
        self.family(parent).append(model)
        self.everyone.append(model)
        return model

    @rule(model=members, number=st.integers(0, 99))
    def tell(self, model: Model, number: int) -> None:
        if not model.alive:
            with pytest.raises(ActorDeadError) as caught:
                model.ref.tell(number)
            assert caught.value.message == number
            return
        model.ref.tell(number)
        model.sent += 1
        (model.log if model.gate is None else model.waiting).append(number)

    @rule(model=members)
    def ask(self, model: Model) -> None:
        if not model.alive:
            with pytest.raises(ActorDeadError):
                model.ref.ask(lambda _: None, timeout=WAIT)
        elif model.gate is None:
            assert model.ref.ask(lambda actor: list(actor.log), timeout=WAIT) == model.log
            model.sent += 1

    @rule(model=members)
    def hold(self, model: Model) -> None:
        if model.alive and model.gate is None:
            settle(model.ref)
            model.gate = Gate()
            model.ref.tell(model.gate.hold)
            model.sent += 2
            model.gate.reached()

    @rule(model=members)
    def let_go(self, model: Model) -> None:
        if model.gate is not None:
            gate, model.gate = model.gate, None
            gate.open()
            model.log += model.waiting
            model.waiting.clear()

    @rule(model=members)
    def stop(self, model: Model) -> None:
        if self.free(model):
            assert model.ref.stop(timeout=WAIT) is model.alive
            if model.alive:
                self.ends(model, DownReason.STOPPED)

    @rule(model=members)
    def kill(self, model: Model) -> None:
        family = [model]
        for one in family:
            family += one.children
        for one in family:  # what waits for a held actor dies with it; what others have yet to handle is not looked at
            if one.alive and one.gate is None:
                settle(one.ref)
                one.sent += 1
        assert model.ref.kill(timeout=WAIT) is model.alive
        if model.alive:
            for one in family:
                self.letters += len(one.waiting)
                one.waiting.clear()
                if one.gate is not None:
                    one.gate.open()
                    one.gate = None
            self.ends(model, DownReason.KILLED)

    @rule(model=members)
    def crash(self, model: Model) -> None:
        def fail(_: Any) -> None:
            raise LookupError

        if model.alive and self.free(model):
            model.ref.tell(fail)
            model.sent += 1
            eventually(lambda: model.ref not in self.system.actors())
            self.ends(model, DownReason.CRASHED)

    @rule(model=members)
    def restart(self, model: Model) -> None:
        if self.free(model):
            if model.alive:
                settle(model.ref)
                model.sent += 1
            assert model.ref.restart(timeout=WAIT) is model.alive
            if model.alive:
                for child in reversed(list(model.children)):
                    self.ends(child, DownReason.STOPPED)
                model.log = []
                model.restarts += 1

    @rule(watcher=members, watched=members)
    def watch(self, watcher: Model, watched: Model) -> None:
        if watcher.alive and watcher.gate is None:
            watcher.ref.ask(lambda actor: actor.watch(watched.ref), timeout=WAIT)
            watcher.sent += 1
            if not watched.alive:
                watcher.downs.append((watched.ref, DownReason.NOT_FOUND))
            elif watcher not in watched.watchers:
                watched.watchers.append(watcher)

    @rule(watcher=members, watched=members)
    def unwatch(self, watcher: Model, watched: Model) -> None:
        if watcher.alive and watcher.gate is None:
            watcher.ref.ask(lambda actor: actor.unwatch(watched.ref), timeout=WAIT)
            watcher.sent += 1
            if watcher in watched.watchers:
                watched.watchers.remove(watcher)

    @rule(model=consumes(members))
    def forget(self, model: Model) -> None:
        """Use this actor no more; it lives on or not, and is still looked at."""

    # -- what must hold ----------------------------------------------------------------------------------------------------

    @invariant()
    def the_living_are_those_of_the_model(self) -> None:
        living = [one.ref for one in self.everyone if one.alive]
        assert self.system.actors() == living
        for one in self.everyone:
            assert one.ref.is_alive() is one.alive
            assert one.ref.state is (Lifecycle.RUNNING if one.alive else Lifecycle.STOPPED)
            assert self.system.lookup(one.path()) == (one.ref if one.alive else self.successor(one))

    def successor(self, model: Model) -> ActorRef[Any] | None:
        """Return who has the path of a dead actor now."""
        return next((one.ref for one in self.everyone if one.alive and one.path() == model.path()), None)

    @invariant()
    def every_watch_is_answered_once(self) -> None:
        for one in self.everyone:
            if one.alive and one.gate is None:
                emptied(one.ref)
                assert Counter((down.ref, down.reason) for down in one.real_downs) == Counter(one.downs)

    @invariant()
    def nothing_is_lost(self) -> None:
        for one in self.everyone:
            if one.alive and one.gate is None:
                stats = one.ref.stats()
                assert stats.handled == one.sent + len(one.downs)
                assert stats.restarts == one.restarts
            if not one.alive:
                stats = one.ref.stats()
                assert stats.waiting == stats.stashed == stats.in_progress == 0
        letters = [letter for letter in self.real_letters if isinstance(letter.message, int)]
        assert len(letters) == self.letters


Lives.TestCase.settings = settings(max_examples=scaled(600, 25), stateful_step_count=scaled(60, 30), deadline=None)
TestLives = Lives.TestCase
