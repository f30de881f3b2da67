"""Topics in SKOS: one, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import select

from services.directory.answers import headers_of
from services.directory.formats.skos import (
    PREFIXES,
    as_turtle,
    turtle_head,
    write_concept,
    write_schemes,
)
from services.directory.models import TopicRow, topic_table
from services.directory.outbox import read_log
from services.directory.representations import JSON, content_of, negotiated
from shared.databases import Database
from shared.preconditions import not_modified
from shared.records import JsonObject


@dataclass(frozen=True, slots=True)
class TopicForm:
    """A form of SKOS."""

    extension: str
    media_type: str

    def write(self, nodes: Sequence[JsonObject]) -> bytes:
        """A document of `nodes`."""
        if self.extension == "ttl":
            return (turtle_head() + "".join(map(as_turtle, nodes))).encode()
        if len(nodes) == 1:
            return orjson.dumps({"@context": PREFIXES, **nodes[0]})
        return orjson.dumps({"@context": PREFIXES, "@graph": nodes})

    @property
    def content(self) -> dict[str, Any]:
        """Its part of an answer's description in OpenAPI."""
        return content_of(self.media_type)


TOPIC_FORMS = {
    one.extension: one
    for one in (TopicForm("ttl", "text/turtle"), TopicForm("jsonld", "application/ld+json"))
}
_OFFERED = (JSON, *(one.media_type for one in TOPIC_FORMS.values()))


def topic_form_for(accept: str | None) -> TopicForm | None:
    """The form that an Accept header asks for; None for our own JSON.

    Raises:
        NotAcceptable: there is none that it accepts.
    """
    wanted = negotiated(accept, _OFFERED) if accept is not None else JSON
    return next((one for one in TOPIC_FORMS.values() if one.media_type == wanted), None)


async def topics_answer(request: Request, form: TopicForm) -> Response:
    """All topics and their schemes; there are hundreds, so they are written at once."""
    database: Database = request.app.state.database
    base = request.app.state.settings.public_url
    async with database.reading() as session:
        log = await read_log(session)
        rows = await session.execute(
            select(topic_table.c.rendered).order_by(topic_table.c.notation)
        )
        topics = [orjson.loads(rendered) for rendered in rows.scalars()]
    nodes = [*write_schemes(base), *(write_concept(topic, base) for topic in topics)]
    return Response(
        form.write(nodes),
        media_type=form.media_type,
        headers={"X-Sequence": str(log.head), "X-Log-Id": str(log.log_id)},
    )


def topic_form_answer(
    request: Request, row: TopicRow, form: TopicForm, if_none_match: str | None
) -> Response:
    """One topic."""
    base = request.app.state.settings.public_url
    tag = f'"{row.version}-{form.extension}"'
    headers = {**headers_of(row.version, row.modified_at), "ETag": tag}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    body = form.write([write_concept(orjson.loads(row.rendered), base)])
    return Response(body, media_type=form.media_type, headers=headers)
