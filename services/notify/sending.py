"""Sending what is due: a step writes down what came back and takes what is due next.

One step is one transaction for many attempts, while the requests themselves run beside it, each
for as long as it takes: a slow endpoint fills its own share of requests and nothing else. What an
attempt came to counts only once it is written down; until then the delivery stays leased.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import prometheus_client
import structlog

from services.notify.attempted import Attempted, outcome_name
from services.notify.attempts import record_attempts
from services.notify.backing_off import BackingOff
from services.notify.deliveries import LeasedDelivery, Room, hand_back, lease_due
from services.notify.endpoints import Endpoint, EndpointBook, read_revisions
from services.notify.lines import hold_lines
from services.notify.messages import MessageBook
from services.notify.outbound import Outbound
from services.notify.retries import Answer, Delivered, GaveUp, Outcome, RetrySchedule
from services.notify.verification import VERIFICATION_EVENT, judge_answer
from services.notify.webhook import signed_headers
from shared.databases import Database
from shared.leases import database_time
from shared.loops import Nudge
from shared.sealing import Seal

_QUICK_MILLISECONDS = 500.0
_IN_HAND_OF_QUICK = 15
# While requests are under way, so many seconds lie between steps: what came back meanwhile is
# written down in one transaction.
_GATHER_SECONDS = 0.015
_LONGEST_SILENCE_SECONDS = 1.0
# Left of a lease for writing down the result.
_WRITING_SECONDS = 2.0

ATTEMPTS = prometheus_client.Counter(
    "webhook_attempts_total", "Attempts at deliveries by what they came to.", ["outcome"]
)
SECONDS = prometheus_client.Histogram("webhook_attempt_seconds", "Time an endpoint took.")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """How much a worker takes in hand, and for how long."""

    requests_at_once: int
    requests_per_endpoint: int
    max_payload_bytes: int
    lease_seconds: float
    timeout_seconds: float


class Sender:
    """One worker's sending. Any number of them share the work through the database."""

    def __init__(
        self,
        database: Database,
        outbound: Outbound,
        seal: Seal,
        schedule: RetrySchedule,
        limits: SendingLimits,
        wake: Nudge,
        notify_url: str,
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._endpoints = EndpointBook(seal)
        self._messages = MessageBook()
        self._schedule = schedule
        self._limits = limits
        self._wake = wake
        self._notify_url = notify_url
        self._in_hand: Counter[UUID] = Counter()
        self._quick: set[UUID] = set()
        self._backing_off = BackingOff(limits.requests_per_endpoint, schedule.overload_seconds)
        self._answered_at: dict[UUID, float] = {}
        self._turns: dict[UUID, asyncio.Semaphore] = {}
        self._revisions: dict[UUID, int | None] = {}
        self._under_way: dict[asyncio.Task[None], LeasedDelivery] = {}
        self._attempted: list[Attempted] = []
        self._not_attempted: list[LeasedDelivery] = []
        self._stepped_at = 0.0
        self._stepping: asyncio.Task[int] | None = None

    async def step(self) -> int:
        """Write down what came back and begin to send what is due; how many deliveries it was."""
        # A step that was cut off in its commit would leave deliveries leased and never sent.
        self._stepping = asyncio.create_task(self._step())
        return await asyncio.shield(self._stepping)

    async def _step(self) -> int:
        since = time.monotonic() - self._stepped_at
        if self._under_way and since < _GATHER_SECONDS:
            await asyncio.sleep(_GATHER_SECONDS - since)
        attempted, not_attempted = self._attempted[:], self._not_attempted[:]
        async with self._database.transaction() as session:
            await hold_lines(session)
            now = await database_time(session)
            if attempted:
                await record_attempts(session, attempted, now, self._notify_url)
            await hand_back(session, not_attempted)
            leased = await lease_due(
                session,
                self._room(),
                self._limits.lease_seconds,
                now,
                self._endpoints,
                self._messages,
            )
            in_line = [webhook_id for webhook_id, turn in self._turns.items() if turn.locked()]
            revisions = await read_revisions(session, in_line)
        self._revisions = revisions
        self._stepped_at = time.monotonic()
        # Only now that it is committed: a failed transaction is repeated with all of it.
        del self._attempted[: len(attempted)]
        del self._not_attempted[: len(not_attempted)]
        for delivery in leased:
            self._begin(delivery)
        for one in attempted:
            _tell(one)
        return len(attempted) + len(leased)

    async def finish(self, seconds: float) -> None:
        """Let requests under way end, for `seconds`, and write down what they came to."""
        if self._stepping is not None:
            await asyncio.wait([self._stepping])
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=seconds)
        for task, delivery in list(self._under_way.items()):
            # Its request may have arrived: 'at least once' is what endpoints are promised.
            task.cancel()
            self._not_attempted.append(delivery)
        attempted = self._attempted
        async with self._database.transaction() as session:
            if attempted:
                now = await database_time(session)
                await record_attempts(session, attempted, now, self._notify_url)
            await hand_back(session, self._not_attempted)
        for one in attempted:
            _tell(one)

    def _room(self) -> Room:
        # A quick endpoint has some more in hand than it is sent at once, so that it need not wait
        # for the database; with a slow one their leases would only run out in line.
        return Room(
            total=max(0, self._limits.requests_at_once - len(self._under_way)),
            per_webhook=self._limits.requests_per_endpoint,
            per_quick_webhook=_IN_HAND_OF_QUICK * self._limits.requests_per_endpoint,
            for_slow=self._limits.requests_at_once // 2,
            quick=self._quick,
            in_hand=self._in_hand,
            slowed=self._backing_off.shares(),
            for_others=self._limits.requests_at_once // 8,
        )

    def _begin(self, delivery: LeasedDelivery) -> None:
        self._in_hand[delivery.endpoint.id] += 1
        begun = time.monotonic()
        task = asyncio.create_task(self._send_in_turn(delivery, begun))
        self._under_way[task] = delivery
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._under_way.pop(task)
        webhook_id = delivery.endpoint.id
        self._in_hand[webhook_id] -= 1
        if not self._in_hand[webhook_id]:
            del self._in_hand[webhook_id]
            self._turns.pop(webhook_id, None)
            self._answered_at.pop(webhook_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("delivery.crashed", delivery=str(delivery.id), exc_info=error)
        self._wake.now()

    def _turn_of(self, endpoint: Endpoint) -> asyncio.Semaphore:
        turn = self._turns.get(endpoint.id)
        if turn is None:
            most = self._limits.requests_per_endpoint
            turn = asyncio.Semaphore(min(endpoint.requests_at_once or most, most))
            self._turns[endpoint.id] = turn
        return turn

    async def _send_in_turn(self, delivery: LeasedDelivery, leased_at: float) -> None:
        turn, endpoint_id = self._turn_of(delivery.endpoint), delivery.endpoint.id
        if not await self._take_turn(turn, endpoint_id):
            self._not_attempted.append(delivery)
            return
        try:
            limits = self._limits
            latest = limits.lease_seconds - limits.timeout_seconds - _WRITING_SECONDS
            # Its lease could end before the attempt does, and another worker would send too.
            is_late = time.monotonic() - leased_at > max(latest, 0.0)
            if is_late or self._backing_off.rests(endpoint_id) or self._is_of_old(delivery):
                self._not_attempted.append(delivery)
                return
            at, started = datetime.now(UTC), time.perf_counter()
            answer, outcome = await self._attempt(delivery, at)
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            self._attempted.append(Attempted(delivery, at, milliseconds, answer, outcome))
            self._note(endpoint_id, answer, milliseconds)
        finally:
            turn.release()

    def _is_of_old(self, delivery: LeasedDelivery) -> bool:
        """Whether its webhook, or what its account may see, has changed while it stood in line."""
        revision = delivery.endpoint.revision
        return self._revisions.get(delivery.endpoint.id, revision) != revision

    async def _take_turn(self, turn: asyncio.Semaphore, endpoint_id: UUID) -> bool:
        """Wait in line; False where the endpoint answers nothing at all while we do.

        Else what is in hand of an endpoint that was quick and hangs now would stand in line until
        the requests before it time out, and take up the room of others.
        """
        while turn.locked():
            since = time.monotonic()
            try:
                async with asyncio.timeout(_LONGEST_SILENCE_SECONDS):
                    await turn.acquire()
                return True
            except TimeoutError:
                if self._answered_at.get(endpoint_id, 0.0) < since:
                    self._quick.discard(endpoint_id)
                    return False
        return await turn.acquire()

    def _note(self, endpoint_id: UUID, answer: Answer, milliseconds: float) -> None:
        self._answered_at[endpoint_id] = time.monotonic()
        if answer.is_overload:
            self._backing_off.note_overload(endpoint_id)
        elif answer.is_success:
            self._backing_off.note_success(endpoint_id)
        if answer.is_success and milliseconds < _QUICK_MILLISECONDS:
            self._quick.add(endpoint_id)
        else:
            self._quick.discard(endpoint_id)

    async def _attempt(self, delivery: LeasedDelivery, at: datetime) -> tuple[Answer, Outcome]:
        body, endpoint = delivery.message.body, delivery.endpoint
        if body is None:
            return _unsendable("the event has nothing to tell this audience any more")
        most = self._limits.max_payload_bytes
        if len(body) > most:
            return _unsendable(
                f"the event has {len(body):,} bytes and no more than {most:,} are sent "
                "(WEBHOOK_MAX_PAYLOAD_BYTES); read it from the directory's /changes"
            )
        if endpoint.unusable is not None:
            # Nothing about the endpoint is wrong: it is sent once the right key is configured.
            answer = Answer(error=endpoint.unusable, unsent=True)
        else:
            headers = signed_headers(endpoint.keys, delivery.event_id, at, body)
            answer = await self._outbound.post(endpoint.url, body, {**endpoint.headers, **headers})
            if delivery.message.event_type == VERIFICATION_EVENT:
                answer = judge_answer(body, answer)
        return answer, self._schedule.outcome_of(answer, delivery.number_on_schedule, at)


def _unsendable(reason: str) -> tuple[Answer, Outcome]:
    return Answer(error=reason, unsent=True), GaveUp(reason)


def _tell(one: Attempted) -> None:
    name = outcome_name(one.outcome)
    ATTEMPTS.labels(name).inc()
    SECONDS.observe(one.milliseconds / 1000)
    delivery = one.delivery
    _log.info(
        "delivery.attempted",
        delivery=str(delivery.id),
        webhook=str(delivery.endpoint.id),
        event_id=str(delivery.event_id),
        type=delivery.message.event_type,
        subject=delivery.subject,
        sequence=delivery.sequence,
        number=delivery.number,
        outcome=name,
        reason=None if isinstance(one.outcome, Delivered) else one.outcome.reason,
        status=one.answer.status_code,
        milliseconds=one.milliseconds,
    )
