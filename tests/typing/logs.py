"""Types of logs: what decorators keep, what bound logs are, what is set up and captured."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from actors import Actor, logs

if TYPE_CHECKING:
    from actors.testing import CapturedLine, CapturedLogs


class Counter(Actor):
    def on_receive(self, message: object) -> int:
        assert_type(self.log, logs.Log)
        assert_type(self.log.bind(customer=7), logs.Log)
        assert_type(self.log.opt(lazy=True), logs.Log)
        self.log.info("counted {}", message, kind="any")
        with self.log.contextualize(order=1), self.log.catch(ValueError):
            self.log.log("SUCCESS", "done")
        return 1


@logs.log.catch
def plain(number: int) -> str:
    return str(number)


@logs.log.catch(OSError, level="WARNING", default="")
def with_options(number: int) -> str:
    return str(number)


@logs.log.catch
async def later(number: int) -> str:
    return str(number)


async def decorators_keep_the_types_of_what_they_decorate() -> AsyncIterator[None]:
    assert_type(plain(1), str)
    assert_type(with_options(1), str)
    assert_type(await later(1), str)
    yield


async def what_is_set_up() -> None:
    with logs.setup(
        "app.jsonl",
        Path("app.log"),
        sys.stderr,
        print,
        logging.StreamHandler(),
        logs.Sink("rotated.log", level="DEBUG", format=logs.TEXT, rotation="10 MB"),
        level="INFO",
        overload=logs.Overload(sync_at=10, drop_at=20, flush_at=30, burst=logs.Burst()),
        redact=logs.Redact(patterns=["sk-[a-z]+"]),
        sample=logs.Sample(10),
        repeats=logs.Repeats(1.0),
        routes=logs.Routes(warnings=False),
    ) as logging_:
        assert_type(logging_, logs.Logging)
        assert_type(logging_.flush(), bool)
        assert_type(await logging_.flush_async(), bool)
        stats = logging_.stats()
        assert_type(stats.mode, logs.Mode)
        assert_type(stats.sinks[0].state, logs.SinkState)


def what_was_captured(captured: CapturedLogs) -> None:
    line: CapturedLine = captured.expect("/counter", level="INFO", kind="any")
    assert_type(line.message, str)
    assert_type(captured.messages, list[str])
