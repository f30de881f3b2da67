"""Notify's loops: following the log, sending what is owed."""

import asyncio
import os
import signal
from contextlib import suppress

import httpx
import uvloop
from aiohttp.abc import AbstractResolver
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from services.notify.consumer import FanOutTurn
from services.notify.deliveries.replaying import Replayer
from services.notify.erasing import PastFiles
from services.notify.fan_out import OWED
from services.notify.mail.bounces import BounceReports
from services.notify.mail.outbox import MAILED, Mailer, measure_mail
from services.notify.mail.transport import open_transport
from services.notify.measurements import measure_deliveries, measure_others
from services.notify.open_files import requests_that_fit
from services.notify.purging import Purge
from services.notify.retries import RetrySchedule
from services.notify.sending.outbound import Outbound
from services.notify.sending.sender import Sender, SendingLimits
from services.notify.settings import Settings
from services.notify.webhooks.health import HealthRule, judge_failing
from shared.broker import connect_broker
from shared.databases import Database
from shared.logs import configure_logs
from shared.loops import Nudge, run_loop
from shared.sealing import Seal
from shared.service_client import DirectoryClient
from shared.serving import keep_what_is_loaded, run_together

_ERASE_SECONDS = 1.0
_MEASURE_SECONDS = 5.0
_FINISH_SECONDS = 3.0
DIRECTORY_TIMEOUT_SECONDS = 5.0


def directory_client(settings: Settings, client: httpx.AsyncClient) -> DirectoryClient:
    """How notify asks the directory."""
    return DirectoryClient(
        settings.directory_url.rstrip("/"),
        settings.service_client_id,
        settings.service_client_secret,
        client,
    )


def open_outbound(settings: Settings, resolver: AbstractResolver | None = None) -> Outbound:
    """The client for endpoints, as `settings` want it; `resolver` if not the system's."""
    return Outbound(
        allowed=settings.allowed_networks,
        timeout_seconds=settings.timeout_seconds,
        connect_timeout_seconds=settings.connect_timeout_seconds,
        resolver=resolver,
        kept_answer_bytes=settings.kept_answer_bytes,
    )


async def run_worker(
    settings: Settings,
    database: Database,
    redis: Redis,
    directory: DirectoryClient,
    resolver: AbstractResolver | None = None,
) -> None:
    """Run the loops until cancelled; then let requests under way end, for a few seconds.

    `resolver`: who tells the addresses of endpoints, if not the system.
    """
    wake, wake_mailer = Nudge(), Nudge()

    def wake_senders(info: dict[object, object]) -> None:
        if info.get(OWED):
            wake.now()
        if info.get(MAILED):
            wake_mailer.now()

    database.committed.append(wake_senders)
    outbound = open_outbound(settings, resolver)
    sender = Sender(
        database,
        outbound,
        Seal(settings.encryption_keys),
        RetrySchedule(settings.retry_seconds, settings.retry_jitter, settings.overload_seconds),
        SendingLimits(
            requests_at_once=requests_that_fit(settings.requests_at_once),
            requests_per_endpoint=settings.requests_per_endpoint,
            max_payload_bytes=settings.max_payload_bytes,
            lease_seconds=settings.lease_seconds,
            timeout_seconds=settings.timeout_seconds,
        ),
        wake,
        settings.notify_url,
    )
    mailer = Mailer(
        database,
        open_transport(settings.mail_destination, settings.mail_timeout_seconds),
        settings,
    )
    bounces = BounceReports(database, directory)
    rule = HealthRule(settings.failing_hours, settings.disable_hours)
    turn = FanOutTurn(database, directory, redis, str(uuid7()))
    replayer = Replayer(database, directory, str(uuid7()))
    purge = Purge(database, settings.deliveries_days, str(uuid7()))

    async def measure() -> int:
        await measure_mail(database)
        await measure_others(database)
        return await measure_deliveries(database)

    async def judge() -> int:
        return await judge_failing(database, rule, settings.notify_url)

    try:
        await run_together(
            # It waits by itself: for events on the stream, or for its turn.
            run_loop("fan out", turn.step, Nudge(), 0.0),
            run_loop("send", sender.step, wake, settings.idle_seconds),
            run_loop("judge", judge, Nudge(), settings.health_seconds),
            run_loop("mail", mailer.step, wake_mailer, settings.mail_idle_seconds),
            run_loop("bounces", bounces.step, Nudge(), settings.mail_idle_seconds),
            run_loop("replay", replayer.step, Nudge(), settings.idle_seconds),
            run_loop("purge", purge.step, Nudge(), settings.purge_seconds),
            run_loop("erasures", PastFiles(database).step, Nudge(), _ERASE_SECONDS),
            run_loop("measure", measure, Nudge(), _MEASURE_SECONDS),
        )
    finally:
        try:
            await turn.leave()
            await replayer.leave()
            await purge.leave()
            await sender.finish(_FINISH_SECONDS)
        finally:
            await outbound.close()


async def main() -> None:
    """Run the loops as a process of their own, until a signal comes."""
    settings = Settings.from_environment(os.environ)
    configure_logs("notify-worker", settings.log_level)
    keep_what_is_loaded()
    if (running := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    database = Database(settings.database_url)
    redis = connect_broker(settings.redis_url)
    async with httpx.AsyncClient(timeout=DIRECTORY_TIMEOUT_SECONDS, trust_env=False) as client:
        try:
            await run_worker(settings, database, redis, directory_client(settings, client))
        finally:
            await redis.aclose()
            await database.dispose()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(main())
