"""Lines while nothing is set up: they go to loguru's global logger at once, as its own do."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors import process
from actors._core.desk import DESK, line_text, no_secret
from actors.logs.levels import number_and_name
from actors.logs.loguru_port import colored
from actors.logs.own import emergency, too_late
from actors.logs.record import Maker

if TYPE_CHECKING:
    from actors.logs.record import Record

__all__ = ["correlate", "install", "renew", "settle", "write"]

FAR = 1 << 30

_lock = threading.RLock()  # a finalizer or signal handler may log in the middle of anything
_maker = Maker()  # under _lock
_settled: list[None] = []  # not empty while no logging actor takes lines out of the queue; changed by one operation each


def renew() -> None:
    """Begin anew in a forked child, which is another process, and has not the thread that may have held the lock."""
    global _lock, _maker
    _lock, _maker = threading.RLock(), Maker()


def correlate(wanted: bool) -> None:  # noqa: FBT001  # as `setup` was given it
    """Have systems that are made from now on trace, or not, where their config does not say."""
    process.defaults["tracing"] = wanted


def install() -> None:
    """Let log calls come here."""
    _settled.clear()
    DESK.use(write, 0)
    DESK.pressed = _stragglers  # before the next two, see `Door`
    DESK.refusing = 0
    DESK.calm = FAR
    DESK.hides = False
    DESK.secret = no_secret
    DESK.colored = colored
    DESK.number = number_and_name
    correlate(False)


def busy() -> None:
    """Leave the queue to a logging actor."""
    _settled.clear()


def settle() -> None:
    """Take what is still left in the queue: nobody else does any more."""
    _settled.append(None)
    DESK.calm = 0
    _stragglers()


def _stragglers(*, waits: bool = True) -> None:  # noqa: ARG001  # the signature of `Desk.pressed`
    """Write the lines of threads that were about to leave them in the queue when its logging actor went away."""
    while _settled and DESK.queue:
        try:
            line = DESK.queue.popleft()
        except IndexError:  # another thread was quicker
            return
        if type(line) is tuple:
            write(line)
        else:
            line.passed()


def write(line: tuple[Any, ...]) -> None:
    """Hand a line to the global logger; what systems tell about themselves is for those who set logging up."""
    if line[-1] is not None and line[-1].event is not None:
        return
    if too_late():
        emergency(line_text(line))
        return
    with _lock:
        record = _maker.make(line)
    made = record.as_loguru()
    more = record.more
    context = {name: made[name] for name in ("actor", "actor_class", "incarnation", "correlation", "system") if made[name]}

    def take_over(theirs: Any) -> None:
        extra = {**theirs["extra"], **context, **record.fields}
        theirs.update({**made, "extra": extra, "elapsed": theirs["elapsed"]})

    try:
        log = logger.opt(raw=more is not None and more.raw, exception=_exception(record)).patch(take_over)
        log.log(record.level.name if _known(record) else record.no, record.message)
    except Exception as error:  # noqa: BLE001  # a handler of the program's raised; the caller is an actor that only wanted to log
        emergency(f"a handler of loguru's logger failed with {type(error).__name__}: {error}; the line was: {record.message}")


def _known(record: Record) -> bool:
    return not record.level.name.startswith("Level ")


def _exception(record: Record) -> BaseException | None:
    return record.exception.error if record.exception is not None else None
