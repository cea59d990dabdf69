"""The example of the model-serving gateway: the model is real, and every request has an outcome."""

from __future__ import annotations

import asyncio
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors.channels import open_channel
from actors.routers import Batch, Pool
from supervisors import CircuitBreaker, CircuitOpenError
from tests.examples.test_examples import FOLDER, LIMIT


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The example as a module, with what stands beside it."""
    names = ("model_gateway", "_embedding", "_terminal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENROOM_QUICK", "1")
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("model_gateway")
    for name in names:
        del sys.modules[name]


@pytest.fixture(scope="module")
def library(example: Any) -> Any:
    return example.Library(example.load_documents())


def serve(example: Any, library: Any, scenario: Any, *, size: int = 1, patience: float = 60.0) -> Any:
    """Run `scenario` with a gateway before a pool of `size` workers."""

    async def run() -> Any:
        async with (
            ActorSystem() as system,
            Pool(system, partial(example.Searcher, library), size=size, batch=Batch(8, within=0.001)) as pool,
        ):
            breaker = CircuitBreaker(failures=5, reset=60.0, counts=example.is_failure_of_the_model)
            gateway = await system.spawn_async(example.Gateway, pool.ref, breaker, patience)
            return await scenario(gateway, pool)

    return asyncio.run(run())


def search(example: Any, gateway: Any, text: str = "a thread") -> tuple[Any, Any]:
    sender, receiver = open_channel(example.ROOM, of=example.Hit)
    return gateway.ask(example.Search(text, sender), block=False), receiver


# -- the model -------------------------------------------------------------------------------------------------------------


def test_a_text_finds_the_document_that_it_was_taken_from(library: Any) -> None:
    documents = library.documents[:: max(1, len(library.documents) // 50)]
    for document, hits in zip(documents, library.search([one.named for one in documents], 3), strict=True):
        assert hits[0].score == pytest.approx(1.0, abs=1e-3)
        assert document in [hit.document for hit in hits] or hits[-1].score == pytest.approx(1.0, abs=1e-3)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_text_is_the_same_vector_alone_and_in_company(library: Any) -> None:
    texts = [document.summary for document in library.documents[:20]]
    together = library.model.embed(texts)
    for text, row in zip(texts, together, strict=True):
        assert library.model.embed([text])[0] == pytest.approx(row, abs=1e-4)


def test_without_a_model_it_is_said_what_to_install(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_embedding.find_spec", lambda name: None)
    with pytest.raises(example.NoModelError, match=re.escape("pip install 'greenroom[sklearn]'")):
        example.Library(example.load_documents())


# -- the gateway -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_a_stream_of_the_nearest_documents(example: Any, library: Any) -> None:
    async def scenario(gateway: Any, pool: Any) -> None:
        answer, hits = search(example, gateway)
        assert [hit async for hit in hits] == library.search(["a thread"], example.TOP)[0]
        assert await answer is example.Outcome.ANSWERED

    serve(example, library, scenario)


def test_a_client_that_cancels_takes_its_job_out_of_the_pool(example: Any, library: Any) -> None:
    async def scenario(gateway: Any, pool: Any) -> Any:
        first, _ = search(example, gateway)
        while not pool.stats().waiting:  # noqa: ASYNC110  # nobody is told that a job has come; as nobody works, it stays
            await asyncio.sleep(0)
        assert first.cancel()
        assert await pool.drain_async(timeout=60)
        return pool.stats()

    stats = serve(example, library, scenario, size=0)
    assert (stats.accepted, stats.cancelled) == (1, 1)


def test_a_client_that_closes_its_stream_ends_the_answer(example: Any, library: Any) -> None:
    async def scenario(gateway: Any, pool: Any) -> None:
        answer, hits = search(example, gateway)
        await hits.receive_async()
        hits.close()
        assert await answer is example.Outcome.CLIENT_GONE

    serve(example, library, scenario)


def test_a_stream_that_nobody_reads_is_given_up_and_others_are_served(example: Any, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "GIVE_UP", 0.01)

    async def scenario(gateway: Any, pool: Any) -> None:
        sleepers = [search(example, gateway) for _ in range(20)]
        answer, hits = search(example, gateway)
        assert len([hit async for hit in hits]) == example.TOP
        assert await answer is example.Outcome.ANSWERED
        assert {await answer for answer, _ in sleepers} == {example.Outcome.NOT_READ}
        assert {receiver.stats().waiting for _, receiver in sleepers} == {example.ROOM}  # and no more

    serve(example, library, scenario)


def test_without_the_model_requests_run_out_of_time_and_then_are_refused_at_once(example: Any, library: Any) -> None:
    async def scenario(gateway: Any, pool: Any) -> None:
        for _ in range(5):
            answer, hits = search(example, gateway)
            assert await answer is example.Outcome.TIMED_OUT
            assert [hit async for hit in hits] == []
        answer, hits = search(example, gateway)
        with pytest.raises(CircuitOpenError):
            await answer
        assert [hit async for hit in hits] == []
        assert (pool.stats().accepted, pool.stats().cancelled) == (5, 5)

    serve(example, library, scenario, size=0, patience=0.01)


def test_every_request_has_an_outcome_and_the_latencies_are_drawn(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(FOLDER / "model_gateway.py"), "--clients", "16", "--seconds", "2"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    counts = re.search(r"^([\d,]+) requests = ([\d,]+) with an outcome", result.stdout, re.MULTILINE)
    assert counts is not None
    assert counts[1] == counts[2] != "0"
    assert re.search(r"^up to +\d+ ms +\d+ #", result.stdout, re.MULTILINE)
    assert "the model is there again" in result.stdout


@pytest.mark.parametrize("arguments", [["--clients", "0"], ["--batch", "0"], ["--seconds", "0"], ["--seconds", "nan"], ["--rate", "-1"]])
def test_numbers_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    command = [sys.executable, str(FOLDER / "model_gateway.py"), *arguments]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert result.returncode == 2
    assert "take numbers from 1" in result.stderr
