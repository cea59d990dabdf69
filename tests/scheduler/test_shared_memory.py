"""Large buffers on their way to a worker process and back."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import random
import resource
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.scheduler import bodies, shared_memory
from actors.scheduler.bodies import OUTSIDE_FROM, BodyPipe, packed
from actors.scheduler.errors import ResultNotPicklableError, WorkerDiedError
from actors.scheduler.processes import ProcessSlot, check_picklable
from tests.scheduler import in_processes as work
from tests.scheduler.test_process_slot import LIMIT, begin, children, failure, open_files, run, wait_until
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals, forks and /proc"),
    pytest.mark.skipif(not shared_memory.AVAILABLE, reason="buffers go through the pipe here"),
]

LARGE = OUTSIDE_FROM


class Pair:
    """Both ends of a pipe in one process."""

    def __init__(self) -> None:
        here, there = multiprocessing.Pipe()
        self.here, self.there = BodyPipe(here), BodyPipe(there)

    def pass_on(self, what: Any) -> Any:
        body = packed(what)
        sender = threading.Thread(target=self.here.send_body, args=(body,))
        sender.start()
        received = self.there.recv_body()
        sender.join()
        body.close()
        assert received is not None
        return received.load()

    def close(self) -> None:
        self.here.close()
        self.there.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


@pytest.fixture
def slot() -> Iterator[ProcessSlot]:
    slot = ProcessSlot("memory")
    yield slot
    slot.close()
    assert slot.join(LIMIT)
    assert children("memory") == []


class Raster:
    """What is pickled as a class of its own around a buffer."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __reduce_ex__(self, protocol: int) -> Any:
        return Raster, (pickle.PickleBuffer(self.data),)


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)


# -- what passes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        np.arange(LARGE, dtype=np.uint8),
        np.arange(LARGE - 1, dtype=np.uint8),
        np.arange(100_000, dtype=np.float64).reshape(100, 1000),
        np.asfortranarray(np.arange(100_000, dtype=np.float64).reshape(100, 1000)),
        np.arange(400_000)[::3],
        np.arange(400_000).reshape(400, 1000)[:, 10:700],
        np.arange(100_000)[::-1],
        np.zeros((0, 5)),
        np.array(7.5),
        np.zeros(50_000, dtype=[("key", "i8"), ("value", "f4", (2,)), ("name", "U5")]),
        np.arange("2000-01-01", "2200-01-01", dtype="datetime64[D]"),
        np.array([{"any": "object"}] * 20_000, dtype=object),
        np.ma.masked_greater(np.arange(100_000), 5),
    ],
    ids=lambda array: f"{type(array).__name__} {str(array.dtype)[:8]} {array.shape} {array.strides}",
)
def test_array_arrives_as_it_was(pair: Pair, array: Any) -> None:
    assert same(pair.pass_on(array), array)


def test_arrays_arrive_from_anywhere_in_a_message(pair: Pair) -> None:
    large = np.arange(100_000)
    message = {"one": [large, (large * 2, "text")], "raster": Raster(bytearray(b"ab") * LARGE), "same": large}
    got = pair.pass_on(message)
    assert same(got["one"][0], large)
    assert same(got["one"][1][0], large * 2)
    assert got["same"] is got["one"][0]
    assert bytes(got["raster"].data) == b"ab" * LARGE


@given(st.lists(st.tuples(st.sampled_from("BHIQ"), st.integers(0, 3 * LARGE), st.booleans()), max_size=12))
@settings(max_examples=scaled(1000, 60), deadline=None)
def test_any_number_of_arrays_of_any_size_arrive_aligned(shapes: list[tuple[str, int, bool]]) -> None:
    pair = Pair()
    arrays = []
    for number, (code, size, writable) in enumerate(shapes):
        array = (np.arange(size, dtype=np.uint32) * (number + 1)).astype(code)
        array.flags.writeable = writable
        arrays.append(array)
    got = pair.pass_on(arrays)
    pair.close()
    for one, other in zip(got, arrays, strict=True):
        assert same(one, other)
        assert one.flags.aligned
        assert one.flags.writeable == other.flags.writeable


