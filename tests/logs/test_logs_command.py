"""The command `greenroom logs`: what it finds, how it shows it, what it refuses."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.logs import command as logs
from supervisors import command

ROOT = Path(__file__).parents[2]
START = datetime(2024, 5, 31, 12, tzinfo=UTC)
TRACEBACK = 'Traceback (most recent call last):\n  File "shop.py", line 7, in sell\nValueError: none left'

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if not hasattr(time, "tzset"):
        pytest.skip("the zone of this machine cannot be chosen here")
    with pytest.MonkeyPatch.context() as zone:
        zone.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def line(seconds: float = 0.0, message: str = "", **keys: Any) -> bytes:
    at = (START + timedelta(seconds=seconds)).isoformat(timespec="microseconds")
    return json.dumps({"time": at, "level": "INFO", "message": message, **keys}).encode() + b"\n"


SHOP = [
    line(0.0, "open", actor="/shop", correlation="1"),
    line(1.0, "sold", actor="/shop/cart", correlation="1", fields={"item": "green tea", "amount": 2}),
    line(2.0, "none left", level="ERROR", actor="/shop/cart", correlation="2", event="actor.crashed", incarnation=2),
    line(3.0, "browsed", level="DEBUG", actor="/shopping", logger="web"),
]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.log"
    path.write_bytes(b"".join(SHOP))
    return str(path)


def messages(out: str) -> list[str]:
    return [json.loads(one)["message"] for one in out.splitlines()]


class TestWhatItFinds:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ([], ["open", "sold", "none left", "browsed"]),
            (["--actor", "/shop"], ["open", "sold", "none left"]),
            (["--actor", "/shop/*", "--actor", "/shopping"], ["sold", "none left", "browsed"]),
            (["--correlation", "1"], ["open", "sold"]),
            (["--correlation", "1", "--correlation", "2"], ["open", "sold", "none left"]),
            (["--level", "warning"], ["none left"]),
            (["--level", "20"], ["open", "sold", "none left"]),
            (["--since", "2024-05-31T12:00:02Z"], ["none left", "browsed"]),
            (["--until", "12:00:01"], ["open", "sold"]),
            (["--since", "58s", "--until", "2024-05-31 12:00:02"], ["none left"]),
            (["--event", "actor.*"], ["none left"]),
            (["--grep", "GREEN"], ["sold"]),
            (["--grep", "amount=2", "--actor", "/shop/cart", "--level", "INFO"], ["sold"]),
        ],
    )
    def test_lines_that_match_are_printed_unchanged(self, shop: str, capsys: Capture, options: list[str], expected: list[str]) -> None:
        assert logs.main([shop, "--json", *options], now=START.timestamp() + 60) == 0
        out = capsys.readouterr().out
        assert messages(out) == expected
        assert set(out.encode().splitlines(keepends=True)) <= set(SHOP)

    def test_the_exit_code_tells_that_nothing_matched(self, shop: str, capsys: Capture) -> None:
        assert command.main(["logs", shop, "--event", "none"]) == 1
        assert capsys.readouterr() == ("", "")

    def test_rotated_and_compressed_files_are_merged_in_the_order_of_time(self, tmp_path: Path, capsys: Capture) -> None:
        packed: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress, bytes]
        for index, pack in enumerate(packed):
            (tmp_path / f"shop.{index}.log").write_bytes(pack(b"".join(line(second, f"{index}{second}") for second in range(3))))
        assert command.main(["logs", "--json", *(str(tmp_path / f"shop.{index}.log") for index in range(4))]) == 0
        assert messages(capsys.readouterr().out) == [f"{index}{second}" for second in range(3) for index in range(4)]

    def test_the_standard_input_is_one_of_the_files(self, shop: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(line(0.5, "from a pipe")))))
        assert command.main(["logs", "--json", "-", shop]) == 0
        assert messages(capsys.readouterr().out)[:2] == ["open", "from a pipe"]

    def test_what_is_no_json_is_counted_and_told(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(b"\xef\xbb\xbf" + SHOP[0] + b"\n\x00\xff\nTraceback\n" + SHOP[1] + SHOP[2][:40])
        assert command.main(["logs", str(path), "--json"]) == 0
        shown = capsys.readouterr()
        assert messages(shown.out) == ["open", "sold"]
        assert shown.err == f"greenroom: {path}: 3 lines were no JSON lines, first line 3\n"
        path.write_bytes(b"{\n")
        assert command.main(["logs", str(path)]) == 1
        assert capsys.readouterr().err == f"greenroom: {path}: 1 line was no JSON line: line 1\n"

    def test_what_loguru_serializes_is_understood(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "loguru.log"
        record = {
            "time": {"repr": "2024-05-31 14:00:00.250000+02:00", "timestamp": START.timestamp()},
            "level": {"icon": "", "name": "NOTICE", "no": 33},
            "message": "sold",
            "name": "shop",
            "extra": {"actor": "/shop/cart", "item": "tea"},
            "exception": {"type": "ValueError", "value": "none left", "traceback": True},
        }
        path.write_text(json.dumps({"text": f"sold\n{TRACEBACK}\n", "record": record}) + "\n")
        assert command.main(["logs", str(path), "--actor", "/shop", "--level", "33", "--grep", "LINE 7"]) == 0
        head, *below = capsys.readouterr().out.splitlines()
        assert head == "2024-05-31 12:00:00.250 NOTICE   /shop/cart  sold  item=tea"
        assert [text.removeprefix("    ") for text in below] == TRACEBACK.splitlines()


class TestHowItShows:
    def test_a_line_is_shown_with_its_fields_and_in_which_incarnation_of_the_actor(self, shop: str, capsys: Capture) -> None:
        assert command.main(["logs", shop, "--no-color"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "2024-05-31 12:00:00.000 INFO     /shop  open  correlation=1",
            '2024-05-31 12:00:01.000 INFO     /shop/cart  sold  item="green tea" amount=2 correlation=1',
            "2024-05-31 12:00:02.000 ERROR    /shop/cart#2  none left  event=actor.crashed correlation=2",
            "2024-05-31 12:00:03.000 DEBUG    /shopping  browsed",
        ]

    def test_one_correlation_is_shown_as_a_conversation(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(line(1.25, "asked", actor="/web", correlation="a") + line(1.5, "answered", actor="/shop/cart", correlation="a"))
        assert command.main(["logs", str(path), "--correlation", "a"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "correlation a, from 2024-05-31 12:00:01.250",
            "   +0.000000 /web       INFO      asked",
            "   +0.250000 /shop/cart INFO      answered",
        ]

    def test_an_exception_and_the_lines_of_a_message_stand_below(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        exception = {"type": "ValueError", "message": "none left"}
        first = line(0, "sold\nand gone\n", exception=exception | {"traceback": TRACEBACK})
        path.write_bytes(first + line(1, "again", exception=exception))
        assert command.main(["logs", str(path)]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "2024-05-31 12:00:00.000 INFO     -  sold",
            "    | and gone",
            *(f"    {text}" for text in TRACEBACK.splitlines()),
            "2024-05-31 12:00:01.000 INFO     -  again",
            "    ValueError: none left",
        ]

    def test_control_characters_are_shown_as_escapes(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(line(0, "\x1b[2J\u202egone\x9b", actor="/a\rb", level="\x07", fields={"\x1b": "\t"}))
        assert command.main(["logs", str(path)]) == 0
        assert capsys.readouterr().out == '2024-05-31 12:00:00.000 \\x07     /a\\rb  \\x1b[2J\\u202egone\\x9b  \\x1b="\\t"\n'

    @pytest.mark.parametrize("options", [["--no-color"], []])
    @pytest.mark.parametrize("no_color", ["", "1"])
    @pytest.mark.parametrize("terminal", [True, False])
    def test_colours_are_for_terminals_whose_user_wants_them(
        self, shop: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch, options: list[str], no_color: str, *, terminal: bool
    ) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
        monkeypatch.setenv("NO_COLOR", no_color)
        assert command.main(["logs", shop, *options]) == 0
        assert ("\x1b[1;31mERROR   \x1b[0m" in capsys.readouterr().out) == (terminal and not no_color and not options)

    def test_json_on_a_terminal_means_the_same_with_escapes(self, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes('{"message": "\x9b31m\x7f é"}\n'.encode())
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert command.main(["logs", "--json", str(path)]) == 0
        assert capsys.readouterr().out == '{"message": "\\u009b31m\\u007f é"}\n'


class TestWhatItRefuses:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ([], "FILE"),
            (["a.log", "--actor", "shop"], "it begins with a slash, like /shop; /**/shop is one at any depth"),
            (["a.log", "--level", "LOUD"], "LOUD is no level: it is one of TRACE, DEBUG, INFO"),
            (["a.log", "--since", "soon"], "soon is no time: it is like 2024-05-31"),
            (["a.log", "--since", "1m", "--until", "2m"], "--since is later than --until"),
            (["-", "-", "--follow"], "only as the one FILE"),
        ],
    )
    def test_wrong_usage_is_told_with_what_to_do(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch, options: list[str], told: str
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO())))
        with pytest.raises(SystemExit) as ended:
            command.main(["logs", *options])
        assert ended.value.code == 2
        assert told in capsys.readouterr().err

    def test_a_file_that_cannot_be_read_is_told_before_anything_is_printed(self, shop: str, tmp_path: Path, capsys: Capture) -> None:
        packed = tmp_path / "shop.zip"
        packed.write_bytes(b"PK\x03\x04...")
        for name, told in {
            str(tmp_path / "none.log"): f"there is no file {tmp_path}/none.log",
            str(tmp_path): f"{tmp_path} is a directory: name the files in it, like {tmp_path}/*.log",
            str(packed): f"{packed} is compressed in a way that is not understood here: unzip -p FILE | greenroom logs -",
        }.items():
            assert command.main(["logs", shop, name]) == 2
            assert capsys.readouterr() == ("", f"greenroom: {told}\n")

    def test_a_closed_standard_input_is_told(self, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert command.main(["logs", "-"]) == 2
        assert capsys.readouterr().err == "greenroom: the standard input is closed: name a FILE\n"

    def test_of_a_damaged_file_the_lines_before_the_damage_are_shown(self, shop: str, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log.gz"
        path.write_bytes(gzip.compress(b"".join(line(10 + second, "x" * 100) for second in range(20_000)))[:-2000])
        assert command.main(["logs", shop, str(path), "--json"]) == 2
        shown = capsys.readouterr()
        assert messages(shown.out)[:5] == ["open", "sold", "none left", "browsed", "x" * 100]
        assert f"{path} is damaged after line " in shown.err


class Story:
    """What happens to a file between two looks at it; Ctrl-C at the end."""

    def __init__(self, capsys: Capture, *steps: Callable[[], object]) -> None:
        self.capsys = capsys
        self.steps = iter(steps)
        self.shown: list[list[str]] = []

    def pause(self, seconds: float) -> None:
        assert 0 < seconds < 1
        self.shown.append(messages(self.capsys.readouterr().out))
        step = next(self.steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    def run(self, *arguments: str) -> list[list[str]]:
        assert logs.main(["--json", "--follow", *arguments], pause=self.pause) == 130
        return self.shown


class TestFollowing:
    def test_what_is_added_is_shown_when_its_line_is_complete(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(SHOP[0] + SHOP[1][:20])
        with path.open("ab", buffering=0) as file:
            story = Story(capsys, lambda: file.write(SHOP[1][20:]), lambda: None, lambda: file.write(SHOP[2] + SHOP[3]))
            assert story.run(str(path), "--level", "INFO") == [["open"], ["sold"], [], ["none left"]]

    def test_a_file_that_is_rotated_is_followed_by_name(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(SHOP[0])

        def rotate() -> None:
            with path.open("ab") as file:
                file.write(SHOP[1])
            path.rename(tmp_path / "shop.1.log")

        story = Story(capsys, rotate, lambda: path.write_bytes(SHOP[2]), lambda: path.write_bytes(SHOP[2] + SHOP[3]))
        assert story.run(str(path)) == [["open"], ["sold"], ["none left"], ["browsed"]]

    def test_a_file_that_is_replaced_at_once_loses_no_line(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(SHOP[0])

        def rotate() -> None:
            with path.open("ab") as file:
                file.write(SHOP[1])
            path.rename(tmp_path / "shop.1.log")
            path.write_bytes(SHOP[2])

        assert Story(capsys, rotate).run(str(path)) == [["open"], ["sold", "none left"]]

    def test_a_file_that_is_truncated_is_read_from_its_beginning(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(SHOP[0] + SHOP[1] + SHOP[2])
        story = Story(capsys, lambda: path.write_bytes(SHOP[3]))
        assert story.run(str(path)) == [["open", "sold", "none left"], ["browsed"]]

    def test_files_that_cannot_grow_are_read_once_beside_those_that_can(self, tmp_path: Path, capsys: Capture) -> None:
        old, new = tmp_path / "shop.log.gz", tmp_path / "shop.log"
        old.write_bytes(gzip.compress(SHOP[0]))
        new.write_bytes(SHOP[1])
        with new.open("ab", buffering=0) as file:
            assert Story(capsys, lambda: file.write(SHOP[2])).run(str(new), str(old)) == [["open", "sold"], ["none left"]]
        assert logs.main(["--follow", str(old)]) == 0

    def test_lines_added_to_several_files_between_two_looks_come_in_the_order_of_time(self, tmp_path: Path, capsys: Capture) -> None:
        one, other = tmp_path / "1.log", tmp_path / "2.log"
        one.touch()
        other.touch()

        def add() -> None:
            one.write_bytes(SHOP[3] + SHOP[1])
            other.write_bytes(SHOP[2])

        assert Story(capsys, add).run(str(one), str(other)) == [[], ["sold", "none left", "browsed"]]

    def test_a_conversation_is_followed_as_one(self, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(SHOP[0])
        shown = []

        def pause(_: float) -> None:
            shown.append(capsys.readouterr().out.splitlines())
            if len(shown) == 2:
                raise KeyboardInterrupt
            path.write_bytes(SHOP[0] + SHOP[1])

        assert logs.main(["--follow", "--correlation", "1", str(path)], pause=pause) == 130
        assert shown == [
            ["correlation 1, from 2024-05-31 12:00:00.000", "   +0.000000 /shop INFO      open"],
            ['   +1.000000 /shop/cart INFO      sold  item="green tea" amount=2'],
        ]


def started(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = [sys.executable, "-m", "supervisors", "logs", *arguments]
    return subprocess.Popen(call, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class TestProcesses:
    def test_a_pipe_is_followed_and_ctrl_c_ends_it_without_a_traceback(self) -> None:
        with started("-", "--follow", "--json") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(SHOP[0] + SHOP[1][:10])
            process.stdin.flush()
            assert process.stdout.readline() == SHOP[0]
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
            assert process.stderr is not None
            assert process.stderr.read() == b""

    def test_a_reader_who_has_seen_enough_ends_it_silently(self, tmp_path: Path) -> None:
        path = tmp_path / "shop.log"
        path.write_bytes(b"".join(SHOP) * 5_000)
        with started(str(path)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(30) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""
