"""Protocols of distributed systems: elections, commits, links, snapshots, broadcasts, ends."""

from __future__ import annotations

import asyncio
from typing import Any

from actors import Actor, ActorRef
from actors.testing import Simulation

Ref = ActorRef[Any]

# -- election on a ring (Chang and Roberts 1979) -------------------------------------------------------------------------------


class Candidate(Actor):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.next: Ref | None = None
        self.stood = False
        self.leader: int | None = None

    def on_receive(self, message: Any) -> None:
        if message[0] == "next":
            self.next = message[1]
            return
        assert self.next is not None
        match message:
            case ("stand",) if not self.stood:
                self.stood = True
                self.next.tell(("vote", self.number))
            case ("vote", number) if number == self.number:
                self.leader = number
                self.next.tell(("elected", number))
            case ("vote", number):
                if number > self.number or not self.stood:
                    self.next.tell(("vote", max(number, self.number)))
                self.stood = True
            case ("elected", number) if self.leader is None:
                self.leader = number
                self.next.tell(message)


class HastyCandidate(Candidate):
    """Takes a vote for a lower one that comes after its own for its victory."""

    def on_receive(self, message: Any) -> None:
        if message[0] == "vote" and self.stood and message[1] < self.number:
            message = "vote", self.number
        super().on_receive(message)


def _elected(sim: Simulation, candidate: type[Actor]) -> None:
    ring = [sim.spawn(candidate, number) for number in (1, 2, 3)]
    for place, one in enumerate(ring):
        one.tell(("next", ring[(place + 1) % 3]))
    sim.run()
    for one in ring[:2]:
        one.tell(("stand",))
    sim.run()
    assert [sim.instance(one).leader for one in ring] == [3, 3, 3]


def ring_election(sim: Simulation) -> None:
    _elected(sim, Candidate)


def ring_election_hasty(sim: Simulation) -> None:
    _elected(sim, HastyCandidate)


# -- two-phase commit --------------------------------------------------------------------------------------------------------


class Participant(Actor):
    def __init__(self, vote: str) -> None:
        super().__init__()
        self.vote = vote
        self.state = "working"

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("prepare", coordinator):
                self.prepare()
                coordinator.tell((self.vote, self.actor_ref))
            case "prepare":
                self.prepare()
                return self.vote
            case decision:
                self.state = decision
        return None

    def prepare(self) -> None:
        self.state = "prepared" if self.vote == "yes" else "abort"


class Coordinator(Actor):
    def __init__(self, participants: list[Ref]) -> None:
        super().__init__()
        self.participants = participants
        self.votes: list[str] = []
        self.decided = False

    def on_receive(self, message: Any) -> None:
        if message == "go":
            for one in self.participants:
                one.tell(("prepare", self.actor_ref))
            return
        self.votes.append(message[0])
        if not self.decided and self.may_decide():
            self.decided = True
            decision = "abort" if "no" in self.votes else "commit"
            for one in self.participants:
                one.tell(decision)

    def may_decide(self) -> bool:
        return "no" in self.votes or len(self.votes) == len(self.participants)


class EarlyCoordinator(Coordinator):
    """A majority will do, it thinks."""

    def may_decide(self) -> bool:
        return len(self.votes) > len(self.participants) // 2


class AsyncCoordinator(Coordinator):
    async def on_receive(self, message: Any) -> None:
        votes = await asyncio.gather(*(one.ask_async("prepare") for one in self.participants))
        for one in self.participants:
            one.tell("abort" if "no" in votes else "commit")


class EarlyAsyncCoordinator(Coordinator):
    async def on_receive(self, message: Any) -> None:
        votes = [asyncio.ensure_future(one.ask_async("prepare")) for one in self.participants]
        done, _ = await asyncio.wait(votes, return_when=asyncio.FIRST_COMPLETED)
        decision = "abort" if any(vote.result() == "no" for vote in done) else "commit"
        await asyncio.gather(*votes)
        for one in self.participants:
            one.tell(decision)


