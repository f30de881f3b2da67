"""Accounts over HTTP, for the secretariat."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from services.directory.account_changes import (
    LastOfSecretariat,
    ServiceAccount,
    disable_account,
    patch_account,
    remove_secret,
)
from services.directory.account_write import AccountWrite
from services.directory.accounts import (
    AccountRead,
    NewAccount,
    NewSecret,
    TooManySecrets,
    add_secret,
    create_account,
    page_of_accounts,
    read_account,
)
from services.directory.idempotency import keyed_router
from services.directory.merge_patch import MergePatch
from shared.databases import Reading, Transaction
from shared.paging import PageParameters, link_next
from shared.preconditions import ExpectedVersion, PreconditionRequired, StaleVersion, etag
from shared.problems import NotAllowed, NotFound, NotSignedIn, answers
from shared.tokens import Caller, OfSecretariat, SignedIn
from shared.vocabulary import Role

router = keyed_router("accounts")
_REFUSALS = (NotSignedIn, NotAllowed)


def _require_reader(caller: SignedIn) -> Caller:
    if caller.role not in {Role.secretariat, Role.service}:
        raise NotAllowed("Only the secretariat and this network's own services read accounts.")
    return caller


class AccountPage(BaseModel):
    """A page of accounts."""

    items: list[AccountRead] = Field(description="The accounts, the oldest first.")
    next: str | None = Field(description="Cursor of the next page.")


@router.post("/accounts", status_code=201, summary="Make an account", responses=answers(*_REFUSALS))
async def create_an_account(
    write: AccountWrite, response: Response, session: Transaction, caller: OfSecretariat
) -> NewAccount:
    """The secret in the answer is shown this once."""
    made = await create_account(session, write, caller)
    response.headers["Location"] = f"/accounts/{made.id}"
    response.headers["ETag"] = etag(made.version)
    response.headers["Cache-Control"] = "no-store"
    return made


@router.get("/accounts", summary="List accounts", responses=answers(*_REFUSALS))
async def list_accounts(
    request: Request,
    response: Response,
    session: Reading,
    _: OfSecretariat,
    asked: Annotated[PageParameters, Query()],
) -> AccountPage:
    items, following = await page_of_accounts(session, asked.limit, asked.cursor)
    link_next(request, response, following)
    return AccountPage(items=items, next=following)


@router.get(
    "/accounts/{account_id}", summary="Show an account", responses=answers(*_REFUSALS, NotFound)
)
async def read_an_account(
    account_id: UUID,
    response: Response,
    session: Reading,
    _: Annotated[Caller, Depends(_require_reader)],
) -> AccountRead:
    account = await read_account(session, account_id)
    response.headers["ETag"] = etag(account.version)
    return account


@router.patch(
    "/accounts/{account_id}",
    summary="Change an account",
    responses=answers(
        *_REFUSALS,
        NotFound,
        ServiceAccount,
        LastOfSecretariat,
        PreconditionRequired,
        StaleVersion,
    ),
)
async def patch_an_account(
    account_id: UUID,
    patch: MergePatch,
    response: Response,
    session: Transaction,
    caller: OfSecretariat,
    expected: ExpectedVersion,
) -> AccountRead:
    """Its `name`, `role`, `partner_id`, `email`; `disabled` lets it sign in no more, or again.

    Tokens that it has keep their role until they expire, minutes later.
    """
    account = await patch_account(session, account_id, expected, patch, caller)
    response.headers["ETag"] = etag(account.version)
    return account


@router.delete(
    "/accounts/{account_id}",
    status_code=204,
    summary="Let an account sign in no more",
    responses=answers(*_REFUSALS, NotFound, ServiceAccount, LastOfSecretariat),
)
async def disable_an_account(account_id: UUID, session: Transaction, caller: OfSecretariat) -> None:
    """It stays on record, and `PATCH` with `disabled: false` opens it again."""
    await disable_account(session, account_id, caller)


@router.post(
    "/accounts/{account_id}/secrets",
    status_code=201,
    summary="Add a secret, to rotate",
    responses=answers(*_REFUSALS, NotFound, TooManySecrets),
)
async def add_a_secret(
    account_id: UUID, response: Response, session: Transaction, _: OfSecretariat
) -> NewSecret:
    """The secret in the answer is shown this once; the older ones go on working."""
    response.headers["Cache-Control"] = "no-store"
    return await add_secret(session, account_id)


@router.delete(
    "/accounts/{account_id}/secrets/{secret_id}",
    status_code=204,
    summary="Take a secret back",
    responses=answers(*_REFUSALS, NotFound, LastOfSecretariat),
)
async def remove_a_secret(
    account_id: UUID, secret_id: UUID, session: Transaction, _: OfSecretariat
) -> None:
    await remove_secret(session, account_id, secret_id)
