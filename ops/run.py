"""`make run`: the broker and the three services on this machine, until Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Never

from ops.environment import PROJECT, Machine, WrongPort, prepare_machine
from ops.leash import Held, hold, holder
from ops.leftovers import stop_leftovers
from ops.readiness import Interrupted, NotReady, PortTaken, check_ports, wait_until_ready
from ops.starter_marker import already_loaded, mark_loaded
from ops.supervision import leashed, supervisor_command

_NAME = "run"
_READY_SECONDS = 180.0
_STOP_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 1.0


class Stopped(BaseException):
    """A signal asked for the end."""


def say(line: str) -> None:
    """Print `line` at once, also into a pipe."""
    print(line, flush=True)


def _stop(_number: int, _frame: FrameType | None) -> Never:
    raise Stopped


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _heed_signals(handler: signal.Handlers | None = None) -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, handler or _stop)


@contextmanager
def _supervised(machine: Machine) -> Iterator["subprocess.Popen[bytes]"]:
    # A session of its own keeps the terminal's signals from it: SIGHUP would make it start anew.
    supervisor = subprocess.Popen(
        supervisor_command(machine),
        cwd=machine.var_dir,
        env=dict(machine.environment),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield supervisor
    finally:
        # The end is under way, and a second Ctrl-C must not leave half of it undone.
        _heed_signals(signal.SIG_IGN)
        supervisor.terminate()
        try:
            supervisor.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        stop_leftovers(machine.var_dir / "run", but=_NAME)


def _load_starter_data(machine: Machine) -> None:
    if machine.environment.get("STARTER_DATA") == "off" or already_loaded(machine.var_dir):
        return
    say("Loading the starter data ...")
    command = leashed(machine, "starter", [sys.executable, "-m", "ops.starter"])
    done = subprocess.run(command, cwd=PROJECT, env=dict(machine.environment), check=False)
    if done.returncode == 0:
        mark_loaded(machine.var_dir)
    else:
        say("The starter data is not complete; the next start goes on with it.")


def _read_credentials(path: str) -> str:
    return (
        f'python3 -c \'import json; c = json.load(open("{path}")); '
        'print(c["client_id"] + ":" + c["client_secret"])\''
    )


def _introduction(machine: Machine) -> str:
    shown = os.path.relpath(machine.var_dir)
    shown = str(machine.var_dir) if shown.startswith("..") else shown
    directory, search = machine.url("directory"), machine.url("search")
    networks = machine.environment["WEBHOOK_ALLOWED_NETWORKS"] or "none"
    addresses = "\n".join(
        f"  {service:<10} {machine.url(service)}   {machine.url(service)}/docs"
        for service in machine.ports
    )
    return f"""
{addresses}

Search; list; sign in and write:

  curl '{search}/search?q=europol'

  curl '{directory}/partners?level=international'

  TOKEN=$(curl -s -u "$({_read_credentials(f"{shown}/credentials.json")})" \\
    -d grant_type=client_credentials {directory}/oauth/token |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl {directory}/partners -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"level": "national", "names": [{{"value": "Example Institute", "kinds": ["display"]}}]}}'

Webhooks in a browser: {machine.url("notify")}/console, with the same credentials.
Credentials: {shown}/credentials.json. Logs: {shown}/logs/.
Events travel over {machine.environment["REDIS_URL"] if machine.broker_socket else "REDIS_URL"}.
Webhooks may reach these private networks: {networks} (WEBHOOK_ALLOWED_NETWORKS).
Ctrl-C stops everything."""


def _is_abandoned(parent: int) -> bool:
    # Below make, make is our terminal: when it was killed, no Ctrl-C comes any more.
    return "MAKELEVEL" in os.environ and os.getppid() != parent


def _watch(supervisor: "subprocess.Popen[bytes]", parent: int) -> None:
    """Return when the supervisor has ended; stop when nobody is left who could stop us."""
    while True:
        try:
            supervisor.wait(_LOOK_EVERY_SECONDS)
        except subprocess.TimeoutExpired:
            if _is_abandoned(parent):
                raise Stopped from None
        else:
            return


def _bring_up(machine: Machine, supervisor: "subprocess.Popen[bytes]", parent: int) -> None:
    urls = {service: machine.url(service) for service in machine.ports}
    started_at = time.monotonic()
    wait_until_ready(
        urls,
        machine.var_dir / "logs",
        seconds=_READY_SECONDS,
        go_on=lambda: supervisor.poll() is None and not _is_abandoned(parent),
        say=say,
    )
    say(f"All services are ready after {time.monotonic() - started_at:.1f} s.")
    _load_starter_data(machine)


def _run(machine: Machine) -> None:
    parent = os.getppid()
    introduced = False
    while True:
        with _supervised(machine) as supervisor:
            with suppress(Interrupted):
                _bring_up(machine, supervisor, parent)
                if not introduced:
                    say(_introduction(machine))
                    introduced = True
            _watch(supervisor, parent)
            if supervisor.returncode > 0:
                log = machine.var_dir / "logs" / "supervisord.log"
                raise NotReady(f"supervisord gave up ({supervisor.returncode}); see {log}")
            say(f"The supervisor has ended by itself ({supervisor.returncode}); starting it again.")
        _heed_signals()


def main() -> int:
    """Run until a signal comes."""
    os.umask(0o077)
    _heed_signals()
    try:
        machine = prepare_machine(os.environ)
        pid_file = machine.pid_file(_NAME)
        # Bound to a name: the lock ends when the file is closed.
        lock = hold(pid_file)
        if names := stop_leftovers(machine.var_dir / "run", but=_NAME):
            say(f"Stopped what a killed run had left: {', '.join(names)}.")
        check_ports(machine.host, machine.ports)
        _run(machine)
        lock.close()
    except Stopped:
        say("Stopped.")
    except Held:
        say(
            f"Another copy runs with VAR_DIR={machine.var_dir} (process {holder(pid_file)}). "
            "Stop it, or give this one a VAR_DIR and ports of its own."
        )
        return 1
    except (NotReady, PortTaken, PermissionError, WrongPort) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
