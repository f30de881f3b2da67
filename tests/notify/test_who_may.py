"""Who may do what, for every address that notify's document has, and what each is shown."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.notify.routes import ROUTERS
from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply

MARK = "of-nobody-elses-concern"


class May(Enum):
    """Who is let in."""

    ANYBODY = "anybody"
    SIGNED_IN = "whoever is signed in"
    OWNER = "the webhook's owner and the secretariat"
    SECRETARIAT = "the secretariat"


@dataclass(frozen=True)
class Row:
    """What is true of an address."""

    may: May
    body: dict[str, Any] | None = None
    shows_new_secret: bool = False
    has_end: bool = True
    """What has none is asked in tests/notify/test_stream.py, by everybody too."""


A_WEBHOOK = {"url": "https://partner.example.org/hooks", "event_types": ["*"]}
TABLE: dict[str, Row] = {
    "POST /webhooks": Row(May.SIGNED_IN, A_WEBHOOK, shows_new_secret=True),
    "GET /webhooks": Row(May.SIGNED_IN),
    "GET /webhooks/{webhook_id}": Row(May.OWNER),
    "GET /webhooks/{webhook_id}/stats": Row(May.OWNER),
    "PATCH /webhooks/{webhook_id}": Row(May.OWNER, {"ordering": "fast"}),
    "DELETE /webhooks/{webhook_id}": Row(May.OWNER),
    "POST /webhooks/{webhook_id}/test": Row(May.OWNER),
    "POST /webhooks/{webhook_id}/verify": Row(May.OWNER),
    "POST /webhooks/{webhook_id}/secret/rotate": Row(May.OWNER, {}, shows_new_secret=True),
    "GET /webhooks/{webhook_id}/keys": Row(May.OWNER),
    # They verify and tell nothing else.
    "GET /webhooks/{webhook_id}/public-keys": Row(May.ANYBODY),
    "GET /webhooks/{webhook_id}/deliveries": Row(May.OWNER),
    "POST /webhooks/{webhook_id}/recover": Row(May.OWNER, {"since": "2026-11-01T00:00:00Z"}),
    "POST /webhooks/{webhook_id}/replay": Row(May.OWNER, {"since": "2026-01-01T00:00:00Z"}),
    "GET /webhooks/{webhook_id}/replays": Row(May.OWNER),
    "GET /replays/{replay_id}": Row(May.OWNER),
    "DELETE /replays/{replay_id}": Row(May.OWNER),
    "GET /deliveries": Row(May.SIGNED_IN),
    "GET /deliveries/{delivery_id}": Row(May.OWNER),
    "POST /deliveries/{delivery_id}/resend": Row(May.OWNER),
    "GET /event-types": Row(May.ANYBODY),
    "GET /event-types/{event_type}/schema": Row(May.ANYBODY),
    "GET /asyncapi.json": Row(May.ANYBODY),
    "GET /stream": Row(May.ANYBODY, has_end=False),
    "GET /notify/mail": Row(May.SECRETARIAT),
    "GET /notify/dead-events": Row(May.SECRETARIAT),
    "POST /notify/dead-events/{dead_event_id}/replay": Row(May.SECRETARIAT),
    "GET /healthz": Row(May.ANYBODY),
    "GET /readyz": Row(May.ANYBODY),
    "GET /metrics": Row(May.ANYBODY),
}
CALLERS = ("nobody", "member", "editor", "owner", "secretariat")


def refusal_of(may: May, caller: str) -> int | None:
    """The status that refuses `caller`; None if it is let in."""
    if may is May.ANYBODY or caller == "secretariat":
        return None
    if caller == "nobody":
        return 401
    if may is May.SECRETARIAT:
        return 403
    return 404 if may is May.OWNER and caller != "owner" else None


@dataclass
class Cast:
    """Those who call, by the headers that sign them in."""

    notify: ServedNotify
    receiver: Receiver
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def a_webhook(self) -> dict[str, str]:
        """A webhook of the owner's with a delivery that failed, and what addresses need of it."""
        self.receiver.script = [Reply(500, body=MARK.encode())]
        made = await self.notify.register(
            f"{self.receiver.url}?{MARK}",
            self.headers["owner"],
            description=MARK,
            headers={f"X-{MARK}": "1"},
            signatures=["v1", "v1a"],
        )
        path = f"/webhooks/{made['id']}/test"
        answer = await self.notify.client.post(path, headers=self.headers["owner"])
        await self.notify.settled(made, "delivered")
        replay = await self.notify.client.post(
            f"/webhooks/{made['id']}/replay",
            json={"since": "2026-01-01T00:00:00Z"},
            headers=self.headers["owner"],
        )
        return {
            "webhook_id": made["id"],
            "replay_id": replay.json()["id"],
            "delivery_id": answer.json()["id"],
            "event_type": "partner.created",
            "dead_event_id": str(uuid4()),
            "secret": made["secret"].removeprefix("whsec_"),
        }

    async def ask(self, address: str, caller: str, known: dict[str, str]) -> httpx.Response:
        """The answer to `caller`."""
        method, _, path = address.partition(" ")
        return await self.notify.client.request(
            method,
            path.format_map(known),
            json=TABLE[address].body,
            headers=self.headers[caller],
        )


