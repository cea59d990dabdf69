"""The codec: messages to bytes and back, by a registry and within limits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from msgpack import Packer, unpackb

from actors._core.ref import ActorRef
from actors.errors import CodecError
from actors.wire.address import decode_ref, encode_ref
from actors.wire.arrays import array_copier, array_encoder, decode_array, decode_scalar
from actors.wire.atoms import ATOM_DECODERS, ATOMS
from actors.wire.copying import COPIERS, Copying, copier_of
from actors.wire.decoding import CONTAINER_DECODERS, Decoding
from actors.wire.encoding import CONTAINERS, Encoding, keyed, widened
from actors.wire.exceptions import copy_error, decode_error, encode_error
from actors.wire.flat import MISS, MOST
from actors.wire.framing import frame_parts, unframed
from actors.wire.immutable import is_immutable
from actors.wire.kinds import name_of
from actors.wire.limits import Limits
from actors.wire.registry import Registry
from actors.wire.shapes import parse_shape
from actors.wire.specs import NATIVE
from actors.wire.tags import ERROR, NDARRAY, NUMPY_SCALAR, REF, SECTIONED
from actors.wire.unpacking import Unpacking, as_bytes, packed_sections

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from actors._core.address import RefAddress

__all__ = ["Codec"]

_LEARNED: Final = 1 << 18  # what may be kept of keys of other versions, in characters; who sends more different ones is no friend
_LEARNING: Final = 256  # and for each in addition

_OF_THE_PROCESS: Final = frozenset(
    {"_thread", "threading", "_io", "io", "socket", "_socket", "asyncio", "queue", "_queue", "select", "subprocess"}
)

_ENCODERS: Final[dict[type, Any]] = {**CONTAINERS, **ATOMS, ActorRef: encode_ref}


def _as_it_is(value: Any, _state: object, _depth: int) -> Any:
    return value


_DECODERS: Final[dict[Any, Any]] = {
    **CONTAINER_DECODERS,
    **ATOM_DECODERS,
    ERROR: decode_error,
    REF: decode_ref,
    NDARRAY: decode_array,
    NUMPY_SCALAR: decode_scalar,
}


class _Packers(threading.local):
    """A packer for each thread: a packer has one buffer."""

    def __init__(self) -> None:
        self.pack: Callable[[Any], bytes] = Packer(autoreset=True, use_bin_type=True).pack


class Codec:
    """Makes bytes of messages and messages of bytes.

    Nothing is imported, and no class is called, because bytes ask for it: only types of the registry are made, and those of Python that the
    format names. Whatever bytes come, decoding returns a message or raises CodecError, within the limits. May be used from any thread.

    Args:
        registry: the types that may travel beside those of Python; None: no others. Types registered later count, too.
        limits: how much one message may be.
        refs: finds the actor of an address; None: messages with refs of actors are refused when they are decoded.
        tracebacks: whether the traceback of an exception travels; it tells paths and lines of source.
        compress_above: bytes of a payload from which on its frame is compressed; None: never.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        *,
        limits: Limits | None = None,
        refs: Callable[[RefAddress], ActorRef[Any]] | None = None,
        tracebacks: bool = True,
        compress_above: int | None = None,
    ) -> None:
        for name, value, kind in (("registry", registry, Registry), ("limits", limits, Limits)):
            if value is not None and not isinstance(value, kind):
                msg = f"{name}={value!r} is not valid: a {kind.__name__}, or None"
                raise TypeError(msg)
        if refs is not None and not callable(refs):
            msg = f"refs={refs!r} is not valid: a function of an address that returns a ref, or None"
            raise TypeError(msg)
        if not isinstance(tracebacks, bool):
            msg = f"tracebacks={tracebacks!r} is not valid: True or False"
            raise TypeError(msg)
        if compress_above is not None and (not isinstance(compress_above, int) or isinstance(compress_above, bool) or compress_above < 0):
            msg = f"compress_above={compress_above!r} is not valid: a number of bytes, 0 or more, or None"
            raise ValueError(msg)
        self.registry = registry if registry is not None else Registry()
        self.limits = limits or Limits()
        self.refs = refs
        self.tracebacks = tracebacks
        self.compress_above = compress_above
        self._unpacking = Unpacking(self.limits)
        self._small = min(self._unpacking.small, self.limits.size)
        self._size = self.limits.size
        self._packers = _Packers()
        # What is found out about types and keys is kept. Every entry is the same whoever makes it, and its store is one operation.
        # What needs no walk: of registered types whose fields have plain values and flat collections only.
        self._flat_encoders: dict[type[Any], tuple[Callable[[Any, str], Any], str]] = {}
        self._flat_copiers: dict[type[Any], Callable[[Any], Any]] = {}  # those of them that can change
        self._flat_decoders: dict[str, Callable[[list[Any]], Any]] = {}
        self._flat = self.limits.length >= MOST and self.limits.depth > 1
        self._encoders = dict(_ENCODERS)
        self._copiers = dict(COPIERS)
        self._decoders = dict(_DECODERS)
        self._learnable = _LEARNED  # two threads at once may count one key only: it is a bound, not an account

    def __repr__(self) -> str:
        return f"Codec({self.registry!r}, limits={self.limits!r})"

    def with_refs(self, refs: Callable[[RefAddress], ActorRef[Any]] | None) -> Codec:
        """Return a codec that differs in how it finds the actor of an address."""
        return Codec(self.registry, limits=self.limits, refs=refs, tracebacks=self.tracebacks, compress_above=self.compress_above)

    # -- to bytes ------------------------------------------------------------------------------------------------------------

    def encode(self, value: Any) -> bytes:
        """Return the payload of a message.

        Equal messages of the same build make equal bytes, in every process, unless parts of them are shared.

        Raises:
            CodecError: some part of it cannot travel, or it is beyond a limit; the error says which part.
        """
        known = self._flat_encoders.get(type(value))
        node = MISS if known is None else known[0](value, known[1])
        if node is MISS:
            payload, sections = self._encoded(value)
            if sections:
                payload = b"".join(packed_sections(payload, sections))
        else:
            try:
                payload = self._packers.pack(node)
            except (OverflowError, UnicodeEncodeError):
                payload = self._packers.pack(widened(node))
        if len(payload) > self._size:
            self._unpacking.check_size(len(payload))
        return payload

    def encode_parts(self, value: Any) -> list[bytes | memoryview]:
        """Return the payload of a message in pieces, to be sent one after the other.

        Large numpy arrays are pieces of their own: views of their memory, not copies; so let them be until the pieces are sent.

        Raises:
            CodecError: as for `encode`.
        """
        body, sections = self._encoded(value)
        pieces: list[bytes | memoryview] = packed_sections(body, sections) if sections else [body]
        self._unpacking.check_size(sum(map(len, pieces)))
        return pieces

    def _encoded(self, value: Any) -> tuple[bytes, list[memoryview]]:
        kind = type(value)
        entry = self.registry.entry(kind)
        if entry is not None and entry.flat is not None and self._flat:
            self._flat_encoders[kind] = entry.flat[0], entry.key
        state = Encoding(self, self._encoders)
        try:
            node = state.root(value, entry)
            try:
                return self._packers.pack(node), state.sections
            except (OverflowError, UnicodeEncodeError):
                return self._packers.pack(widened(node)), state.sections
        except RecursionError:
            raise _stack_full() from None

    def frame(self, value: Any) -> bytes:
        """Return the frame of a message: its payload, with a length, for a stream or a file.

        Raises:
            CodecError: as for `encode`.
        """
        return b"".join(self.frame_parts(value))

    def frame_parts(self, value: Any) -> list[bytes | memoryview]:
        """Return the frame of a message in pieces, as `encode_parts` does."""
        return frame_parts(self.encode_parts(value), compress_above=self.compress_above)

    def encoder_of(self, value: Any) -> Any:
        """Return how a value is encoded whose type was not met before. For the walk."""
        kind = type(value)
        entry = self.registry.entry(kind)
        found = keyed(entry) if entry is not None else array_encoder(kind)
        if found is None and issubclass(kind, ActorRef):  # of a router: the address is that of its actor
            found = encode_ref
        if found is not None:
            self._encoders[kind] = found
            return found
        if isinstance(value, BaseException):
            return encode_error  # not kept: classes of exceptions come and go
        raise CodecError(_why_not(value, self.registry))

    # -- from bytes ----------------------------------------------------------------------------------------------------------

    def decode(self, data: Buffer) -> Any:
        """Return the message of a payload.

        Args:
            data: bytes, or anything else that is bytes in memory. Arrays in it are views of this memory: let it be while they are used.

        Raises:
            CodecError: it is none, or beyond a limit; or it has types that are not registered here.
        """
        payload: Any = data if type(data) is bytes else as_bytes(data)
        if len(payload) <= self._small:
            try:
                raw = unpackb(payload)
                decode = self._flat_decoders.get(raw[0]) if type(raw) is list else None
            except Exception:  # noqa: BLE001  # whatever it is, it is looked at again and explained
                return self._decode(payload)
            if decode is None:
                return self._decoded(raw, ())
            value = decode(raw)
            if value is not MISS:
                return value
        return self._decode(payload)

    def _decode(self, payload: Any) -> Any:
        self._unpacking.check_size(len(payload))
        if len(payload) and payload[0] == SECTIONED:
            return self._decoded(*self._unpacking.unpack_sections(payload))
        return self._decoded(self._unpacking.unpack(payload), ())

    def _decoded(self, raw: Any, sections: tuple[memoryview, ...]) -> Any:
        state = Decoding(self, self._decoders)
        if sections:
            state.sections = sections
        try:
            return state.root(raw)
        except RecursionError:
            raise _stack_full() from None

    def unframe(self, data: Buffer) -> Any:
        """Return the message of exactly one frame.

        Raises:
            CodecError: it is none, or more than one; or as for `decode`.
        """
        return self.decode(unframed(as_bytes(data), self.limits))

    def decoder_of(self, key: str) -> Any:
        """Return what decodes the nodes of a key that was not met before. For the walk.

        Raises:
            CodecError: it is no key, or that of a type which is not registered, or of a version that is not known.
        """
        if not key.isprintable():  # parts of it are shown in errors and logs
            msg = f"has {key[:100]!r} where the key of a registered type should be, and it has control characters"
            raise CodecError(msg)
        shape = parse_shape(key)
        entry = self.registry.named(shape.name)
        if entry is None:
            msg = f"is a {shape.name}, which is not registered here: register the type under this name, or as one of its aliases"
            raise CodecError(msg)
        if shape.version == entry.shape.version and shape.fields == entry.shape.fields:
            decoder: Any = entry.decode
            if entry.flat is not None and self._flat:
                self._flat_decoders[key] = entry.flat[1]
            self._decoders[key] = decoder
        else:
            decoder = entry.older(shape)
            cost = len(key) + _LEARNING
            if cost <= self._learnable:
                self._learnable -= cost
                self._decoders[key] = decoder
        return decoder

    # -- within the process ----------------------------------------------------------------------------------------------------

    def copy(self, value: Any) -> Any:
        """Return a message that is equal and shares nothing that can change: what ``decode(encode(value))`` gives, without the bytes.

        What cannot change is returned as it is; so are refs, futures and reply handles within it, which are made to be handed on.

        Raises:
            CodecError: as for `encode`; but nothing is refused for its size in bytes.
        """
        copier = self._flat_copiers.get(type(value))
        if copier is not None:
            made = copier(value)
            if made is not MISS:
                return made
        # Of a list or a dict there is nothing to ask; a registered class knows whether there is.
        if type(value) in NATIVE or (type(value) not in self._copiers and is_immutable(value, self.registry)):
            return value
        try:
            return Copying(self, self._copiers).value(value, 0)
        except RecursionError:
            raise _stack_full() from None

    def copier_of(self, value: Any) -> Any:
        """Return how a value is copied whose type was not met before. For the walk."""
        kind = type(value)
        if kind in self.registry.immutable:
            return _as_it_is
        entry = self.registry.entry(kind)
        if entry is not None and entry.flat is not None and self._flat:
            self._flat_copiers[kind] = entry.flat[2]  # the value was not found immutable
        found = copier_of(entry) if entry is not None else array_copier(kind)
        if found is not None:
            self._copiers[kind] = found
            return found
        if is_immutable(value, self.registry):
            return _as_it_is
        if isinstance(value, BaseException):
            return copy_error
        raise CodecError(_why_not(value, self.registry))


