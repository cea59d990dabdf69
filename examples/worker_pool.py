"""Equal workers share a pile of work; the answers come back in the order of the questions."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from actors import Actor, ActorSystem, Request, get_all, handler

WORKERS = 3


@dataclass(frozen=True)
class Checksum:
    worker: str
    path: Path
    digest: str


@dataclass(frozen=True)
class Hash(Request[Checksum]):
    path: Path


class Hasher(Actor):
    @handler
    def on_hash(self, message: Hash) -> Checksum:
        digest = hashlib.sha256(message.path.read_bytes()).hexdigest()
        return Checksum(self.path, message.path, digest)


def main() -> None:
    files = sorted(Path(__file__).parent.glob("*.py"))
    with ActorSystem() as system:
        workers = [system.spawn(Hasher, name=f"hasher-{number}") for number in range(WORKERS)]

        # Everything is asked before the first answer is read: the workers are busy all the time.
        futures = [worker.ask(Hash(file), block=False) for worker, file in zip(cycle(workers), files, strict=False)]
        checksums = get_all(futures, timeout=10)

    for checksum in checksums:
        print(f"{checksum.digest[:16]}  {checksum.path.name}")
    for worker, count in sorted(Counter(checksum.worker for checksum in checksums).items()):
        print(f"{worker} hashed {count} files")


if __name__ == "__main__":
    main()
