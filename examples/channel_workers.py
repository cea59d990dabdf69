"""Three workers share the jobs of one channel: whoever is free takes the next, and nobody hands them out.

    producer ──jobs (4)──> 3 workers ──results──> here

The channel of jobs holds four, so the producer waits for the workers and never runs ahead. Each side closes what it sends to: the end of
the jobs ends the workers, and the end of the last worker ends the results. At the end every job has come back as a square, once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from actors import Actor, ActorSystem, get_all, handler
from actors.channels import Receiver, Sender, open_channel

from _terminal import QUICK, print_table

JOBS = 300 if QUICK else 3_000
WORKERS = 3


@dataclass(frozen=True)
class Square:
    worker: str
    job: int
    square: int


@dataclass(frozen=True)
class Produce:
    jobs: Sender[int]


@dataclass(frozen=True)
class Work:
    jobs: Receiver[int]
    results: Sender[Square]


class Producer(Actor):
    @handler
    def on_produce(self, message: Produce) -> None:
        with message.jobs as jobs:  # closed at the end, also after an error
            for job in range(JOBS):
                jobs.send(job)  # while four wait: the handler is parked, and its thread serves others


class Worker(Actor):
    @handler
    def on_work(self, message: Work) -> None:
        with message.results as results:
            for job in message.jobs:  # until the channel is closed and drained
                results.send(Square(self.path, job, job * job))


def main() -> None:
    jobs_in, jobs = open_channel(4, of=int, name="jobs")
    results_in, results = open_channel(0, of=Square, name="results")
    with ActorSystem() as system:
        workers = [system.spawn(Worker, name=f"worker-{number}") for number in range(WORKERS)]
        ended = [worker.ask(Work(jobs, results_in.clone()), block=False) for worker in workers]
        ended.append(system.spawn(Producer).ask(Produce(jobs_in), block=False))
        results_in.close()  # each worker has an end of its own; with the last of them the results end

        squares = list(results)
        get_all(ended)  # raises what went wrong in any of them

    shares = Counter(square.worker for square in squares)
    print_table(f"{JOBS:,} jobs", ("worker", "jobs"), sorted(shares.items()))
    stats = jobs.stats()
    print(f"\n{stats.sent:,} jobs sent = {stats.received:,} received + {stats.waiting:,} waiting + {stats.discarded:,} discarded")
    if {square.job: square.square for square in squares} != {job: job * job for job in range(JOBS)} or len(squares) != JOBS:
        raise AssertionError("a job is lost, or was done twice")
    print(f"{len(squares):,} squares came back: every job was done once")


if __name__ == "__main__":
    main()
