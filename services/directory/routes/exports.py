"""Partners and topics in the formats of others, by the extension of the address."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response

from services.directory.answers import HOW_TO_READ, UNCHANGED, topic_export_answer
from services.directory.exports import export_answer, form_answer
from services.directory.filters import PartnerFilters
from services.directory.models import TopicRow
from services.directory.representations import (
    OTHER_CONTENT,
    REPRESENTATIONS,
    NotAcceptable,
    Representation,
)
from services.directory.topic_forms import (
    TOPIC_FORMS,
    TopicForm,
    topic_form_answer,
    topics_answer,
)
from shared.databases import Reading
from shared.problems import NotFound, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf

router = strict_router("formats")
_REFLECTED = "Every event up to `X-Sequence` is reflected."
_Tag = Annotated[str | None, Header(max_length=1_000)]


def _described(content: dict[str, Any], description: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": description, "content": content}}


def _partners_in(form: Representation) -> Callable[..., Awaitable[Response]]:
    async def export(
        request: Request, caller: CallerOf, asked: Annotated[PartnerFilters, Query()]
    ) -> Response:
        """With the filters of `GET /partners`; withdrawn partners are left out unless asked for.

        Follow `GET /changes?after=<X-Sequence>` from there on.
        """
        return await export_answer(request, caller, asked, form)

    return export


for _form in REPRESENTATIONS.values():
    router.add_api_route(
        f"/partners/export.{_form.extension}",
        _partners_in(_form),
        methods=["GET"],
        name=f"export_partners_as_{_form.extension.replace('.', '_')}",
        summary=f"Partners as {_form.extension}",
        response_class=Response,
        responses={
            **_described(_form.content, f"{_form.description} {_REFLECTED}"),
            **answers(NotSignedIn, UnknownParameter),
        },
    )


@router.get(
    "/partners/{partner_id:before_dot}.{extension:extension}",
    summary="Show a partner in another format",
    response_class=Response,
    responses={
        **_described(
            OTHER_CONTENT,
            "The partner. `Accept` at the address without an extension does the same.",
        ),
        **HOW_TO_READ,
        **answers(NotSignedIn, NotFound, NotAcceptable),
    },
)
async def read_partner_as(
    partner_id: UUID,
    extension: Annotated[str, Path(description=", ".join(REPRESENTATIONS), examples=["csv"])],
    request: Request,
    caller: CallerOf,
    if_none_match: _Tag = None,
) -> Response:
    """A withdrawn partner answers with 308 and leads to its successor, if it has one."""
    form = REPRESENTATIONS.get(extension)
    if form is None:
        raise NotFound(f"Partners are there as {', '.join(REPRESENTATIONS)}.")
    return await form_answer(request, caller, partner_id, form, if_none_match, f".{extension}")


@router.get(
    "/topics/export.ndjson",
    summary="All topics, one a line",
    response_class=Response,
    responses={
        **_described(
            {"application/x-ndjson": {"schema": {"type": "string"}}},
            f"One record a line. {_REFLECTED}",
        ),
        **answers(NotSignedIn),
    },
)
async def export_topics(request: Request, _: CallerOf) -> Response:
    """Follow `GET /changes?after=<X-Sequence>` from there on."""
    return await topic_export_answer(request)


def _topics_in(form: TopicForm) -> Callable[..., Awaitable[Response]]:
    async def export(request: Request, _: CallerOf) -> Response:
        """Concepts and their schemes (SKOS). Every topic is public."""
        return await topics_answer(request, form)

    return export


for _topic_form in TOPIC_FORMS.values():
    router.add_api_route(
        f"/topics/export.{_topic_form.extension}",
        _topics_in(_topic_form),
        methods=["GET"],
        name=f"export_topics_as_{_topic_form.extension}",
        summary=f"All topics as SKOS ({_topic_form.extension})",
        response_class=Response,
        responses={
            **_described(_topic_form.content, f"SKOS. {_REFLECTED}"),
            **answers(NotSignedIn),
        },
    )


@router.get(
    "/topics/{topic_id:before_dot}.{extension:extension}",
    summary="Show a topic as SKOS",
    response_class=Response,
    responses={
        **_described(
            {kind: how for one in TOPIC_FORMS.values() for kind, how in one.content.items()},
            "The topic. `Accept` at the address without an extension does the same.",
        ),
        **UNCHANGED,
        **answers(NotSignedIn, NotFound),
    },
)
async def read_topic_as(
    topic_id: UUID,
    extension: Annotated[str, Path(description=", ".join(TOPIC_FORMS), examples=["ttl"])],
    request: Request,
    session: Reading,
    _: CallerOf,
    if_none_match: _Tag = None,
) -> Response:
    """Every topic is public."""
    form = TOPIC_FORMS.get(extension)
    if form is None:
        raise NotFound(f"Topics are there as {', '.join(TOPIC_FORMS)}.")
    row = await session.get(TopicRow, topic_id)
    if row is None:
        raise NotFound(f"There is no topic {topic_id}; GET /topics lists them.")
    return topic_form_answer(request, row, form, if_none_match)
