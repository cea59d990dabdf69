"""Erlang's ``gen_server``, where ``erl`` and ``erlc`` are on the path.

Another language and a virtual machine made for this, with a scheduler on every core: it shows how far there is to
go, not who is to be beaten. The node's start is not measured; the times are its own.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.benchmarks.harness import ContenderAbsentError

from .scenarios import WAIT

_SOURCE = Path(__file__).with_name("greenroom_bench.erl")


@functools.cache
def _compiled() -> tempfile.TemporaryDirectory[str]:
    """Compile the module into a folder that lives as long as this process."""
    compiler = shutil.which("erlc")
    if compiler is None or shutil.which("erl") is None:
        raise ContenderAbsentError("Erlang is not installed")
    folder = tempfile.TemporaryDirectory(prefix="greenroom-bench-")
    subprocess.run([compiler, "-o", folder.name, str(_SOURCE)], check=True, timeout=WAIT)
    return folder


def number(scenario: str, *arguments: int) -> int:
    """Run a scenario in a fresh node and return the number it prints."""
    call = f"greenroom_bench:run({scenario}, {list(arguments)})."
    # Room for a million idle processes; the default limit is 262,144.
    command = ["erl", "+P", "2000000", "-noshell", "-pa", _compiled().name, "-eval", call]
    quiet = {**os.environ, "ERL_CRASH_DUMP_SECONDS": "0"}  # no dump file where we happen to be
    done = subprocess.run(command, check=False, timeout=WAIT, capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise RuntimeError(f"erl failed: {(done.stderr or done.stdout).strip()[:200]}")
    return int(done.stdout)


def seconds(operations: int, *, scenario: str, **options: int) -> float:
    """Run a scenario and return the seconds it measured itself."""
    return max(1, number(scenario, operations, *options.values())) / 1e6
