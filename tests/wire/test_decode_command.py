"""``greenroom decode``: every frame of a file, readably, whatever is in it."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.wire.framing import frame_parts
from actors.wire.json_view import json_pieces
from actors.wire.recording import recorded
from actors.wire.view import Trouble, view
from supervisors.command import main
from tests.wire.payloads import CUSTOMER, FAILURE, MESSAGES, ORDER, PAYLOADS, packed, sectioned


def framed(payload: bytes, **options: Any) -> bytes:
    return b"".join(frame_parts([payload], **options))


def shown(value: Any, *, width: int = 100, full: bool = False) -> str:
    """What is shown of a valid payload, or of what `packed` makes one of."""
    text, trouble = looked_at(value if isinstance(value, bytes) else packed(value), width=width, full=full)
    assert trouble == []
    return text


def looked_at(payload: bytes, *, width: int = 100, full: bool = False) -> tuple[str, list[Trouble]]:
    texts, trouble = view(payload, width=width, full=full)
    return "".join(text.text for text in texts), trouble


def decoded(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, *options: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command for a file with this content."""
    file = tmp_path / "messages.bin"
    file.write_bytes(content)
    code = main(["decode", str(file), *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# -- one message -------------------------------------------------------------------------------------------------------------


def test_a_registered_type_has_the_names_of_its_fields() -> None:
    assert shown(PAYLOADS["order"], width=200) == (
        "shop.Order/1(id=7, price=Decimal('1.50'), tags=['a', 'b'], customer=shop.Customer/2(name='Ann', seen={'a', 'b'}))"
    )


def test_what_is_too_wide_is_indented_item_by_item() -> None:
    assert shown(PAYLOADS["order"], width=60).splitlines() == [
        "shop.Order/1(",
        "    id=7,",
        "    price=Decimal('1.50'),",
        "    tags=['a', 'b'],",
        "    customer=shop.Customer/2(name='Ann', seen={'a', 'b'})",
        ")",
    ]


@given(MESSAGES, st.integers(20, 200))
def test_no_line_that_could_be_broken_is_wider_than_asked_for(value: Any, width: int) -> None:
    for line in shown(value, width=width).splitlines():
        # What begins on this line, it or the items in it, would not be on one line otherwise.
        assert len(line) <= width or not (line.endswith(("],", "]")) and line.lstrip().startswith("["))


def test_a_shared_node_is_shown_where_it_is_used_first() -> None:
    assert shown(PAYLOADS["shared"]) == "{'a': &1 (&0 [1, 2], *0), 'b': *0, 'c': shop.Customer/2(name='Bob', seen=*0)}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (float("nan"), "nan"),
        (-0.0, "-0.0"),
        ([2], "[]"),
        ([3], "()"),
        ([3, 1], "(1,)"),
        ([4], "set()"),
        ([5], "frozenset()"),
        ([5, 1], "frozenset({1})"),
        ([6], "{}"),
        ([6, 1, [2], [3, 1], 2], "{1: [], (1,): 2}"),
        ([7, b"x"], "bytearray(b'x')"),
        ([8, (-(2**70)).to_bytes(9, "big", signed=True)], str(-(2**70))),
        ([9, b"\xed\xa0\x80"], "'\\ud800'"),
        ([10, 2024, 5, 1, 12, 30, 0, 5, 1, "Europe/Berlin"], "datetime('2024-05-01T12:30:00.000005[Europe/Berlin] fold=1')"),
        ([10, 2024, 5, 1, 12, 30, 0, 0, 0, [7_200_000_000]], "datetime('2024-05-01T12:30:00+02:00')"),
        ([10, 2024, 5, 1, 12, 30, 0, 0, 0, [-1_000_001, "odd"]], "datetime('2024-05-01T12:30:00-00:00:01.000001[odd]')"),
        ([11, 24, 5, 1], "date('0024-05-01')"),
        ([12, 1, 2, 3, 0, 0, None], "time('01:02:03')"),
        ([13, 1, 0, 3], "timedelta(days=1, microseconds=3)"),
        ([13, 0, 0, 0], "timedelta(0)"),
        ([15, bytes(range(16))], "UUID('00010203-0405-0607-0809-0a0b0c0d0e0f')"),
        ([16, "w", "C:\\x"], "PureWindowsPath('C:\\\\x')"),
        ([18, "shop", "4b1d", "/db/conn", 17], "<actor shop:/db/conn uid 17>"),
        ([19, "<f8", "F", [2, 1], struct.pack("<2d", 1.0, 2.5)], "array('<f8', shape=(2, 1), order='F', [1.0, 2.5])"),
        ([19, ">i2", "C", [9], struct.pack(">9h", *range(9))], "array('>i2', shape=(9,), [0, 1, 2, 3, 4, 5, 6, 7, … 1 more])"),
        ([19, "<M8[s]", "C", [1], bytes(8)], "array('<M8[s]', shape=(1,), b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00')"),
        ([20, "<i4", struct.pack("<i", 7)], "scalar('<i4', [7])"),
        (["shop.Colour/1", "RED"], "shop.Colour/1('RED')"),
    ],
)
def test_a_node_is_shown_like_the_literal_that_makes_it(value: Any, text: str) -> None:
    assert shown(value) == text


