"""Whether the services can serve, and whether their ports are free.

`python -m ops.readiness URL` asks one service; compose calls it as health check.
"""

import errno
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

_ASK_SECONDS = 2.0
_ASK_EVERY_SECONDS = 0.1
_SAY_EVERY_SECONDS = 15.0
_LINES_OF_LOG = 15


# A proxy in the environment is for the world, not for our neighbours.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NotReady(Exception):
    """A service did not become ready in time."""


class Interrupted(Exception):
    """There is nothing to wait for any more."""


class PortTaken(Exception):
    """Another program listens on a port that a service needs."""


def _listen(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the services do: a port whose last connections are closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)


def check_ports(host: str, ports: Mapping[str, int]) -> None:
    """See whether every service could listen.

    Raises:
        PortTaken: one could not.
    """
    for service, port in ports.items():
        try:
            _listen(host, port)
        except OSError as error:
            why = "is taken by another program (or another copy of this one)"
            if error.errno != errno.EADDRINUSE:
                why = f"cannot be used: {os.strerror(error.errno or 0)}"
            variable = f"{service.upper()}_PORT"
            raise PortTaken(
                f"Port {port} for {service} on {host} {why}. Stop what uses it, or choose "
                f"another: {variable}={port + 100} make run"
            ) from error


def ask_readiness(url: str) -> str | None:
    """Why the service at `url` cannot serve yet, or None when it can."""
    try:
        with _DIRECT.open(f"{url}/readyz", timeout=_ASK_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return _reasons(error.read()) or f"/readyz answers {error.code}"
    except (OSError, ValueError) as error:
        return f"does not answer ({getattr(error, 'reason', error)})"


def _reasons(body: bytes) -> str:
    try:
        dependencies = json.loads(body)["dependencies"]
        return "; ".join(f"{d['name']}: {d['detail']}" for d in dependencies if not d["ok"])
    except (ValueError, KeyError, TypeError):
        return ""


def wait_until_ready(
    urls: Mapping[str, str],
    logs: Path,
    *,
    seconds: float,
    go_on: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Wait until every service can serve, as long as `go_on` says so.

    Where that takes long, what is waited for is said again and again.

    Raises:
        Interrupted: `go_on` said no.
        NotReady: one cannot after `seconds`; the text says why and shows the end of its log.
    """
    begun_at = time.monotonic()
    give_up_at, say_at = begun_at + seconds, begun_at + _SAY_EVERY_SECONDS
    for service, url in urls.items():
        while reason := ask_readiness(url):
            now = time.monotonic()
            if now > give_up_at:
                log = logs / f"{service}.log"
                raise NotReady(
                    f"{service} is not ready after {seconds:.0f} s: {reason}\n"
                    f"The end of {log}:\n{_end_of(log)}"
                )
            if now > say_at:
                say_at = now + _SAY_EVERY_SECONDS
                waited = f"{now - begun_at:.0f} s"
                say(f"{service} is not ready yet after {waited}: {reason}; see {logs}.")
            if not go_on():
                raise Interrupted
            time.sleep(_ASK_EVERY_SECONDS)


def _end_of(log: Path) -> str:
    if not log.exists():
        return "  (nothing)"
    return "\n".join(f"  {line}" for line in log.read_text().splitlines()[-_LINES_OF_LOG:])


if __name__ == "__main__":
    sys.exit(ask_readiness(sys.argv[1]))
