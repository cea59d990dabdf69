"""Types of channels: what their ends carry, what select returns."""

from __future__ import annotations

from typing import Any, assert_type

from actors.channels import Channel, ChannelStats, Receiver, Selected, Sender, open_channel, select, select_async

sender, receiver = open_channel(10, of=str)
assert_type(sender, Sender[str])
assert_type(receiver, Receiver[str])
sender.send("text")
sender.send(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
sender.send_nowait(b"x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(receiver.receive(), str)
assert_type(receiver.receive(timeout=1), str)
assert_type(receiver.receive_nowait(), str)
assert_type(receiver.drain(), list[str])
assert_type(receiver.close(), list[str])
assert_type(sender.clone(), Sender[str])
assert_type(receiver.clone(), Receiver[str])
assert_type(receiver.stats(), ChannelStats)
assert_type([text.upper() for text in receiver], list[str])

unchecked: tuple[Sender[int | str], Receiver[int | str]] = open_channel(None)
unchecked[0].send(1)

jobs = Channel[int](0)
jobs.send(1)
jobs.send("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(jobs.receive(), int)
assert_type(jobs.sender(), Sender[int])
assert_type(jobs.receiver(), Receiver[int])
Channel[int]("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Animal: ...


class Cat(Animal): ...


def feed(animals: Receiver[Animal]) -> None: ...


def bring(cats: Sender[Cat]) -> None: ...


def variance(cats: Receiver[Cat], animals: Sender[Animal], all_animals: Receiver[Animal]) -> None:
    feed(cats)  # whoever takes any animal takes cats
    bring(animals)  # where any animal may be sent, a cat may
    cats = all_animals  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


with sender as same, receiver as also:
    assert_type(same, Sender[str])
    assert_type(also, Receiver[str])

assert_type(select(receiver, jobs, sender.sending("x"), timeout=1.0), Selected)
sender.sending(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
select("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
select(sender)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def coroutines() -> None:
    assert_type(await receiver.receive_async(), str)
    await sender.send_async("text", timeout=None)
    await sender.send_async(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async with jobs as same:
        assert_type(same, Channel[int])
    async for job in jobs:
        assert_type(job, int)
    chosen = await select_async(jobs)
    assert_type(chosen, Selected)
    assert_type(chosen.value, Any)
    assert_type(chosen.index, int)