def test_an_array_in_a_section_is_shown_as_one_in_the_node() -> None:
    assert "array('<f8', shape=(2,), order='F', [1.0, 2.5]), array('|u1', shape=(3,), [97, 98, 99])" in shown(PAYLOADS["sections"])


def test_an_exception_is_shown_with_notes_and_its_traceback_indented() -> None:
    assert shown([2, FAILURE]).splitlines() == [
        "[",
        "    shop.db.Lost(",
        "        'gone',",
        "        args=['gone', [3]],",
        "        notes=['while paying'],",
        "        traceback:",
        "            Traceback (most recent call last):",
        "              File …",
        "            Lost: gone",
        "    )",
        "]",
    ]


def test_long_things_are_shortened_unless_all_is_asked_for() -> None:
    for value, end in (
        ([2, *range(100)], "19, … 80 more]"),
        ([6, *range(200)], "38: 39,\n    … 80 more\n}"),
        ([4, *range(21)], "… 1 more}"),
        ("x" * 301, "x'… 301 bytes"),
        ("ä" * 300, "ä'… 600 bytes"),
        (packed(b"x" * 33), "x'… 33 bytes"),
        ([8, b"\x01" * 200], "0101…>"),
        ([19, "|u1", "C", [9], bytes(9)], "… 1 more])"),
    ):
        assert shown(value).endswith(end)
        assert "…" not in shown(value, full=True)


def test_many_small_collections_are_shortened_too() -> None:
    value: Any = 1
    for _ in range(5):
        value = [2, *[value] * 18]
    text = shown(value, width=200)
    assert len(text) < 100_000
    assert "… 17 more" in text


def test_a_huge_int_is_shown_though_python_makes_no_digits_of_it() -> None:
    assert "<int of 100000 bytes" in shown([8, b"\x7f" * 100_000], full=True)


def test_control_characters_never_reach_the_terminal() -> None:
    evil = "\x1b[2J\x07\u202e\x9b"
    value = [
        0,
        [f"a{evil}/1:b{evil}"],
        [],
        [
            2,
            evil,
            [32, evil],
            [18, evil, evil, evil, 1],
            [14, evil],
            [16, "P", evil],
            [6, evil, evil],
            ["x" + evil + "/1", 1],
            [17, evil, evil, [evil], [evil], evil + "\n" + evil],
            [10, 1, 1, 1, 1, 1, 1, 1, 0, evil],
            [20, evil, b"x"],
        ],
    ]
    for full in (False, True):
        text = shown(value, full=full)
        assert text.replace("\n", "").isprintable()
    assert "\x1b" not in "".join(json_pieces(packed(value)))


def test_shared_nodes_in_shared_nodes_do_not_multiply() -> None:
    doubling = [0, [], [[2], *([2, [1, number], [1, number]] for number in range(100))], [1, 100]]
    assert len(shown(doubling)) < 20_000


def test_a_circle_of_shared_nodes_ends() -> None:
    assert shown([0, [], [[2, [1, 1]], [2, [1, 0]]], [1, 0]]) == "&0 [&1 [*0]]"


@pytest.mark.parametrize("payload", [b"\x92\x02" * 500_000 + b"\x01", b"\x92\x07" * 100_000 + b"\x01", b"\x91" * 100_000])
def test_what_is_very_deep_is_shown_to_some_depth(payload: bytes) -> None:
    for full in (False, True):
        assert "…" in looked_at(payload, full=full)[0]
    json_text = "".join(json_pieces(payload))
    assert json_text.count("[") - 1 >= 100_000


