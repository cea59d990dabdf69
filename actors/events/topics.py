"""Topics and their patterns: which subscriptions an event is for.

A topic is words with dots between, like ``orders.eu.created``. In a pattern ``*`` stands for exactly one word and ``#`` for any number of
words, also none, as in the topic exchanges of AMQP 0-9-1 (section 3.1.3.3 of its specification).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Generic, TypeVar

from actors.events.errors import TopicError

__all__ = ["ANY", "LONGEST", "ONE", "PatternTree", "Words", "pattern_words", "topic_words"]

Words = tuple[str, ...]
V = TypeVar("V")

ONE = "*"  # exactly one word
ANY = "#"  # any number of words
LONGEST = 255  # characters; what AMQP allows a routing key, and what bounds the work of a match


def topic_words(topic: object) -> Words:
    """Return the words of a topic that is published on.

    Raises:
        TypeError: it is no text.
        TopicError: it is empty, too long, has an empty word, or a wildcard.
    """
    if not isinstance(topic, str):
        msg = f"topic={topic!r} is not valid: a text, like 'orders.eu.created'"
        raise TypeError(msg)
    return _topic_words(topic)


def pattern_words(pattern: object) -> Words:
    """Return the words of a pattern in their shortest form: neighbouring ``#`` are one, and stand behind neighbouring ``*``.

    Raises:
        TypeError: it is no text.
        TopicError: it is empty, too long, has an empty word, or a wildcard that is a part of a word.
    """
    if not isinstance(pattern, str):
        msg = f"pattern={pattern!r} is not valid: a text, like 'orders.*.created' or 'orders.#'"
        raise TypeError(msg)
    shortest: list[str] = []
    open_ended = False  # whether a "#" waits for the next plain word
    for word in _words(pattern):
        if word == ANY:
            open_ended = True
            continue
        if word != ONE:
            _check_plain(pattern, word, f"a wildcard is a word of its own, as in 'a.{ONE}.b' or 'a.{ANY}'")
            if open_ended:
                shortest.append(ANY)
                open_ended = False
        shortest.append(word)
    return (*shortest, ANY) if open_ended else tuple(shortest)


@lru_cache(maxsize=4096)
def _topic_words(topic: str) -> Words:
    words = _words(topic)
    for word in words:
        _check_plain(topic, word, f"{ONE} and {ANY} are for the patterns of subscriptions; publish on one topic")
    return words


def _words(text: str) -> Words:
    if not text:
        raise TopicError(text, "a topic has at least one word, like 'orders'")
    if len(text) > LONGEST:
        raise TopicError(text, f"it has {len(text)} characters, {LONGEST} are allowed; what is longer belongs into the event")
    words = tuple(text.split("."))
    if "" in words:
        raise TopicError(text, "it has an empty word; write one dot between two words, and none at the ends")
    return words


def _check_plain(text: str, word: str, why: str) -> None:
    if ONE in word or ANY in word:
        raise TopicError(text, why)


class _Node(Generic[V]):
    """What patterns have in common up to a word; `next` has their next words, wildcards as well."""

    __slots__ = ("next", "open_ended", "values")

    def __init__(self, *, open_ended: bool) -> None:
        self.next: dict[str, _Node[V]] = {}
        self.open_ended = open_ended  # its word is "#": it takes any word and stays
        self.values: dict[V, None] = {}  # of patterns that end here, in the order in which they came


class PatternTree(Generic[V]):
    """Finds the values whose patterns match a topic.

    The tree of patterns is read as an automaton: the nodes that the words so far may have led to are a set, which each further word
    moves on. So a match takes at most (words of the topic) x (different beginnings of patterns that fit) steps however the wildcards
    stand, and values with equal patterns cost nothing but to be returned. Not safe for threads: the caller has a lock.
    """

    def __init__(self) -> None:
        self._root: _Node[V] = _Node(open_ended=False)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, pattern: Words, value: V) -> None:
        """Have `value` found by topics that match `pattern`."""
        node = self._root
        for word in pattern:
            following = node.next.get(word)
            if following is None:
                following = node.next[word] = _Node(open_ended=word == ANY)
            node = following
        if value not in node.values:
            node.values[value] = None
            self._size += 1

    def discard(self, pattern: Words, value: V) -> bool:
        """Undo `add`; return False if there is nothing to undo."""
        way = [self._root]
        for word in pattern:
            node = way[-1].next.get(word)
            if node is None:
                return False
            way.append(node)
        if value not in way[-1].values:
            return False
        del way[-1].values[value]
        self._size -= 1
        for word in reversed(pattern):  # what leads nowhere any more is no reason to remember
            node = way.pop()
            if node.next or node.values:
                break
            del way[-1].next[word]
        return True

    def match(self, topic: Words) -> list[V]:
        """Return the values whose patterns match `topic`, each once."""
        here: dict[_Node[V], None] = {}
        _arrive(here, self._root)
        for word in topic:
            before, here = here, {}
            for node in before:
                if node.open_ended:
                    _arrive(here, node)
                for way in (word, ONE):
                    following = node.next.get(way)
                    if following is not None:
                        _arrive(here, following)
            if not here:
                return []
        return [value for node in here for value in node.values]


def _arrive(here: dict[_Node[V], None], node: _Node[V]) -> None:
    """Add `node` to those that the words so far may have led to, and the ``#`` behind it, which may stand for no word."""
    here[node] = None
    open_end = node.next.get(ANY)
    if open_end is not None:
        here[open_end] = None  # no "#" follows a "#"
