"""Idempotency-Key: a POST that is sent again takes effect once, and is answered as at first.

After draft-ietf-httpapi-idempotency-key-header. The answer is kept in the transaction of its
effect, so there is never one without the other. Twins that come at once stand in line like all
that write: the second finds what the first has left. A request that was refused leaves nothing and
may be mended and sent again with the same key.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRouter
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import kept_answer_table
from services.directory.outbox import TOUCHED, stand_in_line
from shared.databases import HELD_TRANSACTION, Database, Transaction
from shared.problems import Problem, answers
from shared.serving import StrictRoute
from shared.tokens import Caller, find_caller

KEPT_FOR = timedelta(hours=24)
REPEATED = "Idempotent-Replayed"
_KEY = re.compile(r'"[\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255}')
_Row = kept_answer_table.c


class KeyUsedOtherwise(Problem):
    """The Idempotency-Key was used for another request."""

    status, title, kind = 422, "The Idempotency-Key was used otherwise", "idempotency-key-reused"


class NotShownAgain(Problem):
    """The request took effect before, and its answer is not to be shown a second time."""

    status, title, kind = 409, "The answer is not shown again", "answer-not-shown-again"


def _document_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=f"^({_KEY.pattern})$",
            max_length=257,
            description="A key of your own making for this request, such as a UUID: sent again "
            "with the same key within 24 hours, it takes effect once and is answered as at first, "
            f"with `{REPEATED}: true`. 1 to 255 visible ASCII characters, quoted or not.",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> None:
    """The header as FastAPI documents and checks it; the route itself reads it before."""


class KeyedRoute(StrictRoute):
    """A route whose POST takes an Idempotency-Key, if its work is done in one transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        hints = get_type_hints(endpoint, include_extras=True)
        self.takes_key = "POST" in (options.get("methods") or ()) and Transaction in hints.values()
        if self.takes_key:
            options["dependencies"] = [*(options.get("dependencies") or ()), Depends(_document_key)]
            options["responses"] = _with_refusals(options.get("responses") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if not self.takes_key:
            return handle

        async def handle_once(request: Request) -> Response:
            given = request.headers.get("idempotency-key")
            if given is None or not _KEY.fullmatch(given):
                return await handle(request)
            caller = await find_caller(request)
            if caller.account_id is None:
                # Nobody in particular could be anybody: keys are not shared among strangers.
                return await handle(request)
            return await _answer_once(request, caller.account_id, given.strip('"'), caller, handle)

        return handle_once


def keyed_router(tag: str) -> APIRouter:
    """A router with strict routes, whose POSTs take an Idempotency-Key."""
    return APIRouter(route_class=KeyedRoute, tags=[tag])


def _with_refusals(responses: dict[int | str, Any]) -> dict[int | str, Any]:
    together = dict(responses)
    for status, refusal in answers(KeyUsedOtherwise, NotShownAgain).items():
        if status in {KeyUsedOtherwise.status, NotShownAgain.status}:
            said = together.get(status, {}).get("description", "")
            sentence = (KeyUsedOtherwise if status == 422 else NotShownAgain).__doc__ or ""
            together[status] = {**refusal, "description": f"{said} {sentence}".strip()}
    return together


async def _fingerprint(request: Request, caller: Caller) -> str:
    """What tells this request from others of its caller; another role may be answered otherwise."""
    parts = (
        request.method.encode(),
        request.url.path.encode(),
        request.scope["query_string"],
        request.headers.get("if-match", "").encode(),
        f"{caller.role} {caller.partner_id}".encode(),
        await request.body(),
    )
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


async def _answer_once(
    request: Request,
    account_id: UUID,
    key: str,
    caller: Caller,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    fingerprint = await _fingerprint(request, caller)
    database: Database = request.app.state.database
    mine = (_Row.account_id == account_id, _Row.key == key)
    async with database.transaction() as session:
        await stand_in_line(session)
        now = datetime.now(UTC)
        kept = (
            await session.execute(select(kept_answer_table).where(*mine, _Row.at > now - KEPT_FOR))
        ).first()
        if kept is not None:
            return _again(kept, fingerprint)
        setattr(request.state, HELD_TRANSACTION, session)
        answer = await handle(request)
        if answer.status_code < 400:
            await session.flush()
            await session.execute(delete(kept_answer_table).where(*mine))
            await session.execute(
                insert(kept_answer_table).values(
                    account_id=account_id,
                    key=key,
                    fingerprint=fingerprint,
                    at=now,
                    status=answer.status_code,
                    headers=_headers_to_keep(answer),
                    body=None if _must_not_be_stored(answer) else bytes(answer.body),
                    subjects=" ".join(sorted(map(str, session.info.get(TOUCHED, ())))),
                )
            )
        return answer


def _must_not_be_stored(answer: Response) -> bool:
    """Whether it holds a secret, which is shown once and kept nowhere but hashed."""
    return "no-store" in answer.headers.get("cache-control", "")


def _headers_to_keep(answer: Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "content-length"}


def _again(kept: Any, fingerprint: str) -> Response:
    if kept.fingerprint != fingerprint:
        raise KeyUsedOtherwise(
            "This Idempotency-Key came with another request within the last 24 hours: another "
            "address, body, If-Match, or role of your account. Take a new key for a new request."
        )
    if kept.body is None:
        location = kept.headers.get("location")
        raise NotShownAgain(
            "This request took effect when it came first; what it was answered is not kept. "
            + (f"See {location}." if location else "Read the record instead."),
            headers={"Location": location} if location else None,
        )
    return Response(kept.body, kept.status, {**kept.headers, REPEATED: "true"})


async def forget_answers_about(session: AsyncSession, record_ids: Iterable[UUID]) -> None:
    """Show no answer again that was about one of the records; their requests stay known."""
    for record_id in record_ids:
        await session.execute(
            update(kept_answer_table)
            .where(_Row.subjects.contains(str(record_id)), _Row.body.is_not(None))
            .values(body=None)
        )


async def forget_old_answers(session: AsyncSession) -> int:
    """Delete the answers that are older than they are kept for; how many there were."""
    gone = await session.execute(
        delete(kept_answer_table)
        .where(_Row.at <= datetime.now(UTC) - KEPT_FOR)
        .returning(kept_answer_table.c.key)
    )
    return len(gone.all())
