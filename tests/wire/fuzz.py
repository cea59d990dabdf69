"""A coverage-guided fuzzer of everything that reads bytes: ``python -m tests.wire.fuzz [--seconds N] [CORPUS_DIR]``.

``make fuzz`` runs it where atheris is installed. What it finds goes to ``.cache/fuzz``; a file from there that crashes belongs, once it is
mended, into ``tests/wire/corpus``, named by `file_name`. `check` is also an ordinary function, that the tests call with the corpus.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import msgpack

from actors._core.ref import ActorRef
from actors.errors import CodecError
from actors.wire import Codec, FrameDecoder, Limits, RefAddress
from actors.wire.json_view import json_pieces
from actors.wire.recording import recorded
from actors.wire.scanning import explain, memory_of
from actors.wire.view import view
from tests.wire import classes
from tests.wire.values import fingerprint

CORPUS = Path(__file__).parent / "corpus"
LIMITS = Limits(size=1 << 20, depth=40, length=100_000, memory=1 << 24)

KEYS = [
    *("Plain/1:name,number,ratio,data", "Flat/1:names,counts,seen,more,pair", "Frozen/1:key,more", "Frozen/1:key", "Mutable/1:count"),
    *(
        "Box/1:content",
        "Nothing/1:",
        "Rows/1:rows,named",
        "AttrsMutable/1:first,_private,late",
        "StructFrozen/1:key,other",
        "Old/2:number,x",
    ),
    *(
        "TypedTuple/1:first",
        "Derived/1:given",
        "Colour/1",
        "Access/1",
        "Loose/1",
        "Word/1",
        "Failed/1",
        "WithCode/1",
        "Money/1",
        "Holder/1",
    ),
]
# What is worth trying in any place.
PARTS: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, 5, 6, 17, 19, 20, 31, 32, 33, -1, 255, 2**31, 2**63, -(2**63), 2**64 - 1, 0.0, -0.0, 1.0, 2.0, 6.0),
    *(
        float("nan"),
        float("inf"),
        "",
        "a",
        "é",
        "RED",
        "P",
        "w",
        "C",
        "F",
        "<f8",
        "|u1",
        "<U1",
        "|S0",
        "<M8[ns]",
        "UTC",
        "Europe/Berlin",
        "1e9",
    ),
    *(b"", b"\x00", b"\xff" * 16, b"\xed\xa0\x80", bytes(8), [2], [3], [4], [5], [6], [1, 0], [1, 1], [2, [1, 0], [1, 0]], [5, [1, 0]]),
    *([6, [1, 0], [1, 0]], [8, b"\x01" + bytes(9)], [9, b"\xed\xa0\x80"], [14, "NaN"], [14, "1.0"], [3, 1], [0, [], [], None], [[2]], []),
    *([19, "|u1", "C", [0], b""], [17, "a.B", "", [1, 0], [], ""], [13, 1, 2, 3], *KEYS),
]


def _nobody(address: RefAddress) -> ActorRef[Any]:
    raise CodecError(f"is the ref of {address.path}, and there are no actors here")


CODEC = Codec(classes.registry(), limits=LIMITS, refs=_nobody)


def file_name(data: bytes) -> str:
    """What a file of the corpus is called."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]


def check(data: bytes) -> bool:
    """Let everything that reads bytes read `data`, and return whether it is a message. Anything but a CodecError is a crash."""
    with contextlib.suppress(CodecError):
        memory_of(data, LIMITS)
    assert isinstance(explain(data, LIMITS), CodecError)
    with contextlib.suppress(CodecError):
        again(CODEC.unframe(data))
    stream(data)
    look(data)
    try:
        value = CODEC.decode(data)
    except CodecError as error:
        str(error)
        return False
    again(value)
    return True


def again(value: Any) -> None:
    """Encode what was decoded: it is the same when it is decoded, and its bytes are the same from then on."""
    try:
        payload = CODEC.encode(value)
    except CodecError as error:
        if error.limit in ("size", "length"):  # longer than it was: an array that is there twice
            return
        raise AssertionError(f"what was decoded cannot be encoded: {error}") from error
    memory_of(payload, LIMITS)
    decoded = CODEC.decode(payload)
    assert fingerprint(decoded) == fingerprint(value)
    assert CODEC.encode(decoded) == payload
    assert fingerprint(CODEC.copy(value)) == fingerprint(value)


