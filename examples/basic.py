"""An actor: state that only it can touch, and messages it handles one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from actors import Actor, ActorSystem, Request, handler


@dataclass(frozen=True)
class Sold:
    """Something was sold."""

    article: str
    cents: int


@dataclass(frozen=True)
class Takings(Request[int]):
    """How much is in the till? A `Request[int]` is answered with an int."""


class Till(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.cents = 0  # no lock: nobody else gets at it

    @handler
    def on_sold(self, message: Sold) -> None:
        if message.cents <= 0:
            raise ValueError(f"nothing costs {message.cents}")
        self.cents += message.cents
        print(f"  the till takes {message.cents / 100:.2f} for {message.article}")

    @handler
    def on_takings(self, _: Takings) -> int:
        return self.cents


def main() -> None:
    with ActorSystem() as system:  # at its end, every actor has handled its mail and stopped
        till = system.spawn(Till, name="till")
        print(f"{till.path} is open")

        till.tell(Sold("bread", 420))  # tell: send, and go on at once
        till.tell(Sold("salt", 90))
        total = till.ask(Takings())  # ask: send, and wait for the answer; behind the two tells, so it counts them
        print(f"takings: {total / 100:.2f}")

        try:
            till.ask(Sold("air", 0))  # what goes wrong in an ask is the asker's to know, and the actor lives on
        except ValueError as error:
            print(f"refused: {error}")
        print(f"still open: {till.is_alive()}")
    print(f"closed: {not till.is_alive()}")


if __name__ == "__main__":
    main()
