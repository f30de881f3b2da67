"""Visitors of the console: browsers that are signed in, accounts to sign in with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from tests.notify.browser import Browser
from tests.notify.served_notify import NOTIFY_URL
from tests.served_directory import BOOTSTRAP, ServedDirectory

Credentials = tuple[str, str]


@asynccontextmanager
async def a_browser(app: FastAPI, url: str = NOTIFY_URL) -> AsyncIterator[Browser]:
    """A browser with cookies of its own, in which nobody is signed in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        yield Browser(client)


@asynccontextmanager
async def signed_in(app: FastAPI, credentials: Credentials = BOOTSTRAP) -> AsyncIterator[Browser]:
    """A browser in which this account is signed in; the secretariat's unless said otherwise."""
    async with a_browser(app) as browser:
        await browser.sign_in(credentials)
        yield browser


async def new_member(directory: ServedDirectory, name: str = "A member") -> Credentials:
    """Client id and secret of a new account."""
    answer = await directory.client.post(
        "/accounts", json={"name": name, "role": "member"}, headers=await directory.signed_in()
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return made["client_id"], made["client_secret"]


def path_of(webhook: dict[str, Any]) -> str:
    """The webhook's page."""
    return f"/console/webhooks/{webhook['id']}"