@pytest.fixture(scope="module")
async def headers_of(notify: ServedNotify) -> dict[str, dict[str, str]]:
    """An account for each who calls; the editor's partner is not the owner's."""
    directory = notify.directory
    partner = await directory.create("Somebody else")
    return {
        "nobody": {},
        "member": await directory.account("member"),
        "editor": await directory.account("editor", partner["id"]),
        "owner": await directory.account("member"),
        "secretariat": await directory.signed_in(),
    }


@pytest.fixture
async def cast(
    notify: ServedNotify, receiver: Receiver, headers_of: dict[str, dict[str, str]]
) -> AsyncIterator[Cast]:
    """All who call, and an endpoint of the owner's."""
    cast = Cast(notify, receiver, headers_of)
    yield cast
    for webhook in (await notify.get("/webhooks?limit=200"))["items"]:
        await notify.client.delete(f"/webhooks/{webhook['id']}", headers=headers_of["secretariat"])


async def test_no_address_is_forgotten(notify: ServedNotify) -> None:
    """The table has those of the document, and beside these there is only the console."""
    document = await notify.get("/openapi.json")
    described = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert described == set(TABLE), "say in the table who may"
    routes = [route for router in ROUTERS for route in router.routes]
    beside = {str(getattr(route, "path", "")) for route in routes} - set(document["paths"])
    assert all(path.startswith("/console") for path in beside)


@pytest.mark.parametrize("address", [name for name, row in TABLE.items() if row.has_end])
async def test_each_is_let_in_or_refused_and_shown_its_own(cast: Cast, address: str) -> None:
    """As the table says; nobody but owner and secretariat is shown anything of the webhook."""
    known = await cast.a_webhook()
    row = TABLE[address]
    for caller in CALLERS:
        answer = await cast.ask(address, caller, known)
        refused = refusal_of(row.may, caller)
        if refused is not None:
            assert answer.status_code == refused, (caller, answer.text)
        else:
            none_of = {401, 403} if row.may is May.SECRETARIAT else {401, 403, 404}
            assert answer.status_code not in none_of, (caller, answer.text)
            assert answer.status_code < 500, (caller, answer.text)
        assert known["secret"] not in answer.text
        assert row.shows_new_secret or "whsec_" not in answer.text or row.may is May.ANYBODY
        if caller not in {"owner", "secretariat"}:
            assert MARK not in answer.text, caller
        if answer.status_code == 204:
            known = await cast.a_webhook()


async def test_the_mark_is_there_to_be_shown(cast: Cast) -> None:
    """The owner is shown what nobody else is."""
    known = await cast.a_webhook()
    for address in ("GET /webhooks/{webhook_id}", "GET /deliveries/{delivery_id}", "GET /webhooks"):
        for caller in ("owner", "secretariat"):
            assert MARK in (await cast.ask(address, caller, known)).text, address


async def test_lists_have_ones_own(cast: Cast) -> None:
    """The owner finds its webhook and delivery there, the secretariat too, the others nothing."""
    known = await cast.a_webhook()
    for caller in CALLERS[1:]:
        sees = caller in {"owner", "secretariat"}
        for address, name in (("GET /webhooks", "webhook_id"), ("GET /deliveries", "delivery_id")):
            items = (await cast.ask(address, caller, known)).json()["items"]
            assert (known[name] in {item["id"] for item in items}) is sees, (caller, address)
