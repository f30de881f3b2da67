"""One copy of everything, started as `make run` starts it."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from ops.leash import holder
from tests.network import PROJECT, SERVICES, free_port
from tests.waiting import wait_until

# Limits for machines on which much else goes on.
START_SECONDS = 240.0
STOP_SECONDS = 60.0


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A killed process that its parent has not looked at yet is dead all the same.
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not status.parent.parent.exists()


class CopyOfEverything:
    """`python -m ops.run` below a folder of its own, in a process group of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.var_dir = folder / "var"
        self.ports = {name: free_port() for name in SERVICES}
        self.urls = {name: f"http://127.0.0.1:{self.ports[name]}" for name in SERVICES}
        self.environment = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(self.var_dir),
            "STARTER_DATA": "off",
            **{f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            **settings,
        }
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, without waiting for anything."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ops.run"],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    async def start_and_wait(self) -> None:
        """Start it and wait until it has introduced itself."""
        process = self.start()

        async def is_introduced() -> bool:
            assert process.poll() is None, self.output
            return "Ctrl-C stops everything" in self.output

        await wait_until(is_introduced, "everything is up", START_SECONDS)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    def pid(self, name: str) -> int | None:
        """The living process of this name."""
        return holder(self.var_dir / "run" / f"{name}.pid")

    def pids(self) -> dict[str, int]:
        """All its living processes."""
        names = [file.stem for file in (self.var_dir / "run").glob("*.pid")]
        return {name: pid for name in names if (pid := self.pid(name))}

    def interrupt(self) -> None:
        """What Ctrl-C does: SIGINT to the whole process group."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process
        return self._process.wait(STOP_SECONDS)

    async def is_ready(self, service: str) -> bool:
        """Whether a service can serve."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get(f"{self.urls[service]}/readyz")).status_code == 200
        return False

    async def are_all_ready(self) -> bool:
        """Whether everything can serve."""
        return all([await self.is_ready(service) for service in SERVICES])

    def stop(self) -> None:
        """Stop it, whatever state it is in."""
        if self._process and self._process.poll() is None:
            self.interrupt()
            self.wait()
        for pid in self.pids().values():
            os.kill(pid, signal.SIGKILL)
