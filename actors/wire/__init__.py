"""Messages as bytes: a registry of types, a codec, frames; and what must not change once it is sent."""

from actors._core.address import RefAddress
from actors.wire.codec import Codec
from actors.wire.framing import FrameDecoder
from actors.wire.immutable import check_immutable
from actors.wire.limits import Limits
from actors.wire.registry import RegisteredType, Registry
from actors.wire.tags import FORMAT_VERSION

__all__ = ["FORMAT_VERSION", "Codec", "FrameDecoder", "Limits", "RefAddress", "RegisteredType", "Registry", "check_immutable"]