def test_array_that_arrives_is_the_receivers_own(pair: Pair) -> None:
    sent = np.arange(100_000)
    got = pair.pass_on(sent)
    sent[0] = 7
    assert got[0] == 0
    got[1] = 8
    assert sent[1] == 1


def test_body_that_is_received_twice_is_the_same_twice(pair: Pair) -> None:
    """A call is sent again if its worker had died before."""
    body = packed(np.arange(100_000))
    pair.here.send_body(body)
    pair.here.send_body(body)
    body.close()
    first, second = pair.there.recv_body(), pair.there.recv_body()
    assert first is not None
    assert second is not None
    one, two = first.load(), second.load()
    one[0] = 5
    assert two[0] == 0


@pytest.mark.parametrize("what", [b"x" * LARGE, bytearray(LARGE), "x" * LARGE, None, np.arange(10), [np.arange(1000)] * 1000])
def test_what_has_no_large_buffer_is_all_in_the_pickle(what: Any) -> None:
    assert packed(what).descriptor is None


def test_large_buffer_is_not_in_the_pickle() -> None:
    body = packed(np.zeros(1_000_000))
    assert body.descriptor is not None
    assert len(body.pickled) < 1000


def test_buffer_that_cannot_be_pickled_is_refused() -> None:
    crooked = Raster(memoryview(bytearray(4 * LARGE))[::2])
    with pytest.raises(pickle.PicklingError, match="non-contiguous"):
        packed(crooked)
    with pytest.raises(TypeError, match="argument 0"):
        check_picklable(work.give, ([crooked, threading.Lock()],))


def test_timeout_of_the_program_for_its_sockets_is_not_for_the_pipe() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        pair = Pair()
    finally:
        socket.setdefaulttimeout(before)
    assert os.get_blocking(pair.here.fileno())
    assert pair.pass_on(np.arange(100_000))[-1] == 99_999
    pair.close()


# -- processes --------------------------------------------------------------------------------------------------------------


def test_arrays_go_to_a_process_and_come_back(slot: ProcessSlot) -> None:
    array = np.arange(1_000_000)
    assert same(run(slot, work.twice, array), np.arange(0, 2_000_000, 2))
    assert array[1] == 1


def test_array_is_mapped_in_the_process_and_not_kept(slot: ProcessSlot) -> None:
    assert run(slot, work.flags_of, np.arange(1_000_000)) == (True, 1)
    assert run(slot, work.maps_of_arrays) == 0


def test_result_is_mapped_here_and_goes_with_its_last_array(slot: ProcessSlot) -> None:
    before = work.maps_of_arrays()
    kept = run(slot, work.array_of, LARGE, 3)
    assert work.maps_of_arrays() == before + 1
    last = kept.pop()
    kept.clear()
    assert work.maps_of_arrays() == before + 1
    assert last.sum() == 2 * LARGE
    del last
    gc.collect()
    assert work.maps_of_arrays() == before


def test_what_a_forked_child_writes_is_not_seen_by_the_parent(slot: ProcessSlot) -> None:
    assert run(slot, work.fork_and_write, np.arange(100_000)) == 0


def test_exception_may_carry_arrays(slot: ProcessSlot) -> None:
    error = failure(slot, work.fail, np.arange(100_000))
    assert error.args[0][-1] == 99_999


def test_process_without_a_free_descriptor_says_so_and_lives_on(slot: ProcessSlot) -> None:
    pid, _ = run(slot, work.where)
    run(slot, work.leave_descriptors, 0)
    error = failure(slot, work.give, np.arange(100_000))
    assert isinstance(error, TypeError)
    assert "no descriptor was left" in str(error)
    assert run(slot, work.where)[0] == pid


def test_process_without_a_descriptor_for_a_mapping_copies(slot: ProcessSlot) -> None:
    run(slot, work.leave_descriptors, 1)  # one to receive, none to map
    assert run(slot, work.twice, np.arange(1_000_000))[-1] == 1_999_998


