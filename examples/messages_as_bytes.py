"""A file of messages outlives the program that wrote it: two versions of a shop, and what strangers send.

Version 1 of a shop writes its orders to a file. Version 2 has another class for them: a field has another name, one came with a default,
one went, and prices are no longer counted in whole coins. It says so where it registers the class, and reads the old file. `greenroom
decode` prints the same file without any of these classes. And bytes from a stranger are refused, with a reason, before anything is made
of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors import CodecError
from actors.wire import Codec, FrameDecoder, Limits, Registry
from supervisors.command import main as greenroom

# -- version 1 of the shop ---------------------------------------------------------------------------------------------------

first = Registry()


@first.register(name="shop.Order")
@dataclass(frozen=True)
class OldOrder:
    number: int
    client: str
    coins: int
    colour: str


# -- version 2 ---------------------------------------------------------------------------------------------------------------

second = Registry()


def upgrade(fields: dict[str, Any]) -> dict[str, Any]:
    """Make of the fields of version 1 those of version 2. Strangers may have sent them: what does not fit is refused."""
    return {"number": fields["number"], "client": fields["client"], "price": Decimal(fields["coins"])}


@second.register(name="shop.Order", version=2, renamed={"client": "customer"}, upgrades={1: upgrade})
@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    price: Decimal
    express: bool = False

    def __post_init__(self) -> None:
        if self.price < 0:
            raise ValueError(f"a price of {self.price}")


# -- both --------------------------------------------------------------------------------------------------------------------


def write(file: Path, codec: Codec, messages: list[Any]) -> None:
    with file.open("ab") as stream:
        for message in messages:
            stream.write(codec.frame(message))


def read(file: Path, codec: Codec) -> Iterator[Any]:
    """All messages of a file; in place of one that is refused, the error. After one that is fatal there is nothing more."""
    decoder = FrameDecoder(codec)
    with file.open("rb") as stream:
        while piece := stream.read(4096):
            decoder.feed(piece)
            while True:
                try:
                    yield from decoder
                    break
                except CodecError as error:
                    yield error
                    if error.fatal:
                        return
    decoder.close()


def strangers() -> list[bytes]:
    """Frames that nobody should send."""
    backwards = Codec(first).frame(OldOrder(4, "eve", -5, "red"))
    unknown = Registry()
    unknown.register(Order, name="posix.system")
    nested: list[Any] = []
    for _ in range(90):
        nested = [nested]
    return [
        backwards,
        Codec(unknown).frame(Order(5, "eve", Decimal(1))),
        Codec().frame(nested),
        b"GR\x01\x00\x00\x00\x00\x05\xdd\xff\xff\xff\xff",  # an array of four billion elements, in five bytes
        Codec().frame("a text does no harm"),
        b"GR\x01\x00\xff\xff\xff\xff",  # four gigabytes are announced: nothing behind this can be found
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "orders.frames")
        old, new = Codec(first), Codec(second, limits=Limits(size=10_000, depth=20))

        write(file, old, [OldOrder(1, "ann", 4, "red"), OldOrder(2, "bob", 79, "blue")])
        write(file, new, [Order(3, "cid", Decimal("3.20"), express=True)])
        print("Version 2 reads what both have written:")
        for message in read(file, new):
            print(f"  {message}")
        print("Version 1 reads its own, and says why not the rest:")
        for message in read(file, old):
            print(f"  {message}")

        print("\ngreenroom decode orders.frames\n", flush=True)
        if greenroom(["decode", str(file), "--no-color", "--width", "100"]) != 0:
            raise SystemExit("the file is broken")

        hostile = Path(folder, "hostile.frames")
        hostile.write_bytes(b"".join(strangers()))
        print("\nWhat strangers sent:")
        for message in read(hostile, new):
            print(f"  {'refused: ' if isinstance(message, CodecError) else ''}{message}")


if __name__ == "__main__":
    main()