def test_a_long_chain_of_shared_nodes_is_shown_to_some_depth() -> None:
    chain = [0, [], [[2, 1], *([2, [1, number]] for number in range(10_000))], [1, 10_000]]
    assert "…" in shown(chain)


@pytest.mark.parametrize(
    ("payload", "text", "why", "at"),
    [
        (packed([2, 1, "abc"])[:-1], "[1, 'ab']", "has 3 bytes of text at byte 3, and only 2 bytes are left: 1 missing", 3),
        (packed([2, 1, 2])[:-1], "[1, …]", "has an array of 3 elements at byte 0, and only 2 bytes are left", 0),
        (packed([ORDER, 1, [2, 5, 6]])[:-1], "(id=1, price=[5, …])", "has an array of 3 elements at byte 39", 39),
        (packed([2, 1]) + b"\x01", "[1]", "goes on after its end", 3),
        (packed([2, [77, 1]]), "[<key 45>(1)]", "has a type with key 45", 2),
        (packed([2, [21, 1]]), "[<tag 21 1>]", "has tag 21 at byte 2", 2),
        (packed([2, [11, 1]]), "[<date 1>]", "is no date at byte 2", 2),
        (packed([2, []]), "[<node without a tag >]", "has an array without a tag at byte 2", 2),
        (packed([2, [0, [], [], 1]]), "<envelope", "has envelope at byte 2", 2),
        (packed([1, 0]), "<none>", "refers at byte 0 to shared node 0, and the envelope has 0", 0),
        (packed([6, 1]), "{1}", "is a dict with a key that has no value", 0),
        (packed([CUSTOMER, 1]), "shop.Customer/2(name=1)", "with 1 fields at byte 0, and its key has 2", 0),
        (packed(["no key", 1]), "<'no key'>(1)", "no key of a registered type", 0),
        (packed([0, [ORDER], [[2, 1]], "abc"])[:-1], "'ab'", "has 3 bytes of text", 44),
        (packed([0, [ORDER], [[2, 1], [2, "abc"]]])[:-1], "", "is no envelope at byte 0", 0),
        (packed([0, [ORDER, 1], [], 1]), "<envelope 'shop.Order/1", "that is neither a key nor a shared node", 40),
        (packed([0, [1, ORDER], [], 1]), "", "that is neither a key nor a shared node", 3),
        (b"\x92\x02\x80", "[…]", "has a map at byte 2", 2),
        (b"", "", "is cut off at byte 0", 0),
        (sectioned([2, [19, "|u1", "C", [3], 0]], b"abc")[:-1], "<numpy array", "has a section 0 of 3 bytes, and only 2", 16),
        (packed([19, "|u1", "C", [3], -1]), "<numpy array", "is no numpy array", 0),
    ],
)
def test_of_what_is_broken_all_that_can_be_read_is_shown_and_where_it_breaks(payload: bytes, text: str, why: str, at: int) -> None:
    found, (trouble,) = looked_at(payload)
    assert text in found
    assert why in trouble.why
    assert trouble.at == at


def test_an_error_has_the_path_to_it() -> None:
    value = [0, [ORDER, CUSTOMER], [], [32, 1, 2, [2, "a", [11, 1]], None]]
    assert looked_at(packed(value))[1][0].path == "message.tags[1]"
    assert looked_at(packed([2, [6, "key", "abc"]])[:-1])[1][0].path == "message[0]['key']"


# -- files -------------------------------------------------------------------------------------------------------------------


def test_every_frame_of_a_file_is_shown_under_its_number_offset_and_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = framed(packed("one")), framed(packed("two" * 50), compress_above=10)
    code, out, err = decoded(tmp_path, capsys, first + second)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"# frame 1 at byte 0: {len(first)} bytes",
        "'one'",
        f"# frame 2 at byte {len(first)}: {len(second)} bytes, compressed, 152 bytes uncompressed",
        repr("two" * 50),
    ]


