"""Stops what an earlier run has left behind because it was killed."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from ops.leash import holder
from ops.supervision import SUPERVISOR

_PATIENCE_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 0.05


def living(run_dir: Path, *, but: str) -> dict[str, int]:
    """The processes whose pid files are held, by name, without the one called `but`."""
    found = {file.stem: holder(file) for file in sorted(run_dir.glob("*.pid")) if file.stem != but}
    return {name: pid for name, pid in found.items() if pid is not None}


def _signal(processes: dict[str, int], number: signal.Signals) -> None:
    for pid in processes.values():
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _gone(run_dir: Path, but: str) -> bool:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while living(run_dir, but=but):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
    return True


def stop_leftovers(run_dir: Path, *, but: str) -> list[str]:
    """Stop whatever still lives below `run_dir`; the names of what was stopped."""
    found = living(run_dir, but=but)
    if not found:
        return []
    # The supervisor first: it would start again what is stopped under its hands.
    supervisor = {name: pid for name, pid in found.items() if name == SUPERVISOR}
    _signal(supervisor or found, signal.SIGTERM)
    if not _gone(run_dir, but):
        for _ in range(2):
            # Twice, for what the supervisor has started between our look and its end.
            _signal(living(run_dir, but=but), signal.SIGKILL)
            _gone(run_dir, but)
    return list(found)
