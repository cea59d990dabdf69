"""The workers of the pipeline. They may crash, hang or be killed at any time, and keep nothing that would be missed."""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from actors import ActorRef, handler
from supervisors.demo.desk import Desk, Free, Names, Parse, Read, Station, Text, Unusable
from supervisors.demo.parts import Obedient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Parser", "Reader", "names_in", "text_of"]


class _Worker(Obedient):
    """Tells the desk when it begins: so the desk knows, too, that an earlier one at its place will not come back."""

    station: Station

    def __init__(self, desk: ActorRef[Desk]) -> None:
        super().__init__()
        self._desk = desk

    def on_start(self) -> None:
        """Ask for work."""
        self._desk.tell(Free(self.actor_ref, self.station))


class Reader(_Worker):
    """Reads one file at a time."""

    station = Station.READING

    @handler
    def _on_read(self, message: Read) -> None:
        try:
            text = text_of(message.job.path)
        except (OSError, SyntaxError, ValueError) as error:
            self._desk.tell(Unusable(message.job, self.path, str(error)))
        else:
            self._desk.tell(Text(message.job, self.path, text))


class Parser(_Worker):
    """Counts the names in one text at a time."""

    station = Station.PARSING

    @handler
    def _on_parse(self, message: Parse) -> None:
        try:
            names = names_in(message.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._desk.tell(Unusable(message.job, self.path, str(error)))
        else:
            self._desk.tell(Names(message.job, self.path, message.text.count("\n"), names))


def text_of(path: Path) -> str:
    """Return the text of a source file, decoded as the interpreter would."""
    with tokenize.open(path) as file:
        return file.read()


def names_in(text: str) -> Counter[str]:
    """Return how often each name is used in a source text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the parser would warn about is other people's code
        return Counter(_names_in(ast.parse(text)))


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
