"""Search workers to be killed: each a real process, started within milliseconds.

Importing takes longer than what is to be broken off. So one process imports everything once and
forks a worker whenever it is told to: `python -m tests.search.worker_nursery`.
"""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from services.search.settings import Settings
from services.search.worker import run_worker
from shared.logs import configure_logs
from tests.network import PROJECT
from tests.waiting import wait_until


def fork_when_told(settings: Settings) -> None:
    """Fork a worker for each line that comes in, and say its process id."""
    # Nobody waits for the children, so they are to vanish by themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # What a worker has to say goes where no limit of file sizes holds.
            os.dup2(2, 1)
            configure_logs("search", settings.log_level)
            with suppress(KeyboardInterrupt):
                asyncio.run(run_worker(settings))
            os._exit(0)
        print(child, flush=True)


class Nursery:
    """The process that forks workers, and the one worker that lives."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.search.worker_nursery"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environment},
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._worker: int | None = None
        self._said: list[str] = []
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        self._said.extend(self._process.stderr)

    @property
    def said(self) -> str:
        """All that the workers have printed so far."""
        return "".join(self._said)

    @property
    def failures(self) -> int:
        """How many steps of the workers have failed so far."""
        return self.said.count("loop.step_failed")

    async def start(self) -> None:
        """Start a worker."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()
        told = await asyncio.to_thread(self._process.stdout.readline)
        assert told, self.said
        self._worker = int(told)

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill the worker, as a power cut does unless told otherwise, and wait until it is gone."""
        if self._worker is not None:
            os.kill(self._worker, how)
            await wait_until(self._is_gone, "the worker is gone")
            self._worker = None

    async def _is_gone(self) -> bool:
        try:
            os.kill(self._worker or 0, 0)
        except ProcessLookupError:
            return True
        return False

    def let_files_grow_to(self, size: int | None) -> None:
        """What a full disk is to the worker: no file may grow beyond `size` bytes; None ends it."""
        assert self._worker is not None
        highest = resource.RLIM_INFINITY
        limit = highest if size is None else size
        resource.prlimit(self._worker, resource.RLIMIT_FSIZE, (limit, highest))

    async def close(self) -> None:
        """End all of it."""
        await self.kill()
        self._process.kill()
        self._process.wait()
        self._listening.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


if __name__ == "__main__":
    fork_when_told(Settings.from_environment(os.environ))
