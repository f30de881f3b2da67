"""Starts a program on a leash: it dies with its parent, and its pid file is locked while it lives.

    python -I -S ops/leash.py PID_FILE PROGRAM ARGUMENT...

A number in a pid file may belong to another program by now; a lock cannot outlive its process.
The lock is taken here and stays with the program, because a file that is open stays open over
`exec`. Only the standard library is imported: each start of a service goes through this file.
"""

import ctypes
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LOCK_SECONDS = 5.0
_TRY_EVERY_SECONDS = 0.05


class Held(Exception):
    """The process that wrote the pid file is alive."""


def hold(pid_file: Path) -> IO[str]:
    """Lock `pid_file` and write our pid into it; the lock lasts as long as the file is open.

    Raises:
        Held: another process has it.
    """
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    file = pid_file.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Held(str(pid_file)) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def holder(pid_file: Path) -> int | None:
    """The pid of the living process that holds `pid_file`, if there is one."""
    try:
        with pid_file.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                # Empty for the instant between its holder's lock and its holder's pid.
                return int(file.read().strip() or 0) or None
    except FileNotFoundError:
        pass
    return None


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; only Linux can do that.

    Elsewhere the next start finds the process by its pid file.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _hold_soon(pid_file: Path) -> IO[str]:
    # Somebody may look at the lock at this very moment, which is not a reason to give up.
    give_up_at = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return hold(pid_file)
        except Held:
            if time.monotonic() > give_up_at:
                sys.exit(f"{sys.argv[2]}: the process that holds {pid_file} is still alive")
            time.sleep(_TRY_EVERY_SECONDS)


if __name__ == "__main__":
    die_with_parent()
    lock = _hold_soon(Path(sys.argv[1]))
    os.set_inheritable(lock.fileno(), True)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - our own command line, not a shell
