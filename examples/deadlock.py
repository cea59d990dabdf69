"""Two actors that wait for each other: an error that names them, and not a program that hangs."""

from __future__ import annotations

from dataclasses import dataclass

from actors import Actor, ActorRef, ActorSystem, DeadlockError, ReplyHandle, Request, handler


@dataclass(frozen=True)
class Meet:
    """Get to know the other one."""

    other: ActorRef[Actor]


@dataclass(frozen=True)
class AfterYou(Request[str]):
    """Who goes first through the door?"""


class Polite(Actor):
    """Goes through the door only when the other one has said so: a mistake if both think alike."""

    @handler
    def on_meet(self, message: Meet) -> None:
        self.other = message.other

    @handler
    def on_after_you(self, _: AfterYou) -> str:
        return self.other.ask(AfterYou())


class Patient(Actor):
    """Answers later, when it is told that the door is free. Its handler returns at once, so it can hear that."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[ReplyHandle] = []

    @handler
    def on_after_you(self, _: AfterYou) -> ReplyHandle:
        answer = self.reply_later()
        self.waiting.append(answer)
        return answer

    @handler
    def on_door_is_free(self, message: str) -> None:
        while self.waiting:
            self.waiting.pop().reply(f"thank you, {message}")


def main() -> None:
    with ActorSystem() as system:
        alphonse = system.spawn(Polite, name="alphonse")
        gaston = system.spawn(Polite, name="gaston")
        alphonse.tell(Meet(gaston))
        gaston.tell(Meet(alphonse))
        try:
            alphonse.ask(AfterYou())
        except DeadlockError as error:
            print("found before anybody hung:")
            print(f"  {error}")
            print(f"  the cycle, as data: {error.cycle}")
        print(f"both live on: {alphonse.is_alive()}, {gaston.is_alive()}")

        patient = system.spawn(Patient, name="patient")
        answer = patient.ask(AfterYou(), block=False)
        patient.tell("after me")
        print(f"one that replies later cannot be part of a cycle: {answer.get()!r}")


if __name__ == "__main__":
    main()
