"""Notify inside the test process: its whole application, its loops, a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI

from services.notify.app import create_app
from services.notify.settings import Settings
from shared.open_ended import OpenEndedHttp
from tests.over_http import over_http
from tests.served_directory import SERVICE_SECRET, URL, ServedDirectory
from tests.waiting import wait_until

NOTIFY_URL = "http://notify.test"
GRACEFUL_SECONDS = 5
# Ten attempts as in production, in milliseconds; nothing waits longer for being overloaded.
QUICK = {
    "WEBHOOK_RETRY_SECONDS": "0,0.02,0.02,0.02,0.02,0.02,0.02,0.02,0.02,0.02",
    "WEBHOOK_OVERLOAD_SECONDS": "0.05",
    "WEBHOOK_IDLE_SECONDS": "0.05",
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "WEBHOOK_VERIFICATION": "off",
    "STREAM_HEARTBEAT_SECONDS": "0.2",
}


class ServedNotify:
    """A client of notify, beside the directory that it follows."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, directory: ServedDirectory) -> None:
        self.app = app
        self.client = client
        self.directory = directory

    async def register(
        self, url: str, signed_in: dict[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """A new webhook, the secretariat's unless `signed_in` has somebody else's headers."""
        answer = await self.client.post(
            "/webhooks",
            json={"url": url, "event_types": ["partner.*"], **more},
            headers=signed_in or await self.directory.signed_in(),
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def get(self, path: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:
        """What is at `path`."""
        answer = await self.client.get(path, headers=headers or await self.directory.signed_in())
        assert answer.status_code == status, answer.text
        return answer.json()

    async def deliveries(self, webhook: dict[str, Any], state: str = "") -> list[dict[str, Any]]:
        """The webhook's deliveries, the oldest first."""
        query = f"?limit=200&state={state}" if state else "?limit=200"
        items = (await self.get(f"/webhooks/{webhook['id']}/deliveries{query}"))["items"]
        return list(reversed(items))

    async def settled(
        self, webhook: dict[str, Any], state: str, count: int = 1
    ) -> list[dict[str, Any]]:
        """The webhook's deliveries in `state`, once there are `count`."""

        async def enough() -> bool:
            return len(await self.deliveries(webhook, state)) >= count

        await wait_until(enough, f"{count} deliveries are {state}")
        return await self.deliveries(webhook, state)


def notify_settings(database_url: str, redis_url: str, **more: str) -> Settings:
    """Settings of notify under test."""
    return Settings.from_environment(
        {
            "NOTIFY_DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DIRECTORY_URL": URL,
            "NOTIFY_URL": NOTIFY_URL,
            "SERVICE_CLIENT_SECRET": SERVICE_SECRET,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            **QUICK,
            **more,
        }
    )


@asynccontextmanager
async def serve_notify(
    settings: Settings, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify while the block runs."""
    way = httpx.AsyncClient(transport=httpx.ASGITransport(app=directory.app))
    app = create_app(settings, client=way)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=NOTIFY_URL) as client,
    ):
        yield ServedNotify(app, client, directory)


@asynccontextmanager
async def over_the_wire(notify: ServedNotify) -> AsyncIterator[str]:
    """The address at which `notify` answers, by the protocol that the services speak."""
    options = {"http": OpenEndedHttp, "timeout_graceful_shutdown": GRACEFUL_SECONDS}
    async with over_http(notify.app, **options) as url:
        yield url
