"""The directory inside the test process: its whole application, its loops, real databases."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI

from services.directory.app import create_app
from services.directory.batches import MAX_OPERATIONS
from services.directory.settings import Settings
from shared.broker import connect_broker
from tests.waiting import wait_until

URL = "http://directory.test"
SERVICE_SECRET = "secret of the services in tests"
BOOTSTRAP = ("first-secretariat", "secret of the first secretariat account")


def a_partner(name: str, **more: Any) -> dict[str, Any]:
    """The least body that makes a partner, with `more` in it."""
    return {"level": "national", "names": [{"value": name, "kinds": ["display"]}], **more}


class ServedDirectory:
    """A client of the directory, for each role."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, redis_url: str) -> None:
        self.app = app
        self.client = client
        self.redis_url = redis_url
        self._tokens: dict[tuple[str, str], str] = {}

    async def token(self, client_id: str, client_secret: str) -> str:
        """An access token."""
        answer = await self.client.post(
            "/oauth/token",
            auth=(client_id, client_secret),
            data={"grant_type": "client_credentials"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def signed_in(self, credentials: tuple[str, str] = BOOTSTRAP) -> dict[str, str]:
        """The header that signs in; as the secretariat unless other credentials are given."""
        if credentials not in self._tokens:
            self._tokens[credentials] = await self.token(*credentials)
        return {"Authorization": f"Bearer {self._tokens[credentials]}"}

    async def service(self) -> dict[str, str]:
        """The header that signs in as one of our services."""
        return await self.signed_in(("services", SERVICE_SECRET))

    async def account(self, role: str, partner_id: str | None = None) -> dict[str, str]:
        """The header that signs in as a new account of `role`."""
        _, headers = await self.account_with_id(role, partner_id=partner_id)
        return headers

    async def account_with_id(self, role: str, **more: Any) -> tuple[str, dict[str, str]]:
        """A new account of `role`: its id, and the header that signs it in."""
        answer = await self.client.post(
            "/accounts",
            json={"name": f"a {role}", "role": role, **more},
            headers=await self.signed_in(),
        )
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return made["id"], await self.signed_in((made["client_id"], made["client_secret"]))

    async def change_account(self, account_id: str, **patch: Any) -> None:
        """Change an account as it is now."""
        path, headers = f"/accounts/{account_id}", await self.signed_in()
        tag = (await self.client.get(path, headers=headers)).headers["ETag"]
        answer = await self.client.patch(path, json=patch, headers={**headers, "If-Match": tag})
        assert answer.status_code == 200, answer.text

    async def create(self, name: str, **more: Any) -> dict[str, Any]:
        """A new partner, as the secretariat reads it."""
        answer = await self.client.post(
            "/partners", json=a_partner(name, **more), headers=await self.signed_in()
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        # Whom it is like is told with this answer alone.
        made.pop("possible_duplicates", None)
        return made

    async def create_many(self, names: Iterable[str], **more: Any) -> list[str]:
        """The ids of new partners, added together: one by one takes much longer."""
        bodies = (a_partner(name, **more) for name in names)
        return await self.write_many({"operation": "create", "partner": body} for body in bodies)

    async def write_many(self, operations: Iterable[dict[str, Any]]) -> list[str]:
        """The ids of the partners that `operations` of a batch are about, in their order."""
        waiting, ids = list(operations), list[str]()
        while waiting:
            answer = await self.client.post(
                "/partners/batch?atomic=true",
                json={"operations": waiting[:MAX_OPERATIONS]},
                headers=await self.signed_in(),
            )
            assert answer.status_code == 200, answer.text
            ids += [result["id"] for result in answer.json()["results"]]
            waiting = waiting[MAX_OPERATIONS:]
        return ids

    async def read(self, partner_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The partner as the holder of `headers` reads it; the public where there are none."""
        answer = await self.client.get(f"/partners/{partner_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def patch(
        self, record: dict[str, Any], patch: dict[str, Any], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a merge patch on the version that `record` shows."""
        return await self.client.patch(
            f"/partners/{record['id']}",
            json=patch,
            headers={
                **(headers or await self.signed_in()),
                "If-Match": f'"{record["version"]}"',
            },
        )

    async def event_of(self, subject: str, headers: dict[str, str] | None = None) -> Any:
        """The newest event about `subject`, as soon as the relay has given it its place."""
        found: list[Any] = []

        async def is_there() -> bool:
            events = (await self.changes(headers=headers))["items"]
            found[:] = [event for event in events if event["subject"] == subject]
            return bool(found)

        await wait_until(is_there, f"an event about {subject} is on the log")
        return found[-1]

    async def changes(self, after: int = 0, headers: dict[str, str] | None = None) -> Any:
        """A page of the log as the holder of `headers` reads it."""
        answer = await self.client.get(
            "/changes", params={"after": after, "limit": 1_000}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


def directory_settings(database_url: str, redis_url: str, folder: Path, **more: str) -> Settings:
    """Settings of a directory under test."""
    return Settings.from_environment(
        {
            "DIRECTORY_DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DIRECTORY_URL": URL,
            "VAR_DIR": str(folder),
            "SERVICE_CLIENT_SECRET": SERVICE_SECRET,
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "BOOTSTRAP_CLIENT_ID": BOOTSTRAP[0],
            "BOOTSTRAP_CLIENT_SECRET": BOOTSTRAP[1],
            "LOG_LEVEL": "error",
            **more,
        }
    )


@asynccontextmanager
async def serve_directory(
    database_url: str, redis_url: str, folder: Path, **more: str
) -> AsyncIterator[ServedDirectory]:
    """A directory while the block runs; the broker's database is emptied first."""
    redis = connect_broker(redis_url)
    await redis.flushdb()
    await redis.aclose()
    app = create_app(directory_settings(database_url, redis_url, folder, **more))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=URL) as client,
    ):
        yield ServedDirectory(app, client, redis_url)
