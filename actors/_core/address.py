"""Addresses: refs in words that mean the same outside of the process, and which cell such words name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from actors._core.cell import Cell, Lane
from actors._core.doors import CLOSED
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.options import Options
from actors._core.ports import touched
from actors._core.ref import ActorRef
from actors.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime import Runtime

__all__ = ["AddressBook", "RefAddress"]

_PATH = re.compile(r"(?:/(?:[A-Za-z0-9_.~+@-]{1,128}|\$[1-9][0-9]{0,18}))+")  # names, as `tree.NAME` has them, or uids
_LONGEST = 100  # characters of a path that are shown
_UIDS = 1 << 63


@dataclass(frozen=True, slots=True)
class RefAddress:
    """Where an actor is: what travels of a ref.

    Attributes:
        system: the name of its system, for people.
        system_id: unique to that system and this run of it.
        path: the names from the root of the system down.
        uid: a number that no other actor of the system has or will have.
    """

    system: str
    system_id: str
    path: str
    uid: int


class _Tombstone(Cell):
    """Stands for an actor that has ended, and whose own cell is gone: as dead as that."""

    __slots__ = ("_path",)

    def __init__(self, system: Runtime, actor_class: type[Any], lane: Lane, path: str, uid: int) -> None:
        super().__init__(system, actor_class, Options(), lane, (), None)
        self._path = path
        self.name = path.rpartition("/")[2]
        self.uid = uid
        self.inbox = CLOSED
        self.state = Lifecycle.STOPPED
        self.end = (DownReason.NOT_FOUND, None)
        self.ref = ActorRef(self)

    @property
    def path(self) -> str:
        """As the address says."""
        return self._path

    def label(self) -> str:
        """Return a text for the actor; of what class it was, nobody knows any more."""
        return f"{self._path} (ended, uid {self.uid})"


class AddressBook:
    """The addresses of one system. All methods may be called from any thread.

    Args:
        system: whose actors they are.
        actor_class, lane: what a tombstone has of these.
    """

    def __init__(self, system: Runtime, actor_class: type[Any], lane: Lane) -> None:
        self._system = system
        self._actor_class = actor_class
        self._lane = lane
        self._identity: str | None = None  # under the system's lock
        # Those whose address was asked for, and tombstones: who gets an address back gets an equal ref while anybody holds one. Under
        # the system's lock.
        self._known: WeakValueDictionary[tuple[int, str], Cell] = WeakValueDictionary()

    @property
    def identity(self) -> str:
        """A text unique to the system and this run of it, made when first asked for."""
        if self._identity is None:
            made = self._system.ports.ids.urn().removeprefix("urn:uuid:")
            with self._system.lock:
                if self._identity is None:
                    self._identity = made
        return self._identity

    def address_of(self, cell: Cell) -> RefAddress:
        """Return the address of `cell`, and know it from now on.

        Raises:
            CodecError: the actor was built by hand and is not started, so it has no place yet.
        """
        if not cell.uid:
            msg = f"is a ref of {cell.label()}, which was built by hand and has no address before it is started"
            raise CodecError(msg)
        address = RefAddress(self._system.name, self.identity, cell.path, cell.uid)
        with self._system.lock:
            self._known[address.uid, address.path] = cell
        return address

    def resolve(self, address: RefAddress, elsewhere: Callable[[RefAddress], ActorRef[Any]] | None = None) -> ActorRef[Any]:
        """Return the ref that `address` was taken of, or one that equals it; of an actor that is gone altogether, a dead one.

        Args:
            address: of an actor of this system.
            elsewhere: finds those of other systems.

        Raises:
            CodecError: it is of another system, and nothing finds those; or it is no address at all.
        """
        if elsewhere is not None and address.system_id != self.identity:
            return elsewhere(address)
        self._check(address)
        system = self._system
        found = system.tree.lookup(address.path)
        touched(system.ports, address.path)
        if found is not None and found.uid == address.uid:
            return found.ref
        with system.lock:
            key = address.uid, address.path
            cell = self._known.get(key)
            if cell is None:
                cell = self._known[key] = _Tombstone(system, self._actor_class, self._lane, address.path, address.uid)
        return cell.ref

    def _check(self, address: RefAddress) -> None:
        if not isinstance(address.path, str) or _PATH.fullmatch(address.path) is None:
            shown = address.path[:_LONGEST] if isinstance(address.path, str) else address.path
            msg = f"is a ref with path={shown!r}, which no actor can have"
            raise CodecError(msg)
        if not isinstance(address.uid, int) or isinstance(address.uid, bool) or not 0 < address.uid < _UIDS:
            msg = f"is a ref with uid={address.uid!r}, which no actor can have: a whole number, 1 or more"
            raise CodecError(msg)
        if address.system_id != self.identity:
            msg = (
                f"is a ref of an actor of the system {address.system!r} ({address.system_id}), and this codec finds only those of "
                f"{self._system.name!r} ({self.identity}): give Codec(refs=...) a function that finds it"
            )
            raise CodecError(msg)
