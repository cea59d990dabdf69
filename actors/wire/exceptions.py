"""Exceptions whose type is not registered: what can be told of any of them travels, and arrives as a `RemoteError`."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError, RemoteError
from actors.wire.tags import ERROR

if TYPE_CHECKING:
    from actors.wire.copying import Copying
    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding

__all__ = ["copy_error", "decode_error", "encode_error", "notes_of", "reason_of", "told"]

LONGEST: Final = 32_768  # characters of a text, a note or a traceback that travel
MOST: Final = 100  # arguments and notes

# As the interpreter sees them: a class may have attributes of its own by these names.
_args: Final[Any] = BaseException.__dict__["args"].__get__
_vars: Final[Any] = BaseException.__dict__["__dict__"].__get__


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text) - LONGEST} more characters)"


def told(tell: Any, it: object) -> str:
    """Return what `tell`, `str` or `repr`, says of an object, or what became of that: a failure is never lost because of its text."""
    try:
        return _cut(str.__str__(tell(it)))  # no subclass of str, whose own methods msgpack and paths would meet
    except Exception as error:  # noqa: BLE001  # told in the text
        return f"<unprintable {type(it).__qualname__}: {type(error).__name__}>"


def reason_of(error: BaseException) -> str:
    """Return type and text of an exception that code of the user has raised, as a part of a sentence."""
    return f"{type(error).__name__}: {told(str, error)}"


def notes_of(error: BaseException) -> list[Any]:
    """Return the notes of an exception, whatever was put in their place."""
    notes = _vars(error).get("__notes__")
    return [] if notes is None else list(notes) if isinstance(notes, list | tuple) else [notes]


def _traceback(error: BaseException) -> str:
    if error.__traceback__ is None and error.__cause__ is None and error.__context__ is None:
        return ""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as failure:  # noqa: BLE001  # an exception may be as odd as any object; told in the text
        return f"<no traceback: {type(failure).__name__}>"
    return text if len(text) <= LONGEST else f"... ({len(text) - LONGEST} more characters) {text[-LONGEST:]}"


def encode_error(error: BaseException, state: Encoding, depth: int) -> list[Any]:
    """Return the node of an exception of any type. Arguments that cannot travel go as their `repr`."""
    state.begin(error, depth)
    return state.finish(error, _node(error, state, depth + 1))


def _node(error: BaseException, state: Encoding | Copying, depth: int) -> list[Any]:
    if type(error) is RemoteError:  # told on: it stays what it was where it was raised
        name, text, trace = (one if type(one) is str else told(str, one) for one in (error.type_name, error.text, error.traceback))
        arguments = error.arguments if isinstance(error.arguments, tuple | list) else (error.arguments,)
    else:
        kind = type(error)
        name = f"{kind.__module__}.{kind.__qualname__}"
        text = told(str, error)
        trace = _traceback(error) if state.codec.tracebacks else ""
        arguments = _args(error)
    parts = [_argument(one, state, depth) for one in arguments[:MOST]]
    return [ERROR, name, text, parts, [told(str, note) for note in notes_of(error)[:MOST]], trace]


def _argument(argument: Any, state: Encoding | Copying, depth: int) -> Any:
    try:
        return state.attempt(argument, depth)
    except CodecError:
        return told(repr, argument)


def copy_error(error: BaseException, state: Copying, depth: int) -> RemoteError:
    """Return what decoding would give: an exception with parts that can change is no more itself in a copy than elsewhere."""
    state.begin(error, depth)
    _, name, text, parts, notes, trace = _node(error, state, depth + 1)
    made = state.memo[id(error)] = RemoteError(name, tuple(parts), text, tuple(notes), trace)
    return made


def decode_error(raw: list[Any], state: Decoding, depth: int) -> RemoteError:
    """Return the exception of a node."""
    parts = raw[1:]
    if [type(one) for one in parts] != [str, str, list, list, str] or max(len(parts[2]), len(parts[3])) > MOST:
        # Texts with surrogates are nodes of their own.
        parts = [state.part(one, depth, "") if index in (0, 1, 4) else one for index, one in enumerate(parts)]
        if [type(one) for one in parts] != [str, str, list, list, str] or max(len(parts[2]), len(parts[3])) > MOST:
            msg = "is no exception: it has other parts than one has"
            raise CodecError(msg)
    name, text, given, noted, trace = parts
    arguments = tuple(state.part(one, depth, f".args[{index}]") for index, one in enumerate(given))
    notes = tuple(state.part(one, depth, f".notes[{index}]") for index, one in enumerate(noted))
    if not all(type(note) is str for note in notes):
        msg = "is no exception: a note is no text"
        raise CodecError(msg)
    return RemoteError(name, arguments, text, notes, trace)
