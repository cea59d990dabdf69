"""Functions that tests run in worker processes: they must be found there by import."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from actors.scheduler.context import current_run, report_progress


class NotPicklable(Exception):
    def __init__(self) -> None:
        super().__init__("the message")
        self.lock = threading.Lock()


class NotUnpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class BecomesText(Exception):
    def __reduce__(self) -> Any:
        return str, ("text",)


class Quits:
    """Code of the user's that runs while it is pickled, or unpickled."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __getstate__(self) -> object:
        if self.where == "there":
            sys.exit(5)
        return {"where": self.where}

    def __setstate__(self, state: object) -> None:
        sys.exit(6)


def square(number: int) -> int:
    return number * number


def where() -> tuple[int, bool]:
    return os.getpid(), threading.current_thread() is threading.main_thread()


def fail(text: str) -> NoReturn:
    raise ValueError(text)


def chain() -> NoReturn:
    try:
        fail("the reason")
    except ValueError as error:
        raise KeyError("the error") from error


def give_lambda() -> Any:
    return lambda: None


def give_quits(where: str) -> Any:
    return Quits(where)


def raise_it(what: str) -> NoReturn:
    error = {
        "unpicklable": NotPicklable,
        "not unpicklable": lambda: NotUnpicklable(1, 2),
        "text": BecomesText,
        "interrupt": KeyboardInterrupt,
        "exit": lambda: SystemExit(3),
        "memory": MemoryError,
        "generator": GeneratorExit,
    }[what]
    raise error()


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def exit_with(code: int) -> NoReturn:
    os._exit(code)


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def segfault() -> None:
    import faulthandler

    faulthandler.disable()
    ctypes.string_at(0)


def run_forever() -> NoReturn:
    while True:
        pass


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def touch_and_wait(path: str) -> None:
    Path(path).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def touch_and_compute(path: str) -> NoReturn:
    Path(path).write_text(str(os.getpid()), encoding="utf-8")
    run_forever()


def print_things() -> None:
    print("printed in a worker")  # noqa: T201  # that is what it is for


def change_directory(path: str) -> str:
    before = str(Path.cwd())
    os.chdir(path)
    return before


def close_everything() -> None:
    os.closerange(3, 1000)


def big(size: int) -> bytes:
    return b"x" * size


def size_of(what: bytes) -> int:
    return len(what)


def fork_and_return(path: str) -> str:
    """Both processes return, the child later than its parent."""
    child = os.fork()
    if child == 0:
        time.sleep(0.05)
        Path(path).write_text(str(os.getpid()), encoding="utf-8")
        return "child"
    return f"parent of {child}"


def fork_and_raise() -> int:
    child = os.fork()
    if child == 0:
        raise LookupError("in the forked child")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_and_exit(code: int) -> int:
    child = os.fork()
    if child == 0:
        sys.exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_and_count() -> int:
    child = os.fork()
    if child == 0:
        return 1
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_and_die(path: str) -> NoReturn:
    """The child lives on when the worker has died."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    Path(path).write_text(str(child), encoding="utf-8")
    os._exit(7)


def fork_and_report() -> int:
    child = os.fork()
    if child == 0:
        report_progress(99, text="from the child")
        return -1
    os.waitpid(child, 0)
    return 1


def start_program() -> int:
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL).pid


def leave_by_system(path: str) -> None:
    """A shell's child that inherits whatever may be inherited."""
    os.system(f"sleep 600 & echo $! > {path}")


def in_pool() -> list[int]:
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(square, [1, 2, 3])


def count(total: int, seconds: float) -> int:
    for done in range(total):
        report_progress(done + 1, total, f"step {done + 1}")
        time.sleep(seconds)
    return total


def report_and_stay(seconds: float) -> None:
    report_progress(1, 2)
    report_progress(2, 2, "the latest")
    time.sleep(seconds)


def about_run() -> tuple[Any, ...]:
    run = current_run()
    assert run is not None
    return run.id, run.name, run.number, run.attempt, run.due, run.deadline, run.cancelled


def environment(name: str) -> str | None:
    return os.environ.get(name)


def signal_handler() -> tuple[bool, bool]:
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler, blocked


def interrupt_itself() -> str:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return "still here"


def touch_and_sleep(path: str, seconds: float) -> float:
    Path(path).write_text(str(os.getpid()), encoding="utf-8")
    return sleep(seconds)


def die_once(path: str) -> str:
    if Path(path).exists():
        return "second"
    Path(path).touch()
    os._exit(1)


def twice(array: Any) -> Any:
    """The same again, added to in place: an argument is the function's own."""
    array += array
    return array


def give(what: Any) -> Any:
    return what


def maps_of_arrays() -> int:
    """How many anonymous files of ours this process has mapped."""
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("/memfd:greenroom")


def flags_of(array: Any) -> tuple[bool, int]:
    return bool(array.flags.writeable), maps_of_arrays()


def array_of(size: int, count: int) -> Any:
    import numpy as np

    return [np.full(size, number, np.uint8) for number in range(count)]


def leave_descriptors(spare: int) -> None:
    """Take all descriptors that this process may have, but for so many."""
    import resource

    import numpy as np  # modules cannot be imported any more after this

    np.ones(1).sum()
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    taken = []
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        for descriptor in taken[:spare]:
            os.close(descriptor)


def fork_and_write(array: Any) -> int:
    """The first element, once a forked child has written there."""
    child = os.fork()
    if child == 0:
        array[0] = 99
        os._exit(0)
    os.waitpid(child, 0)
    return int(array[0])


def wait_until_cancelled() -> str:
    run = current_run()
    assert run is not None
    told = threading.Event()
    run.on_cancel(told.set)
    told.wait(60)
    return "cancelled" if run.cancelled else "not cancelled"


class Keeper:
    """Part of a cycle, which only the garbage collector finds."""

    def __init__(self, path: str) -> None:
        self.itself = self
        self.file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # the end of the process closes it


kept: list[Keeper] = []


def keep_file(path: str, text: str) -> None:
    """Write what stays in the buffer until the process ends."""
    kept.append(Keeper(path))
    kept[0].file.write(text)


def searched_for_garbage() -> int:
    """How many objects the garbage collector looks at."""
    return len(gc.get_objects())


def limit_memory(more: int) -> None:
    """Have no more than `more` bytes of new memory from now on."""
    import resource

    used = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))
