"""The store: schedules and runs in a SQLite file, so that they survive the program."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from actors.scheduler.database import Database
from actors.scheduler.errors import StoreDamagedError, StoreLockedError
from actors.scheduler.stored import (
    LONGEST_ERROR,
    AddRun,
    EndRun,
    PutSchedule,
    RemoveSchedule,
    RetryRun,
    RunRow,
    RunState,
    StoredRun,
    StoredSchedule,
)
from actors.scheduler.walltime import EARLIEST, from_wall
from actors.scheduler.zones import LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from actors.scheduler.stored import Operation
    from actors.wire import Codec

__all__ = ["Store"]

SCHEDULE: Final = "name, kind, target, arguments, recurrence, zone, options, origin, due, runs"
RUN: Final = "id, name, number, due, attempt, state, began, ended, error, count"
OVER: Final = 100  # runs of old names that are kept, for each one of a schedule
LOOKS: Final = 10  # a look at those, which takes time in proportion to all runs, comes when a tenth of them may be new
_BEYOND: Final = "SELECT rowid FROM runs WHERE {} ORDER BY rowid DESC LIMIT 1 OFFSET ?"


class Store:
    """Schedules and their runs in one SQLite file. One program at a time has it.

    A program that is killed, at any moment, loses nothing that was committed; and a run is begun only after its claim has been committed.
    May be used from any thread; every call but `path` may wait for the disk, so on an event loop call it in a thread.

    Args:
        path: the file; it is made if there is none. On a local disk: network file systems do not keep SQLite's locks.
        codec: makes bytes of arguments and messages; None: the codec of the system whose scheduler uses the store.
        synchronous: whether a commit waits until the disk has it, and so survives a loss of power. False is faster, and still
            survives the end of the program, however it ends.
        keep: ended runs that are kept for each name, and a hundred times as many of names that no schedule has any more, as those of
            one-offs; the oldest go first.

    Raises:
        StoreLockedError: another program has it.
        StoreVersionError: it is of another application, or of a later version.
        StoreDamagedError: it is broken.
        StoreFullError: there is no room for it.
        StoreError: it cannot be opened, made, or written.
    """

    def __init__(self, path: str | Path, *, codec: Codec | None = None, synchronous: bool = True, keep: int = 1000) -> None:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
        if not isinstance(text, str):
            msg = f"path={path!r} is not valid: the path of a file"
            raise TypeError(msg)
        if not text or text == ":memory:" or "\0" in text:
            msg = f"path={path!r} is not valid: the path of a file; what is kept in memory survives nothing"
            raise ValueError(msg)
        if codec is not None and not (hasattr(codec, "encode") and hasattr(codec, "decode")):
            msg = f"codec={codec!r} is not valid: an actors.wire.Codec, or None for that of the system"
            raise TypeError(msg)
        if not isinstance(synchronous, bool):
            msg = f"synchronous={synchronous!r} is not valid: True or False"
            raise TypeError(msg)
        if isinstance(keep, bool) or not isinstance(keep, int):
            msg = f"keep={keep!r} is not valid: a number of runs"
            raise TypeError(msg)
        if keep < 1:
            msg = f"keep={keep!r} is not valid: a number of runs, 1 or more"
            raise ValueError(msg)
        self.path = text
        self.codec = codec
        self._keep = keep
        self._look = max(OVER, keep * OVER // LOOKS)
        self._added = self._look  # runs since the last look at those of old names; only within transactions, which are one at a time
        self._free = [None]  # until a scheduler has it
        self._database = Database(text, synchronous=synchronous)

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- for people ------------------------------------------------------------------------------------------------------------

    def history(self, name: str | None = None, *, limit: int = 1000) -> list[StoredRun]:
        """Return what became of runs, the latest first.

        Args:
            name: of a task; None: of all of them.
            limit: how many at most.

        Raises:
            StoreError: the file cannot be read, or the store is closed.
        """
        if name is not None and not isinstance(name, str):
            msg = f"name={name!r} is not valid: the name of a task, or None for all of them"
            raise TypeError(msg)
        if isinstance(limit, bool) or not isinstance(limit, int):
            msg = f"limit={limit!r} is not valid: a number of runs"
            raise TypeError(msg)
        if limit < 0:
            msg = f"limit={limit!r} is not valid: a number of runs, 0 or more"
            raise ValueError(msg)
        where, parameters = ("", ()) if name is None else ("WHERE name = ?", (name,))
        rows = self._database.read(f"SELECT {RUN} FROM runs {where} ORDER BY rowid DESC LIMIT ?", (*parameters, limit))  # noqa: S608  # made of our own texts, here and below
        return [self._public(self._row(*row)) for row in rows]

    def forget(self, before: datetime) -> int:
        """Forget the runs that ended before a time, and the recurring schedules that have come to their end by then.

        A one-off that is forgotten is new if it is declared again: then it is run, or missed, once more.

        Args:
            before: an aware time.

        Returns:
            How many runs were forgotten.

        Raises:
            StoreError: the file cannot be written, or the store is closed.
        """
        if not isinstance(before, datetime):
            msg = f"before={before!r} is not valid: a datetime with a time zone"
            raise TypeError(msg)
        if before.tzinfo is None:
            msg = f"before={before!r} is not valid: it has no time zone; use datetime.now(UTC) or the like"
            raise ValueError(msg)
        with self._database.transaction() as run:
            run(
                "UPDATE schedules SET forgotten = max(coalesce(forgotten, runs.latest), runs.latest) FROM (SELECT name, max(due) AS latest"
                " FROM runs WHERE state <> 'claimed' AND ended < ? GROUP BY name) AS runs WHERE runs.name = schedules.name",
                (before.timestamp(),),
            )
            forgotten = int(run("DELETE FROM runs WHERE state <> 'claimed' AND ended < ?", (before.timestamp(),)).rowcount)
            run("DELETE FROM schedules WHERE due IS NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.name = schedules.name)")
        return forgotten

    def close(self) -> None:
        """Give the file back, for other programs to open. Again: nothing. A scheduler that uses the store closes it."""
        self._database.close()

    # -- for the scheduler -------------------------------------------------------------------------------------------------------

    def take(self) -> None:
        """Belong to one scheduler.

        Raises:
            StoreLockedError: it belongs to another one already.
        """
        try:
            self._free.pop()
        except IndexError:
            raise StoreLockedError(self.path) from None

    def schedules(self) -> list[StoredSchedule]:
        """Return all schedules, in the order in which they were put in."""
        found = [StoredSchedule(*row) for row in self._database.read(f"SELECT {SCHEDULE} FROM schedules ORDER BY rowid")]  # noqa: S608
        for one in found:
            if one.due is not None and not EARLIEST <= one.due < LATEST:
                raise StoreDamagedError(self.path, f"the schedule {one.name!r} is due at {one.due!r}")
        return found

    def forgotten(self) -> dict[str, float]:
        """Return for schedules of which runs are not in the history any more when the last of those was due, by name."""
        return dict(self._database.read("SELECT name, forgotten FROM schedules WHERE forgotten IS NOT NULL"))

    def claimed(self) -> list[RunRow]:
        """Return the runs that were claimed and have not ended, in the order in which they were claimed."""
        rows = self._database.read(f"SELECT {RUN} FROM runs WHERE state = 'claimed' ORDER BY rowid")  # noqa: S608
        return [self._row(*row) for row in rows]

    def dues(self, name: str, after: float) -> list[tuple[float, int]]:
        """Return when those runs of a task were due that were due after a time, with how many each stands for, the oldest row first."""
        return self._database.read("SELECT due, count FROM runs WHERE name = ? AND due > ? ORDER BY rowid", (name, after))

    def run(self, id: str) -> RunRow | None:  # noqa: A002  # as the attribute is called
        """Return the run of an id, or None."""
        rows = self._database.read(f"SELECT {RUN} FROM runs WHERE id = ?", (id,))  # noqa: S608
        return self._row(*rows[0]) if rows else None

    def apply(self, operations: Sequence[Operation]) -> list[bool]:
        """Make all these changes in one transaction: all of them are on the disk when this returns, or none if it raises.

        Returns:
            For each operation whether it was taken. One that is refused changes nothing; see there.

        Raises:
            StoreFullError: there is no room.
            StoreError: as of every use.
        """
        with self._database.transaction() as run:
            taken = [_APPLY[type(operation)](run, operation) for operation in operations]
            # Only for what was added: the row because of which a run was refused has to be there still when it is asked for.
            self._trim(run, [one.row.name for one, added in zip(operations, taken, strict=True) if added and isinstance(one, AddRun)])
        return taken

    def _trim(self, run: Callable[..., Any], names: list[str]) -> None:
        """Keep the history within its bounds, of these names at once, and now and then of those that no schedule has any more."""
        for name in sorted(set(names)):
            over = "name = ? AND state <> 'claimed'"
            beyond = run(_BEYOND.format(over), (name, self._keep)).fetchone()
            if beyond is not None:
                over += " AND rowid <= ?"
                (latest,) = run(f"SELECT max(due) FROM runs WHERE {over}", (name, *beyond)).fetchone()  # noqa: S608
                run("UPDATE schedules SET forgotten = max(coalesce(forgotten, ?1), ?1) WHERE name = ?2", (latest, name))
                run(f"DELETE FROM runs WHERE {over}", (name, *beyond))  # noqa: S608
        self._added += len(names)
        if self._added >= self._look:
            self._added = 0
            over = "state <> 'claimed' AND name NOT IN (SELECT name FROM schedules)"
            run(f"DELETE FROM runs WHERE {over} AND rowid <= ({_BEYOND.format(over)})", (self._keep * OVER,))  # noqa: S608

    def _row(self, id_: str, name: str, number: int, due: float, attempt: int, state: str, *rest: Any) -> RunRow:
        try:
            return RunRow(id_, name, number, due, attempt, RunState(state), *rest)
        except ValueError as error:
            raise StoreDamagedError(self.path, f"the run {id_!r} is {state!r}") from error

    @staticmethod
    def _public(row: RunRow) -> StoredRun:
        began, ended = (None if time is None else from_wall(time) for time in (row.began, row.ended))
        return StoredRun(row.id, row.name, row.number, from_wall(row.due), row.attempt, row.state, began, ended, row.error, row.count)


def _put(run: Callable[..., Any], operation: PutSchedule) -> bool:
    new = operation.schedule
    values = (new.name, *new.definition[:3], new.recurrence, new.zone, new.options, new.origin, new.due, new.runs)
    changes = ", ".join(f"{column} = excluded.{column}" for column in SCHEDULE.split(", ")[1:])
    marks = ", ".join("?" * len(values))
    run(f"INSERT INTO schedules ({SCHEDULE}) VALUES ({marks}) ON CONFLICT (name) DO UPDATE SET {changes}", values)  # noqa: S608
    return True


def _remove(run: Callable[..., Any], operation: RemoveSchedule) -> bool:
    return bool(run("DELETE FROM schedules WHERE name = ?", (operation.name,)).rowcount)


def _add(run: Callable[..., Any], operation: AddRun) -> bool:
    new = operation.row
    values = (new.id, new.name, new.number, new.due, new.attempt, new.state.value, new.began, new.ended, _text(new.error), new.count)
    marks = ", ".join("?" * len(values))
    # Invariant: a run id is claimed once, whatever the scheduler believes; and its schedule never goes back to it.
    added = run(f"INSERT INTO runs ({RUN}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING", values).rowcount  # noqa: S608
    if operation.moves:
        run("UPDATE schedules SET due = ?, runs = ? WHERE name = ?", (operation.due, operation.runs, new.name))
    return bool(added)


def _retry(run: Callable[..., Any], operation: RetryRun) -> bool:
    values = (operation.attempt, operation.began, operation.id)
    return bool(run("UPDATE runs SET attempt = ?, began = ? WHERE id = ? AND state = 'claimed'", values).rowcount)


def _end(run: Callable[..., Any], operation: EndRun) -> bool:
    values = (operation.state.value, operation.ended, _text(operation.error), operation.id)
    ended = run("UPDATE runs SET state = ?, ended = ?, error = ? WHERE id = ? AND state = 'claimed'", values).rowcount
    if ended and operation.due is not None:
        whose = "name = (SELECT name FROM runs WHERE id = ?) AND due IS NOT NULL"
        run(f"UPDATE schedules SET due = ? WHERE {whose}", (operation.due, operation.id))  # noqa: S608
    return bool(ended)


def _text(error: str | None) -> str | None:
    """Return what is kept of the text of an error, which may be of any size and may have what no encoding takes."""
    return None if error is None else error[:LONGEST_ERROR].encode(errors="replace").decode()


_APPLY: Final[dict[type, Callable[[Callable[..., Any], Any], bool]]] = {
    PutSchedule: _put,
    RemoveSchedule: _remove,
    AddRun: _add,
    RetryRun: _retry,
    EndRun: _end,
}
