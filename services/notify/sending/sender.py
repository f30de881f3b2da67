"""Sending what is due: a step writes down what came back and takes what is due next.

One step is one transaction for many attempts, while the requests themselves run beside it, each
for as long as it takes: a slow endpoint fills its own share of requests and nothing else. What an
attempt came to counts only once it is written down; until then the delivery stays leased.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from services.notify.lines import hold_lines
from services.notify.retries import Answer, GaveUp, Outcome, RetrySchedule
from services.notify.sending.attempted import Attempted
from services.notify.sending.attempts import record_attempts
from services.notify.sending.backing_off import BackingOff
from services.notify.sending.leasing import LeasedDelivery, hand_back, lease_due
from services.notify.sending.messages import MessageBook
from services.notify.sending.outbound import Outbound
from services.notify.sending.room import Room
from services.notify.sending.telling import tell_attempts
from services.notify.sending.turns import Turns
from services.notify.webhooks.endpoints import EndpointBook, read_revisions
from services.notify.webhooks.signing import signed_headers
from services.notify.webhooks.verification import VERIFICATION_EVENT, judge_answer
from shared.databases import Database
from shared.leases import database_time
from shared.loops import Nudge
from shared.sealing import Seal

_QUICK_MILLISECONDS = 500.0
_IN_HAND_OF_QUICK = 15
# While requests are under way, so many seconds lie between steps: what came back meanwhile is
# written down in one transaction.
_GATHER_SECONDS = 0.015
# Left of a lease for writing down the result.
_WRITING_SECONDS = 2.0

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
        self._quick: set[UUID] = set()
        self._backing_off = BackingOff(limits.requests_per_endpoint, schedule.overload_seconds)
        self._turns: dict[UUID, Turns] = {}
        self._revisions: dict[UUID, int | None] = {}
        # Each as it was leased: a delivery whose lease ran out may be in hand a second time.
        self._under_way: dict[int, LeasedDelivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()
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
        for webhook_id, turns in list(self._turns.items()):
            if turns.is_held_up():
                self._quick.discard(webhook_id)
                self._let_go(turns)
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
            in_line = [webhook_id for webhook_id, turns in self._turns.items() if turns.waiting]
            revisions = await read_revisions(session, in_line)
        self._revisions = revisions
        self._stepped_at = time.monotonic()
        # Only now that it is committed: a failed transaction is repeated with all of it.
        del self._attempted[: len(attempted)]
        del self._not_attempted[: len(not_attempted)]
        for delivery in leased:
            self._begin(delivery)
        tell_attempts(attempted)
        return len(attempted) + len(leased)

    async def finish(self, seconds: float) -> None:
        """Let requests under way end, for `seconds`, and write down what they came to."""
        if self._stepping is not None:
            await asyncio.wait([self._stepping])
        for turns in list(self._turns.values()):
            self._let_go(turns)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        # Their requests may have arrived: 'at least once' is what endpoints are promised.
        self._not_attempted += self._under_way.values()
        attempted = self._attempted
        async with self._database.transaction() as session:
            if attempted:
                now = await database_time(session)
                await record_attempts(session, attempted, now, self._notify_url)
            await hand_back(session, self._not_attempted)
        tell_attempts(attempted)

    def _room(self) -> Room:
        # A quick endpoint has some more in hand than it is sent at once, so that it need not wait
        # for the database; with a slow one their leases would only run out in line.
        in_hand = {webhook_id: turns.in_hand for webhook_id, turns in self._turns.items()}
        return Room(
            total=max(0, self._limits.requests_at_once - sum(in_hand.values())),
            per_webhook=self._limits.requests_per_endpoint,
            per_quick_webhook=_IN_HAND_OF_QUICK * self._limits.requests_per_endpoint,
            for_slow=self._limits.requests_at_once // 2,
            quick=self._quick,
            in_hand=in_hand,
            slowed=self._backing_off.shares(),
            for_others=self._limits.requests_at_once // 8,
        )

    def _begin(self, delivery: LeasedDelivery) -> None:
        endpoint = delivery.endpoint
        turns = self._turns.get(endpoint.id)
        if turns is None:
            turns = self._turns[endpoint.id] = Turns()
        turns.in_hand += 1
        turns.waiting.append((delivery, time.monotonic()))
        most = self._limits.requests_per_endpoint
        if turns.under_way < min(endpoint.requests_at_once or most, most):
            turns.under_way += 1
            task = asyncio.create_task(self._send_in_turn(turns))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_in_turn(self, turns: Turns) -> None:
        """Send what waits, one after the other, until there is nothing left in line."""
        try:
            while turns.waiting:
                delivery, leased_at = turns.waiting.popleft()
                self._under_way[id(delivery)] = delivery
                try:
                    await self._send(delivery, leased_at, turns)
                except Exception as error:
                    # Whatever it is, those behind it must not wait for ever. It stays leased, and
                    # comes again when that has run out.
                    _log.error("delivery.crashed", delivery=str(delivery.id), exc_info=error)
                finally:
                    del self._under_way[id(delivery)]
                    self._put_down(delivery, turns)
        finally:
            turns.under_way -= 1

    def _put_down(self, delivery: LeasedDelivery, turns: Turns) -> None:
        turns.in_hand -= 1
        if not turns.in_hand:
            del self._turns[delivery.endpoint.id]
        self._wake.now()

    def _let_go(self, turns: Turns) -> None:
        """Give back what waits in line."""
        for delivery in turns.clear():
            self._not_attempted.append(delivery)
            self._put_down(delivery, turns)

    async def _send(self, delivery: LeasedDelivery, leased_at: float, turns: Turns) -> None:
        limits, endpoint_id = self._limits, delivery.endpoint.id
        latest = limits.lease_seconds - limits.timeout_seconds - _WRITING_SECONDS
        # Its lease could end before the attempt does, and another worker would send too.
        is_late = time.monotonic() - leased_at > max(latest, 0.0)
        if is_late or self._backing_off.rests(endpoint_id) or self._is_of_old(delivery):
            self._not_attempted.append(delivery)
            return
        at, started = datetime.now(UTC), time.perf_counter()
        answer, outcome = await self._attempt(delivery, at)
        milliseconds = round((time.perf_counter() - started) * 1000, 2)
        turns.answered_at = time.monotonic()
        self._attempted.append(Attempted(delivery, at, milliseconds, answer, outcome))
        self._note(endpoint_id, answer, milliseconds)

    def _is_of_old(self, delivery: LeasedDelivery) -> bool:
        """Whether its webhook, or what its account may see, has changed while it stood in line."""
        revision = delivery.endpoint.revision
        return self._revisions.get(delivery.endpoint.id, revision) != revision

    def _note(self, endpoint_id: UUID, answer: Answer, milliseconds: float) -> None:
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
