"""Memory that one process fills and another one has: how large buffers get to a worker process and back.

The memory is an anonymous file. Its sender writes the buffers into it, which is the only copy, and passes its descriptor on; the receiver
maps it into its own memory. The file has no name, so nothing has to be removed: it is gone with the last descriptor and mapping,
also if either process, or both, are killed at any moment. (`multiprocessing.shared_memory` gives names, which outlive a kill.)

The mapping is private. What the receiver writes there is its own, as with memory that it has allocated, also towards what it forks.
"""

from __future__ import annotations

import mmap
import os
import socket
import sys
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AVAILABLE", "mapped", "written"]

AVAILABLE = hasattr(os, "memfd_create") and hasattr(socket, "send_fds")
"""Whether the system has anonymous files and passes descriptors: Linux. Elsewhere buffers go through the pipe."""

ALIGNMENT = 64  # bytes, a cache line: what arrays are best aligned to
MAPPINGS = 100  # that may be kept at once, where each of them costs a descriptor; what comes then is copied

# Python before 3.13 keeps a descriptor of each file that it maps.
_TRACKS = sys.version_info < (3, 13)
_OPTIONS: dict[str, Any] = {} if _TRACKS else {"trackfd": False}
# One item for each mapping that may still be made. Only popped and appended to, which are atomic, from any thread.
_permits: list[None] = [None] * MAPPINGS


def written(buffers: Sequence[memoryview]) -> int:
    """Return the descriptor of a new anonymous file with `buffers` in it, flat and not empty ones. It is the caller's to close.

    Raises:
        OSError: there is no descriptor or no memory to be had.
    """
    descriptor = os.memfd_create("greenroom")
    try:
        for buffer, (first, _) in zip(buffers, _places([buffer.nbytes for buffer in buffers]), strict=True):
            done = 0
            while done < buffer.nbytes:  # a system call takes 2 GiB at most
                done += os.pwrite(descriptor, buffer[done:], first + done)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def mapped(descriptor: int, lengths: Sequence[int]) -> list[memoryview]:
    """Return writable views of what `written` has put into the file; the memory goes when the last of them does.

    Args:
        descriptor: of the file. It is not closed, and may be.
        lengths: of the buffers, in bytes.

    Raises:
        OSError, MemoryError: there is no memory to be had.
    """
    places = _places(lengths)
    whole = _mapping(descriptor, places[-1][1])
    return [whole[first:end] for first, end in places]


def _places(lengths: Sequence[int]) -> list[tuple[int, int]]:
    places, free = [], 0
    for length in lengths:
        places.append((free, free + length))
        free = -(-(free + length) // ALIGNMENT) * ALIGNMENT
    return places


def _mapping(descriptor: int, size: int) -> memoryview:
    if _TRACKS:
        try:
            _permits.pop()
        except IndexError:  # a program that keeps many arrays is not to run out of descriptors
            return _copied(descriptor, size)
    try:
        mapping = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY, **_OPTIONS)
    except OSError:  # no descriptor is left for it, or what may be mapped is limited
        if _TRACKS:
            _permits.append(None)
        return _copied(descriptor, size)
    if _TRACKS:
        weakref.finalize(mapping, _permits.append, None).atexit = False
    return memoryview(mapping)


def _copied(descriptor: int, size: int) -> memoryview:
    memory = memoryview(bytearray(size))
    done = 0
    while done < size:
        done += os.preadv(descriptor, [memory[done:]], done)
    return memory
