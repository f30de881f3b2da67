"""Webhooks as their messages are made: where to, for whom, signed with what, with which headers.

Opening keys costs more than signing with them, so what was read is kept, by the webhook's revision:
whatever changes one of these values counts the revision up, in the same transaction.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import (
    ACCOUNTS,
    WEBHOOK_KEYS,
    WEBHOOKS,
    KeyKind,
    Ordering,
    WebhookKeyRow,
)
from services.notify.webhooks.signing import SigningKey, open_key
from shared.audience import audience_of_role
from shared.sealing import Seal, WrongKey
from shared.vocabulary import Role, Visibility

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook, ready to be sent to."""

    id: UUID
    revision: int
    account_id: UUID
    audience: Visibility
    url: str
    ordering: Ordering
    requests_at_once: int | None = None
    keys: tuple[SigningKey, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    unusable: str | None = None
    """Why nothing can be signed for it now; nothing about the endpoint itself is wrong."""


class EndpointBook:
    """Reads endpoints, and remembers those that have not changed."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal
        self._remembered: OrderedDict[UUID, Endpoint] = OrderedDict()

    async def read(
        self, session: AsyncSession, revisions: Mapping[UUID, int]
    ) -> dict[UUID, Endpoint]:
        """The endpoints of these webhooks, each as of this revision or a later one."""
        found = {
            webhook_id: endpoint
            for webhook_id, revision in revisions.items()
            if (endpoint := self._remembered.get(webhook_id)) and endpoint.revision == revision
        }
        missing = [webhook_id for webhook_id in revisions if webhook_id not in found]
        if missing:
            found |= await self._load(session, missing)
        return found

    async def _load(self, session: AsyncSession, ids: list[UUID]) -> dict[UUID, Endpoint]:
        keys: dict[UUID, list[WebhookKeyRow]] = {}
        rows: Any = await session.execute(
            select(WebhookKeyRow)
            .where(WEBHOOK_KEYS.c.webhook_id.in_(ids))
            .order_by(WEBHOOK_KEYS.c.id.desc())
        )
        for key in rows.scalars():
            keys.setdefault(key.webhook_id, []).append(key)
        columns = WEBHOOKS.c
        rows = await session.execute(
            select(
                columns.id,
                columns.revision,
                columns.account_id,
                columns.url,
                columns.ordering,
                columns.requests_at_once,
                columns.sealed_headers,
                ACCOUNTS.c.role,
            )
            .join(ACCOUNTS, ACCOUNTS.c.id == columns.account_id)
            .where(columns.id.in_(ids))
        )
        found = {}
        for row in rows:
            found[row.id] = self._open(row, keys.get(row.id, []))
            self._remembered[row.id] = found[row.id]
            self._remembered.move_to_end(row.id)
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    def _open(self, row: Any, keys: list[WebhookKeyRow]) -> Endpoint:
        opened: tuple[SigningKey, ...] = ()
        headers: Mapping[str, str] = {}
        unusable = None
        try:
            opened = tuple(
                open_key(KeyKind(key.kind), self._seal.open(key.sealed), key.expires_at)
                for key in keys
            )
            if row.sealed_headers is not None:
                headers = orjson.loads(self._seal.open(row.sealed_headers))
        except WrongKey as error:
            unusable = f"its keys cannot be opened: {error}"
        return Endpoint(
            id=row.id,
            revision=row.revision,
            account_id=row.account_id,
            audience=audience_of_role(Role(row.role)),
            url=row.url,
            ordering=Ordering(row.ordering),
            requests_at_once=row.requests_at_once,
            keys=opened,
            headers=headers,
            unusable=unusable,
        )


# Built once: it is asked at every step of a sender.
_REVISIONS = select(WEBHOOKS.c.id, WEBHOOKS.c.revision).where(
    WEBHOOKS.c.id.in_(bindparam("webhook_ids", expanding=True))
)


async def read_revisions(
    session: AsyncSession, webhook_ids: Collection[UUID]
) -> dict[UUID, int | None]:
    """The revision that each of these webhooks has now; None where it was deleted."""
    found: dict[UUID, int | None] = dict.fromkeys(webhook_ids)
    if found:
        rows = await session.execute(_REVISIONS, {"webhook_ids": list(webhook_ids)})
        found |= {row.id: row.revision for row in rows}
    return found


async def count_revision_up(session: AsyncSession, webhook_id: UUID) -> None:
    """Let nobody use what is remembered of the webhook."""
    await session.execute(
        update(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id).values(revision=WEBHOOKS.c.revision + 1)
    )