def _committed(sim: Simulation, coordinator: type[Actor], votes: tuple[str, ...]) -> None:
    participants = [sim.spawn(Participant, vote) for vote in votes]
    sim.spawn(coordinator, participants).tell("go")
    sim.run()
    assert {sim.instance(one).state for one in participants} == {"abort"}


def two_phase_commit(sim: Simulation) -> None:
    _committed(sim, Coordinator, ("no", "yes", "yes"))


def two_phase_commit_awaiting(sim: Simulation) -> None:
    _committed(sim, AsyncCoordinator, ("no", "yes", "yes"))


def commit_decided_early(sim: Simulation) -> None:
    _committed(sim, EarlyCoordinator, ("no", "yes", "yes"))


def commit_decided_early_awaiting(sim: Simulation) -> None:
    _committed(sim, EarlyAsyncCoordinator, ("no", "yes"))


# -- a link that loses (Bartlett, Scantlebury, Wilkinson 1969) -------------------------------------------------------------------


class LossyLink(Actor):
    """Loses one message: the first, the second, or none."""

    def __init__(self, receiver: Ref | None, loses: int) -> None:
        super().__init__()
        self.receiver, self.loses = receiver, loses

    def on_receive(self, message: Any) -> None:
        if message[0] == "to":
            self.receiver = message[1]
            return
        self.loses -= 1
        if self.loses != 0:
            assert self.receiver is not None
            self.receiver.tell(message)


class FrameSender(Actor):
    def __init__(self, link: Ref, items: list[str]) -> None:
        super().__init__()
        self.link, self.items = link, items
        self.bit, self.tries = 0, 0

    def on_receive(self, message: Any) -> None:
        match message:
            case ("ack", bit) if bit == self.bit and self.items:
                self.items = self.items[1:]
                self.bit, self.tries = 1 - self.bit, 0
                self.cancel_timer("late")
                self.send()
            case "go" | "late":
                self.send()

    def send(self) -> None:
        if self.items and self.tries < 2:
            self.tries += 1
            self.link.tell(("frame", self.bit, self.items[0]))
            self.start_timer("late", 1.0, "late")


class FrameReceiver(Actor):
    def __init__(self, link: Ref) -> None:
        super().__init__()
        self.link = link
        self.bit = 0
        self.got: list[str] = []

    def on_receive(self, message: Any) -> None:
        _, bit, item = message
        if self.wanted(bit):
            self.got.append(item)
            self.bit = 1 - bit
        self.link.tell(("ack", bit))

    def wanted(self, bit: int) -> bool:
        return bit == self.bit


class TrustingReceiver(FrameReceiver):
    def wanted(self, bit: int) -> bool:
        return True


def _transmitted(sim: Simulation, receiver_class: type[Actor], items: list[str], *, loses: int, loses_back: int = 0) -> None:
    back = sim.spawn(LossyLink, None, loses_back)
    receiver = sim.spawn(receiver_class, back)
    sender = sim.spawn(FrameSender, sim.spawn(LossyLink, receiver, loses), items)
    back.tell(("to", sender))
    sim.run()
    sender.tell("go")
    sim.run()
    assert sim.instance(receiver).got == items


def alternating_bit(sim: Simulation) -> None:
    _transmitted(sim, FrameReceiver, ["a", "b", "c"], loses=1)


def alternating_bit_that_loses_later(sim: Simulation) -> None:
    _transmitted(sim, FrameReceiver, ["a", "b"], loses=2)


def stop_and_wait_without_a_bit(sim: Simulation) -> None:
    _transmitted(sim, TrustingReceiver, ["a"], loses=0, loses_back=1)


# -- a snapshot (Chandy and Lamport 1985) --------------------------------------------------------------------------------------