def test_result_for_which_no_descriptor_is_left_goes_through_the_pipe(slot: ProcessSlot) -> None:
    run(slot, work.leave_descriptors, 0)
    assert len(run(slot, work.array_of, LARGE, 3)) == 3


def test_program_without_a_free_descriptor_learns_why(pair: Pair) -> None:
    body = packed(np.arange(100_000))
    pair.here.send_body(body)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in open_files())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, before[1]))
    fillers = []
    try:
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.dup(0))
        received = pair.there.recv_body()
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert received is not None
    with pytest.raises(OSError, match="no descriptor"):
        received.load()


def test_worker_that_dies_between_runs_gets_the_arrays_again(slot: ProcessSlot) -> None:
    for _ in range(scaled(20, 2)):
        pid, _ = run(slot, work.where)
        os.kill(pid, signal.SIGKILL)
        assert run(slot, work.twice, np.arange(100_000))[-1] == 199_998


def test_result_that_cannot_be_made_again_here_is_an_error_of_the_run(slot: ProcessSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int, __: Any) -> Any:
        raise MemoryError

    run(slot, work.where)
    monkeypatch.setattr(shared_memory, "mapped", none_left)
    error = failure(slot, work.array_of, LARGE, 1)
    assert isinstance(error, ResultNotPicklableError)
    assert "MemoryError" in str(error)


# -- leaks ------------------------------------------------------------------------------------------------------------------


def test_descriptors_go_with_the_arrays(pair: Pair) -> None:
    pair.pass_on(np.zeros(LARGE))
    before, files = work.maps_of_arrays(), open_files()
    kept = [pair.pass_on(np.full(LARGE, n)) for n in range(5)]
    assert work.maps_of_arrays() == before + 5
    del kept
    assert work.maps_of_arrays() == before
    assert open_files() <= files


def test_many_arrays_may_be_kept_without_running_out_of_descriptors(pair: Pair) -> None:
    files = open_files()
    kept = [pair.pass_on(np.full(LARGE, n % 256, np.uint8)) for n in range(3 * shared_memory.MAPPINGS)]
    assert len(open_files()) <= len(files) + shared_memory.MAPPINGS
    assert all((array == n % 256).all() for n, array in enumerate(kept))
    del kept
    assert open_files() <= files
    assert len(shared_memory._permits) == shared_memory.MAPPINGS


def test_body_that_nobody_takes_is_given_back() -> None:
    pair = Pair()
    files = open_files()
    pair.here.send_body(packed(np.zeros(LARGE)))  # dropped without a close, and never received
    assert open_files() <= files
    pair.close()
    assert work.maps_of_arrays() == 0


def test_file_that_cannot_be_written_leaves_no_descriptor_and_goes_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    body = packed(np.arange(100_000))
    assert body.descriptor is None
    assert open_files() <= files
    received = bodies.Received(body.pickled, [])
    assert received.load()[-1] == 99_999


def kill_one_way(slot: ProcessSlot, outside: bool) -> None:
    pid = slot.pid
    if pid is None or not outside:
        slot.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_kills_while_arrays_pass_leave_nothing_behind(slot: ProcessSlot) -> None:
    rng = random.Random(3)
    array = np.zeros(20_000_000, np.uint8)
    run(slot, work.twice, array)
    files, before = open_files(), work.maps_of_arrays()
    for _ in range(scaled(100, 8)):
        outcome = begin(slot, work.twice, array)
        killer = threading.Timer(rng.random() * 0.05, kill_one_way, (slot, rng.random() < 0.5))
        killer.start()
        value, error = outcome.told.get(timeout=LIMIT)
        killer.join()
        assert isinstance(error, WorkerDiedError) if value is None else len(value) == len(array)
        run(slot, work.where)
        del value, outcome
    gc.collect()
    wait_until(lambda: len(open_files()) <= len(files))
    assert work.maps_of_arrays() == before
