"""Messages as bytes: a registry of types, a codec, frames; and what must not change once it is sent."""

from actors._core.address import RefAddress
from actors.wire.limits import Limits
from actors.wire.tags import FORMAT_VERSION

__all__ = ["FORMAT_VERSION", "Limits", "RefAddress"]