def test_a_file_that_begins_with_no_frame_is_one_payload(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decoded(tmp_path, capsys, packed([2, 1])) == (0, "# a payload without a frame: 3 bytes\n[1]\n", "")


def test_a_broken_message_is_told_and_the_next_frame_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = decoded(tmp_path, capsys, framed(packed([2, 1, "abc"])[:-1]) + framed(packed("next")))
    assert code == 1
    assert out.splitlines()[1:3] == [
        "[1, 'ab']",
        "error: message[1] has 3 bytes of text at byte 3, and only 2 bytes are left: 1 missing (of the payload; byte 11 of the file)",
    ]
    assert out.splitlines()[-1] == "'next'"
    assert "messages.bin: 1 of 2 frames could not be read" in err


@pytest.mark.parametrize(
    ("rest", "text", "why"),
    [
        (framed(packed([2, 1, "abcdef"]))[:-2], "[1, 'abcd']", "ends in the middle of a frame at byte 12: 16 of 18 bytes"),
        (framed(packed("a" * 100), compress_above=1)[:-6], "'a", "ends in the middle of a frame at byte 12"),
        (b"GR\x01", "# frame 2", "ends in the header of a frame at byte 12: 3 of 8 bytes"),
        (b"oops", "# frame 2", "has b'o' at byte 12 where a frame should begin"),
        (b"GR\x09\x00\x00\x00\x00\x00", "# frame 2", "has a frame of version 9 of the format at byte 12; known here is 1"),
        (b"GR\x01\x00\xff\xff\xff\xff", "# frame 2", "has a frame of 4294967295 bytes at byte 12"),
        (b"GR\x01\x01\x00\x00\x00\x02xx", "# frame 2", "cannot be decompressed"),
    ],
)
def test_a_broken_frame_is_told_after_what_could_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rest: bytes, text: str, why: str
) -> None:
    code, out, _ = decoded(tmp_path, capsys, framed(packed("one")) + rest)
    assert code == 1
    assert out.splitlines()[1] == "'one'"
    assert text in out
    assert f"error: message {why}" in out


def test_json_has_one_object_for_each_frame_with_nothing_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    payload = packed([2, float("inf"), b"\x00\xff", "ä\x1b", list(range(2, 100))])
    code, out, _ = decoded(tmp_path, capsys, framed(payload) + framed(PAYLOADS["sections"]) + framed(b"\x92\x02") + b"GR", "--json")
    assert code == 1
    assert out.isascii()
    first, second, third, fourth = map(json.loads, out.splitlines())
    assert first == {
        "file": str(tmp_path / "messages.bin"),
        "frame": 1,
        "offset": 0,
        "bytes": len(payload) + 8,
        "compressed": False,
        "payload_bytes": len(payload),
        "message": [2, {"float": "inf"}, {"bytes": "AP8="}, "ä\x1b", list(range(2, 100))],
        "sections": [],
        "error": None,
    }
    assert second["sections"] == [{"bytes": "AAAAAAAA8D8AAAAAAAAEQA=="}, {"bytes": "YWJj"}]
    assert third["message"] == [2]
    assert third["error"] == {"why": "has an array of 2 elements at byte 0, and only 1 byte is left", "payload_offset": 0}
    assert (fourth["message"], fourth["payload_bytes"]) == (None, None)


def nodes_of(value: Any) -> Any:
    """What JSON has of a node."""
    if isinstance(value, list):
        return [nodes_of(item) for item in value]
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"float": repr(value)} if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


@given(MESSAGES)
def test_json_is_the_nodes_as_they_are(value: Any) -> None:
    assert json.loads("{" + "".join(json_pieces(packed(value))) + "}") == {"message": nodes_of(value), "sections": [], "error": None}


@pytest.mark.parametrize("options", [[], ["--full"], ["--json"]])
def test_the_options_of_a_file_of_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    content = b"".join(map(framed, PAYLOADS.values()))
    code, out, err = decoded(tmp_path, capsys, content, *options)
    assert (code, err) == (0, "")
    assert out.count('"frame":' if options == ["--json"] else "# frame") == len(PAYLOADS)


def test_the_width_is_that_of_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "tags=['a', 'b'],\n" in decoded(tmp_path, capsys, PAYLOADS["order"], "--width", "60")[1]


@pytest.mark.parametrize("width", ["0", "19", "-5", "x", "9" * 50])
def test_a_width_that_is_none_is_refused(width: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["decode", "--width", width, "x"])
    assert caught.value.code == 2
    assert "20 or more" in capsys.readouterr().err