class Bank(Actor):
    """Transfers money to its peer; records its balance and what is under way when a snapshot begins."""

    def __init__(self, balance: int) -> None:
        super().__init__()
        self.balance = balance
        self.peer: Ref | None = None
        self.recorded: int | None = None
        self.under_way: list[int] | None = None  # while recording
        self.total = 0

    def on_receive(self, message: Any) -> None:
        if message[0] == "peer":
            self.peer = message[1]
            return
        assert self.peer is not None
        match message:
            case ("pay", amount):
                self.balance -= amount
                self.peer.tell(("money", amount))
            case ("money", amount):
                self.balance += amount
                if self.under_way is not None:
                    self.under_way.append(amount)
            case ("snapshot",):
                self.record(self.peer)
            case ("marker",):
                if self.recorded is None:
                    self.record(self.peer)
                assert self.recorded is not None
                self.total = self.recorded + sum(self.under_way or ())
                self.under_way = None

    def record(self, peer: Ref) -> None:
        self.recorded, self.under_way = self.balance, []
        peer.tell(("marker",))


def snapshot(sim: Simulation) -> None:
    banks = one, other = sim.spawn(Bank, 100), sim.spawn(Bank, 100)
    one.tell(("peer", other))
    other.tell(("peer", one))
    sim.run()
    one.tell(("pay", 10))
    other.tell(("pay", 20))
    one.tell(("snapshot",))
    sim.run()
    assert sum(sim.instance(bank).total for bank in banks) == 200


# -- broadcast (Birman, Schiper, Stephenson 1991) --------------------------------------------------------------------------------


class Member(Actor):
    """Hears a question and answers it, to all."""

    def __init__(self, name: str, *, answers: bool = False) -> None:
        super().__init__()
        self.name, self.answers = name, answers
        self.peers: dict[str, Ref] = {}
        self.heard: list[str] = []

    def on_receive(self, message: Any) -> None:
        match message:
            case ("peers", peers):
                self.peers = peers
            case ("say", text):
                self.broadcast(text)
            case _:
                self.receive(message)

    def broadcast(self, text: str) -> None:
        for peer in self.peers.values():
            peer.tell(("said", text))

    def receive(self, message: Any) -> None:
        self.hear(message[1])

    def hear(self, text: str) -> None:
        self.heard.append(text)
        if self.answers:
            self.broadcast(f"answer to {text}")


class CausalMember(Member):
    """Puts off what comes before something it depends on, by vector clocks."""

    def __init__(self, name: str, *, answers: bool = False) -> None:
        super().__init__(name, answers=answers)
        self.clock: dict[str, int] = {}
        self.early: list[Any] = []

    def broadcast(self, text: str) -> None:
        self.clock[self.name] = self.clock.get(self.name, 0) + 1
        for peer in self.peers.values():
            peer.tell(("said", text, self.name, dict(self.clock)))

    def receive(self, message: Any) -> None:
        self.early.append(message)
        while ready := next((one for one in self.early if self.may_hear(*one[2:])), None):
            self.early.remove(ready)
            _, text, name, _ = ready
            self.clock[name] = self.clock.get(name, 0) + 1
            self.hear(text)

    def may_hear(self, name: str, clock: dict[str, int]) -> bool:
        mine = {**self.clock, name: self.clock.get(name, 0) + 1}
        return all(count <= mine.get(peer, 0) for peer, count in clock.items()) and clock[name] == mine[name]


def _broadcast(sim: Simulation, member: type[Actor], order: str) -> None:
    members = {name: sim.spawn(member, name, answers=name == "b") for name in "abc"}
    for name, ref in members.items():
        ref.tell(("peers", {peer: members[peer] for peer in order if peer != name}))
    sim.run()
    members["a"].tell(("say", "question"))
    sim.run()
    assert sim.instance(members["c"]).heard == ["question", "answer to question"]


def plain_broadcast(sim: Simulation) -> None:
    """The one that answers is told last: under causal ordering, all others hear the question first."""
    _broadcast(sim, Member, "acb")


def plain_broadcast_answerer_first(sim: Simulation) -> None:
    """The one that answers is told first, and its answer may be faster than the next message of the loop."""
    _broadcast(sim, Member, "abc")


def causal_broadcast(sim: Simulation) -> None:
    _broadcast(sim, CausalMember, "abc")


# -- has everything ended? (Dijkstra and Scholten 1980) --------------------------------------------------------------------------


class Node(Actor):
    """Works, and has others work."""

    def __init__(self) -> None:
        super().__init__()
        self.worked, self.sent = 0, 0

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("work", *rest):
                self.worked += 1
                for target, *work in rest:
                    self.sent += 1
                    target.tell(("work", *work))
            case "worked":
                return self.worked
            case "balance":
                return self.sent - self.worked
        return None


