"""The network on each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases_for_tests import Postgres
from tests.network import SERVICES, Network


@pytest.fixture(params=["sqlite", "postgresql"])
def database_urls(request: pytest.FixtureRequest) -> dict[str, str]:
    """Fresh databases for the three services; none named means SQLite files."""
    if request.param == "sqlite":
        return {}
    server: Postgres = request.getfixturevalue("postgres")
    return {name: server.create() for name in SERVICES}


@pytest.fixture
async def network(tmp_path: Path, database_urls: dict[str, str]) -> AsyncIterator[Network]:
    """The whole network as processes of its own."""
    async with Network(tmp_path, database_urls) as running:
        yield running
