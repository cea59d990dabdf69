"""Reading JSON lines: what is wanted of them, in which order, and that nothing in them can do harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from actors.logs import reading
from actors.logs.reading import LEVELS, Splitter, Tally, matches, merged, ordered, parse
from actors.logs.view import Conversation, View, json_escaped
from actors.logs.wanted import Wanted, time_of

START = datetime(2024, 5, 31, 12, tzinfo=UTC)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-3))]
WINDOW = 10

NAMES = ["shop", "cart", "shopping", "db", "db-1", "é", 'a"b', "back\\slash"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
PATTERNS = st.lists(st.sampled_from([*NAMES, "*", "**", "db*", "*o*"]), min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
IDS = st.sampled_from(["7", "77", "ab-1", "é", 'a"', "\\", "\ufffd", "\n"])
EVENTS = ["actor.crashed", "actor.stopped", "actors", "supervisor.gave_up", "a"]
# The long s is an s when upper and lower case are the same, the Kelvin sign is a k, and ß is ss.
TEXTS = st.text(st.sampled_from([*'skSK \u017f\u212aßé="\\/\n\x1b[u0123456789']), max_size=6) | st.sampled_from(
    ["Sold tea", "straße", "\ud800"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
MOMENTS = st.builds(
    lambda seconds, zone: (START + timedelta(seconds=seconds / 4)).astimezone(zone), st.integers(-8, 8), st.sampled_from(ZONES)
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A record as the logging actor writes it, or nearly: any of its parts may be missing."""
    level = draw(st.sampled_from([*LEVELS, "NOTICE"]))
    parts: dict[str, Any] = {
        "time": draw(MOMENTS).isoformat(),
        "level": level,
        "message": draw(TEXTS),
        "actor": draw(PATHS),
        "correlation": draw(IDS),
        "event": draw(st.sampled_from(EVENTS)),
        "fields": draw(st.dictionaries(TEXTS, VALUES, max_size=2)),
        "exception": {"type": "OSError", "message": draw(TEXTS), "traceback": f"Traceback\n  {draw(TEXTS)}"},
    }
    kept = draw(st.sets(st.sampled_from([*parts]), min_size=5))
    record = {key: parts[key] for key in parts if key in kept}
    return record | ({"no": 33} if level == "NOTICE" and "level" in kept else {})


@st.composite
def written(draw: st.DrawFn, record: dict[str, Any]) -> bytes:
    """A record as a line of JSON, in one of the ways to write it."""
    separators = draw(st.sampled_from([(", ", ": "), (",", ":")]))
    try:
        text = json.dumps(record, ensure_ascii=draw(st.booleans()), separators=separators)
        line = (text.replace("/", "\\/") if draw(st.booleans()) else text).encode()
    except UnicodeEncodeError:  # a lone surrogate has no other way
        line = json.dumps(record).encode()
    return line + draw(st.sampled_from([b"", b"\r", b" "]))


def found(lines: list[bytes], wanted: Wanted) -> list[bytes]:
    return [one.raw for one in matches(lines, wanted, Tally())]