class Detector(Actor):
    """Thinks that all has ended when no node has worked between two rounds of questions."""

    def __init__(self, nodes: list[Ref]) -> None:
        super().__init__()
        self.nodes = nodes
        self.ended = False

    def on_receive(self, _: object) -> None:
        before = [node.ask("worked") for node in self.nodes]
        self.ended = [node.ask("worked") for node in self.nodes] == before


class CountingDetector(Detector):
    """Thinks that all has ended when as much was received as was sent; one job came from outside."""

    def on_receive(self, _: object) -> None:
        self.ended = sum(node.ask("balance") for node in self.nodes) == -1


def _watched(sim: Simulation, detector_class: type[Actor], nodes: list[Ref], work: Any) -> None:
    detector = sim.spawn(detector_class, nodes)
    nodes[-1].tell(work)
    detector.tell("watch")
    at_the_end: list[int] = []

    def nobody_works() -> bool:
        worked = sum(sim.instance(node).worked for node in nodes)
        if sim.instance(detector).ended:
            at_the_end.append(worked)
        return not at_the_end or at_the_end[0] == worked

    sim.always("nobody works after the end", nobody_works)
    sim.run()


def quiescence_in_two_rounds(sim: Simulation) -> None:
    other, one = sim.spawn(Node), sim.spawn(Node)
    _watched(sim, Detector, [other, one], ("work", (other, (one,))))


def quiescence_by_counting(sim: Simulation) -> None:
    other, third, one = sim.spawn(Node), sim.spawn(Node), sim.spawn(Node)
    _watched(sim, CountingDetector, [other, third, one], ("work", (other, (one,), (third,))))


class DiffusingNode(Actor):
    """Tells whoever engaged it when it, and all whom it engaged, have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.engaged_by: Ref | None = None
        self.deficit = 0
        self.worked = 0
        self.ended = False

    def on_receive(self, message: Any) -> None:
        match message:
            case ("work", sender, *rest):
                self.worked += 1
                if self.engaged_by is None:
                    self.engaged_by = sender
                else:
                    sender.tell("ack")
                for target, *work in rest:
                    self.deficit += 1
                    target.tell(("work", self.actor_ref, *work))
            case ("begin", *rest):
                for target, *work in rest:
                    self.deficit += 1
                    target.tell(("work", self.actor_ref, *work))
            case "ack":
                self.deficit -= 1
        if self.deficit == 0:
            if self.engaged_by is None:
                self.ended = True
            else:
                self.engaged_by.tell("ack")
                self.engaged_by = None


def quiescence_by_deficits(sim: Simulation) -> None:
    root, *nodes = one, other, third = [sim.spawn(DiffusingNode) for _ in range(3)]
    sim.always("the end is the end", lambda: not sim.instance(root).ended or sum(sim.instance(node).worked for node in nodes) == 4)
    one.tell(("begin", (other, (third, (other,))), (third,)))
    sim.run()
    assert sim.instance(root).ended


# -- an actor that is asked something while it waits -------------------------------------------------------------------------------


class Shelf(Actor):
    def on_receive(self, message: Any) -> Any:
        return message


class Counter(Actor):
    def __init__(self, shelf: Ref) -> None:
        super().__init__()
        self.shelf = shelf
        self.count = 0

    async def on_receive(self, message: Any) -> Any:
        if message == "count":
            return self.count
        self.count = 1 + await self.shelf.ask_async(self.count)
        return None


class ReentrantCounter(Counter, reentrant=True):
    pass


def _twice(sim: Simulation, counter_class: type[Actor]) -> None:
    counter = sim.spawn(counter_class, sim.spawn(Shelf))
    counter.tell("add")
    counter.tell("add")
    sim.run()
    assert counter.ask("count") == 2


def reentrant_counter(sim: Simulation) -> None:
    _twice(sim, ReentrantCounter)


def counter_one_at_a_time(sim: Simulation) -> None:
    _twice(sim, Counter)
