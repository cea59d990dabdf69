"""Whose is a message once it was sent? The same program three times: sharing it, checking it, copying it.

A sender goes on changing a basket that it has sent. Where messages are shared, the till charges for what was put into the basket
afterwards. `Isolation.CHECK` refuses such a message and says which part of it can change; `Isolation.COPY` gives the till a basket of
its own. A message that cannot change passes all three, as the very object.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors import Actor, ActorSystem, Isolation, MutableMessageError, Request, SystemConfig, handler
from actors.wire import Codec, Registry

PRICES = {"tea": 450, "cake": 320, "lamp": 7900}


@dataclass(frozen=True)
class Basket(Request[int]):
    """Frozen, and yet it can change: there is a list in it."""

    customer: str
    items: list[str]


@dataclass(frozen=True)
class Order(Request[int]):
    """Cannot change, all the way down."""

    customer: str
    items: tuple[str, ...]


class Till(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Basket] = []

    @handler
    def on_basket(self, message: Basket) -> int:
        self.waiting.append(message)
        return len(self.waiting)

    @handler
    def on_order(self, message: Order) -> int:
        return sum(PRICES[item] for item in message.items)

    def close(self) -> int:
        """Charge for all that waits."""
        return sum(PRICES[item] for basket in self.waiting for item in basket.items)


def shop(isolation: Isolation) -> None:
    registry = Registry()
    registry.register(Basket, name="shop.Basket")  # copies are made of registered types only
    config = SystemConfig(isolation=isolation, codec=Codec(registry))
    with ActorSystem("shop", config=config) as system:
        till = system.spawn(Till, name="till")
        items = ["tea"]
        basket = Basket("ann", items)
        try:
            till.ask(basket)
            items.append("lamp")  # after it was sent
            print(f"  sent: ['tea'], then changed to {items}; charged: {till.call(Till.close).get()} cents")
        except MutableMessageError as error:
            print(f"  refused: {error}")
        print(f"  an order that cannot change: {till.ask(Order('ann', ('tea', 'cake')))} cents")


def main() -> None:
    for isolation, what in (
        (Isolation.SHARE, "share, the default: the till has the sender's own basket"),
        (Isolation.CHECK, "check: what can change is not sent"),
        (Isolation.COPY, "copy: the till has the basket as it was when it was sent"),
    ):
        print(what)
        shop(isolation)
        print()


if __name__ == "__main__":
    main()
