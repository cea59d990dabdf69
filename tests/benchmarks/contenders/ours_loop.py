"""What only our event-loop dispatcher does: asks on the caller's own loop, tells from other threads."""

from __future__ import annotations

import threading
import time

from .kits import LOOP_KIT
from .scenarios import WAIT


async def ask_from_coroutine(asks: int) -> float:
    """A coroutine asks an ``async def`` actor that runs on the coroutine's own loop."""
    library = LOOP_KIT.library()
    async with library.ActorSystem("bench") as system:
        ref = await system.spawn_async(LOOP_KIT.role("echo"))
        began = time.perf_counter()
        for number in range(asks):
            await ref.ask_async(number)
        return time.perf_counter() - began


def tell_from_thread(messages: int) -> float:
    """A plain thread tells an actor on a loop in another thread."""
    done = threading.Event()
    with LOOP_KIT.session() as start:
        tell = start(LOOP_KIT.role("counter"), messages, done).tell
        began = time.perf_counter()
        for number in range(messages):
            tell(number)
        if not done.wait(WAIT):
            raise TimeoutError
        return time.perf_counter() - began


def wake_up(latencies: list[float], pauses: int, pause: float) -> None:
    """Tell an actor on a sleeping loop, again and again; note how long each message took."""
    with LOOP_KIT.session() as start:
        tell = start(LOOP_KIT.role("stamp"), latencies).tell
        for _ in range(pauses):
            time.sleep(pause)
            tell(time.perf_counter())
        time.sleep(0.1)
