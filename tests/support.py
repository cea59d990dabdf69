"""What tests of every package share."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from pykka import ActorRegistry

if TYPE_CHECKING:
    from collections.abc import Collection

T = TypeVar("T")

ACCEPT = os.environ.get("GREENROOM_ACCEPT") == "1"
# The same checkout has been tested at its quick size on another interpreter: what differs between the two shows in a few tries.
AGAIN = os.environ.get("GREENROOM_AGAIN") == "1"
# Workers, the watcher and the event loop stay once they have started; their names begin so.
PERMANENT_THREADS = ("greenroom-",)


def scaled(full: T, quick: T, *, least: int = 1) -> T:
    """The full size under ``make accept``, else the quick one.

    On another interpreter a quarter of the quick one, if that is a smaller number than the full one, but no less than `least`: what the
    test needs to have anything to assert.
    """
    if ACCEPT:
        return full
    if AGAIN and isinstance(full, int) and isinstance(quick, int) and quick < full:
        return max(least, quick // 4)  # type: ignore[return-value]  # an int, as T is here
    return quick


def transient_threads() -> set[threading.Thread]:
    """The living threads that are expected to end."""
    return {t for t in threading.enumerate() if not t.name.startswith(PERMANENT_THREADS)}


def leaks_since(threads: Collection[threading.Thread], urns: Collection[str], grace: float = 2.0) -> list[str]:
    """What has been started since then and still lives after `grace` seconds, in words."""
    deadline = time.monotonic() + grace
    while True:
        found = [f"thread {t.name}" for t in transient_threads() if t not in threads]
        found += [f"actor {r}" for r in ActorRegistry.get_all() if r.actor_urn not in urns]
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.01)
