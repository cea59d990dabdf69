"""Uses the installed wheel from outside the checkout: packages, type markers, an actor's life, the command."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import actors
import supervisors
from actors import logs


class Echo(actors.Actor):
    """Answers with what it was sent."""

    def on_receive(self, message: object) -> object:
        """Returns the message, and logs it."""
        self.log.info("echoes {}", message)  # noqa: PLE1205  # the braces are ours
        return message


def main() -> None:
    """Raises when anything is not as a user must find it."""
    for package in (actors, supervisors):
        folder = Path(str(package.__file__)).parent
        if "site-packages" not in folder.parts:
            raise SystemExit(f"{package.__name__} comes from {folder}, not from the wheel")
        if not (folder / "py.typed").is_file():
            raise SystemExit(f"{package.__name__} lost its py.typed")
    lines: list[str] = []
    with logs.setup(lines.append, level="INFO", events=False):
        ref = Echo.start()
        try:
            answer = ref.ask("hello", timeout=5)
        finally:
            ref.stop(timeout=5)
    if [str(line) for line in lines] != ["echoes hello\n"]:
        raise SystemExit(f"logged 'echoes hello', the sink got {lines!r}")
    if answer != "hello":
        raise SystemExit(f"asked 'hello', was answered {answer!r}")
    if ref.is_alive():
        raise SystemExit("the actor outlived its stop")
    told = subprocess.run([Path(sys.executable).with_name("greenroom"), "--version"], capture_output=True, text=True, check=True).stdout
    if told != f"greenroom {version('greenroom')}\n":
        raise SystemExit(f"the command tells its version as {told!r}")
    print(f"greenroom {version('greenroom')}: installed, imported, asked, logged and stopped")


main()
