"""Logging: one actor writes what is logged anywhere in the program, on loguru.

`setup` sets it up; `self.log` of every actor, and `log` elsewhere, write lines. What waits, what is lost and what fails is told.
"""

from actors._core.log import Log
from actors.logs import direct, ending
from actors.logs.assembly import Logging, LogStats, flush, log, setup
from actors.logs.backlog import SinkState, SinkStats
from actors.logs.formats import JSON, TEXT, Format
from actors.logs.overload import Burst, Mode, Overload
from actors.logs.redaction import Redact
from actors.logs.routes import Routes
from actors.logs.sinks import Sink, SinkBackoff
from actors.logs.thinning import Repeats, Sample

__all__ = [
    "JSON",
    "TEXT",
    "Burst",
    "Format",
    "Log",
    "LogStats",
    "Logging",
    "Mode",
    "Overload",
    "Redact",
    "Repeats",
    "Routes",
    "Sample",
    "Sink",
    "SinkBackoff",
    "SinkState",
    "SinkStats",
    "flush",
    "log",
    "setup",
]

direct.install()
direct.settle()
ending.install()
