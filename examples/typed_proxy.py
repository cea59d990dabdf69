"""Method calls on actors whose arguments and answers a type checker knows.

`ref.call(Class.method, ...)` needs nothing else. A proxy class needs a line for each member, and reads like an object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from actors import Actor, ActorProxy, ActorSystem, Future
from actors.typing import ActorMemberMixin, proxy_field, proxy_method


@dataclass(frozen=True)
class Stock:
    article: str
    pieces: int


class Warehouse(Actor):
    opened = 1987

    def __init__(self) -> None:
        super().__init__()
        self.pieces: dict[str, int] = {}

    def put(self, article: str, pieces: int = 1) -> int:
        self.pieces[article] = self.pieces.get(article, 0) + pieces
        return self.pieces[article]

    def stock(self) -> list[Stock]:
        return [Stock(article, pieces) for article, pieces in sorted(self.pieces.items())]


class WarehouseProxy(ActorMemberMixin, ActorProxy[Warehouse]):
    opened = proxy_field(Warehouse.opened)
    put = proxy_method(Warehouse.put)
    stock = proxy_method(Warehouse.stock)


def main() -> None:
    with ActorSystem() as system:
        warehouse = system.spawn(Warehouse)

        # A checker refuses call(Warehouse.put, 7), and knows that the answer is an int.
        there: Future[int] = warehouse.call(Warehouse.put, "lamp", pieces=3)
        print(f"lamps: {there.get()}")

        proxy = cast(WarehouseProxy, warehouse.proxy())
        print(f"chairs: {proxy.put('chair', 4).get()}")
        for stock in proxy.stock().get():
            print(f"  {stock.pieces} x {stock.article}")
        print(f"since {proxy.opened.get()}")


if __name__ == "__main__":
    main()
