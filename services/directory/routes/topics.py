"""Topics over HTTP. Every topic is public; the secretariat writes them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.directory.answers import (
    UNCHANGED,
    IfNoneMatch,
    kept_page,
    topic_answer,
    topic_page_answer,
)
from services.directory.idempotency import keyed_router
from services.directory.lists import TopicParameters
from services.directory.merge_patch import MergePatch, patched
from services.directory.models import TopicRow
from services.directory.representations import NotAcceptable
from services.directory.topic_forms import TOPIC_FORMS, topic_form_answer, topic_form_for
from services.directory.topic_write import TopicWrite
from services.directory.topics import (
    CircularTopics,
    NotationTaken,
    change_topic,
    create_topic,
)
from services.directory.variants import Fields, RecordVariant, VariantPage, in_variant, read_variant
from shared.databases import Reading, Transaction
from shared.paging import BadCursor
from shared.preconditions import (
    ExpectedVersion,
    PreconditionRequired,
    StaleVersion,
    etag,
    not_modified,
)
from shared.problems import (
    InvalidValues,
    NotAllowed,
    NotFound,
    NotSignedIn,
    UnknownParameter,
    answers,
)
from shared.records import Topic, TopicPage
from shared.tokens import CallerOf, OfSecretariat
from shared.vocabulary import Visibility

router = keyed_router("topics")
_CHANGES = answers(
    NotSignedIn, NotAllowed, NotFound, CircularTopics, PreconditionRequired, StaleVersion
)


@router.get(
    "/topics",
    summary="List topics",
    response_model=TopicPage | VariantPage,
    responses={**UNCHANGED, **answers(NotSignedIn, BadCursor, UnknownParameter)},
)
async def list_some_topics(
    request: Request,
    _: CallerOf,
    asked: Annotated[TopicParameters, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Ordered by notation."""
    kept = kept_page(request, "topics", Visibility.public)
    return kept or await topic_page_answer(request, asked, if_none_match)


@router.post(
    "/topics",
    status_code=201,
    summary="Add a topic",
    response_model=Topic,
    responses=answers(NotSignedIn, NotAllowed, NotationTaken, CircularTopics),
)
async def create_a_topic(
    write: TopicWrite, session: Transaction, caller: OfSecretariat
) -> Response:
    """`notation`, `scheme` and `pref_label` are enough."""
    return topic_answer(await create_topic(session, write, caller), status=201)


@router.get(
    "/topics/{topic_id:undotted}",
    summary="Show a topic",
    response_model=Topic | RecordVariant,
    responses={
        200: {"content": {k: v for one in TOPIC_FORMS.values() for k, v in one.content.items()}},
        **UNCHANGED,
        **answers(NotSignedIn, NotFound, NotAcceptable),
    },
)
async def read_topic(
    topic_id: UUID,
    request: Request,
    session: Reading,
    _: CallerOf,
    if_none_match: IfNoneMatch = None,
    fields: Fields = None,
) -> Response:
    row = await session.get(TopicRow, topic_id)
    if row is None:
        raise NotFound(f"There is no topic {topic_id}; GET /topics lists them.")
    variant = read_variant(fields, None, Topic)
    form = topic_form_for(request.headers.get("accept"))
    if form is not None:
        if variant is not None:
            raise InvalidValues("`fields` is for JSON only.")
        return topic_form_answer(request, row, form, if_none_match)
    tag = etag(row.version) if variant is None else variant.etag(row.version)
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    if variant is None:
        return topic_answer(row)
    (body,) = await in_variant(session, [row.rendered], variant, Visibility.public)
    return topic_answer(row, shown=body, tag=tag)


@router.put(
    "/topics/{topic_id}",
    summary="Replace a topic",
    response_model=Topic,
    responses=_CHANGES,
)
async def replace_a_topic(
    topic_id: UUID,
    write: TopicWrite,
    session: Transaction,
    caller: OfSecretariat,
    expected: ExpectedVersion,
) -> Response:
    """The notation stays. With `status` `deprecated` it is to be used no more."""
    return topic_answer(await change_topic(session, topic_id, expected, lambda _: write, caller))


@router.patch(
    "/topics/{topic_id}",
    summary="Change a topic",
    response_model=Topic,
    responses=_CHANGES,
)
async def patch_a_topic(
    topic_id: UUID,
    patch: MergePatch,
    session: Transaction,
    caller: OfSecretariat,
    expected: ExpectedVersion,
) -> Response:
    """The topic must keep all rules after the patch."""
    return topic_answer(
        await change_topic(
            session, topic_id, expected, lambda old: patched(old, patch, "topic"), caller
        )
    )
