"""Failures of a sink that gets on between them are not failures in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from actors import logs

QUIET = logs.Routes(False, False, False, False)
SetUp = Callable[[logs.Sink], logs.Logging]
SOON = logs.SinkBackoff(0.001, 0.001)


@pytest.fixture
def set_up() -> Iterator[SetUp]:
    made: list[logs.Logging] = []

    def start(sink: logs.Sink) -> logs.Logging:
        made.append(logs.setup(sink, events=False, routes=QUIET))
        return made[-1]

    yield start
    for logging in made:
        logging.close()


def test_a_flush_outlives_a_line_with_which_the_sink_fails_each_time(set_up: SetUp) -> None:
    written: list[str] = []

    def sink(message: str) -> None:
        if message == "bad\n":
            raise ValueError(message)
        written.append(message)

    logging = set_up(logs.Sink(sink, attempts=3, backoff=SOON))
    for text in ("before", "bad", "after"):
        logs.log.info(text)
    assert logging.flush()
    assert [one for one in written if " lost " not in one] == ["before\n", "after\n"]
    assert logging.stats().sinks[0].lost == 1


def test_a_flush_outlives_failures_between_which_the_sink_gets_on(set_up: SetUp) -> None:
    tries: Counter[str] = Counter()
    written: list[str] = []

    def sink(message: str) -> None:
        tries[message] += 1
        if tries[message] == 1:
            raise OSError(message)
        written.append(message)

    logging = set_up(logs.Sink(sink, backoff=SOON))
    for number in range(20):
        logs.log.info(f"{number}")
    assert logging.flush()
    assert written == [f"{number}\n" for number in range(20)]


def test_a_flush_does_not_wait_for_a_sink_that_fails_each_time(set_up: SetUp) -> None:
    def sink(message: str) -> None:
        raise OSError(message)

    logging = set_up(logs.Sink(sink, backoff=SOON))
    logs.log.info("never")
    assert not logging.flush(timeout=1000)
