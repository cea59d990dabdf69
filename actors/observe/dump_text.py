"""A dump as text, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.snapshots.words import details

if TYPE_CHECKING:
    from actors.observe.dump import ActorDump, Dump, SystemDump, ThreadDump
    from actors.observe.stacks import Frame

__all__ = ["dump_text"]

_TOGETHER = 5  # actors at the same place that are named
_EDGES = 200  # waits that are listed


def dump_text(dump: Dump) -> str:
    """Return a dump as text; see `Dump.text`."""
    lines: list[str] = []
    for system in dump.systems:
        lines += _system(system)
    if dump.waits.edges:
        waits = dump.waits.text().splitlines()
        lines += ["", "waits:", *(f"  {line}" for line in waits[:_EDGES])]
        lines += [f"  … {len(waits) - _EDGES:,} more"] if len(waits) > _EDGES else []
    if dump.threads:
        lines += ["", "other threads:", *(line for thread in dump.threads for line in _thread(thread))]
    return "\n".join(lines) + "\n"


def _system(system: SystemDump) -> list[str]:
    counts: dict[str, int] = {}
    places: dict[object, list[ActorDump]] = {}
    for one in system.actors:
        position = one.position.value
        counts[position] = counts.get(position, 0) + 1
        if position != "idle":
            places.setdefault((one.info.actor_class, position, one.stack), []).append(one)
    said = ", ".join(f"{count:,} {position}" for position, count in sorted(counts.items()))
    lines = [f"system {system.name}, {system.state.value}: {len(system.actors):,} actors ({said})"]
    for actors in places.values():
        lines.append("")
        lines += [
            f"{one.info.path}  {one.info.actor_class}  {one.position.value}  {' · '.join(details(one.info))}" for one in actors[:_TOGETHER]
        ]
        lines += [f"… {len(actors) - _TOGETHER:,} more of them here"] if len(actors) > _TOGETHER else []
        lines += _frames(actors[0].stack)
    if system.threads:
        lines += ["", f"threads of {system.name}:", *(line for thread in system.threads for line in _thread(thread))]
    return lines


def _thread(thread: ThreadDump) -> list[str]:
    return [
        f"  {thread.name}" + (f", at {thread.actor}" if thread.actor is not None else ""),
        *(f"  {line}" for line in _frames(thread.stack[-5:])),
    ]


def _frames(stack: tuple[Frame, ...]) -> list[str]:
    lines = []
    for frame in stack:
        lines.append(f"    {frame.file}:{frame.line} in {frame.function}")
        lines += [f"      {frame.code}"] if frame.code else []
    return lines
