"""Hooks may be plain or async. Checked by two type checkers, never run.

mypy holds an override against every base class, so also against pykka's own declarations, which know no async hooks; that is what the
line below switches off. pyright looks at the nearest.
"""
# mypy: disable-error-code="override"

from __future__ import annotations

from types import TracebackType

from actors import Actor, ThreadingActor


class Async(Actor):
    async def on_start(self) -> None:
        pass

    async def on_stop(self) -> None:
        pass

    async def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    async def on_receive(self, message: object) -> str:
        return repr(message)


class Plain(ThreadingActor):
    def on_start(self) -> None:
        super().on_start()

    def on_stop(self) -> None:
        super().on_stop()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().on_failure(exception_type, exception_value, traceback)
