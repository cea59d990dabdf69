"""What the first element of an array says it is. The format is in ``docs/reference/wire-format.md``."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BIGINT",
    "BYTEARRAY",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DICT",
    "ENVELOPE",
    "ERROR",
    "FIRST_KEY",
    "FORMAT_VERSION",
    "FROZENSET",
    "LAST_CONTAINER",
    "LIST",
    "NAMES",
    "NDARRAY",
    "NUMPY_SCALAR",
    "PATH",
    "REF",
    "SECTIONED",
    "SET",
    "SHARED",
    "SURROGATES",
    "TIME",
    "TIMEDELTA",
    "TUPLE",
    "UUID",
]

FORMAT_VERSION: Final = 1

ENVELOPE: Final = 0
SHARED: Final = 1
LIST: Final = 2
TUPLE: Final = 3
SET: Final = 4
FROZENSET: Final = 5
DICT: Final = 6
LAST_CONTAINER: Final = DICT
BYTEARRAY: Final = 7
BIGINT: Final = 8
SURROGATES: Final = 9
DATETIME: Final = 10
DATE: Final = 11
TIME: Final = 12
TIMEDELTA: Final = 13
DECIMAL: Final = 14
UUID: Final = 15
PATH: Final = 16
ERROR: Final = 17
REF: Final = 18
NDARRAY: Final = 19
NUMPY_SCALAR: Final = 20
FIRST_KEY: Final = 32  # from here on: registered types, by their place in the envelope

SECTIONED: Final = 0xC1  # the first byte of a payload with sections; msgpack never uses it

NAMES: Final = {
    ENVELOPE: "envelope",
    SHARED: "shared",
    LIST: "list",
    TUPLE: "tuple",
    SET: "set",
    FROZENSET: "frozenset",
    DICT: "dict",
    BYTEARRAY: "bytearray",
    BIGINT: "int",
    SURROGATES: "str",
    DATETIME: "datetime",
    DATE: "date",
    TIME: "time",
    TIMEDELTA: "timedelta",
    DECIMAL: "Decimal",
    UUID: "UUID",
    PATH: "path",
    ERROR: "exception",
    REF: "actor ref",
    NDARRAY: "numpy array",
    NUMPY_SCALAR: "numpy scalar",
}
