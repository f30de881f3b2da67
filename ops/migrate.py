"""Brings all databases to the current schema; on PostgreSQL makes those that are missing first.

On one machine the databases are those of `make run`; in compose the environment names them.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from ops.environment import PROJECT, SERVICE_PORTS, prepare_machine

_CONNECT_SECONDS = 30.0


async def _create_if_missing(url: str) -> bool:
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    maintenance = urlunsplit(("postgresql", parts.netloc, "/postgres", parts.query, ""))
    connection = await asyncpg.connect(maintenance, timeout=_CONNECT_SECONDS)
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return False
        # A database's name cannot be a parameter.
        await connection.execute('CREATE DATABASE "{}"'.format(name.replace('"', '""')))
    except asyncpg.DuplicateDatabaseError:
        return False
    finally:
        await connection.close()
    return True


def _environment() -> Mapping[str, str]:
    if os.environ.get("SERVICE_CLIENT_SECRET"):
        return os.environ
    return prepare_machine(os.environ).environment


def main() -> int:
    """Migrate every service's database, one after the other."""
    os.umask(0o077)
    environment = _environment()
    for service in SERVICE_PORTS:
        url = environment.get(f"{service.upper()}_DATABASE_URL", "")
        if url.startswith("postgres") and asyncio.run(_create_if_missing(url)):
            print(f"{service}: database created", flush=True)
        command = [sys.executable, "-m", f"services.{service}.migrate"]
        done = subprocess.run(command, cwd=PROJECT, env=dict(environment), check=False)
        if done.returncode:
            print(f"{service}: the migration failed ({done.returncode})", flush=True)
            return done.returncode
        print(f"{service}: schema is current", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
