"""The reference leaves no public name out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import actors
import actors.channels
import actors.errors
import actors.events
import actors.logs
import actors.observe
import actors.routers
import actors.scheduler
import actors.streams
import actors.testing
import actors.wire
import supervisors
import supervisors.errors
import supervisors.machine
import supervisors.machine.errors
import supervisors.machine.testing

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
API = (REFERENCE / "api.md").read_text(encoding="utf-8")
PAGES = (
    "actors.md",
    "channels.md",
    "errors.md",
    "events.md",
    "logs.md",
    "machines.md",
    "observe.md",
    "routers.md",
    "scheduler.md",
    "streams.md",
    "supervisors.md",
    "testing.md",
    "wire.md",
)
GENERATED = "".join((REFERENCE / page).read_text(encoding="utf-8") for page in PAGES)
MACHINES = {*supervisors.machine.__all__, *supervisors.machine.testing.__all__}
OURS = {
    *actors.__all__,
    *actors.channels.__all__,
    *actors.events.__all__,
    *actors.logs.__all__,
    *actors.observe.__all__,
    *actors.routers.__all__,
    *actors.scheduler.__all__,
    *actors.streams.__all__,
    *actors.testing.__all__,
    *actors.wire.__all__,
}
# pykka's own, passed on unchanged, and a second name of Future
PYKKAS = {"CallableProxy", "ThreadingFuture", "debug", "messages", "traversable", "typing"}


@pytest.mark.parametrize("name", sorted({*OURS, *supervisors.__all__, *MACHINES}))
def test_a_public_name_is_on_the_api_page(name: str) -> None:
    assert name in API


@pytest.mark.parametrize("name", sorted(OURS - set(actors.errors.__all__) - PYKKAS))
def test_a_public_name_is_in_the_generated_reference(name: str) -> None:
    parts = ("channels", "events", "logs", "observe", "routers", "scheduler", "streams", "testing", "wire")
    assert any(f"::: {module}.{name}\n" in GENERATED for module in ("actors", *(f"actors.{part}" for part in parts)))


@pytest.mark.parametrize("name", sorted(set(supervisors.__all__) - set(supervisors.errors.__all__)))
def test_a_public_name_of_supervisors_is_in_the_generated_reference(name: str) -> None:
    assert f"::: supervisors.{name}\n" in GENERATED


@pytest.mark.parametrize("name", sorted(MACHINES - set(supervisors.machine.errors.__all__)))
def test_a_public_name_of_machines_is_in_the_generated_reference(name: str) -> None:
    assert re.search(rf"::: supervisors\.machine\.(\w+\.)?{name}\n", GENERATED)


@pytest.mark.parametrize("package", ["actors", "supervisors", "supervisors.machine"])
def test_the_generated_reference_has_the_whole_module_of_errors(package: str) -> None:
    assert f"::: {package}.errors\n" in GENERATED
