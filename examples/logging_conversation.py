"""Who did what for whom? Actors that log, and one conversation read back out of the log.

Four customers order at once, and the lines of their orders mix in the file. Each line has the correlation id of the message from
outside that it goes back to: all that came of one order, over three actors, is one conversation. `greenroom logs` picks it out and
tells it in order.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actors import Actor, ActorRef, ActorSystem, Request, get_all, handler, logs
from supervisors.command import main as greenroom

library = logging.getLogger("warehouse.prices")  # a library, which knows nothing of actors


@dataclass(frozen=True)
class Reserve(Request[int]):
    item: str
    pieces: int


@dataclass(frozen=True)
class Charge(Request[None]):
    card: str
    cents: int


@dataclass(frozen=True)
class Order(Request[str]):
    customer: str
    item: str
    pieces: int
    card: str


class OutOfStockError(Exception):
    """There is not enough."""


def price(item: str) -> int:
    library.debug("looking up %s", item)
    return {"tea": 450, "lamp": 7900}[item]


class Stock(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.pieces = {"tea": 3, "lamp": 5}

    @handler
    def on_reserve(self, message: Reserve) -> int:
        left = self.pieces[message.item]
        if left < message.pieces:
            raise OutOfStockError(f"{message.pieces} x {message.item} wanted, {left} there")
        self.pieces[message.item] = left - message.pieces
        self.log.debug("reserved", item=message.item, left=self.pieces[message.item])
        return price(message.item) * message.pieces


class Till(Actor):
    @handler
    def on_charge(self, message: Charge) -> None:
        self.log.info("charging {} cents", message.cents, card=message.card)  # no sink sees the card: see `redact` below


class Shop(Actor):
    def __init__(self, stock: ActorRef[Stock], till: ActorRef[Till]) -> None:
        super().__init__()
        self.stock = stock
        self.till = till

    @handler
    def on_order(self, message: Order) -> str:
        log = self.log.bind(customer=message.customer)
        log.info("order: {} x {}", message.pieces, message.item)
        try:
            cents = self.stock.ask(Reserve(message.item, message.pieces))
        except OutOfStockError as error:
            log.warning("refused: {}", error)
            return f"sorry: {error}"
        self.till.ask(Charge(message.card, cents))
        log.success("sold")
        return f"thank you: {cents} cents"


ORDERS = [
    Order("ann", "tea", 2, "4111 1111 1111 1111"),
    Order("bob", "lamp", 1, "5500 0000 0000 0004"),
    Order("cid", "tea", 2, "3400 0000 0000 009"),
    Order("dan", "lamp", 2, "6011 0000 0000 0004"),
]


def sell(file: Path) -> list[str]:
    """Serve all customers at once, logging to a file."""
    with (
        logs.setup(file, level="DEBUG", redact=logs.Redact(keys=["card"])),
        ActorSystem("market") as system,
    ):
        stock, till = system.spawn(Stock, name="stock"), system.spawn(Till, name="till")
        shops = [system.spawn(Shop, stock, till, name=f"shop-{number}") for number in range(2)]
        return get_all([shops[number % 2].ask(order, block=False) for number, order in enumerate(ORDERS)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "market.jsonl")
        for order, answer in zip(ORDERS, sell(file), strict=True):
            print(f"{order.customer}: {answer}")

        print("\ngreenroom logs market.jsonl --level WARNING\n", flush=True)
        greenroom(["logs", str(file), "--level", "WARNING", "--no-color"])

        for name in ("dan", "cid"):
            correlation = next(line["correlation"] for line in read(file) if line.get("fields", {}).get("customer") == name)
            print(f"\nThe conversation with {name}:  greenroom logs market.jsonl --correlation {correlation}\n", flush=True)
            greenroom(["logs", str(file), "--correlation", correlation, "--no-color"])

        text = file.read_text(encoding="utf-8")
        if any(order.card in text for order in ORDERS):
            sys.exit("a card is in the log")


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
