"""numpy arrays: both ways, without a copy where there need be none. numpy is never imported here: a program that has arrays has it."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, Final

from actors.errors import CodecError
from actors.wire.tags import NDARRAY, NUMPY_SCALAR

if TYPE_CHECKING:
    from actors.wire.copying import Copying
    from actors.wire.decoding import Decoding
    from actors.wire.encoding import Encoding

__all__ = ["array_copier", "array_encoder", "decode_array", "decode_scalar"]

_PLAIN: Final = "biufcmMSU"  # kinds of dtypes whose elements are bytes and nothing else
LARGE: Final = 1024  # bytes from which on an array is outside of the nodes
DIMENSIONS: Final = 32
_LONGEST: Final = 24  # characters of a dtype


def array_encoder(kind: type) -> Any:
    """Return how values of a class of numpy's are encoded; None if it is none of those that can be."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if kind is numpy.ndarray:
        return _encode_array
    return _encode_scalar if issubclass(kind, numpy.generic) else None


def array_copier(kind: type) -> Any:
    """Return how values of a class of numpy's are copied within the process; None if it is none of those that can be."""
    encoder = array_encoder(kind)
    return None if encoder is None else _copy_array if encoder is _encode_array else _copy_scalar


def _copy_array(array: Any, state: Copying, _depth: int) -> Any:
    _check(array.dtype)
    made = state.memo[id(array)] = array.copy(order="K")
    return made


def _copy_scalar(scalar: Any, _state: Copying, _depth: int) -> Any:
    _check(scalar.dtype)
    return scalar


def _check(dtype: Any) -> None:
    if dtype.kind not in _PLAIN or dtype.names is not None or dtype.hasobject:
        msg = f"has the dtype {dtype}: only plain ones travel (bool, int, float, complex, datetime64, timedelta64, bytes, str)"
        raise CodecError(msg)


def _encode_array(array: Any, state: Encoding, _depth: int) -> list[Any]:
    _check(array.dtype)
    if array.ndim > DIMENSIONS:
        msg = f"has {array.ndim} dimensions, and {DIMENSIONS} are the most"
        raise CodecError(msg)
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    flat = array.T if order == "F" else array
    # As bytes, seen through a view: numpy knows no buffer of dates, and nothing is copied if the elements lie one after the other.
    data = sys.modules["numpy"].ascontiguousarray(flat).reshape(-1).view("u1").data if array.size and array.itemsize else memoryview(b"")
    if array.nbytes < LARGE:
        return state.finish(array, [NDARRAY, array.dtype.str, order, list(array.shape), bytes(data)])
    state.sections.append(data)
    return state.finish(array, [NDARRAY, array.dtype.str, order, list(array.shape), len(state.sections) - 1])


def _encode_scalar(scalar: Any, _state: Encoding, _depth: int) -> Any:
    _check(scalar.dtype)
    # Cut: numpy gives the bytes of one character for a text that has none.
    return [NUMPY_SCALAR, scalar.dtype.str, scalar.tobytes()[: scalar.dtype.itemsize]]


def _dtype(text: Any) -> tuple[Any, Any]:
    """Return numpy and the dtype of a text."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        msg = "is of numpy, which this program does not use: import it to read such messages"
        raise CodecError(msg)
    # Never more than a plain one: numpy makes structures, and takes other names, of longer texts.
    plain = type(text) is str and len(text) <= _LONGEST and text[:1] in "<>|=" and text[1:2] in _PLAIN
    if not plain or "," in text or not text.isprintable():
        msg = "has no plain dtype"
        raise CodecError(msg)
    try:
        dtype = numpy.dtype(text)
    except (TypeError, ValueError, SyntaxError) as error:
        msg = f"has no plain dtype: {error}"
        raise CodecError(msg) from None
    _check(dtype)
    return numpy, dtype


def decode_array(raw: list[Any], state: Decoding, _depth: int) -> Any:
    """Return the array of a node: a view of the message's bytes, which cannot be written to."""
    if len(raw) != 5:  # noqa: PLR2004
        msg = "is no numpy array: it has other parts than one has"
        raise CodecError(msg)
    _, text, order, shape, data = raw
    numpy, dtype = _dtype(text)
    if type(data) is int and 0 <= data < len(state.sections):
        data = state.sections[data]
    dimensions = type(shape) is list and len(shape) <= DIMENSIONS and all(type(one) is int and 0 <= one < 1 << 48 for one in shape)
    if not dimensions or type(data) not in (bytes, memoryview) or order not in ("C", "F"):
        msg = "is no numpy array: it has other parts than one has"
        raise CodecError(msg)
    count = math.prod(shape)
    if count * dtype.itemsize != len(data) or (not dtype.itemsize and count >= state.longest):
        msg = f"is a numpy array of {len(data)} bytes, and its shape and dtype say {count * dtype.itemsize}"
        raise CodecError(msg)
    try:
        if not len(data):
            return numpy.zeros(shape, dtype, order)
        return numpy.frombuffer(data, dtype).reshape(shape, order=order)
    except ValueError as error:
        msg = f"is no numpy array: {error}"
        raise CodecError(msg) from None


def decode_scalar(raw: list[Any], _state: Decoding, _depth: int) -> Any:
    """Return the numpy scalar of a node."""
    if len(raw) != 3 or type(raw[2]) is not bytes:  # noqa: PLR2004
        msg = "is no numpy scalar: it has other parts than one has"
        raise CodecError(msg)
    numpy, dtype = _dtype(raw[1])
    if dtype.itemsize != len(raw[2]):
        msg = f"is a numpy scalar of {len(raw[2])} bytes, and its dtype says {dtype.itemsize}"
        raise CodecError(msg)
    return numpy.frombuffer(raw[2], dtype)[0] if raw[2] else numpy.zeros((), dtype)[()]