def _stack_full() -> CodecError:
    why = "is nested deeper than the stack of this thread allows here: call from less deep, or send it less deep"
    return CodecError(why, limit="depth")


def _why_not(value: Any, registry: Registry) -> str:
    """Return why a value cannot travel, and what to do about it."""
    kind = type(value)
    known = next((base for base in kind.__mro__[1:] if base in registry or base in _ENCODERS or base in NATIVE), None)
    if isinstance(value, type):
        return f"is the class {name_of(value)}: classes do not travel; send a name, and look it up"
    if known is not None:
        what = f"is of {name_of(kind)}, a subclass of {known.__qualname__}"
        return f"{what}: only exact types travel, so register this one, too; register_functions() does it for any class"
    if callable(value):
        return f"is of {name_of(kind)}: code does not travel; send what it is to be told, and let the receiver have the code"
    if kind.__module__.partition(".")[0] in _OF_THE_PROCESS:
        return f"is of {name_of(kind)}, which means something in this process only: send what the receiver needs to have its own"
    if kind.__module__ == "builtins":
        return f"is of {name_of(kind)}, which is none of the builtin types that travel: send what it is made of"
    return (
        f"is of {name_of(kind)}, which is not registered: registry.register({kind.__qualname__}), or register_functions() for any class, "
        "with the registry of this codec (of a system: that of SystemConfig(codec=...))"
    )
