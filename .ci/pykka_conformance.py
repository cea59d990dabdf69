"""Runs pykka's own test suite, from its source distribution, with our classes in pykka's places.

Usage: ``pykka_conformance.py [--selfcheck] [--only NAME] [pytest argument ...]``

Their sources stay as they are. This file is also the pytest plugin that makes the exchange:
before their ``conftest.py`` is imported it sets ``pykka.ThreadingActor`` and
``pykka.ThreadingFuture``, which that file puts into the ``runtime`` fixture nearly every test
takes. (Changing its ``RUNTIMES`` afterwards would do nothing: pytest copies a fixture's
parameters when the fixture is defined.) ``test_threading_actor.py``, which is about threads, gets
the thread-dispatched class in every run.

A run fails unless every test of the suite was collected, took our classes, and passed.
``--selfcheck`` runs the harness with bare subclasses of pykka's classes, which shows what the
harness itself can do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pykka
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

VERSION = "4.5.0"
SDIST_SHA256 = "820fcc36046552b49d7eb61fe98088d1a29631cf3314e8ce4bc26aaead8dcd4f"
SUITE = ("tests", "examples/testing_test.py")
SUITE_SIZE = 153  # of that source distribution, counted by --selfcheck
ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "pykka"
DISPATCHERS = ["pool", "thread"]
MODE = "GREENROOM_PYKKA_MODE"


# ------------------------------------------------------------------------------------- the harness


def source_distribution() -> Path:
    """The pinned source distribution, downloaded once into the cache."""
    archive = CACHE / f"pykka-{VERSION}.tar.gz"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-qq"]
        options = ["--no-deps", "--no-binary=pykka", "--no-build-isolation", f"--dest={CACHE}"]
        subprocess.run([*pip, *options, f"pykka=={VERSION}"], check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        raise SystemExit(f"{archive} has sha256 {digest}, not {SDIST_SHA256}: delete it")
    return archive


def run_suite(mode: str, suite: Path, arguments: list[str]) -> bool:
    """Runs the unpacked suite in one mode, in a process of its own; says whether all went well."""
    print(f"--- pykka {VERSION}'s suite, {mode}", flush=True)
    # Their package is called `tests` as ours is: -m puts the working directory first on the path.
    pytest_ = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", f"--rootdir={suite}"]
    plugins = ["-p", "pykka_conformance", "-p", "no:randomly", "-p", "no:cacheprovider"]
    environment = {**os.environ, MODE: mode, "PYTHONPATH": str(Path(__file__).parent)}
    command = [*pytest_, *plugins, "--timeout=60", *arguments, *SUITE]
    return subprocess.run(command, cwd=suite, env=environment, check=False).returncode == 0


def main() -> None:
    """Exits with 1 unless the suite passes in every mode asked for."""
    parser = argparse.ArgumentParser(description="Run pykka's own test suite on our classes.")
    parser.add_argument("--selfcheck", action="store_true", help="run it on pykka's own classes")
    parser.add_argument("--only", choices=DISPATCHERS, help="on this dispatcher only")
    options, arguments = parser.parse_known_args()
    modes = ["selfcheck"] if options.selfcheck else [options.only] if options.only else DISPATCHERS
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(source_distribution()) as archive:
        archive.extractall(scratch, filter="data")
        suite = Path(scratch) / f"pykka-{VERSION}"
        results = {mode: run_suite(mode, suite, arguments) for mode in modes}
    failed = [mode for mode, passed in results.items() if not passed]
    raise SystemExit(f"pykka's suite does not pass: {', '.join(failed)}" if failed else 0)


# -------------------------------------------------------------------------------------- the plugin


@dataclass(frozen=True, slots=True)
class Classes:
    """What takes the places of pykka's classes in one mode."""

    actor: type[pykka.Actor]
    thread_actor: type[pykka.Actor]
    future: type[pykka.Future[Any]]


def classes_for(mode: str) -> Classes:
    """The classes of a mode; the library is imported only when it is what is tested."""
    if mode == "selfcheck":

        class SelfcheckActor(pykka.ThreadingActor):
            pass

        class SelfcheckFuture(pykka.ThreadingFuture[Any]):
            pass

        return Classes(SelfcheckActor, SelfcheckActor, SelfcheckFuture)

    import actors  # noqa: PLC0415

    class ThreadDispatched(actors.Actor, dispatcher=actors.DispatcherKind.THREAD):
        pass

    class PoolDispatched(actors.Actor, dispatcher=actors.DispatcherKind.POOL):
        pass

    chosen = {"thread": ThreadDispatched, "pool": PoolDispatched}[mode]
    return Classes(chosen, ThreadDispatched, actors.Future)


class Exchange:
    """Makes the exchange and checks that it took effect for every test."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.classes = classes_for(mode)
        self.on_runtime = 0
        pykka.ThreadingActor = self.classes.actor
        pykka.ThreadingFuture = self.classes.future
        self.stopped_all = threading.Event()
        stop_all = pykka.ActorRegistry.stop_all

        def told(*arguments: Any, **options: Any) -> Any:
            try:
                return stop_all(*arguments, **options)
            finally:
                if threading.current_thread() is not threading.main_thread():
                    self.stopped_all.set()

        pykka.ActorRegistry.stop_all = told  # type: ignore[method-assign]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """A BaseException stops all actors beside the test that sees the first of them stop: the next test's are not meant."""
        result = yield
        if "base_exception" in item.name and not self.stopped_all.wait(10):
            raise TimeoutError(f"{item.name}: nobody stopped all actors")
        self.stopped_all.clear()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        """Their modules are imported while they are collected: the one about threads too."""
        about_threads = collector.path.name == "test_threading_actor.py"
        chosen = self.classes.thread_actor if about_threads else self.classes.actor
        pykka.ThreadingActor = chosen
        return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuses to run a suite that is not whole or not on our classes."""
        selection = session.config.option
        if not (selection.keyword or selection.markexpr) and len(session.items) != SUITE_SIZE:
            raise pytest.UsageError(f"{len(session.items)} tests collected, not {SUITE_SIZE}")
        for item in session.items:
            runtime = getattr(item, "callspec", None) and item.callspec.params.get("runtime")
            if runtime is None:
                continue
            self.on_runtime += 1
            if (runtime.actor_class, runtime.future_class) != (
                self.classes.actor,
                self.classes.future,
            ):
                raise pytest.UsageError(f"{item.nodeid} would not run on our classes")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what was run on what."""
        passed = len(terminalreporter.stats.get("passed", ()))
        terminalreporter.write_line(
            f"pykka {VERSION}'s suite, {self.mode}: {passed} of {SUITE_SIZE} tests passed, "
            f"{self.on_runtime} of them took {self.classes.actor.__name__} as their runtime"
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A skipped test is not a passed one."""
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        if reporter.stats.get("skipped") or reporter.stats.get("xfailed"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """The last moment before their conftest.py is imported."""
    if (mode := os.environ.get(MODE)) is not None:
        early_config.pluginmanager.register(Exchange(mode), "pykka-exchange")


if __name__ == "__main__":
    main()
