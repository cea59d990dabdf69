"""The bare loop: what a message costs when nothing is done but queue it, take it and handle it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from . import roles


def messages(count: int) -> float:
    """Append, pop and handle, message by message, with the handler that the actors have."""
    queue: deque[Any] = deque()
    append, popleft = queue.append, queue.popleft
    handle = roles.counter(object)(count, threading.Event()).on_receive
    start = time.perf_counter()
    for number in range(count):
        append(number)
        handle(popleft())
    return time.perf_counter() - start
