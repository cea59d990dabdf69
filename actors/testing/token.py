"""Tokens: the choices of a run as a short text, to make it again."""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import msgpack

from actors.testing.errors import TokenError
from actors.testing.network import Ordering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["dump", "load"]

VERSION = 1  # of what a choice means: a token of another one would make another run


def dump(scenario: Callable[..., object], ordering: Ordering, seed: int, choices: Sequence[int]) -> str:
    """Return the token of a run. Trailing zeros need not be there: 0 is what is chosen anyway."""
    kept = list(choices)
    while kept and kept[-1] == 0:
        kept.pop()
    packed = msgpack.packb([VERSION, _program(scenario), ordering.name, seed, kept])
    return urlsafe_b64encode(zlib.compress(packed, 9)).decode().rstrip("=")


def load(scenario: Callable[..., object], text: str) -> tuple[Ordering, int, list[int]]:
    """Return ordering, seed and choices of a token.

    Raises:
        TokenError: it is damaged, or of another version or scenario.
    """
    try:
        # zlib's own checksum finds any damage.
        content: Any = msgpack.unpackb(zlib.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4))))
        version, program, ordering, seed, choices = content
    except (ValueError, zlib.error, TypeError) as error:
        raise TokenError(str(text), "it is damaged; copy the whole text between the quotes") from error
    if version != VERSION:
        raise TokenError(text, f"it is of version {version}, and this is version {VERSION}")
    if program != _program(scenario):
        raise TokenError(text, f"it is of the scenario {program}, and this is {_program(scenario)}")
    return Ordering[ordering], seed, choices


def _program(scenario: Callable[..., object]) -> str:
    return f"{getattr(scenario, '__module__', '')}.{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"
