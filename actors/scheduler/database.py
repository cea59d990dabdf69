"""One SQLite file: how it is opened, owned by one program, told from other files, and changed by whole transactions.

The file is in WAL mode with ``locking_mode=EXCLUSIVE``: the connection takes the file's lock before it reads anything and keeps it, so that
a second program fails at once instead of at its first write. The lock is the operating system's: it is gone with the process, however that
ended, and what the process had committed is in the write-ahead log, which the next one to open the file reads.

After a fork the connection is the parent's. SQLite says that a child must not even close it, for it would tidy up the log under the
parent's hands; so the child keeps what it inherited as it is, for ever.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actors._core.mutex import Mutex
from actors.scheduler.errors import StoreDamagedError, StoreError, StoreFullError, StoreLockedError, StoreVersionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["VERSION", "Database"]

VERSION: Final = 1
APPLICATION: Final = 0x47526D53  # "GRmS": in the header of the file, where `file` and others see it

TABLES: Final = {
    "schedules": """
        name TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, arguments BLOB NOT NULL, recurrence TEXT NOT NULL,
        zone TEXT NOT NULL, options TEXT NOT NULL, origin REAL NOT NULL, due REAL, runs INTEGER NOT NULL, forgotten REAL""",
    "runs": """
        id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, number INTEGER NOT NULL, due REAL NOT NULL, attempt INTEGER NOT NULL,
        state TEXT NOT NULL, began REAL, ended REAL, error TEXT, count INTEGER NOT NULL""",
}
INDICES: Final = (
    "runs_by_due ON runs (name, due)",
    "runs_ended ON runs (name) WHERE state <> 'claimed'",
    "runs_claimed ON runs (id) WHERE state = 'claimed'",
)

_open: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """The connection to one file, for any thread.

    Args:
        path: the file; it is made if there is none.
        synchronous: whether a commit waits until the disk has it, and so survives a loss of power.

    Raises:
        StoreLockedError, StoreVersionError, StoreFullError, StoreDamagedError, StoreError: as their names say.
    """

    def __init__(self, path: str, *, synchronous: bool) -> None:
        self.path = path
        self._file = Path(path).absolute()  # the program may go to another directory meanwhile
        self._pid = os.getpid()
        self._lock = Mutex()  # orders the threads that use the connection; no code of users runs under it
        try:
            self._connection: Any = connect(path)
        except sqlite3.Error as error:
            raise self._explained(error) from error
        try:
            with self._explaining():
                self._set_up(synchronous=synchronous)
            self._identity = self._who()
        except BaseException:
            self._connection.close()
            raise
        _open.add(self)

    def _set_up(self, *, synchronous: bool) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode = EXCLUSIVE")  # before the first look at the file, so that the log needs no shared memory
        (application,), (version,) = run("PRAGMA application_id").fetchone(), run("PRAGMA user_version").fetchone()
        (objects,) = run("SELECT count(*) FROM sqlite_master").fetchone()
        new = not (application or version or objects)
        if not new and application != APPLICATION:
            raise StoreVersionError(self.path, None, VERSION)
        if not new and version != VERSION:
            raise StoreVersionError(self.path, version, VERSION)
        mode = run("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(self.path, f"cannot have a write-ahead log (its journal is {mode!r}): put it into a directory of a local disk")
        run(f"PRAGMA synchronous = {'FULL' if synchronous else 'NORMAL'}")
        run("BEGIN IMMEDIATE")  # takes the lock for good
        if new:
            run(f"PRAGMA application_id = {APPLICATION}")
            run(f"PRAGMA user_version = {VERSION}")
            for name, columns in TABLES.items():
                run(f"CREATE TABLE {name} ({columns}) STRICT")
            for index in INDICES:
                run(f"CREATE INDEX {index}")
        run("COMMIT")
        self._check()

    def _check(self) -> None:
        (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StoreDamagedError(self.path, found)
        there = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if missing := sorted(set(TABLES) - there):
            raise StoreDamagedError(self.path, f"without the table {missing[0]}")

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Give the function that executes statements; all of them are committed at the end, or none if anything raises."""
        with self._lock, self._explaining():
            connection = self._usable()
            if self._who() != self._identity:
                # What is written would be in a file without a name; and whoever opens the path now does not see our lock.
                raise StoreError(self.path, "is not the file any more that was opened: it was removed or replaced; start the program anew")
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # some errors have ended it already
                    connection.execute("ROLLBACK")
                raise

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._lock, self._explaining():
            return self._usable().execute(query, parameters).fetchall()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._connection is None

    def close(self) -> None:
        """Give the file back, with everything in it and no log beside it. Again: nothing."""
        with self._lock:
            if self._pid != os.getpid():
                return
            connection, self._connection = self._connection, None
            _open.discard(self)
            if connection is not None:
                connection.close()

    def _who(self) -> tuple[int, int] | None:
        """Return which file is at the path."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _usable(self) -> Any:
        if self._pid != os.getpid():
            raise StoreError(self.path, "belongs to the parent of this process: open it in one of them only, after the fork")
        if self._connection is None:
            raise StoreError(self.path, "is closed")
        return self._connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except UnicodeDecodeError as error:  # in a text of SQLite's about what is broken, too
            raise StoreDamagedError(self.path, f"text that is none: {error}") from error

    def _explained(self, error: sqlite3.Error) -> StoreError:  # noqa: PLR0911  # a case each
        if self._file.is_dir():
            return StoreError(self.path, "is a directory: give the path of a file in it")
        if self._file.exists() and not os.access(self._file, os.R_OK | os.W_OK):  # which SQLite calls a disk I/O error
            return StoreError(self.path, "may not be read and written by this program: change its permissions")
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it says more than anybody needs to decide
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return StoreLockedError(self.path)
        if code == sqlite3.SQLITE_FULL:
            return StoreFullError(self.path)
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or "decode to UTF-8" in str(error):
            return StoreDamagedError(self.path, str(error))
        if code == sqlite3.SQLITE_CANTOPEN:
            return StoreError(self.path, "cannot be opened: is its directory there, and may this program write in it?")
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            return StoreError(self.path, "may not be written by this program: change its permissions, and those of its directory")
        return StoreError(self.path, f"cannot be used: {error}")


def connect(path: str) -> Any:
    """Return a connection that waits for nobody and leaves transactions to us."""
    return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)


def _leave_to_parent() -> None:
    """In the child of a fork: make sure that no connection is ever closed here, not even when the interpreter ends."""
    for database in list(_open):
        database._lock = Mutex()  # another thread of the parent may have held it
        if database._connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(database._connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
