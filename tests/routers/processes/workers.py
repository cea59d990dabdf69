"""Workers that tests put into processes: they must be found there by import."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from actors import Actor, handler


class Odd(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


class Count:
    """A message of its own type."""


class Worker(Actor):
    """Does what its message says: the name of a method, and arguments."""

    def __init__(self, folder: str | None = None, *, start: str = "") -> None:
        super().__init__()
        self.folder = Path(folder) if folder is not None else None
        self.start_with = start
        self.seen = 0

    def on_start(self) -> None:
        self.note("start")
        if self.start_with == "raise":
            raise LookupError("no model")
        if self.start_with == "die":
            os._exit(9)
        if self.start_with == "exit":
            sys.exit("no licence")
        if self.start_with == "sleep":
            time.sleep(600)

    def on_stop(self) -> None:
        self.note("stop")

    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.note(f"failure {exception_value!r} {traceback is not None}")

    def note(self, what: str) -> None:
        if self.folder is not None:
            with (self.folder / "notes").open("a", encoding="utf-8") as file:
                file.write(f"{what} {os.getpid()}\n")

    @handler
    def count(self, _: Count) -> int:
        return self.seen

    def on_receive(self, message: Any) -> Any:
        self.seen += 1
        name, *args = message if isinstance(message, tuple) else (message,)
        return getattr(self, name)(*args)

    def pid(self) -> int:
        return os.getpid()

    def thread(self) -> bool:
        return threading.current_thread() is threading.main_thread()

    def fail(self, text: str) -> Any:
        raise ValueError(text)

    def odd(self) -> Any:
        raise Odd(1, 2)

    def give_lambda(self) -> Any:
        return lambda: None

    def die(self, code: int = 3) -> None:
        os._exit(code)

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    def exit(self) -> None:
        sys.exit("enough")

    def die_of_another(self) -> None:
        from actors.scheduler import WorkerDiedError

        raise WorkerDiedError("some task")

    def give(self, what: Any) -> Any:
        return what

    def twice(self, array: Any) -> Any:
        array += array
        return array

    def sleep(self, path: str) -> None:
        Path(path).write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(600)

    def until_cancelled(self, path: str) -> str:
        called = threading.Event()
        self.cancel_token.add_callback(called.set)
        Path(path).write_text(str(os.getpid()), encoding="utf-8")
        called.wait(60)
        Path(path + "-cancelled").write_text(str(self.cancel_token.cancelled), encoding="utf-8")
        return "cancelled"

    def left(self) -> float | None:
        return self.deadline

    def uses(self, what: str) -> Any:
        """What a handler in a process cannot have."""
        wants = {
            "spawn": lambda: self.spawn(Worker),
            "actor_ref": lambda: self.actor_ref,
            "system": lambda: self.system,
            "stop": self.stop,
            "reply_later": self.reply_later,
            "stash": self.stash,
            "timer": lambda: self.start_timer("key", 1.0, "message"),
            "parent": lambda: self.parent,
            "watch": lambda: self.watch(None),  # type: ignore[arg-type]
        }
        return wants[what]()

    def may_use(self) -> Any:
        return self.path, str(self), self.children, self.correlation_id

    def logs(self) -> None:
        self.log.warning("a line")


class Silent(Actor):
    """Does not call the base class."""

    def __init__(self) -> None:
        pass


class Async(Actor):
    async def on_receive(self, message: Any) -> Any:
        return message


def double(number: int) -> int:
    return 2 * number


def double_all(arrays: list[Any]) -> list[Any]:
    return [2 * array for array in arrays]


class Writer(Worker):
    """Writes numbers down, each into the file of its key; dies after one in sixty when it comes first, before it has answered."""

    def on_receive(self, message: Any) -> Any:
        folder, key, number = message
        path = Path(folder) / str(key)
        again = path.exists() and str(number) in path.read_text(encoding="utf-8").split()
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{number}\n")
        if number % 60 == 30 and not again:
            os._exit(1)
        return number