def look(data: bytes) -> None:
    """Read what `greenroom decode` would write of it."""
    for one in recorded(io.BytesIO(data), 1 << 20):
        if one.payload is not None:
            for text, _style in view(one.payload, width=80)[0]:
                assert text.isprintable() or text == "\n" or not text.strip(), ascii(text)
            json.loads(f"{{{''.join(json_pieces(one.payload))}}}")


def stream(data: bytes) -> None:
    """Read a stream in pieces, whose sizes the bytes themselves say; it gives what it gives in one piece."""
    whole, pieces = FrameDecoder(CODEC), FrameDecoder(CODEC)
    whole.feed(data)
    one = _taken(whole)
    other = []
    at = 0
    while at < len(data):
        size = 1 + data[at] % 7
        pieces.feed(data[at : at + size])
        other += _taken(pieces)
        at += size
    assert len(one) == len(other)
    assert whole.pending == pieces.pending
    for decoder in (whole, pieces):
        with contextlib.suppress(CodecError):
            decoder.close()


def _taken(decoder: FrameDecoder) -> list[Any]:
    taken = []
    while True:
        try:
            taken += decoder
        except CodecError as error:
            if error.fatal:
                return taken
            taken.append(None)
        else:
            return taken


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Change a payload as what it is, nodes in nodes; bytes that are none raise whatever msgpack raises."""
    root = [msgpack.unpackb(data)]
    nodes = [root]
    for node in nodes:  # those that are found meanwhile, too
        nodes += [item for item in node if type(item) is list]
    for _ in range(chance.randint(1, 3)):
        node = chance.choice(nodes)
        at = chance.randint(0, len(node))
        match chance.randint(0, 5):
            case 0 if node is not root:
                node.insert(at, chance.choice(PARTS))
            case 1 if node is not root:
                del node[at : at + 1]
            case 2:
                node[min(at, len(node) - 1) :] = [chance.choice(PARTS)] if node else []
            case 3 if node:
                node[chance.randrange(len(node))] = [chance.choice([1, 2, 3, 4, 5, 6]), chance.choice(PARTS)]
            case 4:
                one = chance.choice(nodes)
                if one and node:
                    node[chance.randrange(len(node))] = msgpack.unpackb(msgpack.packb(chance.choice(one)))
            case _ if node:
                node[chance.randrange(len(node))] = chance.choice(PARTS)
    return msgpack.packb(root[0] if root else None)


def _mutator(data: bytes, most: int, seed: int) -> bytes:
    import atheris  # as in `main`

    chance = random.Random(seed)
    if chance.random() < 0.5:  # half of them
        with contextlib.suppress(Exception):  # no payload
            made = mutated(data, chance)
            if len(made) <= most:
                return made
    return atheris.Mutate(data, len(data))


def _one(data: bytes) -> None:
    check(data)


def main() -> None:
    """Fuzz for a while."""
    import atheris  # the tests read this module, too, without it

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("corpus", nargs="?", default=str(CORPUS), help="read, and not written to")
    arguments = parser.parse_args()
    found = Path(".cache/fuzz")
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    for name, module in list(sys.modules.items()):
        if name.startswith("actors.wire."):
            for one in vars(module).values():
                _instrument(atheris, one, name)
    options = [f"-max_total_time={arguments.seconds}", "-rss_limit_mb=2048", "-timeout=20", "-max_len=4096", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *options, str(found / "corpus"), arguments.corpus], _one, custom_mutator=_mutator)
    atheris.Fuzz()


def _instrument(atheris: Any, one: Any, module: str) -> None:
    """Have the fuzzer see which ways the code of a function, or of a class's methods, takes."""
    if getattr(one, "__module__", None) != module:
        return
    members = vars(one).values() if isinstance(one, type) else (one,)
    for member in members:
        plain = getattr(member, "__func__", member)
        if hasattr(plain, "__code__"):
            atheris.instrument_func(plain)


if __name__ == "__main__":
    main()
