"""Everything that has pykka's API: our three dispatchers, our tracing mode, and pykka itself.

A kit imports its library only when it runs, so that a library that is missing or broken shows as
that contender's error in the report and not as the end of the run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from tests.benchmarks.model import LOOP, POOL, PYKKA, THREAD, TRACED

from . import async_roles, roles

Start = Callable[..., Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Kit:
    """A library, one of its actor base classes, and the handlers to put on it."""

    name: str
    module: str
    base: str
    roles: ModuleType = roles
    traced: bool = False

    def library(self) -> Any:
        """Import the library."""
        return importlib.import_module(self.module)

    def role(self, name: str) -> Any:
        """Return the actor class of that role."""
        return getattr(self.roles, name)(getattr(self.library(), self.base))

    @contextlib.contextmanager
    def session(self) -> Iterator[Start]:
        """Give the function that starts actors; all of them are stopped at the end."""
        library = self.library()
        if self.module == "pykka":
            try:
                yield lambda actor_class, *args: actor_class.start(*args)
            finally:
                library.ActorRegistry.stop_all()
            return
        config = library.SystemConfig(tracing=self.traced)
        with library.ActorSystem("bench", config=config) as system:
            yield system.start


POOL_KIT = Kit(POOL, "actors", "Actor")
THREAD_KIT = Kit(THREAD, "actors", "ThreadingActor")
LOOP_KIT = Kit(LOOP, "actors", "Actor", roles=async_roles)
TRACED_KIT = Kit(TRACED, "actors", "Actor", traced=True)
PYKKA_KIT = Kit(PYKKA, "pykka", "ThreadingActor")
