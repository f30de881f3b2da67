"""DNS rebinding: a name that was good when its webhook was registered leads inside later on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from services.notify.settings import Settings
from services.notify.worker import directory_client, run_worker
from shared.broker import connect_broker
from shared.databases import Database
from tests.notify.served_notify import ServedNotify, notify_settings, serve_notify
from tests.receiver import Receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

# Only here may the test's receiver be reached; everything else is judged as usual.
ALLOWED = "127.0.0.1/32"
INSIDE = "169.254.169.254"


class NameServer(AbstractResolver):
    """Says of every name what it is told to."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of the moment."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(scope="module")
def settings(notify_database_url: str, directory: ServedDirectory) -> Settings:
    """Settings of a notify whose loops the tests run, with attempts that do not run out."""
    return notify_settings(
        notify_database_url,
        directory.redis_url,
        WORKER="off",
        WEBHOOK_ALLOWED_NETWORKS=ALLOWED,
        WEBHOOK_RETRY_SECONDS="0" + ",0.05" * 500,
    )


@pytest.fixture(scope="module")
async def idle_notify(
    settings: Settings, directory: ServedDirectory
) -> AsyncIterator[ServedNotify]:
    """Notify that takes webhooks and sends nothing."""
    async with serve_notify(settings, directory) as served:
        yield served


@asynccontextmanager
async def sending(
    settings: Settings, directory: ServedDirectory, names: NameServer
) -> AsyncIterator[None]:
    """A worker while the block runs, which remembers nothing of an earlier one."""
    database, redis = Database(settings.database_url), connect_broker(settings.redis_url)
    way = httpx.AsyncClient(transport=httpx.ASGITransport(app=directory.app))
    worker = asyncio.create_task(
        run_worker(settings, database, redis, directory_client(settings, way), names)
    )
    try:
        yield
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
        await redis.aclose()
        await way.aclose()
        await database.dispose()


def named(receiver: Receiver) -> str:
    """The receiver's URL by a name."""
    return f"http://moving.example:{urlsplit(receiver.url).port}/hook"


async def error_of(notify: ServedNotify, delivery_id: str, attempts: int) -> str:
    """Why the delivery's last attempt failed, once there were so many more than before."""
    before = (await notify.get(f"/deliveries/{delivery_id}"))["attempts"]

    async def tried() -> bool:
        shown = await notify.get(f"/deliveries/{delivery_id}")
        return bool(shown["state"] == "failed" and shown["attempts"] >= before + attempts)

    await wait_until(tried, "it was tried and failed")
    return str((await notify.get(f"/deliveries/{delivery_id}"))["last_error"])


@pytest.mark.parametrize("inside", [(INSIDE,), ("93.184.216.34", INSIDE), ("::ffff:127.0.0.1",)])
async def test_what_is_owed_does_not_follow_its_name_inside(
    settings: Settings, idle_notify: ServedNotify, receiver: Receiver, inside: tuple[str, ...]
) -> None:
    """Each attempt is refused and on record; when the name is good again, it is delivered."""
    webhook = await idle_notify.register(named(receiver))
    headers = await idle_notify.directory.signed_in()
    path = f"/webhooks/{webhook['id']}/test"
    owed = (await idle_notify.client.post(path, headers=headers)).json()
    names = NameServer(*inside)
    async with sending(settings, idle_notify.directory, names):
        error = await error_of(idle_notify, owed["id"], 3)
        assert "is refused" in error
        assert receiver.requests == []
        names.addresses = ("127.0.0.1",)
        await receiver.got(1)
        await idle_notify.settled(webhook, "delivered")


async def test_what_is_resent_does_not_follow_its_name_inside(
    settings: Settings, idle_notify: ServedNotify, receiver: Receiver
) -> None:
    """What was delivered to an address once is judged by the address of now."""
    webhook = await idle_notify.register(named(receiver))
    headers = await idle_notify.directory.signed_in()
    path = f"/webhooks/{webhook['id']}/test"
    owed = (await idle_notify.client.post(path, headers=headers)).json()
    async with sending(settings, idle_notify.directory, NameServer("127.0.0.1")):
        await idle_notify.settled(webhook, "delivered")
    again = await idle_notify.client.post(f"/deliveries/{owed['id']}/resend", headers=headers)
    assert again.status_code == 202, again.text
    async with sending(settings, idle_notify.directory, NameServer(INSIDE)):
        assert "is refused" in await error_of(idle_notify, owed["id"], 2)
    assert len(receiver.requests) == 1


async def test_a_change_to_a_name_that_leads_inside_reaches_nothing(
    settings: Settings, idle_notify: ServedNotify, receiver: Receiver
) -> None:
    """A name cannot be judged when it is written, so it is when it is dialled."""
    webhook = await idle_notify.register("https://partner.example.org/hooks")
    headers = await idle_notify.directory.signed_in()
    path = f"/webhooks/{webhook['id']}"
    moved = await idle_notify.client.patch(path, json={"url": named(receiver)}, headers=headers)
    assert moved.status_code == 200, moved.text
    owed = (await idle_notify.client.post(f"{path}/test", headers=headers)).json()
    async with sending(settings, idle_notify.directory, NameServer("127.0.0.2")):
        assert "is refused" in await error_of(idle_notify, owed["id"], 2)
    assert receiver.requests == []
