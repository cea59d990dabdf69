"""Handlers declared per message type, collected and checked when the class is made."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from actors._core.messages import Request
from actors._core.reply import ReplyHandle
from actors.errors import HandlerDeclarationError

__all__ = ["collect", "enclosing_names", "handler", "is_handler", "lookup", "reply_problem"]

F = TypeVar("F", bound=Callable[..., Any])

MARK = "_greenroom_handler"


def handler(method: F) -> F:
    """Let a method handle the messages of the type its parameter is annotated with.

    The annotation is a class, or a union of classes. The exact type of a message is looked up first, then its bases in method
    resolution order; what no handler takes goes to `on_receive`. For a `Request[R]` the method must return `R`.

    Raises (when the class is made):
        HandlerDeclarationError: the annotation is missing, not a class, taken by another handler, or the return type does not
            fit the request.
    """
    if isinstance(method, type):
        msg = f"@handler({method.__qualname__}) is not valid: write @handler alone; the parameter's annotation says what is handled"
        raise HandlerDeclarationError(msg)
    _check_plain(method, getattr(method, "__qualname__", repr(method)))
    setattr(method, MARK, True)
    return method


def _check_plain(member: Any, where: str) -> None:
    if isinstance(member, (classmethod, staticmethod, property, functools.cached_property)):
        msg = f"{where}: @handler is for plain methods, which are called with the actor and the message, not for a {type(member).__name__}"
        raise HandlerDeclarationError(msg)
    if not callable(member):
        msg = f"@handler({member!r}) is not valid: write @handler alone, above a method"
        raise HandlerDeclarationError(msg)


def _wrapped(member: Any) -> Any:
    """Return the function inside of a member that is no plain method, else the member."""
    for kind, inner in ((classmethod, "__func__"), (staticmethod, "__func__"), (property, "fget"), (functools.cached_property, "func")):
        if isinstance(member, kind):
            return getattr(member, inner)
    return member


def is_handler(member: object) -> bool:
    """Tell whether `handler` was applied to `member`; an object that answers to any name, like a mock, is none."""
    return inspect.getattr_static(member, MARK, False) is True


def collect(actor_class: type[Any], names: dict[str, Any]) -> dict[type[Any], str]:
    """Return {message type: method name} of a class and its bases, checked.

    `names` are the local names where the class is made, so that message classes declared in a function are found.
    """
    table: dict[type[Any], str] = {}
    for base in reversed(actor_class.__mro__):
        own: dict[type[Any], str] = {}
        for name, member in vars(base).items():
            if not is_handler(_wrapped(member)):
                continue
            _check_plain(member, f"{base.__qualname__}.{name}")
            for message_type in _message_types(base, name, member, names):
                if message_type in own:
                    msg = (
                        f"{base.__qualname__}.{name} and {base.__qualname__}.{own[message_type]} both "
                        f"handle {message_type.__name__}; keep one"
                    )
                    raise HandlerDeclarationError(msg)
                own[message_type] = name
        table.update(own)
    return table


def enclosing_names(actor_class: type[Any]) -> dict[str, Any]:
    """Return the local names of the functions around a class that is just being made, the innermost last."""
    functions = actor_class.__qualname__.split(".<locals>.")[:-1]
    names: dict[str, Any] = {}
    frame = sys._getframe(1) if functions else None
    while frame is not None:
        if frame.f_code.co_name in (function.rpartition(".")[2] for function in functions):
            names = {**frame.f_locals, **names}
        frame = frame.f_back
    return names


def lookup(table: dict[type[Any], str], message_type: type[Any]) -> str | None:
    """Return the name of the method for `message_type` or its nearest base."""
    for base in message_type.__mro__:
        name = table.get(base)
        if name is not None:
            return name
    return None


def _message_types(owner: type[Any], name: str, member: Any, names: dict[str, Any]) -> tuple[type[Any], ...]:
    where = f"{owner.__qualname__}.{name}"
    parameters = [
        one for one in inspect.signature(member).parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    required = [one for one in inspect.signature(member).parameters.values() if one.default is one.empty]
    if len(parameters) < 2 or len(required) > 2:  # noqa: PLR2004  # self and the message
        msg = f"{where} must take self and one message, because a handler is called with the message alone"
        raise HandlerDeclarationError(msg)
    parameter = parameters[1].name
    declared = _resolve(where, member, parameter, {**names, **vars(owner)})
    if declared is None:
        msg = f"{where} needs an annotation on {parameter!r}: the class of messages it handles"
        raise HandlerDeclarationError(msg)
    union = typing.get_origin(declared) in (typing.Union, types.UnionType)
    message_types = typing.get_args(declared) if union else (declared,)
    for message_type in message_types:
        if message_type is Any:
            msg = f"{where}: annotate {parameter!r} with object to take every message"
            raise HandlerDeclarationError(msg)
        if not isinstance(message_type, type) or typing.get_origin(message_type) is not None:
            msg = f"{where}: {message_type!r} is not a plain class; annotate {parameter!r} with a class or a union"
            raise HandlerDeclarationError(msg)
        if getattr(message_type, "_is_protocol", False):
            msg = (
                f"{where}: {message_type.__qualname__} is a Protocol, but handlers are found by the class of a message and its bases, not "
                f"by its shape; annotate {parameter!r} with a class or a union"
            )
            raise HandlerDeclarationError(msg)
        if issubclass(message_type, Request):
            _check_reply(where, message_type, _resolve(where, member, "return", {**names, **vars(owner)}))
    return message_types


def _resolve(where: str, member: Any, name: str, names: dict[str, Any]) -> Any:
    """Return what one annotation of a method means, None if there is none. The others are not looked at."""
    annotation = inspect.get_annotations(member).get(name)
    if not isinstance(annotation, str):
        return type(None) if annotation is None and name in inspect.get_annotations(member) else annotation
    try:
        return typing.get_type_hints(types.SimpleNamespace(__annotations__={name: annotation}), member.__globals__, names)[name]
    except Exception as error:
        msg = (
            f"{where}: the annotation {annotation!r} of {name!r} cannot be resolved ({error}). @handler needs it at run time: "
            "import it outside of `if TYPE_CHECKING:`, and declare message classes before the actor"
        )
        raise HandlerDeclarationError(msg) from error


def _check_reply(where: str, message_type: type[Any], given: Any) -> None:
    """Refuse a handler whose return annotation contradicts its `Request[R]`."""
    wanted = _unmet(message_type, given)
    if wanted is not None:
        msg = (
            f"{where} returns {given!r}, but {message_type.__name__} is a Request[{wanted!r}] "
            "(one that replies later returns its ReplyHandle, one that stashes None)"
        )
        raise HandlerDeclarationError(msg)


def reply_problem(message_type: type[Any], function: Callable[..., Any] | None, names: dict[str, Any]) -> str | None:
    """Tell what is wrong with `function`, or with none, as what answers a `Request`; None if nothing is or it does not say."""
    if function is None:
        given: Any = type(None)
    else:
        try:
            given = _resolve("", function, "return", names)
        except (HandlerDeclarationError, TypeError, AttributeError):  # it is no plain function, or its names are for type checkers only
            return None
    wanted = _unmet(message_type, given)
    if wanted is None:
        return None
    return f"answers with {given!r}, but {message_type.__name__} is a Request[{wanted!r}] (one that replies later returns its ReplyHandle)"


def _unmet(message_type: type[Any], given: Any) -> Any:
    """Return what a `Request` wants as its answer if what is annotated with `given` is not that, else None."""
    if given is None:
        return None
    for base in getattr(message_type, "__orig_bases__", ()):
        if typing.get_origin(base) is Request:
            (wanted,) = typing.get_args(base)
            if not _fits(given, wanted):
                return wanted
    return None


def _fits(given: Any, wanted: Any) -> bool:
    """Tell whether what is annotated with `given` may be a `wanted`; what cannot be told from classes alone is given the doubt."""
    wants = _members(wanted)
    kinds = [kind for kind in _members(given) if kind is not ReplyHandle and (kind is not type(None) or kind in wants)]
    if type(None) not in wants and _members(given) == (type(None),):
        return False
    return all(any(_may_be(kind, want) for want in wants) for kind in kinds)


def _members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (type(None) if annotation is None else annotation,)


_PROMOTED = {float: (int,), complex: (int, float)}  # as type checkers have it


def _may_be(kind: Any, want: Any) -> bool:
    inner = tuple(zip(typing.get_args(kind), typing.get_args(want), strict=False))
    kind, want = typing.get_origin(kind) or kind, typing.get_origin(want) or want
    if kind is want and not all(_may_be(one, other) for one, other in inner):
        return False
    if not (isinstance(kind, type) and isinstance(want, type)) or getattr(want, "_is_protocol", False):
        return True
    return issubclass(kind, want) or issubclass(kind, _PROMOTED.get(want, ()))
