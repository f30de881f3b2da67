"""Where in the log a stream begins: behind the last event that its reader had, or now."""

import re
from dataclasses import dataclass

import httpx

from services.notify.stream.log import StreamLog
from shared.log_follower import Position
from shared.problems import MalformedRequest, Unavailable

ANOTHER_LOG = "another_log"
_WAIT_SECONDS = 5.0
_SEQUENCE = re.compile(r"[0-9]{1,15}")


class BadLastEventId(MalformedRequest):
    """The id to resume from is none that the stream has sent."""

    title, kind = "The last event id cannot be read", "bad-last-event-id"


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a stream begins."""

    at: Position
    reset: str | None
    """Why what the reader has does not lead there, if so."""


def read_last_event_id(header: str | None, parameter: str | None) -> int | None:
    """The sequence to resume from; the header is what a client sends that comes back by itself.

    Raises:
        BadLastEventId: it is not the `id` of a message.
    """
    given = header or parameter
    if not given:
        return None
    if not _SEQUENCE.fullmatch(given):
        raise BadLastEventId(
            "Send the `id` of the last message that you had, a whole number, as Last-Event-ID or "
            "last_event_id; or leave it out to be told what happens from now on."
        )
    return int(given)


async def find_begin(log: StreamLog, last_event_id: int | None, log_id: str | None) -> Begin:
    """Where to begin for who had everything up to `last_event_id`, of the log `log_id` if known.

    Raises:
        Unavailable: nobody can say, because the directory does not answer.
    """
    if log.end is None:
        # A browser never comes back by itself from an error, and this one is over in a moment.
        await log.wait_until_begun(_WAIT_SECONDS)
    end = log.end
    if end is None:
        raise _unavailable()
    ahead = last_event_id is not None and last_event_id > end.sequence
    if ahead or log_id not in {None, end.log_id}:
        # Either the reader is wrong or we are behind; the directory knows.
        try:
            newest = await log.end_at_directory()
        except httpx.HTTPError as error:
            raise _unavailable() from error
        if newest.log_id != end.log_id:
            raise _unavailable()
        if log_id not in {None, end.log_id}:
            return Begin(end, ANOTHER_LOG)
        if last_event_id is not None and last_event_id > newest.sequence:
            return Begin(end, "ahead_of_the_log")
    if last_event_id is None:
        return Begin(end, None)
    if end.sequence - last_event_id > log.resume_events:
        return Begin(end, "too_old")
    return Begin(Position(end.log_id, last_event_id), None)


def _unavailable() -> Unavailable:
    return Unavailable(
        "The directory does not answer yet, so nobody can say from which event on to tell you. "
        "Try again in a moment.",
        headers={"Retry-After": "2"},
    )
