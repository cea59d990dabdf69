"""pykka's registry over an index, so that removing one of a million actors takes no longer than removing one of ten."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

import pykka

from actors._core.ports import simulated, touched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors._core.cell import Cell
    from actors._core.ports import Ports

__all__ = ["ActorRegistry", "IndexedRefs"]

logger = logging.getLogger("pykka")


class IndexedRefs:
    """The part of `list` that pykka's registry uses, in start order, with lookup and removal in constant time.

    Guarded by the registry's `_actor_refs_lock`. A simulation has refs of its own, and sees no others.
    """

    def __init__(self, refs: list[Any]) -> None:
        self._of_process = {self._key(ref): ref for ref in refs}

    def _of(self, ports: Ports | None) -> dict[Any, Any]:
        return self._of_process if ports is None or ports.registered is None else ports.registered

    @property
    def _refs(self) -> dict[Any, Any]:
        return self._of(simulated())

    @staticmethod
    def _key(ref: Any) -> Any:
        # Keyed by cell where there is one: it hashes by identity, in C, which a ref does not.
        return getattr(ref, "_target", ref)

    def append(self, ref: Any) -> None:
        """Add `ref` at the end."""
        self._refs[self._key(ref)] = ref

    def remove(self, ref: Any) -> None:
        """Remove `ref`; raise ValueError if it is not there."""
        if self._refs.pop(self._key(ref), None) is None:
            msg = f"{ref!r} is not in the registry"
            raise ValueError(msg)

    def add_cell(self, cell: Cell) -> None:
        """Add the ref of `cell`. One operation on a dict: needs no lock."""
        self._of(cell.system.ports)[cell] = cell.ref

    def discard_cell(self, cell: Cell) -> bool:
        """Remove the ref of `cell` if it is there. One operation on a dict: needs no lock."""
        return self._of(cell.system.ports).pop(cell, None) is not None

    def forget_cells(self) -> None:
        """Forget all actors but pykka's own: they stayed in the process that forked."""
        self._of_process = {key: ref for key, ref in self._of_process.items() if key is ref}

    def find_urn(self, urn: str) -> Any:
        """Return the ref with `urn`, without making URNs for those that have none yet."""
        touched(simulated(), None)
        for key, ref in tuple(self._refs.items()):
            if (key.urn if hasattr(key, "urn") else ref.actor_urn) == urn:
                return ref
        return None

    def __contains__(self, ref: object) -> bool:
        touched(simulated(), None)
        return self._key(ref) in self._refs

    def __len__(self) -> int:
        touched(simulated(), None)
        return len(self._refs)

    def __iter__(self) -> Iterator[Any]:
        touched(simulated(), None)
        return iter(tuple(self._refs.values()))

    def __getitem__(self, index: Any) -> Any:
        touched(simulated(), None)
        return list(self._refs.values())[index]


class ActorRegistry(pykka.ActorRegistry):
    """All living actors of the default system, and pykka's own, in start order. Shared with `pykka.ActorRegistry`."""

    _actor_refs: ClassVar[Any]

    @classmethod
    def get_by_urn(cls, actor_urn: str) -> Any:
        """Return the ref of the actor with this URN, None if no living actor has it."""
        with cls._actor_refs_lock:
            return cls._actor_refs.find_urn(actor_urn)


def share() -> IndexedRefs:
    """Put the index in place of pykka's list, keeping what is registered; return it. Called once, at import."""
    with pykka.ActorRegistry._actor_refs_lock:
        refs: Any = pykka.ActorRegistry._actor_refs
        if not isinstance(refs, IndexedRefs):
            refs = IndexedRefs(refs)
            pykka.ActorRegistry._actor_refs = refs
    return refs
