"""Fixtures of search: a running service beside the running directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.search.settings import Settings
from shared.databases import Database
from tests.databases_for_tests import Postgres
from tests.over_http import over_http
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory


@pytest.fixture(scope="module", params=["sqlite"])
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a fresh database. Only dead events are in it; their tests ask for both kinds."""
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/directory.db"


@pytest.fixture(scope="module")
async def directory_url(directory: ServedDirectory) -> AsyncIterator[str]:
    """Where the directory answers over real HTTP."""
    async with over_http(directory.app) as url:
        yield url


@pytest.fixture(scope="module")
def search_database_url(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """URL of a fresh database for search, of the kind that the directory has."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path_factory.mktemp('search-sqlite')}/search.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture(scope="module")
def search_database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database of search for tests that never write to it."""
    return Database(f"sqlite:///{tmp_path_factory.mktemp('database')}/search.db")


@pytest.fixture(scope="module")
async def search(
    directory: ServedDirectory,
    directory_url: str,
    search_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[ServedSearch]:
    """A search of this module's own, with its loops running."""
    folder: Path = tmp_path_factory.mktemp("search")
    settings = search_settings(
        directory_url, directory.redis_url, folder, SEARCH_DATABASE_URL=search_database_url
    )
    async with serve_search(settings, directory) as served:
        yield served


@pytest.fixture(scope="module")
async def replicas(
    directory: ServedDirectory,
    directory_url: str,
    search_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[ServedSearch, ServedSearch]]:
    """Two searches on one database, without the worker's loops."""

    def settings() -> Settings:
        return search_settings(
            directory_url,
            directory.redis_url,
            tmp_path_factory.mktemp("search"),
            SEARCH_DATABASE_URL=search_database_url,
            WORKER="off",
        )

    async with (
        serve_search(settings(), directory, wait=False) as first,
        serve_search(settings(), directory, wait=False) as second,
    ):
        yield first, second
