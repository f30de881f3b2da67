"""The files that the process may open, shared out: requests to endpoints, streams, all else."""

import resource

_OTHER_FILES = 200
"""Files that a process opens beside streams and requests to endpoints."""


def requests_that_fit(wanted: int) -> int:
    """How many requests to endpoints there may be at a time: as `wanted`, within half of the files.

    A request that finds no file to open would count as a failure of its endpoint.
    """
    return max(1, min(wanted, _files() // 2))


def streams_that_fit(wanted: int, requests: int) -> int:
    """How many streams there may be at a time beside so many `requests`."""
    return max(1, min(wanted, _files() - requests))


def _files() -> int:
    return _raise_limit() - _OTHER_FILES


def _raise_limit() -> int:
    """Let the process open as many files as the system lets it, and say how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        # Some systems name a limit that they do not grant.
        return soft
    return hard if hard != resource.RLIM_INFINITY else 1_000_000
