"""`make compose-test`: what the README promises of compose, against a real container engine.

A project, ports and secrets of its own keep it away from a copy that is in use. COMPOSE names
the command to use: COMPOSE=docker-compose make compose-test
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ops.dotenv import fill_example
from ops.environment import PROJECT, SERVICE_PORTS
from ops.visitor import Disappointed, Visitor, wait_for

_PROJECT_NAME = "partner-directory-test"
_READY_SECONDS = 120.0
_BACK_SECONDS = 30.0
_FOUND_SECONDS = 20.0
_PUBLISHED = ("DIRECTORY_PORT", "SEARCH_PORT", "NOTIFY_PORT", "MAIL_UI_PORT")

# Run inside the container: the first child of its init is the service itself.
_KILL_MAIN_PROCESS = (
    "import os, signal; "
    "main = int(open('/proc/1/task/1/children').read().split()[0]); "
    "os.kill(main, signal.SIGKILL)"
)


def _find_compose() -> list[str]:
    chosen = os.environ.get("COMPOSE")
    candidates = [chosen.split()] if chosen else [["docker", "compose"], ["docker-compose"]]
    for command in candidates:
        if shutil.which(command[0]):
            asked = subprocess.run([*command, "version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return command
    names = " nor ".join(" ".join(command) for command in candidates)
    raise Disappointed(f"Compose is not installed: neither {names}.")


def _check_engine() -> None:
    if not shutil.which("docker"):
        raise Disappointed("No container engine is installed: there is no command `docker`.")
    asked = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise Disappointed(f"No container engine answers; start it first.\n{asked.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Composed:
    """The project while it is up."""

    def __init__(self, folder: Path) -> None:
        self._compose = _find_compose()
        self._env_file = folder / "env"
        values = dict(line.split("=", 1) for line in fill_example().splitlines() if "=" in line)
        self.values = values | {name: str(_free_port()) for name in _PUBLISHED}
        text = "".join(
            f"{name}={value}\n" for name, value in self.values.items() if not name.startswith("#")
        )
        self._env_file.write_text(text)

    def run(self, *words: str, quiet: bool = False) -> str:
        """Run compose; what it prints.

        Raises:
            Disappointed: it failed.
        """
        command = [*self._compose, "--env-file", str(self._env_file), "-p", _PROJECT_NAME, *words]
        # A variable of the caller would go before the file.
        environment = {k: v for k, v in os.environ.items() if k not in self.values}
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Disappointed(f"`{' '.join(words)}` of compose failed ({done.returncode}).")
        return done.stdout

    def container(self, service: str) -> str:
        """The id of the service's container."""
        return self.run("ps", "-q", "-a", service).strip()

    def inspect(self, service: str, template: str) -> str:
        """A value of what the engine knows about the service's container."""
        command = ["docker", "inspect", "-f", template, self.container(service)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def _up() -> Iterator[Composed]:
    with tempfile.TemporaryDirectory() as folder:
        composed = Composed(Path(folder))
        try:
            composed.run("up", "-d", "--build")
            yield composed
        except Disappointed:
            print(composed.run("logs", "--no-color", "--tail", "40", quiet=True))
            raise
        finally:
            composed.run("down", "-v", "--remove-orphans", quiet=True)


def _ready(visitor: Visitor, service: str, seconds: float) -> None:
    wait_for(lambda: visitor.is_ready(service), f"{service} is ready", seconds=seconds)


def _starter_is_loaded(composed: Composed) -> None:
    wait_for(
        lambda: composed.inspect("starter", "{{.State.Status}}") == "exited",
        "the starter data is loaded",
        seconds=_READY_SECONDS,
    )
    if composed.inspect("starter", "{{.State.ExitCode}}") != "0":
        raise Disappointed("The starter data could not be loaded.")


def _europol_is_found(visitor: Visitor) -> None:
    def first() -> str:
        items = visitor.ask("GET", "search", "/search", params={"q": "europol"}).json()["items"]
        return str(items[0]["title"]) if items else ""

    wait_for(lambda: "europol" in first().lower(), "europol comes first", seconds=_FOUND_SECONDS)


def _international_partners_are_listed(visitor: Visitor) -> None:
    answer = visitor.ask("GET", "directory", "/partners", params={"level": "international"})
    levels = {item["level"] for item in answer.json()["items"]}
    if levels != {"international"}:
        raise Disappointed(f"The list of international partners has the levels {levels}.")


def _what_is_written_is_found(visitor: Visitor) -> None:
    name = f"Compose test {secrets.token_hex(6)}"
    visitor.sign_in()
    partner_id = visitor.write_partner(name).json()["id"]
    wait_for(
        lambda: visitor.finds(partner_id, name),
        "search finds what was written",
        seconds=_FOUND_SECONDS,
    )


def _killed_service_comes_back(composed: Composed, visitor: Visitor, service: str) -> None:
    composed.run("exec", "-T", service, "python", "-c", _KILL_MAIN_PROCESS)
    wait_for(
        lambda: composed.inspect(service, "{{.RestartCount}}") != "0",
        f"{service} is started again",
        seconds=_BACK_SECONDS,
    )
    _ready(visitor, service, _BACK_SECONDS)


def _private_parts_are_not_published(composed: Composed) -> None:
    for service in ("postgres", "redis"):
        published = composed.inspect(service, "{{json .HostConfig.PortBindings}}")
        if published not in {"{}", "null"}:
            raise Disappointed(f"{service} publishes a port: {published}")


def _try_out(composed: Composed) -> None:
    urls = {
        service: f"http://127.0.0.1:{composed.values[f'{service.upper()}_PORT']}"
        for service in SERVICE_PORTS
    }
    account = composed.values["BOOTSTRAP_CLIENT_ID"], composed.values["BOOTSTRAP_CLIENT_SECRET"]
    visitor = Visitor(urls, *account)
    started_at = time.monotonic()

    def passed(what: str) -> None:
        print(f"  [{time.monotonic() - started_at:5.1f} s] {what}", flush=True)

    for service in SERVICE_PORTS:
        _ready(visitor, service, _READY_SECONDS)
    passed("the three services are ready")
    _starter_is_loaded(composed)
    passed("the starter data is loaded")
    _europol_is_found(visitor)
    passed("search finds Europol first")
    _international_partners_are_listed(visitor)
    passed("international partners are listed")
    _what_is_written_is_found(visitor)
    passed("what is written is found")
    _private_parts_are_not_published(composed)
    passed("PostgreSQL and Redis publish no port")
    for service in SERVICE_PORTS:
        _killed_service_comes_back(composed, visitor, service)
        passed(f"{service} came back after kill -9")
    _what_is_written_is_found(visitor)
    passed("what is written afterwards is found")


def _stop(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Bring compose up, try it, take it down; 1 with a sentence where something is wrong."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        _check_engine()
        with _up() as composed:
            _try_out(composed)
    except (Disappointed, httpx.TransportError) as error:
        print(f"compose-test: {error}")
        return 1
    print("compose-test: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
