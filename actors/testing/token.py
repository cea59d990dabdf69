"""Tokens: the choices of a run as a short text, to make it again."""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from actors.testing.errors import TokenError
from actors.testing.faults import Faults
from actors.testing.network import Ordering
from actors.testing.setup import Setup
from actors.wire import Codec
from actors.wire.framing import inflated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["dump", "load", "made_under", "program", "program_of"]

VERSION = 3  # of what a choice means: a token of another one would make another run
_CODEC = Codec()


def dump(scenario: Callable[..., object], setup: Setup, choices: Sequence[int]) -> str:
    """Return the token of a run. Trailing zeros need not be there: 0 is what is chosen anyway."""
    kept = list(choices)
    while kept and kept[-1] == 0:
        kept.pop()
    packed = _CODEC.encode([VERSION, program(scenario), *_told(setup), kept])
    return urlsafe_b64encode(zlib.compress(packed, 9)).decode().rstrip("=")


def _told(setup: Setup) -> list[Any]:
    faults = setup.faults
    classes = [f"{one.__module__}.{one.__qualname__}" for one in faults.actors]
    return [setup.ordering.name, setup.seed, setup.max_steps, faults.budget(), classes]


def made_under(text: str, setup: Setup) -> bool:
    """Tell whether a token's run was made as `setup` says, but for the seed.

    Raises:
        TokenError: it is damaged, or of another version.
    """
    content = _content(text)
    return content[2:7] == _told(replace(setup, seed=content[3]))


def program_of(text: str) -> str:
    """Return the name of the scenario that a token is of, as ``module.name``.

    Raises:
        TokenError: it is damaged, or of another version.
    """
    return str(_content(text)[1])


def load(scenario: Callable[..., object], text: str, *, any_name: bool = False) -> tuple[Setup, list[int]]:
    """Return the setup and the choices of a token.

    Args:
        scenario: the one that the token is of.
        text: the token.
        any_name: whether the scenario may have another name than it had when the token was made.

    Raises:
        TokenError: it is damaged, or of another version or scenario.
    """
    _, name, ordering, seed, max_steps, budget, classes, choices = _content(text)
    if name != program(scenario) and not any_name:
        raise TokenError(text, f"it is of the scenario {name}, and this is {program(scenario)}")
    faults = Faults(**budget, actors=tuple(_class(text, name) for name in classes))
    return Setup(Ordering[ordering], seed, max_steps, faults), choices


def _content(text: str) -> list[Any]:
    try:
        # zlib's own checksum finds any damage.
        packed, failure = inflated(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _CODEC.limits)
        if failure is not None:
            raise failure
        content: Any = _CODEC.decode(packed)
        version = content[0]
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise TokenError(str(text), "it is damaged; copy the whole text between the quotes") from error
    if version != VERSION:
        raise TokenError(text, f"it is of version {version}, and this is version {VERSION}")
    return list(content)


def _class(text: str, name: str) -> type[Any]:
    """Return the class of that name; any living one, since it may be made inside of a function."""
    every: list[type[Any]] = [object, *_subclasses(object)]
    for one in every:
        if f"{one.__module__}.{one.__qualname__}" == name:
            return one
    raise TokenError(text, f"it names the class {name}, which does not exist here")


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    yield cls
    for one in type.__subclasses__(cls):
        yield from _subclasses(one)


def program(scenario: Callable[..., object]) -> str:
    """Return the name of a scenario, as ``module.name``."""
    return f"{getattr(scenario, '__module__', '')}.{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"
