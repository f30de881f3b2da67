"""Partners over HTTP."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from services.directory.answers import (
    HOW_TO_READ,
    LONGEST_TAG,
    UNCHANGED,
    IfNoneMatch,
    created_answer,
    kept_page,
    page_answer,
    partner_answer,
    past_answer,
    written_answer,
)
from services.directory.assurance import assure_partner
from services.directory.duplicates.describing import CreatedPartner
from services.directory.duplicates.likely import likely_duplicates
from services.directory.exports import form_answer
from services.directory.external_ids import ExternalIdTaken
from services.directory.idempotency import keyed_router
from services.directory.lists import PartnerParameters
from services.directory.merge_patch import MergePatch
from services.directory.partner_change import PartnerWithdrawn
from services.directory.partner_write import AssuranceWrite, PartnerWrite
from services.directory.partners import (
    create_partner,
    patch_partner,
    replace_partner,
    withdraw_partner,
)
from services.directory.reasons import Reason
from services.directory.relationships import CircularRelationship
from services.directory.representations import (
    OTHER_CONTENT,
    NotAcceptable,
    Representation,
    representation_for,
)
from services.directory.variants import Expand, Fields, RecordVariant, VariantPage, read_variant
from shared.databases import Transaction
from shared.paging import BadCursor
from shared.preconditions import ExpectedVersion, PreconditionRequired, StaleVersion
from shared.problems import (
    InvalidValues,
    NotAllowed,
    NotFound,
    NotSignedIn,
    UnknownParameter,
    answers,
)
from shared.records import Partner, PartnerPage
from shared.serving import StrictRoute
from shared.tokens import Caller, CallerOf, OfSecretariat, SignedIn, find_caller

router = keyed_router("partners")


class _Lean(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            given = request.path_params["partner_id"]
            tag = request.headers.get("if-none-match")
            try:
                partner_id = UUID(given)
            except ValueError as error:
                raise _not_acceptable("path", "partner_id", "must be a UUID", given) from error
            if tag is not None and len(tag) > LONGEST_TAG:
                raise _not_acceptable("header", "if-none-match", "is too long", tag)
            caller = await find_caller(request)
            form = representation_for(request.headers.get("accept"))
            if form is not None:
                return await _in_form(request, caller, partner_id, form, tag)
            if not request.scope["query_string"]:
                return await read_partner(partner_id, request, caller, tag)
            asked = [request.query_params.get(name) for name in ("at", "fields", "expand")]
            if max(len(one or "") for one in asked) > LONGEST_TAG:
                raise _not_acceptable("query", "fields", "is too long", str(asked))
            return await read_partner(partner_id, request, caller, tag, *asked)

        return handle


class _KeptPages(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer_kept(request: Request) -> Response:
            caller = await find_caller(request)
            kept = kept_page(request, "partners", caller.audience)
            return await handle(request) if kept is None else kept

        return answer_kept


class _PageRoute(StrictRoute, _KeptPages):
    """A route that gives a page that is kept without looking at its forty parameters again."""


class _LeanRoute(StrictRoute, _Lean):
    """A route as strict and documented as any other that solves no dependencies when asked.

    It is for the one address that is read most: looking at the annotation of every parameter on
    every request took as long as all the rest of the answer.
    """


async def _in_form(
    request: Request, caller: Caller, partner_id: UUID, form: Representation, tag: str | None
) -> Response:
    if request.scope["query_string"]:
        raise InvalidValues("`at`, `fields` and `expand` are for JSON only.")
    return await form_answer(request, caller, partner_id, form, tag)


def _not_acceptable(place: str, name: str, why: str, given: str) -> RequestValidationError:
    return RequestValidationError(
        [{"type": "value_error", "loc": (place, name), "msg": why, "input": given}]
    )


_CHANGES = answers(
    NotSignedIn,
    NotAllowed,
    NotFound,
    PartnerWithdrawn,
    ExternalIdTaken,
    CircularRelationship,
    PreconditionRequired,
    StaleVersion,
)


@router.post(
    "/partners",
    status_code=201,
    summary="Add a partner",
    response_model=CreatedPartner,
    responses=answers(NotSignedIn, NotAllowed, ExternalIdTaken, CircularRelationship),
)
async def create_a_partner(
    write: PartnerWrite,
    session: Transaction,
    caller: OfSecretariat,
    reason: Reason = None,
    warn: Annotated[
        bool, Query(description="Whether to look for partners that may be the same body.")
    ] = True,
) -> Response:
    """`names` with one `display` name and `level` are enough.

    Where partners are there already that may be the same body, the answer has them beside the
    record, as `possible_duplicates`. The partner is added all the same.
    """
    row = await create_partner(session, write, caller, reason)
    duplicates = (
        await likely_duplicates(
            session, row.content, row.country, row.status, caller.audience, but_not=row.id
        )
        if warn
        else []
    )
    return created_answer(row, caller, duplicates)


async def list_some_partners(
    request: Request,
    caller: CallerOf,
    asked: Annotated[PartnerParameters, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """By name. `next` and the `Link` header lead to the next page; there is no depth limit."""
    return await page_answer(request, caller, asked, if_none_match)


router.add_api_route(
    "/partners",
    list_some_partners,
    methods=["GET"],
    route_class_override=_PageRoute,
    summary="List partners",
    response_model=PartnerPage | VariantPage,
    responses={**UNCHANGED, **answers(NotSignedIn, BadCursor, UnknownParameter)},
)


async def read_partner(
    partner_id: UUID,
    request: Request,
    caller: CallerOf,
    if_none_match: IfNoneMatch = None,
    at: Annotated[
        str | None,
        Query(description="As it was in a version, or at a time.", examples=["3", "2026-11-26"]),
    ] = None,
    fields: Fields = None,
    expand: Expand = None,
) -> Response:
    """A withdrawn partner answers with 308 and leads to its successor, if it has one.

    `at` is for the secretariat and the partner's own editors. `Accept` asks for other formats, for
    which there are addresses too: /partners/{partner_id}.csv and so on.
    """
    variant = None if fields is expand is None else read_variant(fields, expand)
    if at is not None:
        if variant is not None:
            raise InvalidValues("`at` shows a record as it was; leave out `fields` and `expand`.")
        return await past_answer(request, caller, partner_id, at, if_none_match)
    return await partner_answer(request, caller, partner_id, if_none_match, variant)


router.add_api_route(
    "/partners/{partner_id:undotted}",
    read_partner,
    methods=["GET"],
    route_class_override=_LeanRoute,
    summary="Show a partner",
    response_model=Partner | RecordVariant,
    responses={
        200: {"content": OTHER_CONTENT},
        **HOW_TO_READ,
        **answers(NotSignedIn, NotAllowed, NotFound, NotAcceptable),
    },
)


@router.put(
    "/partners/{partner_id}",
    summary="Replace a partner",
    response_model=Partner,
    responses=_CHANGES,
)
async def replace_a_partner(
    partner_id: UUID,
    write: PartnerWrite,
    session: Transaction,
    caller: SignedIn,
    expected: ExpectedVersion,
    reason: Reason = None,
) -> Response:
    """Derived values may be sent along as they were read. Nothing happens if nothing differs."""
    row = await replace_partner(session, partner_id, expected, write, caller, reason)
    return written_answer(row, caller)


@router.patch(
    "/partners/{partner_id}",
    summary="Change a partner",
    response_model=Partner,
    responses=_CHANGES,
)
async def patch_a_partner(
    partner_id: UUID,
    patch: MergePatch,
    session: Transaction,
    caller: SignedIn,
    expected: ExpectedVersion,
    reason: Reason = None,
) -> Response:
    """The partner must keep all rules after the patch."""
    row = await patch_partner(session, partner_id, expected, patch, caller, reason)
    return written_answer(row, caller)


@router.delete(
    "/partners/{partner_id}",
    status_code=204,
    summary="Withdraw a partner",
    responses=_CHANGES,
)
async def withdraw_a_partner(
    partner_id: UUID,
    session: Transaction,
    caller: OfSecretariat,
    expected: ExpectedVersion,
    successor: Annotated[
        UUID | None, Query(description="The partner to use instead; the address leads there.")
    ] = None,
    reason: Reason = None,
) -> None:
    """For duplicates and errors. A body that has ceased is `inactive`, with a successor."""
    await withdraw_partner(session, partner_id, expected, successor, caller, reason)


@router.post(
    "/partners/{partner_id}/assurance",
    summary="Say that the record was checked",
    response_model=Partner,
    responses=_CHANGES,
)
async def assure_a_partner(
    partner_id: UUID,
    write: AssuranceWrite,
    session: Transaction,
    caller: OfSecretariat,
    expected: ExpectedVersion,
    reason: Reason = None,
) -> Response:
    """Assuring never edits, and editing never assures."""
    row = await assure_partner(session, partner_id, expected, write, caller, reason)
    return written_answer(row, caller)
