"""The last events of topics, kept for those who subscribe later."""

from __future__ import annotations

from typing import Any

from actors.events.errors import BusFullError
from actors.events.topics import ANY, ONE, Words

__all__ = ["RetainedEvents"]


class _Topic:
    """A word of topics; `event` is that of the topic which ends here: (number, topic, event)."""

    __slots__ = ("event", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Topic] = {}
        self.event: tuple[int, str, Any] | None = None


class RetainedEvents:
    """One event for each of at most `limit` topics. Not safe for threads: the caller has a lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._root = _Topic()
        self._size = 0
        self._number = 0  # orders the events

    def __len__(self) -> int:
        return self._size

    def keep(self, topic: str, words: Words, event: Any) -> None:
        """Keep `event` in place of the one that the topic has.

        Raises:
            BusFullError: there are events of `limit` other topics.
        """
        node = self._find(words)
        if node is None or node.event is None:
            if self._size >= self._limit:
                raise BusFullError("retained", self._limit)
            self._size += 1
            node = self._root
            for word in words:
                node = node.next.setdefault(word, _Topic())
        self._number += 1
        node.event = (self._number, topic, event)

    def forget(self, words: Words) -> bool:
        """Keep nothing for a topic; return False if nothing was kept."""
        node = self._find(words)
        if node is None or node.event is None:
            return False
        node.event = None
        self._size -= 1
        way = [self._root]
        for word in words:
            way.append(way[-1].next[word])
        for word in reversed(words):
            node = way.pop()
            if node.next or node.event is not None:
                break
            del way[-1].next[word]
        return True

    def match(self, pattern: Words) -> list[tuple[str, Any]]:
        """Return (topic, event) of the topics that match, in the order in which the events were published.

        Takes at most (words of the pattern) x (words of the tree) steps, however the wildcards stand: no place is looked at twice.
        """
        found: list[tuple[int, str, Any]] = []
        places: list[tuple[_Topic, int]] = [(self._root, 0)]  # a topic so far, and how much of the pattern it has used up
        seen = set(places)
        while places:
            topic, used = places.pop()
            if used == len(pattern):
                if topic.event is not None:
                    found.append(topic.event)
                continue
            for place in _onwards(topic, pattern[used], used):
                if place not in seen:
                    seen.add(place)
                    places.append(place)
        found.sort(key=lambda event: event[0])
        return [(topic, event) for _, topic, event in found]

    def _find(self, words: Words) -> _Topic | None:
        node: _Topic | None = self._root
        for word in words:
            if node is None:
                return None
            node = node.next.get(word)
        return node


def _onwards(topic: _Topic, word: str, used: int) -> list[tuple[_Topic, int]]:
    """Return the places that `word` of a pattern leads to from `topic`."""
    if word == ANY:
        return [(topic, used + 1), *((following, used) for following in topic.next.values())]
    if word == ONE:
        return [(following, used + 1) for following in topic.next.values()]
    following = topic.next.get(word)
    return [] if following is None else [(following, used + 1)]
