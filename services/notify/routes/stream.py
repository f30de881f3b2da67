"""The live stream over HTTP."""

from typing import Annotated

from fastapi import Depends, Header, Query, Request

from services.notify.patterns import UnknownEventPattern
from services.notify.stream.accounts import audience_of_caller
from services.notify.stream.answer import Admission, StreamAnswer
from services.notify.stream.begin import BadLastEventId, find_begin, read_last_event_id
from services.notify.stream.live import LiveStream, TooManyReaders, TooManyStreams
from services.notify.stream.parameters import StreamParameters
from services.notify.stream.selection import select
from shared.problems import NotSignedIn, Unavailable, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf

router = strict_router("events")


def _live_stream(request: Request) -> LiveStream:
    live: LiveStream = request.app.state.live_stream
    return live


@router.get(
    "/stream",
    # Said here, because its class does not say it where the document's maker looks for it.
    status_code=200,
    summary="Follow what happens",
    response_class=StreamAnswer,
    responses={
        200: {
            "description": "Server-Sent Events without an end: `id` is the event's place on the "
            "log, `event` its type, `data` the CloudEvents JSON, cut to what you may see. `event: "
            "reset` says that what you have does not lead to what comes: begin from an export. "
            "Comments and messages with nothing but an `id` come in between; `X-Log-Id` is the "
            "log, `X-Sequence` the place in it where the stream begins.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **answers(
            NotSignedIn,
            UnknownParameter,
            BadLastEventId,
            UnknownEventPattern,
            TooManyStreams,
            TooManyReaders,
            Unavailable,
        ),
    },
)
async def follow_the_stream(
    request: Request,
    caller: CallerOf,
    live: Annotated[LiveStream, Depends(_live_stream)],
    asked: Annotated[StreamParameters, Query()],
    last_event_id: Annotated[
        str | None,
        Header(max_length=100, description="The `id` of the last message that you had."),
    ] = None,
) -> StreamAnswer:
    """What happens from now on, or behind the last event that you had, without a gap or a repeat.

    The stream ends when your token expires, when you take nothing for some seconds, and when the
    service stops: connect again, with the last `id`.
    """
    audience = audience_of_caller(live.log.accounts, caller)
    selection = select(audience, asked.patterns(), asked.filters())
    who = str(caller.account_id or (request.client.host if request.client else ""))
    live.check_room(who)
    last = read_last_event_id(last_event_id, asked.last_event_id)
    begin = await find_begin(live.log, last, asked.log_id)
    return StreamAnswer(
        live,
        Admission(
            selection=selection,
            begin=begin.at,
            reset=begin.reset,
            caller=who,
            until=caller.expires_at,
        ),
    )
