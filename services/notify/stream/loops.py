"""The live stream's loops. They run where the readers are, in the process that answers HTTP."""

import structlog
from prometheus_client import Gauge
from redis.asyncio import Redis

from services.notify.open_files import requests_that_fit, streams_that_fit
from services.notify.settings import Settings
from services.notify.stream.live import LiveStream
from services.notify.stream.log import StreamLog
from shared.log_follower import LogFollower
from shared.loops import Nudge, run_loop
from shared.service_client import DirectoryClient
from shared.serving import run_together

POSITION = Gauge("stream_position", "Sequence up to which events were streamed.")
LAG = Gauge("stream_lag", "Events on the log that were not streamed yet, as last seen.")
_LONGEST_LOOK_SECONDS = 1.0
_log = structlog.get_logger()


def open_live_stream(settings: Settings, directory: DirectoryClient) -> LiveStream:
    """The live stream as `settings` want it, with as many readers as there may be open files."""
    most = settings.stream_readers
    room = streams_that_fit(most, requests_that_fit(settings.requests_at_once))
    if room < most:
        _log.warning("stream.few_open_files", readers=room, wanted=most)
    return LiveStream(settings, StreamLog(settings, directory), room)


async def run_stream(
    settings: Settings, live: LiveStream, redis: Redis, directory: DirectoryClient
) -> None:
    """Follow the log and watch over the readers until cancelled; then end what is left."""
    follower = LogFollower(redis, directory, live.log, position=POSITION, lag=LAG)
    shortest = min(settings.stream_heartbeat_seconds, settings.stream_stall_seconds)
    look_seconds = min(_LONGEST_LOOK_SECONDS, shortest / 4)
    try:
        await run_together(
            # It waits by itself, for events on the stream.
            run_loop("stream", follower.step, Nudge(), 0.0),
            run_loop("watch streams", live.watch, Nudge(), look_seconds),
        )
    finally:
        await live.close()
