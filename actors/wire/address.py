"""Refs of actors: as addresses, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.address import RefAddress
from actors._core.ref import ActorRef
from actors.errors import CodecError
from actors.wire.exceptions import reason_of
from actors.wire.tags import REF

if TYPE_CHECKING:
    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding

__all__ = ["decode_ref", "encode_ref"]


_PARTS = [str, str, str, int]


def encode_ref(ref: ActorRef[Any], _state: Encoding, _depth: int) -> list[Any]:
    """Return the node of a ref."""
    address = ref.address
    return [REF, address.system, address.system_id, address.path, address.uid]


def decode_ref(raw: list[Any], state: Decoding, depth: int) -> ActorRef[Any]:
    """Return the ref of a node, as the codec's `refs` finds it."""
    parts = [state.part(one, depth, "") for one in raw[1:5]]  # the name of a system may be any text
    if len(raw) != len(_PARTS) + 1 or [type(one) for one in parts] != _PARTS:
        msg = "is no actor ref: it has other parts than one has"
        raise CodecError(msg)
    address = RefAddress(*parts)
    if state.codec.refs is None:
        what = f"is the ref of {address.path!r} in the system {address.system!r}"
        msg = f"{what}, and this codec finds no actors: use system.codec, or Codec(refs=...)"
        raise CodecError(msg)
    try:
        ref = state.codec.refs(address)
    except CodecError:
        raise
    except Exception as error:
        msg = f"is the ref of {address.path!r} in the system {address.system!r}, which was not found: {reason_of(error)}"
        raise CodecError(msg) from error
    if not isinstance(ref, ActorRef):
        msg = f"is the ref of {address.path!r} in the system {address.system!r}, and refs= returned {type(ref).__name__}"
        raise CodecError(msg)
    return ref
