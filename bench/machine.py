"""What is known of this machine and of the processes on it."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

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
    """Memory that a process holds (RSS)."""
    found = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(found.stdout) / 1024


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used so far; 0 where the system does not tell."""
    stat = _PROC / str(pid) / "stat"
    if not stat.exists():
        return 0.0
    # The name in parentheses may hold spaces; the 12th and 13th field after it are the times.
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
