"""What the services are told when all of them run on one machine."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.credentials import keep_credentials, keep_secrets

PROJECT = Path(__file__).resolve().parent.parent
SERVICE_PORTS = {"directory": 8001, "search": 8002, "notify": 8003}
LOOPBACK_NETWORKS = "127.0.0.0/8,::1/128"

# sockaddr_un has room for 104 bytes on macOS and 108 on Linux.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Machine:
    """One copy of the services: its folder, its ports, and the environment of its programs."""

    var_dir: Path
    host: str
    ports: Mapping[str, int]
    broker_socket: Path | None
    environment: Mapping[str, str]

    def url(self, service: str) -> str:
        """Where `service` is reached."""
        return self.environment[f"{service.upper()}_URL"]

    def pid_file(self, program: str) -> Path:
        """The file that `program` keeps locked while it lives."""
        return self.var_dir / "run" / f"{program}.pid"


class WrongPort(Exception):
    """A port in the environment is no port."""


def _port(environ: Mapping[str, str], service: str) -> int:
    name = f"{service.upper()}_PORT"
    given = environ.get(name) or str(SERVICE_PORTS[service])
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        raise WrongPort(f"{name}={given} is no port; give a number from 1 to 65535.")
    return int(given)


def _ports(environ: Mapping[str, str]) -> dict[str, int]:
    return {service: _port(environ, service) for service in SERVICE_PORTS}


def _host(environ: Mapping[str, str]) -> str:
    return environ.get("HOST") or "127.0.0.1"


def _reachable(host: str) -> str:
    """The host in a URL that reaches a program listening on `host` of this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{name}]" if ":" in name else name


def find_urls(environ: Mapping[str, str]) -> dict[str, str]:
    """Where each service is reached.

    Raises:
        WrongPort: see its text.
    """
    host = _reachable(_host(environ))
    return {
        service: environ.get(f"{service.upper()}_URL") or f"http://{host}:{port}"
        for service, port in _ports(environ).items()
    }


def _broker_socket(var_dir: Path) -> Path:
    socket = var_dir / "run" / "valkey.sock"
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH:
        return socket
    short = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"partner-directory-{os.getuid()}-{short}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else; choose a shorter VAR_DIR.")
    return folder / "valkey.sock"


def prepare_machine(environ: Mapping[str, str]) -> Machine:
    """The copy that `environ` describes; its secrets are made where they are missing.

    Raises:
        WrongPort: see its text.
    """
    var_dir = Path(environ.get("VAR_DIR") or "var").resolve()
    host = _host(environ)
    ports = _ports(environ)
    if len(set(ports.values())) < len(ports):
        raise WrongPort(f"Each service needs a port of its own, not {ports}.")
    (var_dir / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    (var_dir / "logs").mkdir(mode=0o700, exist_ok=True)
    account = keep_credentials(var_dir, environ)
    shared = keep_secrets(var_dir, environ)
    # A socket file needs neither a port nor a password: its folder lets nobody else in.
    socket = None if environ.get("REDIS_URL") else _broker_socket(var_dir)
    environment = {
        # Set but empty is an answer too: no loopback for webhooks.
        "WEBHOOK_ALLOWED_NETWORKS": LOOPBACK_NETWORKS,
        # On one's own machine an endpoint need not prove that it wants to be told.
        "WEBHOOK_VERIFICATION": "off",
        **environ,
        **{f"{service.upper()}_URL": url for service, url in find_urls(environ).items()},
        **{f"{service.upper()}_PORT": str(port) for service, port in ports.items()},
        **({"REDIS_URL": f"unix://{socket}"} if socket else {}),
        "HOST": host,
        "VAR_DIR": str(var_dir),
        "SERVICE_CLIENT_SECRET": shared["service_client_secret"],
        "ENCRYPTION_KEYS": shared["encryption_keys"],
        "BOOTSTRAP_CLIENT_ID": account["client_id"],
        "BOOTSTRAP_CLIENT_SECRET": account["client_secret"],
        "PYTHONUNBUFFERED": "1",
    }
    return Machine(var_dir, host, ports, socket, environment)
