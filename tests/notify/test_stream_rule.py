"""The rule of resuming: whoever comes back has each event that concerns it once, and in order."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from services.notify.stream.answer import Admission, StreamAnswer
from services.notify.stream.begin import find_begin
from services.notify.stream.live import LiveStream
from services.notify.stream.log import StreamLog
from services.notify.stream.selection import select
from services.notify.stream.settings import StreamSettings
from shared.log_follower import Position
from shared.vocabulary import Visibility
from tests.search.scripted_directory import ScriptedDirectory, a_record, client_of

# What happens to a record, and whether it is told to the public that asks for the level `local`.
HAPPENS = {"local": True, "national": False, "hidden": False, "gone": True}
TURNS = 200


def say(scripted: ScriptedDirectory, what: str) -> int:
    """Put an event on the log; its sequence."""
    record_id = f"01900000-0000-7000-8000-{scripted.head:012}"
    level = what if what in {"local", "national"} else "local"
    visibility = "member" if what == "hidden" else "public"
    record = a_record(record_id, 1, what * 400, level=level, visibility=visibility)
    event = scripted.say(record_id, None if what == "gone" else record)
    event["data"]["audiences"]["public"]["was_visible"] = what != "hidden"
    return int(event["sequence"])


class Process:
    """A notify whose follower takes steps when it is told to."""

    def __init__(self, scripted: ScriptedDirectory, log: StreamLog, live: LiveStream) -> None:
        self._scripted = scripted
        self.log = log
        self.live = live

    async def follow(self, most: int, again: int = 0) -> None:
        """Take in the next events, at most so many, and `again` some that were taken in before."""
        at = self.log.recent.sequence
        events = self._scripted.events[max(0, at - again) : at + most]
        if events:
            await self.log.apply(events, Position(self._scripted.log_id, events[-1]["sequence"]))


@asynccontextmanager
async def a_process(scripted: ScriptedDirectory, kept: int) -> AsyncIterator[Process]:
    """A notify that begins now and keeps so many events in memory."""
    environment = {
        "SERVICE_CLIENT_SECRET": "secret of the services",
        "STREAM_KEPT_EVENTS": str(kept),
        "STREAM_HEARTBEAT_SECONDS": "0.000001",
    }
    own = StreamSettings.model_validate(environment)
    async with client_of(scripted) as directory:
        log = StreamLog(own, directory)
        live = LiveStream(own, log, 10)
        await log.begin("it starts")
        yield Process(scripted, log, live)
        await live.close()


class Client:
    """Reads what it is sent, up to where its connection broke, and comes back with its last id."""

    def __init__(self) -> None:
        self.last_event_id: int | None = None
        self.told: list[int] = []
        self.takes = asyncio.Event()
        """Cleared: what is sent to it stays on the way."""
        self.takes.set()
        self._received = b""
        self._gone = asyncio.Event()
        self._answer: asyncio.Task[None] | None = None

    async def connect(self, process: Process) -> None:
        """Open a stream, unless one is open."""
        if self._answer is not None:
            return
        begin = await find_begin(process.log, self.last_event_id, None)
        selection = select(Visibility.public, ["partner.*"], {"level": ["local"]})
        admission = Admission(
            selection=selection, begin=begin.at, reset=begin.reset, caller="x", until=None
        )
        self._received, self._gone = b"", asyncio.Event()
        self.takes.set()
        answer = StreamAnswer(process.live, admission)
        scope = {"type": "http", "method": "GET"}
        self._answer = asyncio.create_task(answer(scope, self._receive, self._send))
        if self.last_event_id is None:
            self.last_event_id = begin.at.sequence

    async def leave(self, chance: random.Random) -> None:
        """Lose the connection, and with it the end of what was sent."""
        if self._answer is None:
            return
        self._gone.set()
        self.takes.set()
        await self._answer
        self._answer = None
        self.read(chance.randint(0, len(self._received)))

    def read(self, most: int | None = None) -> None:
        """Take what has come, or its first `most` bytes."""
        *blocks, self._received = self._received[:most].split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
            self.last_event_id = int(fields[b"id"])
            if b"data" in fields:
                assert fields[b"event"] == b"partner.updated"
                self.told.append(self.last_event_id)

    async def come_to_the_end(self, process: Process) -> None:
        """Take all there is, and what moves the place to resume from behind it."""
        self.takes.set()
        await self.connect(process)
        await process.follow(1_000)
        for _ in range(TURNS):
            await process.live.watch()
            # A turn for the others; no time passes here.
            await asyncio.sleep(0)
        self.read()

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._received += message.get("body", b"")
        await asyncio.sleep(0)
        await self.takes.wait()


STEPS = st.one_of(
    st.sampled_from(sorted(HAPPENS)),
    st.sampled_from(["connect", "leave", "read", "hold", "take", "beat", "restart"]),
    st.integers(1, 4),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), chance=st.randoms(use_true_random=False))
def test_each_event_comes_once_and_in_order(steps: list[str | int], chance: random.Random) -> None:
    """Whenever it leaves, however much it had read, and though the process forgets and restarts."""
    asyncio.run(live_through(steps, chance))


async def take_step(
    step: str | int, process: Process, client: Client, chance: random.Random
) -> None:
    """What the process or its reader does next."""
    match step:
        case int():
            await process.follow(step, again=chance.choice([0, 0, 1, 3]))
        case "connect":
            await client.connect(process)
        case "leave":
            await client.leave(chance)
        case "read":
            client.read()
        case "hold":
            client.takes.clear()
        case "take":
            client.takes.set()
        case "beat":
            await process.live.watch()
    # So many turns for the others, by chance; no time passes here.
    for _ in range(chance.choice([0, 1, 5, 50])):
        await asyncio.sleep(0)


async def live_through(steps: list[str | int], chance: random.Random) -> None:
    """Do the `steps`, then let the reader come to the end, and compare."""
    scripted = ScriptedDirectory()
    concerning_it: list[int] = []
    client = Client()
    say(scripted, "local")
    for last, session in _sessions(steps):
        async with a_process(scripted, chance.choice([1, 3, 8])) as process:
            await client.connect(process)
            for step in session:
                if step in HAPPENS:
                    sequence = say(scripted, str(step))
                    concerning_it += [sequence] if HAPPENS[str(step)] else []
                else:
                    await take_step(step, process, client, chance)
            if last:
                await client.come_to_the_end(process)
            await client.leave(chance)
    assert client.last_event_id == scripted.head
    assert client.told == concerning_it


def _sessions(steps: list[str | int]) -> Iterator[tuple[bool, list[str | int]]]:
    """The steps between restarts, and whether they are the last ones."""
    ends = [at for at, step in enumerate(steps) if step == "restart"]
    for begin, end in pairwise([-1, *ends, len(steps)]):
        yield end == len(steps), steps[begin + 1 : end]
