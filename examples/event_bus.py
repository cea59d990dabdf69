"""Watching a program at work over an event bus: the standard library's sources are parsed, and whoever wants to know subscribes.

Parsers publish a topic for each package: ``parsed.json.decoder``. Nobody of those who listen is known to them: one counts, one wants
the package json only, one is so slow that it loses most events, which is told; and one comes late, and gets the retained summaries.
"""

from __future__ import annotations

import ast
import os
import sysconfig
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from actors import Actor, ActorSystem
from actors.events import BusEvent, EventBus, EventDropped, Slow

QUICK = "GREENROOM_QUICK" in os.environ
PACKAGES = ("json", "email", "logging") if QUICK else ("json", "email", "logging", "asyncio", "xml", "importlib", "concurrent")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module and what is in it."""

    functions: int
    classes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All of a package."""

    modules: int
    functions: int


class Parser(Actor):
    """Parses the sources of packages, and publishes what it finds."""

    def __init__(self, bus: EventBus) -> None:
        super().__init__()
        self.bus = bus

    def on_receive(self, message: str) -> int:
        """Parse one package; answer with its number of modules."""
        folder = Path(sysconfig.get_paths()["stdlib"]) / message
        modules = functions = 0
        for path in sorted(folder.rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
            kinds = Counter(type(node) for node in ast.walk(tree))
            parsed = Parsed(kinds[ast.FunctionDef] + kinds[ast.AsyncFunctionDef], kinds[ast.ClassDef])
            words = path.relative_to(folder.parent).with_suffix("").parts
            self.bus.publish(".".join(("parsed", *words)), parsed)
            modules += 1
            functions += parsed.functions
        self.bus.publish(f"summary.{message}", Summary(modules, functions), retain=True)
        return modules


def main() -> None:
    """Parse, and show what each subscriber has seen."""
    seen: Counter[str] = Counter()

    def count(event: BusEvent[Parsed]) -> None:
        seen[event.topic.split(".")[1]] += 1

    drops: list[EventDropped] = []
    with ActorSystem() as system, EventBus(system) as bus:
        system.events.subscribe(EventDropped, drops.append)
        bus.subscribe("parsed.#", count, of=Parsed, slow=Slow.BLOCK)
        json = bus.subscribe("parsed.json.*")
        slow = bus.subscribe("parsed.#", capacity=5)  # nobody takes anything out until all is over
        parsers = [system.spawn(Parser, bus) for _ in PACKAGES]
        answers = [parser.ask(package, block=False) for parser, package in zip(parsers, PACKAGES, strict=True)]
        modules = sum(answer.get() for answer in answers)

        json.cancel()
        print(f"{modules} modules; of json: {', '.join(event.topic for event in json)}")
        late = bus.subscribe("summary.*", of=Summary)
        late.cancel()  # what waits is still received
        for event in late:
            print(f"{event.topic:20} {event.event.modules:4} modules {event.event.functions:5} functions (retained: {event.retained})")
        slow.cancel()
        stats = slow.stats()
        print(f"the slow one: {stats.waiting} wait, {stats.dropped} were dropped, told as {[drop.count for drop in drops]}")
        if (stats.waiting + stats.dropped, sum(drop.count for drop in drops)) != (modules, stats.dropped):
            raise SystemExit("not every event is accounted for")
    # The bus is closed: the function has handled what waited.
    print(f"counted: {dict(sorted(seen.items()))}")
    if sum(seen.values()) != modules:
        raise SystemExit("not every module was counted")


if __name__ == "__main__":
    main()
