"""The keys that a webhook's messages are signed with: made, replaced, listed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.notify.models import WEBHOOK_KEYS, KeyKind, WebhookKeyRow
from services.notify.webhooks.endpoints import count_revision_up
from services.notify.webhooks.readings import KeyRotated, KeyRotation
from services.notify.webhooks.signing import NewKey, key_of_secret, make_key
from shared.problems import FieldError, InvalidValues, Problem
from shared.sealing import Seal

_MOST_KEYS = 10


class UnacceptableSecret(InvalidValues):
    """Messages cannot be signed with this secret."""

    title, kind = "The secret cannot be used", "unacceptable-secret"


class TooManyKeys(Problem):
    """The webhook has as many keys that still sign as it may have."""

    status, title, kind = 409, "The webhook has too many keys", "too-many-keys"


def add_key(
    session: AsyncSession, webhook_id: UUID, kind: KeyKind, key: NewKey, seal: Seal, now: datetime
) -> WebhookKeyRow:
    """Keep a new key of the webhook, sealed."""
    row = WebhookKeyRow(
        id=uuid7(),
        webhook_id=webhook_id,
        kind=kind.value,
        sealed=seal.close(key.private),
        public=key.public,
        created_at=now,
    )
    session.add(row)
    return row


async def rotate_key(
    session: AsyncSession,
    webhook_id: UUID,
    asked: KeyRotation,
    seal: Seal,
    now: datetime,
    grace_seconds: int,
) -> KeyRotated:
    """A new key; the older ones of its kind sign beside it for the time of grace.

    A kind that the webhook had no key of is simply added.

    Raises:
        UnacceptableSecret: the secret that was brought along is not one.
        TooManyKeys: too many keys still sign.
    """
    key = _key_of(asked)
    columns = WEBHOOK_KEYS.c
    ours = (columns.webhook_id == webhook_id, columns.kind == asked.kind.value)
    await session.execute(delete(WEBHOOK_KEYS).where(*ours, columns.expires_at <= now))
    count = len((await session.scalars(select(columns.id).where(*ours))).all())
    if count >= _MOST_KEYS:
        raise TooManyKeys(
            f"{count} keys still sign. Wait until some expire, or rotate with grace_seconds 0 "
            "once your receivers know the newest one."
        )
    until = now + timedelta(
        seconds=grace_seconds if asked.grace_seconds is None else asked.grace_seconds
    )
    await session.execute(
        update(WEBHOOK_KEYS)
        .where(*ours, or_(columns.expires_at.is_(None), columns.expires_at > until))
        .values(expires_at=until)
    )
    row = add_key(session, webhook_id, asked.kind, key, seal, now)
    await session.flush()
    await count_revision_up(session, webhook_id)
    return KeyRotated(
        id=row.id,
        kind=asked.kind,
        public=row.public,
        created_at=row.created_at,
        expires_at=None,
        secret=key.secret,
    )


def _key_of(asked: KeyRotation) -> NewKey:
    if asked.secret is None:
        return make_key(asked.kind)
    try:
        if asked.kind is not KeyKind.v1:
            raise ValueError("only v1 has a secret")
        return key_of_secret(asked.secret)
    except ValueError as error:
        raise UnacceptableSecret(
            "A secret of your own is whsec_ and 24 to 64 random bytes in base64, for v1; leave it "
            f"out to be given one. This one cannot be used: {error}.",
            errors=[FieldError(pointer="/secret", detail=str(error))],
        ) from error


async def list_keys(
    session: AsyncSession, webhook_id: UUID, now: datetime, kind: KeyKind | None = None
) -> Sequence[WebhookKeyRow]:
    """The webhook's keys that still sign, the newest first."""
    columns = WEBHOOK_KEYS.c
    statement = (
        select(WebhookKeyRow)
        .where(
            columns.webhook_id == webhook_id,
            or_(columns.expires_at.is_(None), columns.expires_at > now),
        )
        .order_by(columns.id.desc())
    )
    if kind is not None:
        statement = statement.where(columns.kind == kind.value)
    return (await session.execute(statement)).scalars().all()
