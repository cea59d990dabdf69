"""A tree of actors as JSON. Actors stand in one list, each before its children and with the place of its parent: no depth is too much."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from actors._core.lifecycle import Lifecycle
from actors._core.stats import ActorStats
from actors.snapshots.records import ActorInfo, MailboxInfo, MessageInfo, TimerInfo, WaitInfo, WaitKind
from actors.snapshots.tree import Tree

__all__ = ["VERSION", "plain_of", "tree_from_json", "tree_json"]

VERSION = 1
OTHER = f"of another version than {VERSION}"
ORPHAN = "an actor stands before its parent"


def tree_json(tree: Tree) -> str:
    """Return what `tree_from_json` reads."""
    actors: list[dict[str, Any]] = []
    todo = [(info, -1) for info in reversed(tree.actors)]
    while todo:
        info, parent = todo.pop()
        todo += [(child, len(actors)) for child in reversed(info.children)]
        actors.append({"parent": parent, **plain_of(info, leaving_out=("children",))})
    return json.dumps({"version": VERSION, **plain_of(tree, leaving_out=("actors",)), "actors": actors})


def plain_of(record: Any, leaving_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a record as what JSON knows, without some of its fields."""
    return {one.name: _plain(getattr(record, one.name)) for one in fields(record) if one.name not in leaving_out}


def _plain(value: Any) -> Any:
    if isinstance(value, (Lifecycle, WaitKind)):
        return value.value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return plain_of(value) if hasattr(value, "__dataclass_fields__") else value


def tree_from_json(text: str) -> Tree:
    """Return the tree that `tree_json` gave.

    Raises:
        ValueError: `text` is something else.
    """
    try:
        given = json.loads(text)
        if given.pop("version") != VERSION:
            raise ValueError(OTHER)  # noqa: TRY301  # a part of the sentence below
        below: list[list[ActorInfo]] = [[] for _ in given["actors"]]
        roots: list[ActorInfo] = []
        for place in range(len(below) - 1, -1, -1):  # children first
            one = given["actors"][place]
            parent = one.pop("parent")
            if not -1 <= parent < place:
                raise ValueError(ORPHAN)  # noqa: TRY301  # likewise
            (roots if parent < 0 else below[parent]).append(_actor(one, tuple(reversed(below[place]))))
        return Tree(**{**given, "actors": tuple(reversed(roots))})
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        msg = f"text is not the JSON of a tree of actors: {error}"
        raise ValueError(msg) from error


def _actor(given: dict[str, Any], children: tuple[ActorInfo, ...]) -> ActorInfo:
    stats = {**given["stats"], "state": Lifecycle(given["stats"]["state"])}
    box = given["mailbox"]
    handling = given["handling"]
    made: dict[str, Any] = {
        "state": Lifecycle(given["state"]),
        "stats": ActorStats(**stats),
        "mailbox": MailboxInfo(**{**box, "head": tuple(MessageInfo(**message) for message in box["head"])}),
        "handling": None if handling is None else MessageInfo(**handling),
        "waits": tuple(WaitInfo(**{**wait, "kind": WaitKind(wait["kind"])}) for wait in given["waits"]),
        "timers": tuple(TimerInfo(**timer) for timer in given["timers"]),
        "children": children,
    }
    lists = {name: tuple(given[name]) for name in ("watchers", "watching", "links", "groups", "warnings")}
    return ActorInfo(**{**given, **lists, **made})
