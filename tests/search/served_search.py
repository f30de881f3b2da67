"""Search inside the test process, following a real directory over real HTTP and a real broker."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from services.search.app import create_app
from services.search.settings import Settings
from tests.served_directory import SERVICE_SECRET, ServedDirectory
from tests.waiting import wait_until

URL = "http://search.test"


class ServedSearch:
    """A client of search."""

    def __init__(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        settings: Settings,
        directory: ServedDirectory,
    ) -> None:
        self.app = app
        self.client = client
        self.settings = settings
        self.directory = directory

    async def ask(self, headers: dict[str, str] | None = None, **parameters: Any) -> Any:
        """The answer of GET /search."""
        answer = await self.client.get("/search", params=parameters, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def titles(self, q: str, headers: dict[str, str] | None = None, **more: Any) -> list[str]:
        """The titles found for `q`, in their order."""
        answer = await self.ask(headers, q=q, **more)
        return [item["title"] for item in answer["items"]]

    async def ids(self, headers: dict[str, str] | None = None, **parameters: Any) -> list[str]:
        """The ids found, in their order."""
        answer = await self.ask(headers, **parameters)
        return [item["id"] for item in answer["items"]]

    async def index(self, headers: dict[str, str] | None = None) -> Any:
        """The answer of GET /index."""
        answer = await self.client.get("/index", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def caught_up(self) -> None:
        """Wait until everything written so far can be found.

        Events are numbered in the order of the commits, so all is there when the last one is.
        """
        marker = f"marker {uuid.uuid4().hex}"
        made = await self.directory.create(marker)

        async def is_found() -> bool:
            answer = await self.client.get("/search", params={"q": marker})
            return answer.status_code == 200 and answer.json()["total"] == 1

        await wait_until(is_found, "the last write can be found")
        answer = await self.directory.client.delete(
            f"/partners/{made['id']}",
            headers={**await self.directory.signed_in(), "If-Match": f'"{made["version"]}"'},
        )
        assert answer.status_code == 204, answer.text

        async def is_gone() -> bool:
            return bool((await self.ask(q=marker))["total"] == 0)

        await wait_until(is_gone, "the marker is gone again")


def search_settings(directory_url: str, redis_url: str, folder: Path, **more: str) -> Settings:
    """Settings of a search under test."""
    return Settings.from_environment(
        {
            "REDIS_URL": redis_url,
            "DIRECTORY_URL": directory_url,
            "VAR_DIR": str(folder),
            "SERVICE_CLIENT_SECRET": SERVICE_SECRET,
            "LOG_LEVEL": "error",
            **more,
        }
    )


@asynccontextmanager
async def serve_search(
    settings: Settings, directory: ServedDirectory, *, wait: bool = True
) -> AsyncIterator[ServedSearch]:
    """A search while the block runs, from when it has an index unless `wait` is off."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=URL) as client,
    ):

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        if wait:
            await wait_until(is_ready, "search is ready")
        yield ServedSearch(app, client, settings, directory)
