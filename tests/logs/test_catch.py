"""`Log.catch`: around a block, and as a decorator of each kind of function."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.logs import log
from tests.logs.kit import Caught, here, place

BAD = ValueError("bad")


def fails(*args: Any, **kwargs: Any) -> Any:
    raise BAD


# -- around a block --------------------------------------------------------------------------------------------------------


def test_a_block_that_raises_is_over_and_logged_with_its_place(caught: Caught) -> None:
    caught.set_up()
    with log.catch():
        fails()
    expected = here(back=2)
    record = caught.record
    assert record["exception"].value is BAD
    assert record["level"].name == "ERROR"
    assert record["message"] == f"An error has been caught in function '{expected[1]}', process '{record['process'].name}'"
    assert place(record)[:2] == expected[:2]
    assert record["line"] in (expected[2], expected[2] + 1)


def test_an_async_block_tells_its_own_place(caught: Caught) -> None:
    caught.set_up()

    async def work() -> None:
        async with log.catch():
            fails()

    asyncio.run(work())
    assert place(caught.record)[:2] == (__name__, "work")


def test_a_block_that_does_not_raise_logs_nothing(caught: Caught) -> None:
    caught.set_up()
    with log.catch():
        pass
    assert caught.records == []


@pytest.mark.parametrize(("exception", "exclude", "through"), [
    (ValueError, None, False),
    ((KeyError, ValueError), None, False),
    (KeyError, None, True),
    (Exception, ValueError, True),
    (Exception, (KeyError, ValueError), True),
    (Exception, KeyError, False),
])  # fmt: skip
def test_only_what_is_asked_for_is_caught(caught: Caught, exception: Any, exclude: Any, through: bool) -> None:
    caught.set_up()
    raised = None
    try:
        with log.catch(exception, exclude=exclude):
            fails()
    except ValueError as error:
        raised = error
    assert (raised is BAD) == through
    assert len(caught.records) == (not through)


def test_it_may_be_raised_again_and_told_to_a_function(caught: Caught) -> None:
    caught.set_up()
    told: list[BaseException] = []
    with (
        pytest.raises(ValueError, match="bad") as raised,
        log.catch(reraise=True, onerror=told.append, level="WARNING", message="{record[level].no}"),
    ):
        fails()
    assert told == [raised.value]
    assert (caught.message, caught.record["level"].name) == ("30", "WARNING")


def test_a_level_that_is_off_catches_all_the_same(caught: Caught) -> None:
    caught.set_up(level="INFO")
    with log.catch(level="DEBUG"):
        fails()
    assert caught.records == []


def test_it_has_the_fields_options_and_patchers_of_its_log(caught: Caught) -> None:
    caught.set_up()

    def helper() -> None:
        with log.bind(a=1).opt(depth=1).patch(lambda record: record["extra"].update(b=2)).catch(message="caught"):
            fails()

    helper()
    expected = here(back=1)
    assert (caught.message, caught.record["extra"], place(caught.record)) == ("caught", {"a": 1, "b": 2}, expected)


# -- decorators ------------------------------------------------------------------------------------------------------------


def test_a_plain_function_is_decorated_with_and_without_parentheses(caught: Caught) -> None:
    caught.set_up()

    @log.catch
    def bare(a: int, *, b: int) -> int:
        """Tell."""
        return a // b

    @log.catch(default=-1, message="{record[function]}")
    def given(a: int, *, b: int) -> int:
        return a // b

    @log.catch(ZeroDivisionError, level="INFO", message="typed")
    def typed(a: int, *, b: int) -> int:
        return a // b

    for function in (bare, given, typed):
        assert function(7, b=2) == 3
    assert caught.records == []
    assert (bare(7, b=0), given(7, b=0), typed(7, b=0)) == (None, -1, None)
    expected = here(back=1)
    assert (bare.__name__, bare.__doc__) == ("bare", "Tell.")
    assert [place(record) for record in caught.records] == [expected] * 3
    assert caught.messages[1:] == [expected[1], "typed"]
    assert [record["level"].name for record in caught.records] == ["ERROR", "ERROR", "INFO"]


def test_a_coroutine_function_stays_one(caught: Caught) -> None:
    caught.set_up()

    @log.catch(default="instead")
    async def work(value: int) -> Any:
        await asyncio.sleep(0)
        return value or fails()

    async def both() -> tuple[Any, Any]:
        return await work(1), await work(0)

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(both()) == (1, "instead")
    assert caught.record["exception"].value is BAD
    assert place(caught.record)[:2] == (__name__, "both")


def test_a_generator_function_stays_one_and_may_be_sent_to(caught: Caught) -> None:
    caught.set_up()

    @log.catch(default="instead")
    def counting() -> Iterator[Any]:
        got = yield 1
        yield got
        fails()

    generator = counting()
    assert inspect.isgeneratorfunction(counting)
    assert (next(generator), generator.send("sent")) == (1, "sent")
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "instead"
    assert caught.record["exception"].value is BAD


def test_an_async_generator_function_stays_one(caught: Caught) -> None:
    caught.set_up()

    @log.catch
    async def counting() -> Any:
        got = yield 1
        yield got
        fails()

    async def take() -> list[Any]:
        generator = counting()
        return [await anext(generator), await generator.asend("sent"), *[one async for one in generator]]

    assert inspect.isasyncgenfunction(counting)
    assert asyncio.run(take()) == [1, "sent"]
    assert caught.record["exception"].value is BAD


def test_a_method_is_decorated_as_a_function_is(caught: Caught) -> None:
    caught.set_up()

    class Thing:
        @log.catch(default=0)
        def method(self, value: int) -> Any:
            return value or fails()

    assert (Thing().method(1), Thing().method(0)) == (1, 0)
    assert len(caught.records) == 1


@pytest.mark.parametrize("decorator", [log.catch, log.catch()])
def test_a_class_is_refused(decorator: Callable[[type], Any]) -> None:
    class Thing:
        pass

    with pytest.raises(TypeError, match="Thing"):
        decorator(Thing)


@pytest.mark.parametrize("name", ["exception", "exclude"])
@pytest.mark.parametrize("value", [1, "ValueError", (ValueError, 1), int])
def test_what_is_no_type_of_exceptions_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"{name}="):
        log.catch(**{name: value})


@pytest.mark.parametrize("value", [1, "x"])
def test_what_is_no_function_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="onerror="):
        log.catch(onerror=value)
    with pytest.raises(TypeError, match="not valid"):
        log.catch()(value)
