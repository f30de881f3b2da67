"""What is known of this machine and of the processes on it."""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psutil

_PROC = Path("/proc")
_LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "tantivy", "aiohttp", "redis")


def _processor() -> str:
    cpuinfo = _PROC / "cpuinfo"
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_load() -> str:
    """Processes that wanted to run in the last minute; more than the processors is too busy."""
    return f"{os.getloadavg()[0]:.1f}"


def describe_machine() -> dict[str, str]:
    """What a reader needs in order to compare figures with those of another machine."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return {
        "processors": f"{usable_processors()} x {_processor()}",
        "memory": f"{_memory_gigabytes():.0f} GB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_version()}; {libraries}",
    }


def resident_megabytes(pid: int) -> float:
    """Memory that a process and those that it has started hold (RSS)."""
    return sum(_of_family(pid, lambda one: float(one.memory_info().rss))) / 2**20


def own_megabytes(pid: int) -> float:
    """Memory that a process and those that it has started hold, but for the files they map.

    Pages of a mapped file are the system's to take back, and there as often as they are mapped.
    """
    return sum(_of_family(pid, _without_files)) / 2**20


def _without_files(process: psutil.Process) -> float:
    held = process.memory_info()
    # Not on every system is it told apart.
    return float(held.rss - getattr(held, "shared", 0))


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far, with those that it has started."""
    # Its own and that of those that have ended, and of those that have not.
    return sum(_of_family(pid, lambda one: float(sum(one.cpu_times()[:4]))))


def _of_family(pid: int, figure: Callable[[psutil.Process], float]) -> Iterator[float]:
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        # One that it has started may end meanwhile.
        with suppress(psutil.NoSuchProcess):
            yield figure(one)
