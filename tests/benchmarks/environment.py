"""What the figures were measured on, without naming the machine."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from typing import Any

_DISTRIBUTIONS = ("pykka", "greenlet", "uvloop", "everything-is-an-actor", "loguru", "picologging", "msgpack", "msgspec")


def describe() -> dict[str, Any]:
    """Return interpreter, processor count, load and the contenders' versions."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": _usable_cpus(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {name: _version(name) for name in _DISTRIBUTIONS},
        "erlang": shutil.which("erl") is not None,
    }


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
