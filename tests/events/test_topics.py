from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.events import TopicError
from actors.events.errors import BusFullError
from actors.events.retained import RetainedEvents
from actors.events.topics import LONGEST, PatternTree, pattern_words, topic_words

WORDS = st.sampled_from(["a", "b", "c"])
TOPICS = st.lists(WORDS, min_size=1, max_size=6).map(".".join)
PATTERNS = st.lists(st.sampled_from(["a", "b", "c", "*", "#"]), min_size=1, max_size=7).map(".".join)


def naive_match(pattern: list[str], topic: list[str]) -> bool:
    """The definition of AMQP 0-9-1, word for word; exponential."""
    if not pattern:
        return not topic
    if pattern[0] == "#":
        return naive_match(pattern[1:], topic) or (bool(topic) and naive_match(pattern, topic[1:]))
    return bool(topic) and pattern[0] in ("*", topic[0]) and naive_match(pattern[1:], topic[1:])


def matches(pattern: str, topic: str) -> bool:
    tree: PatternTree[str] = PatternTree()
    tree.add(pattern_words(pattern), "it")
    return tree.match(topic_words(topic)) == ["it"]


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("orders", "orders", True),
        ("orders", "orders.eu", False),
        ("orders.*", "orders", False),
        ("orders.*", "orders.eu", True),
        ("orders.*", "orders.eu.created", False),
        ("orders.#", "orders", True),
        ("orders.#", "orders.eu.created", True),
        ("#", "anything.at.all", True),
        ("#.created", "created", True),
        ("*.#.created", "created", False),
        ("#.eu.#", "orders.eu.created", True),
        ("#.*", "orders", True),
        ("Orders", "orders", False),
    ],
)
def test_a_star_is_one_word_and_a_hash_any_number(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected


@given(PATTERNS, TOPICS)
def test_a_pattern_matches_as_amqp_defines_it(pattern: str, topic: str) -> None:
    assert matches(pattern, topic) is naive_match(pattern.split("."), topic.split("."))


@given(st.lists(st.tuples(PATTERNS, st.booleans()), max_size=12), TOPICS)
def test_the_tree_finds_what_each_pattern_alone_would_find(changes: list[tuple[str, bool]], topic: str) -> None:
    tree: PatternTree[int] = PatternTree()
    there: dict[int, str] = {}
    for number, (pattern, goes) in enumerate(changes):
        tree.add(pattern_words(pattern), number)
        there[number] = pattern
        if goes:
            gone = min(there)
            assert tree.discard(pattern_words(there.pop(gone)), gone)
    found = tree.match(topic_words(topic))
    assert len(tree) == len(there)
    assert Counter(found) == Counter(n for n, pattern in there.items() if naive_match(pattern.split("."), topic.split(".")))


@given(st.lists(PATTERNS, max_size=8))
def test_a_tree_that_everything_was_taken_out_of_is_empty(patterns: list[str]) -> None:
    tree: PatternTree[int] = PatternTree()
    for number, pattern in enumerate(patterns):
        tree.add(pattern_words(pattern), number)
    for number, pattern in enumerate(patterns):
        assert tree.discard(pattern_words(pattern), number)
        assert not tree.discard(pattern_words(pattern), number)
    assert len(tree) == 0
    assert tree._root.next == {}


@given(st.lists(st.tuples(TOPICS, st.booleans()), max_size=12), PATTERNS)
def test_retained_events_are_found_in_the_order_of_their_publication(changes: list[tuple[str, bool]], pattern: str) -> None:
    kept = RetainedEvents(100)
    model: dict[str, int] = {}
    for number, (topic, forgets) in enumerate(changes):
        if forgets:
            assert kept.forget(topic_words(topic)) is (model.pop(topic, None) is not None)
        else:
            model.pop(topic, None)
            model[topic] = number
            kept.keep(topic, topic_words(topic), number)
    assert len(kept) == len(model)
    assert kept.match(pattern_words(pattern)) == [(t, n) for t, n in model.items() if naive_match(pattern.split("."), t.split("."))]
    for topic in list(model):
        kept.forget(topic_words(topic))
    assert kept._root.next == {}


def test_more_topics_than_allowed_are_refused_and_a_known_one_is_not() -> None:
    kept = RetainedEvents(1)
    kept.keep("a", ("a",), 1)
    kept.keep("a", ("a",), 2)
    with pytest.raises(BusFullError) as caught:
        kept.keep("b", ("b",), 3)
    assert caught.value.limit == 1
    assert kept.match(("#",)) == [("a", 2)]
    assert kept._root.next.keys() == {"a"}


class CountingDict(dict[str, Any]):
    """Counts the look-ups in all of them."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        CountingDict.looks += 1
        return super().get(key, default)


def work_of_match(patterns: list[str], topic: str) -> tuple[int, int]:
    """How many look-ups a match takes, and how many values it finds."""
    tree: PatternTree[int] = PatternTree()
    for number, pattern in enumerate(patterns):
        tree.add(pattern_words(pattern), number)
    nodes = [tree._root]
    for node in nodes:
        node.next = CountingDict(node.next)
        nodes.extend(node.next.values())
    CountingDict.looks = 0
    found = tree.match(topic_words(topic))
    return CountingDict.looks, len(found)


def test_a_match_does_not_look_at_subscriptions_to_other_topics() -> None:
    few, _ = work_of_match([f"orders.{n}.created" for n in range(10)] + ["orders.#"], "orders.3.created")
    many, found = work_of_match([f"orders.{n}.created" for n in range(10_000)] + ["orders.#"] * 1000, "orders.3.created")
    assert found == 1001
    assert many == few


@pytest.mark.parametrize(
    "pattern",
    [
        ".".join(["#", "a"] * 63),
        ".".join(["#", "*"] * 63),
        ".".join(["#"] * 127),
        ".".join(["*", "#", "a", "#"] * 31),
        "#." + "a." * 120 + "b",
    ],
)
def test_the_worst_patterns_take_a_number_of_steps_that_is_a_product(pattern: str) -> None:
    topic = ".".join(["a"] * 127)
    work, _ = work_of_match([pattern], topic)
    assert work <= 128 * 3 * (len(pattern_words(pattern)) + 1)


def test_many_wildcard_patterns_together_are_found_within_a_product() -> None:
    patterns = [".".join(words) for size in range(1, 7) for words in itertools.product(("#", "*", "a"), repeat=size)]
    work, found = work_of_match(patterns, ".".join(["a"] * 20))
    assert found == sum("#" in pattern for pattern in patterns)
    assert work <= 21 * 3 * 2 * len(patterns)


def test_the_worst_pattern_over_retained_topics_looks_at_no_place_twice() -> None:
    kept = RetainedEvents(1000)
    for size in range(1, 100):
        kept.keep(".".join(["a"] * size), ("a",) * size, size)
    pattern = pattern_words(".".join(["#", "a"] * 63))
    assert [event for _, event in kept.match(pattern)] == list(range(63, 100))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at least one word"),
        (".", "empty word"),
        ("a..b", "empty word"),
        (".a", "empty word"),
        ("a.", "empty word"),
        ("a." * LONGEST + "a", "characters"),
    ],
)
def test_what_is_no_topic_is_refused_with_advice(text: str, why: str) -> None:
    for words in (topic_words, pattern_words):
        with pytest.raises(TopicError, match=why) as caught:
            words(text)
        assert caught.value.topic == text


@pytest.mark.parametrize("text", ["*", "#", "a.*", "#.a", "a*", "a.b#c"])
def test_a_topic_has_no_wildcard(text: str) -> None:
    with pytest.raises(TopicError, match="publish on one topic"):
        topic_words(text)


@pytest.mark.parametrize("text", ["a*", "*a.b", "a.##", "**", "a.b#"])
def test_a_wildcard_is_a_word_of_its_own(text: str) -> None:
    with pytest.raises(TopicError, match="a word of its own"):
        pattern_words(text)


@pytest.mark.parametrize("value", [None, 3, b"a.b", ["a"], ("a", "b")])
def test_what_is_no_text_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="topic="):
        topic_words(value)
    with pytest.raises(TypeError, match="pattern="):
        pattern_words(value)