def test_a_terminal_has_colours_unless_they_are_not_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32m'one'\x1b[0m" in decoded(tmp_path, capsys, packed("one"))[1]
    assert "\x1b" not in decoded(tmp_path, capsys, packed("one"), "--no-color")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in decoded(tmp_path, capsys, packed("one"))[1]


def test_a_file_that_is_not_there_a_directory_and_an_empty_one_are_refused_by_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "good").write_bytes(framed(packed("good")))
    names = [str(tmp_path / "missing"), str(tmp_path), str(tmp_path / "empty"), "zero\0", str(tmp_path / "good")]
    assert main(["decode", *names]) == 2
    captured = capsys.readouterr()
    assert "missing cannot be read: No such file or directory" in captured.err
    assert "cannot be read: Is a directory" in captured.err
    assert "empty is empty" in captured.err
    assert "zero\\x00 cannot be read" in captured.err
    assert "good, frame 1" in captured.out


def test_the_standard_input_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(framed(packed("piped")))))
    assert main(["decode", "-"]) == 0
    assert "'piped'" in capsys.readouterr().out


def test_an_interrupt_ends_it_quietly(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("actors.wire.command.recorded", interrupted)
    assert decoded(tmp_path, capsys, b"\x01")[0] == 130


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    file = tmp_path / "many.bin"
    file.write_bytes(framed(packed("x" * 200)) * 5000)
    command = [sys.executable, "-c", "import sys; from supervisors.command import main; sys.exit(main())", "decode", str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_output_that_cannot_be_written_is_told_by_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "one.bin"
    file.write_bytes(framed(packed("x")))
    command = [sys.executable, "-c", "import sys; from supervisors.command import main; sys.exit(main())", "decode", str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert (run.returncode, run.stderr) == (2, b"greenroom: the output cannot be written: No space left on device\n")


def test_a_standard_input_that_is_closed_is_refused_by_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["decode", "-"]) == 2
    assert capsys.readouterr().err == "greenroom: standard input cannot be read: it is closed\n"


def test_a_file_is_not_read_as_a_whole() -> None:
    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 <= size <= 1 << 20
            return super().read(size)

    file = Counting(framed(packed(1)) * 100)
    next(recorded(file))
    assert file.tell() == 9


def test_a_payload_beyond_what_is_read_is_told() -> None:
    (one,) = recorded(io.BytesIO(bytes(11)), size=10)
    assert one.error is not None
    assert one.error.limit == "size"
    (one,) = recorded(io.BytesIO(framed(bytes(100), compress_above=1)), size=50)
    assert one.payload == bytes(50)
    assert one.error is not None


def test_nothing_is_imported_because_bytes_ask_for_it() -> None:
    before = set(sys.modules)
    for key in ("this/1", "antigravity.x/1:a"):
        looked_at(packed([key, 1]))
    assert "this" not in set(sys.modules) - before
    assert "antigravity" not in set(sys.modules) - before


# -- anything ----------------------------------------------------------------------------------------------------------------


def read_in_every_way(content: bytes) -> None:
    for one in recorded(io.BytesIO(content), size=10_000):
        payload = one.payload or b""
        for full in (False, True):
            text, trouble = looked_at(payload, width=40, full=full)
            assert text.replace("\n", "").isprintable()
            assert len(trouble) <= 1
        assert set(json.loads("{" + "".join(json_pieces(payload)) + "}")) == {"message", "sections", "error"}


@given(st.binary(max_size=80), st.sampled_from([b"", b"GR", b"GR\x01\x00\x00\x00\x00\x40", b"\x94\x00\x90\x91", b"\xc1\x00\x00\x00"]))
def test_any_bytes_are_shown(data: bytes, start: bytes) -> None:
    read_in_every_way(start + data)


@given(st.sampled_from(sorted(PAYLOADS)), st.integers(0, 10_000), st.integers(0, 255))
def test_any_mutation_is_shown(name: str, at: int, byte: int) -> None:
    payload = bytearray(PAYLOADS[name])
    payload[at % len(payload)] = byte
    read_in_every_way(bytes(payload))
    read_in_every_way(framed(bytes(payload)))


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_truncation_is_shown_and_told(name: str) -> None:
    payload = PAYLOADS[name]
    for end in range(len(payload)):
        assert looked_at(payload[:end])[1]


@given(MESSAGES)
def test_a_valid_message_has_no_trouble(value: Any) -> None:
    shown(value)
    shown(value, full=True)
