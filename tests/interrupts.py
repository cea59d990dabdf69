"""A Ctrl-C at a chosen moment.

Signals are handled between two steps of Python code, at calls and loops. Here the interrupt is raised by a profile function.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["interrupted"]


class _Interrupt:
    """Raises KeyboardInterrupt after so many calls that the code of certain files makes."""

    def __init__(self, where: str, calls: int) -> None:
        self._where = where
        self._left = calls

    def __call__(self, frame: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_return") and self._where in frame.f_code.co_filename:
            self._left -= 1
            if self._left < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt


def interrupted(where: str, call: Callable[[], object], calls: int) -> bool:
    """Call `call()`, interrupted after so many calls of files with `where` in their names; tell whether that came before its end."""
    sys.setprofile(_Interrupt(where, calls))
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False
