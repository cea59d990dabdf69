"""How to test actors. Run it as it is, or with pytest.

Nothing here sleeps. Messages of one sender arrive in order, so an `ask` behind some `tell`s waits for them, too; and what has not
come in time fails with a `Timeout` instead of hanging.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from unittest.mock import Mock

from actors import Actor, ActorRef, ActorSystem, Future, Request, handler

# -- what is tested --------------------------------------------------------------------------------------------------------


class Mailer(Protocol):
    def send(self, address: str, text: str) -> None: ...


@dataclass(frozen=True)
class Ordered:
    article: str


@dataclass(frozen=True)
class Backlog(Request[list[str]]):
    pass


class Shop(Actor):
    """Takes orders; tells the packer, and by mail the customer."""

    def __init__(self, mailer: Mailer, packer: ActorRef[Actor]) -> None:
        super().__init__()
        self.mailer = mailer
        self.packer = packer
        self.orders: list[str] = []

    @handler
    def on_ordered(self, message: Ordered) -> None:
        self.orders.append(message.article)
        self.packer.tell(message)
        self.mailer.send("customer@example.org", f"{message.article} is on its way")

    @handler
    def on_backlog(self, _: Backlog) -> list[str]:
        return list(self.orders)


# -- the tests -------------------------------------------------------------------------------------------------------------


class Probe(Actor):
    """Stands in for another actor: hands the first message it gets to the test."""

    def __init__(self, seen: Future[Any]) -> None:
        super().__init__()
        self.seen = seen

    def on_receive(self, message: Any) -> None:
        self.seen.set(message)


def test_orders_are_kept_in_the_order_they_came() -> None:
    with ActorSystem() as system:
        shop = system.spawn(Shop, Mock(), system.spawn(Actor))
        for article in ("kettle", "cup", "spoon"):
            shop.tell(Ordered(article))
        assert shop.ask(Backlog(), timeout=5) == ["kettle", "cup", "spoon"]


def test_the_customer_gets_a_mail() -> None:
    mailer = Mock(spec=["send"])
    with ActorSystem() as system:
        shop = system.spawn(Shop, mailer, system.spawn(Actor))
        shop.tell(Ordered("kettle"))
        shop.stop()  # returns when the mail it had is handled
    mailer.send.assert_called_once_with("customer@example.org", "kettle is on its way")


def test_the_packer_is_told_what_to_pack() -> None:
    seen: Future[Any] = Future()
    with ActorSystem() as system:
        shop = system.spawn(Shop, Mock(), system.spawn(Probe, seen))
        shop.tell(Ordered("kettle"))
        assert seen.get(timeout=5) == Ordered("kettle")


def test_a_mail_that_cannot_be_sent_is_the_askers_to_know() -> None:
    mailer = Mock(spec=["send"])
    mailer.send.side_effect = ConnectionError("no route")
    with ActorSystem() as system:
        shop = system.spawn(Shop, mailer, system.spawn(Actor))
        outcome = shop.ask(Ordered("kettle"), block=False)  # ask, and the failure comes here instead of ending the actor
        assert isinstance(outcome.exception(timeout=5), ConnectionError)
        assert shop.is_alive()


def main() -> None:
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"passed: {name.removeprefix('test_').replace('_', ' ')}")


if __name__ == "__main__":
    main()
