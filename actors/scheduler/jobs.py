"""Which functions persistent tasks may name. Nothing is imported, or called, because a database says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from actors._core.mutex import Mutex

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Jobs"]

F = TypeVar("F", bound="Callable[..., Any]")


class Jobs:
    """The functions and coroutine functions that may be run for a store, by names that stay the same.

    A store keeps the name of a job, never code: a function may be moved or renamed in the source as long as it is registered under its
    old name. May be used from any thread.

    Example:
        ```python
        jobs = Jobs()


        @jobs.register(name="shop.invoices")
        def send_invoices(month: str) -> None: ...
        ```
    """

    def __init__(self) -> None:
        self._lock = Mutex()
        # Written under the lock, each entry once.
        self._by_name: dict[str, Callable[..., Any]] = {}
        self._by_function: dict[Callable[..., Any], str] = {}

    def __repr__(self) -> str:
        return f"Jobs({', '.join(sorted(self._by_name))})"

    @overload
    def register(self, function: F, /, *, name: str | None = None) -> F: ...
    @overload
    def register(self, function: None = None, /, *, name: str | None = None) -> Callable[[F], F]: ...

    def register(self, function: Any = None, /, *, name: str | None = None) -> Any:
        """Let persistent tasks name a function.

        Args:
            function: a function or coroutine function; without it, a decorator is returned.
            name: under which stores keep it; None: its module and qualified name, which do as long as it is not moved or renamed.

        Returns:
            The function itself.

        Raises:
            TypeError: it cannot be called, or its own name does not tell it from others (a lambda, one within a function): give a name.
            ValueError: the name is empty, or is that of another function, or the function has another name already.
        """
        if name is not None and not isinstance(name, str):
            msg = f"name={name!r} is not valid: a text, or None for the function's own name"
            raise TypeError(msg)
        if name is not None and (not name or not name.isprintable()):
            msg = f"name={name!r} is not valid: a text that can be printed, such as 'shop.invoices'"
            raise ValueError(msg)
        if function is None:
            return lambda given: self._register(given, name)
        return self._register(function, name)

    def _register(self, function: F, name: str | None) -> F:
        if not callable(function):
            msg = f"function={function!r} is not valid: a function or a coroutine function"
            raise TypeError(msg)
        name = _own_name(function) if name is None else name
        with self._lock:
            other, before = self._by_name.get(name), self._by_function.get(function)
            if other is None and before is None:
                self._by_name[name] = function
                self._by_function[function] = name
                return function
        if before is not None:
            msg = f"function={function!r} is not valid: it is registered as {before!r} already"
            raise ValueError(msg)
        msg = f"name={name!r} is not valid: it is that of {other!r}; give another name="
        raise ValueError(msg)

    def name_of(self, function: Callable[..., Any]) -> str | None:
        """Return the name of a function, or None if it is not registered."""
        try:
            return self._by_function.get(function)
        except TypeError:  # it has no hash, so it was never registered
            return None

    def get(self, name: str) -> Callable[..., Any] | None:
        """Return the function of a name, or None if there is none."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """Return the names, sorted."""
        with self._lock:
            return sorted(self._by_name)


def _own_name(function: Callable[..., Any]) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name or "<" in name or module == "__main__":
        msg = f"function={function!r} is not valid without a name: its own would not find it again in the next program; give name="
        raise TypeError(msg)
    return f"{module}.{name}"
