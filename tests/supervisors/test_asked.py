"""When a failure asks to come back: what errors of HTTP clients say, and what of it is obeyed."""

from __future__ import annotations

from email.message import Message
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest

from actors.testing import ManualClock, Simulation
from supervisors import Backoff, RateLimiter, retry
from tests.supervisors.kit import Doing

HALF = Backoff(0.5, 0.5, jitter=0.0)
NOON = "Sun, 06 Nov 1994 12:00:00 GMT"


def headers(**given: str) -> Message:
    made = Message()
    for name, value in given.items():
        made[name.replace("_", "-")] = value
    return made


def of_urllib(given: Any) -> Exception:
    return HTTPError("http://model", 429, "Too Many Requests", given, None)


class StatusError(Exception):
    """As those of httpx, requests, and of clients that are made with them."""

    def __init__(self, given: Any) -> None:
        super().__init__("429 Too Many Requests")
        self.response = SimpleNamespace(headers=given)


def waited(error: Exception) -> float:
    """Return how long `retry` waits after `error`, by half a second of backoff."""
    failures = [error]

    def call() -> None:
        if failures:
            raise failures.pop()

    with Simulation() as sim:
        sim.spawn(Doing).ask(lambda: retry(call, backoff=HALF))
        return sim.now


@pytest.mark.parametrize("kind", [of_urllib, StatusError])
@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (headers(retry_after="7"), 7.0),
        (headers(Retry_After=" 2.5 "), 2.5),
        (headers(Retry_After="Sun, 06 Nov 1994 12:01:30 GMT", Date=NOON), 90.0),
        (headers(Retry_After="Sun, 06 Nov 1994 13:01:30 +0100", Date=NOON), 90.0),
    ],
    ids=["seconds", "fraction", "date", "zone"],
)
def test_the_header_of_a_response_is_obeyed(kind: Any, given: Message, seconds: float) -> None:
    assert waited(kind(given)) == seconds
    clock = ManualClock()
    limiter = RateLimiter(100.0, ports=clock.ports())
    with pytest.raises((HTTPError, StatusError)), limiter:
        raise kind(given)
    clock.advance(seconds - 0.25)
    assert not limiter.try_acquire()
    clock.advance(0.25)
    assert limiter.try_acquire()


@pytest.mark.parametrize("kind", [of_urllib, StatusError])
@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        headers(),
        headers(Retry_After=""),
        headers(Retry_After="soon", Date=NOON),
        headers(Retry_After="-7"),
        headers(Retry_After="inf"),
        headers(Retry_After="nan"),
        headers(Retry_After="1e400"),
        headers(Retry_After="Sun, 06 Nov 1994 12:01:30 GMT"),  # nobody knows how far that is
        headers(Retry_After="Sun, 06 Nov 1994 11:00:00 GMT", Date=NOON),  # is over
        headers(Retry_After="Sun, 06 Nov 1994 12:01:30 -0000", Date=NOON),  # of no zone
        {"Retry-After": ["7"]},
        "Retry-After: 7",
    ],
    ids=repr,
)
def test_nonsense_in_a_header_asks_for_nothing_and_hides_no_failure(kind: Any, given: Any) -> None:
    assert waited(kind(given)) == 0.5


def test_what_the_exception_itself_says_goes_before_its_headers() -> None:
    error: Any = StatusError(headers(Retry_After="7"))
    error.retry_after = 3.0
    assert waited(error) == 3.0


def test_an_attribute_that_fails_asks_for_nothing_and_hides_no_failure() -> None:
    class Broken(Exception):
        @property
        def response(self) -> Any:
            msg = "no response was set"
            raise RuntimeError(msg)

    assert waited(Broken()) == 0.5