def is_below(names: list[str], pattern: list[str]) -> bool:
    """Whether a path, as its names, is one that the pattern means, or below such a one."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(is_below(names[count:], pattern[1:]) for count in range(len(names) + 1))
    return bool(names) and fits(names[0], pattern[0]) and is_below(names[1:], pattern[1:])


def fits(text: str, pattern: str) -> bool:
    if not pattern or not text:
        return text == pattern.strip("*")
    if pattern[0] == "*":
        return fits(text, pattern[1:]) or fits(text[1:], pattern)
    return text[0] == pattern[0] and fits(text[1:], pattern[1:])


def told(record: dict[str, Any]) -> list[str]:
    """All that a text may be looked for in."""
    fields = [f"{key}={value if isinstance(value, str) else dumped(value)}" for key, value in record.get("fields", {}).items()]
    exception = record.get("exception")
    return [record.get("message", ""), *fields, *([f"OSError: {exception['message']}", exception["traceback"]] if exception else [])]


def dumped(value: Any) -> str:
    return json.dumps(json.loads(json.dumps(value)), ensure_ascii=False)


class TestFilters:
    @given(st.data(), records(), st.lists(PATTERNS, min_size=1, max_size=2))
    def test_an_actor_is_wanted_with_all_below_it(self, data: st.DataObject, record: dict[str, Any], patterns: list[str]) -> None:
        line = data.draw(written(record))
        names = record.get("actor", "").split("/")[1:]
        expected = "actor" in record and any(is_below(names, pattern.split("/")[1:]) for pattern in patterns)
        assert found([line], Wanted(actors=patterns)) == [line] * expected

    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("/shop", "/shop", True),
            ("/shop", "/shop/cart/item", True),
            ("/shop/", "/shop/cart", True),
            ("/shop", "/shopping", False),
            ("/shop", "/web/shop", False),
            ("/**/shop", "/web/shop", True),
            ("/shop/*/db", "/shop/a/db", True),
            ("/shop/*/db", "/shop/a/b/db", False),
            ("/shop/**/db", "/shop/a/b/db", True),
            ("/shop/**/db", "/shop/db", True),
            ("/db-*", "/db-17/reader", True),
            ("/", "/shop", True),
            ("/shop.cart", "/shop/cart", False),
        ],
    )
    def test_patterns_of_paths(self, pattern: str, path: str, *, expected: bool) -> None:
        line = json.dumps({"actor": path}).encode()
        assert found([line], Wanted(actors=[pattern])) == [line] * expected

    @given(st.data(), records(), st.lists(IDS, min_size=1, max_size=2))
    def test_a_correlation_is_wanted_by_its_whole_id(self, data: st.DataObject, record: dict[str, Any], ids: list[str]) -> None:
        line = data.draw(written(record))
        assert found([line], Wanted(correlations=ids)) == [line] * (record.get("correlation") in ids)

    @given(st.data(), records(), st.integers(0, 60))
    def test_a_level_is_wanted_from_its_number_on(self, data: st.DataObject, record: dict[str, Any], level: int) -> None:
        line = data.draw(written(record))
        number = {**LEVELS, "NOTICE": 33}.get(record.get("level", ""), -1)
        assert found([line], Wanted(level=level)) == [line] * (number >= level)

    @given(st.data(), records(), MOMENTS | st.none(), MOMENTS | st.none())
    def test_a_time_is_wanted_with_both_its_ends(
        self, data: st.DataObject, record: dict[str, Any], since: datetime | None, until: datetime | None
    ) -> None:
        assume(since or until)
        line = data.draw(written(record))
        at = datetime.fromisoformat(record["time"]) if "time" in record else None
        expected = at is not None and (since is None or since <= at) and (until is None or at <= until)
        wanted = Wanted(since=since and since.timestamp(), until=until and until.timestamp())
        assert found([line], wanted) == [line] * expected

    @given(st.data(), records(), st.lists(st.sampled_from([*EVENTS, "actor.*", "*ed", "*"]), min_size=1, max_size=2))
    def test_an_event_is_wanted_by_name_or_by_a_part_of_it(self, data: st.DataObject, record: dict[str, Any], events: list[str]) -> None:
        line = data.draw(written(record))
        expected = "event" in record and any(fits(record["event"], event) for event in events)
        assert found([line], Wanted(events=events)) == [line] * expected

    @given(st.data(), records(), st.lists(TEXTS, min_size=1, max_size=2))
    @example(st.none(), {"message": "", "fields": {"k": 1e22}}, ["k=1E+22"]).via("a number is written otherwise")
    def test_a_text_is_wanted_wherever_it_stands(self, data: st.DataObject, record: dict[str, Any], texts: list[str]) -> None:
        line = data.draw(written(record)) if isinstance(data, st.DataObject) else json.dumps(record).encode()
        expected = all(any(text.casefold() in part.casefold() for part in told(record)) for text in texts)
        assert found([line], Wanted(grep=texts)) == [line] * expected

    @given(st.data(), st.lists(records(), max_size=6))
    def test_a_line_has_to_match_all_that_is_asked_for(self, data: st.DataObject, many: list[dict[str, Any]]) -> None:
        lines = [data.draw(written(record)) for record in many]
        filters: dict[str, Any] = {
            "actors": ["/shop", "/**/db"],
            "level": 30,
            "events": ["actor.*"],
            "grep": ["s"],
            "until": START.timestamp(),
        }
        chosen = {key: filters[key] for key in data.draw(st.sets(st.sampled_from([*filters])))}
        each = [set(found(lines, Wanted(**{key: value}))) for key, value in chosen.items()]
        assert found(lines, Wanted(**chosen)) == [line for line in lines if all(line in one for one in each)]

    def test_a_second_key_of_the_same_name_counts(self) -> None:
        line = b'{"time": "2024-05-31T11:00:00Z", "\\u0074ime": "2024-05-31T13:00:00Z"}'
        assert found([line], Wanted(since=START.timestamp())) == [line]

    def test_a_level_with_a_number_counts_by_its_number(self) -> None:
        line = b'{"level": "NOTICE", "no": 33}'
        assert found([line], Wanted(level=33)) == [line]
        assert found([line], Wanted(level=34)) == []
        assert found([b'{"level": "NOTICE"}'], Wanted(level=0)) == []


class TestOrder:
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3)), max_size=60), st.integers(1, 7))
    def test_what_was_written_in_small_disorder_to_several_files_comes_out_complete_and_in_order(
        self, drawn: list[tuple[int, int, int]], size: int
    ) -> None:
        now = START
        files: list[list[tuple[int, bytes]]] = [[], [], []]
        for index, (step, file, late) in enumerate(drawn):
            now += timedelta(milliseconds=step)
            line = json.dumps({"time": now.astimezone(ZONES[file]).isoformat(), "message": str(index)}).encode()
            files[file].append((len(files[file]) + late, line))
        contents = [[line for _, line in sorted(lines, key=lambda one: one[0])] for lines in files]
        streams = [
            ordered([lines[start : start + size] for start in range(0, len(lines), size)], Wanted(), Tally(), WINDOW) for lines in contents
        ]
        result = [one.raw for one in merged(streams)]

        def place(raw: bytes) -> tuple[float, int, int]:
            file = next(file for file, lines in enumerate(contents) if raw in lines)
            return datetime.fromisoformat(json.loads(raw)["time"]).timestamp(), file, contents[file].index(raw)

        assert result == sorted((line for lines in contents for line in lines), key=place)

    def test_a_file_in_order_is_not_read_to_its_end_before_its_first_line_comes_out(self) -> None:
        read = []

        def batches() -> Any:
            for second in range(1000):
                read.append(second)
                yield [json.dumps({"time": (START + timedelta(seconds=second)).isoformat()}).encode()]

        lines = ordered(batches(), Wanted(), Tally(), WINDOW)
        next(lines)
        assert len(read) <= WINDOW + 1

    def test_lines_that_are_not_wanted_do_not_hold_back_those_that_are(self) -> None:
        read = []

        def batches() -> Any:
            yield [b'{"event": "actor.crashed"}']
            for second in range(1000):
                read.append(second)
                yield [b"{}"]

        next(ordered(batches(), Wanted(events=["actor.crashed"]), Tally(), WINDOW))
        assert len(read) <= WINDOW

    def test_no_more_lines_than_the_window_are_held_back_whatever_their_order(self) -> None:
        read = []

        def batches() -> Any:
            for second in range(1000):
                read.append(second)
                yield [json.dumps({"time": (START - timedelta(seconds=second)).isoformat()}).encode()]

        lines = ordered(batches(), Wanted(), Tally(), WINDOW)
        for count, _ in enumerate(lines, 1):
            assert len(read) - count <= WINDOW
        assert len(read) == 1000

    def test_a_line_without_a_time_stays_behind_the_one_before_it(self) -> None:
        times = [None, 2, None, 1, None]
        lines = [
            json.dumps({"message": str(index)} | ({"time": (START + timedelta(seconds=time)).isoformat()} if time else {})).encode()
            for index, time in enumerate(times)
        ]
        result = [parse(one.raw).message for one in ordered([lines], Wanted(), Tally())]
        assert result == ["0", "3", "4", "1", "2"]


class TestPieces:
    @given(st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")), st.integers(1, 9))
    def test_lines_are_the_same_in_whatever_pieces_they_come(self, data: bytes, size: int) -> None:
        splitter = Splitter()
        lines = [line for start in range(0, len(data), size) for line in splitter.feed(data[start : start + size])] + splitter.rest()
        expected = data.split(b"\n")
        assert lines == (expected if expected[-1] else expected[:-1])

    def test_what_has_no_end_of_line_for_long_is_no_line_and_fills_no_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "LONGEST", 20)
        splitter, tally = Splitter(), Tally()
        lines = [line for _ in range(100) for line in splitter.feed(b'{"message": "')]
        lines += splitter.feed(b'"}\n{"message": "short"}\n')
        assert [one.raw for one in matches(lines, Wanted(), tally)] == [b'{"message": "short"}']
        assert (tally.lines, tally.bad, tally.first_bad) == (2, 1, 1)


ANYTHING = st.dictionaries(st.sampled_from([*reading.KEYS, "record", "text", "more", "\x1b[31m"]), VALUES, max_size=6)


class TestHarm:
    @given(st.lists(st.binary(max_size=30) | ANYTHING.map(lambda one: json.dumps(one).encode()), max_size=5))
    @example([b"[" * 100_000, b'{"a":' * 100_000, b'{"message": "cut', b"\xff\xfe\x00{", b"9" * 5000, b"null", b"[]", b'"x"'])
    @example([b'{"time": "0001-01-01T00:00:00"}', b'{"time": "9999-12-31T23:59:59-12:00"}', b'{"time": "0001-01-01T00:00:00+12:00"}'])
    @example(
        [b'{"message": "\\u009b31m\\u202e\xc2\x9b"}', b'{"message": "a\\nb\\u001b[2J"}', b'{"actor": "/\\u0007"}', b'{"level": "\\r"}']
    )
    @example([b'{"fields": {"deep": ' + b"[" * 500 + b"]" * 500 + b"}}"])
    def test_nothing_that_stands_in_a_file_does_harm(self, lines: list[bytes]) -> None:
        tally = Tally()
        shown = list(matches(lines, Wanted(), tally))
        objects = sum(is_object(line) for line in lines)
        assert len(shown) == objects
        assert tally.bad == sum(bool(line.strip()) for line in lines) - objects
        for one in shown:
            for view in (View(colours=False), Conversation(colours=False)):
                text = view.text(parse(one.raw))
                assert all(part.isprintable() for part in text.split("\n"))

    @given(st.data(), records(), st.integers(0, 400))
    def test_a_torn_line_is_counted_and_the_next_one_is_read(self, data: st.DataObject, record: dict[str, Any], length: int) -> None:
        line = data.draw(written(record))
        torn = line[: min(length, len(line.rstrip()) - 1)]
        # Of a line that cannot be wanted, only the ends are looked at.
        for wanted, least in ((Wanted(), bool(torn)), (Wanted(level=1000, events=["none"]), bool(torn) and not torn.endswith(b"}"))):
            tally = Tally()
            assert found([line], wanted) == [one.raw for one in matches([torn, line], wanted, tally)]
            assert least <= tally.bad <= bool(torn)

    @given(VALUES)
    def test_json_is_the_same_when_it_is_made_fit_for_a_terminal(self, value: Any) -> None:
        text = json_escaped(json.dumps(value, ensure_ascii=False))
        assert text.isprintable()
        assert json.dumps(json.loads(text)) == json.dumps(value)

    def test_bytes_that_are_no_text_do_not_hide_a_line(self) -> None:
        assert parse(b'{"message": "caf\xe9"}').message == "caf\ufffd"

    def test_values_of_a_wrong_type_and_unknown_keys_are_fields(self) -> None:
        line = parse(
            b'{"time": 17, "level": ["ERROR"], "actor": null, "message": {}, "incarnation": true, "host": "a", "fields": {"item": 1}}'
        )
        assert (line.at, line.level, line.actor, line.message, line.incarnation) == (None, None, None, "", None)
        assert line.fields == {"time": 17, "level": ["ERROR"], "message": {}, "incarnation": True, "host": "a", "item": 1}


def is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8", "replace")), dict)
    except (ValueError, RecursionError):
        return False


class TestTimes:
    NOW = datetime.fromisoformat("2024-05-31T14:30:00")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("10m", "2024-05-31T14:20:00"),
            ("2h", "2024-05-31T12:30:00"),
            ("1d", "2024-05-30T14:30:00"),
            ("1.5h", "2024-05-31T13:00:00"),
            ("90s", "2024-05-31T14:28:30"),
            ("1w", "2024-05-24T14:30:00"),
            ("14:29", "2024-05-31T14:29:00"),
            ("14:30:00", "2024-05-31T14:30:00"),
            ("14:31", "2024-05-30T14:31:00"),
            ("2024-05-31", "2024-05-31T00:00:00"),
            ("2024-05-31T14:30:00.5", "2024-05-31T14:30:00.500000"),
            ("2024-05-31 14:30", "2024-05-31T14:30:00"),
            ("2024-05-31T12:00:00Z", "2024-05-31T12:00:00+00:00"),
            ("2024-05-31T12:00:00+00:00", "2024-05-31T12:00:00+00:00"),
        ],
    )
    def test_what_a_time_means(self, text: str, expected: str) -> None:
        assert time_of(text, self.NOW.timestamp()) == datetime.fromisoformat(expected).timestamp()

    @pytest.mark.parametrize("text", ["", "soon", "10", "10 m", "-1h", "25:00", "2024-13-01", "999999999w", "14", "\u0663:00", "1e9s"])
    def test_what_is_no_time_is_refused_with_examples(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no time: it is like 2024-05-31"):
            time_of(text, self.NOW.timestamp())
