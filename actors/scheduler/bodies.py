"""The pipe between a program and one worker process, and the bodies that go through it: pickles, with large buffers beside them.

A body is one message of the pipe: a pickle of protocol 5, the lengths of its outside buffers (8 bytes each), their number (4 bytes).
If there are any, one more byte follows that carries the descriptor of the anonymous file they are in; see `shared_memory`. A descriptor
that nobody takes is closed by the operating system, with the pipe.

A message of 2 bytes is a note, a number. An empty one ends the conversation.
"""

from __future__ import annotations

import errno
import io
import os
import socket
import struct
import sys
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from actors.scheduler import shared_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

__all__ = ["OUTSIDE_FROM", "Body", "BodyPipe", "Received", "packed", "try_out"]

OUTSIDE_FROM = 65_536  # bytes; a buffer below that is not worth a file of its own

PROTOCOL = 5  # the first one that lets buffers stay outside
COUNT = struct.Struct("<I")
NOTE = struct.Struct("<H")  # shorter than any body
CARRIER = b"\0"  # a descriptor needs a byte to travel with
CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Body:
    """Something pickled, ready to be sent. Close it when it need not be sent again."""

    __slots__ = ("descriptor", "pickled")

    def __init__(self, pickled: bytes, descriptor: int | None = None) -> None:
        self.pickled = pickled
        self.descriptor = descriptor

    def close(self) -> None:
        """Let go of the memory; whoever has received it keeps it."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    __del__ = close  # for what an exception came between


def packed(what: object) -> Body:
    """Pickle `what`, with a copy of its large buffers in shared memory. What pickle raises comes through."""
    if not shared_memory.AVAILABLE:
        return _inside(what)
    outside: list[Any] = []

    def beside(buffer: Any) -> bool:
        view = memoryview(buffer)
        if view.nbytes < OUTSIDE_FROM or not view.contiguous:
            return True  # in the pickle, then; or pickle says what is wrong with it
        outside.append(buffer)
        return False

    file = _pickled(what, beside)
    if not outside:
        return _finished(file, [])
    views = [buffer.raw() for buffer in outside]
    try:
        descriptor = shared_memory.written(views)
    except OSError:  # no descriptor or memory of that kind: the long way is still open
        return _inside(what)
    return _finished(file, [view.nbytes for view in views], descriptor)


def try_out(what: object) -> None:
    """Pickle `what` for nothing, to see whether that can be done, without a copy of its buffers."""
    _pickled(what, lambda _: False)


def _inside(what: object) -> Body:
    return _finished(_pickled(what, None), [])


def _pickled(what: object, beside: Callable[[Any], bool] | None) -> io.BytesIO:
    file = io.BytesIO()
    ForkingPickler(file, PROTOCOL, True, beside).dump(what)
    return file


def _finished(file: io.BytesIO, lengths: list[int], descriptor: int | None = None) -> Body:
    file.write(struct.pack(f"<{len(lengths)}Q", *lengths))
    file.write(COUNT.pack(len(lengths)))
    return Body(file.getvalue(), descriptor)


class Received:
    """A body that has come."""

    __slots__ = ("_buffers", "_pickled")

    def __init__(self, pickled: bytes, buffers: list[memoryview] | Exception) -> None:
        self._pickled = pickled
        self._buffers = buffers

    def load(self) -> Any:
        """Return what was packed. Once: what it is made of, it has. What pickle raises comes through.

        Raises:
            OSError: the process has no room for what came in shared memory, or no descriptor.
        """
        if isinstance(self._buffers, Exception):
            raise self._buffers
        buffers, self._buffers = self._buffers, []
        return ForkingPickler.loads(self._pickled, buffers=buffers)


class BodyPipe:
    """One end of the pipe: small tuples, and bodies.

    In the program it is used by one thread; in the worker, one thread receives and another one sends.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._socket: socket.socket | None = None
        if shared_memory.AVAILABLE:
            self._socket = socket.socket(fileno=os.dup(pipe.fileno()))
            # What is set here is shared with the pipe. A program may have called `socket.setdefaulttimeout`, which is not for us.
            self._socket.setblocking(True)

    def send(self, what: tuple[Any, ...]) -> None:
        """Send a small tuple."""
        self._pipe.send(what)

    def recv(self) -> tuple[Any, ...]:
        """Wait for a small tuple. EOFError or OSError if the other side has gone."""
        return self._pipe.recv()

    def poll(self, timeout: float) -> bool:
        """Wait until something has come, or the other side has gone; return False after `timeout` seconds."""
        return self._pipe.poll(timeout)

    def send_body(self, body: Body) -> None:
        """Send a body, which stays the caller's."""
        self._pipe.send_bytes(body.pickled)
        if body.descriptor is not None:
            assert self._socket is not None
            socket.send_fds(self._socket, [CARRIER], [body.descriptor])

    def send_note(self, number: int) -> None:
        """Send a number, of which the lower 16 bits arrive."""
        self._pipe.send_bytes(NOTE.pack(number % 65_536))

    def send_end(self) -> None:
        """Send what ends the conversation."""
        self._pipe.send_bytes(b"")

    def recv_body(self) -> Received | int | None:
        """Wait for a body or a note; None for the end of the conversation. EOFError or OSError if the other side has gone."""
        pickled = self._pipe.recv_bytes()
        if not pickled:
            return None
        if len(pickled) == NOTE.size:
            (number,) = NOTE.unpack(pickled)
            return number
        (count,) = COUNT.unpack_from(pickled, len(pickled) - COUNT.size)
        if not count:
            return Received(pickled, [])
        lengths = struct.unpack_from(f"<{count}Q", pickled, len(pickled) - COUNT.size - 8 * count)
        descriptor = self._descriptor()
        if descriptor is None:
            return Received(pickled, OSError(errno.EMFILE, "large buffers have come in shared memory, but no descriptor was left for it"))
        try:
            return Received(pickled, shared_memory.mapped(descriptor, lengths))
        except (OSError, MemoryError) as error:
            return Received(pickled, error)
        finally:
            os.close(descriptor)

    def _descriptor(self) -> int | None:
        """Take the byte behind a body; return the descriptor that it carries, None if this process had no room for it."""
        assert self._socket is not None
        carrier, descriptors, _, _ = socket.recv_fds(self._socket, len(CARRIER), 1, CLOSE_ON_EXEC)
        if not carrier:
            raise EOFError
        return descriptors[0] if descriptors else None

    def fileno(self) -> int:
        """Return the descriptor of the pipe."""
        return self._pipe.fileno()

    def keep_to_this_process(self) -> None:
        """Have no process that this one forks or starts keep the pipe open."""
        if sys.platform != "win32":
            os.set_inheritable(self._pipe.fileno(), False)  # it was, to get here; the duplicate never is
            os.register_at_fork(after_in_child=self.close)

    def close(self) -> None:
        """Close this end. May be repeated."""
        if self._socket is not None:
            self._socket.close()
        self._pipe.close()
