"""The index follows the log: whatever comes in whatever order, it is what a fresh one would be."""

import random
import resource
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.search.consumer import IndexConsumer
from services.search.index import IndexHome
from services.search.question import make_question
from services.search.reading import IndexReader
from services.search.searching import answer_question
from services.search.synonyms import SynonymTable
from shared.databases import Database
from shared.log_follower import Position
from shared.vocabulary import Visibility
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.search.scripted_directory import Json, ScriptedDirectory, a_record, client_of

IDS = [str(uuid.UUID(int=number)) for number in range(1, 5)]
NAMES = ["Home Office", "Straße Institut", "Home Affairs", "SOCA"]
PERSON = {
    "id": str(uuid.UUID(int=99)),
    "kind": "person",
    "purposes": ["research"],
    "name": "A. Person",
    "title": None,
    "department": None,
    "channels": [],
    "languages": [],
    "hours": None,
    "procedure": None,
    "valid_from": None,
    "valid_to": None,
    "verification": {"status": "unverified", "at": None, "method": None},
    "consent": None,
    "visibility": "public",
}

operations = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(["public", "member", "person", "hidden", "withdrawn"]),
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=12,
)


async def everything_in(home: IndexHome) -> dict[str, Any]:
    """All that each audience can find, with its counts."""
    reader = IndexReader(home)
    found: dict[str, Any] = {}
    for audience in (Visibility.public, Visibility.member):
        for q in ("", "home", "soca", "strasse"):
            question = make_question(
                q=q, facets="level,kind,status", sort="name", limit=200, audience=audience
            )
            answer = await answer_question(reader, question, SynonymTable.empty())
            found[f"{audience} {q}"] = orjson.loads(answer.body)
    return found


def tell(directory: ScriptedDirectory, operation: tuple[str, str, str], version: int) -> Json:
    """Let `directory` say what `operation` did."""
    record_id, what, name = operation
    if what == "hidden":
        return directory.say(record_id, None)
    record = a_record(record_id, version, name)
    if what == "member":
        record["visibility"] = "member"
    if what == "person":
        record["contact_points"] = [PERSON]
    if what == "withdrawn":
        return directory.say(record_id, {**record, "status": "withdrawn"}, "withdrawn")
    return directory.say(record_id, record)


def in_batches(events: Sequence[Json], size: int) -> list[Sequence[Json]]:
    """`events` cut into parts of at most `size`."""
    return [events[at : at + size] for at in range(0, len(events), size)]


@pytest.fixture(scope="module")
def search_database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database that these tests never write to."""
    return Database(f"sqlite:///{tmp_path_factory.mktemp('database')}/search.db")


@settings(max_examples=25, deadline=None)
@given(
    before=operations,
    after=operations,
    size=st.integers(1, 7),
    repeats=st.lists(st.integers(0, 30)),
)
async def test_the_index_equals_one_rebuilt_from_the_final_records(
    tmp_path_factory: pytest.TempPathFactory,
    search_database: Database,
    before: list[tuple[str, str, str]],
    after: list[tuple[str, str, str]],
    size: int,
    repeats: list[int],
) -> None:
    """Begun from any snapshot, in any batches, with any old events replayed in between."""
    directory = ScriptedDirectory()
    for version, operation in enumerate(before, 1):
        tell(directory, operation, version)
    root: Path = tmp_path_factory.mktemp("index")
    async with client_of(directory) as client:
        followed = IndexConsumer(IndexHome(root / "followed"), client, search_database)
        position = await followed.begin("test")
        start = len(directory.events)
        for version, operation in enumerate(after, len(before) + 1):
            tell(directory, operation, version)
        for batch in in_batches(directory.events[start:], size):
            position = Position(directory.log_id, batch[-1]["sequence"])
            await followed.apply(batch, position)
            old = [event for event in directory.events if event["sequence"] <= position.sequence]
            again = [old[number % len(old)] for number in repeats]
            if again:
                await followed.apply(again, position)
        rebuilt = IndexConsumer(IndexHome(root / "rebuilt"), client, search_database)
        assert await rebuilt.begin("test") == position == await followed.load_position()
        try:
            assert await everything_in(IndexHome(root / "followed")) == await everything_in(
                IndexHome(root / "rebuilt")
            )
        finally:
            await followed.close()
            await rebuilt.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: what a full disk is to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_waited_out(tmp_path: Path, search_database: Database) -> None:
    """It surfaces as OSError, so the follower tries again and sets nothing aside."""
    directory = ScriptedDirectory()
    async with client_of(directory) as client:
        consumer = IndexConsumer(IndexHome(tmp_path), client, search_database)
        began = await consumer.begin("test")
        text = random.Random(1).randbytes(6_000_000).hex()
        event = directory.say(IDS[0], a_record(IDS[0], 1, "Large", description={"en": text}))
        position = Position(directory.log_id, 1)
        for _ in range(2):
            with files_no_larger_than(1_000_000), pytest.raises(OSError, match="tantivy"):
                await consumer.apply([event], position)
            assert await consumer.load_position() == began
        await consumer.apply([event], position)
        assert await consumer.load_position() == position
        assert (await everything_in(IndexHome(tmp_path)))["public "]["total"] == 1
        await consumer.close()


async def test_a_replay_does_not_bring_back_what_is_gone(
    tmp_path: Path, search_database: Database
) -> None:
    """Neither after the removal, nor after a rebuild that no longer knows of the record."""
    directory = ScriptedDirectory()
    old = directory.say(IDS[0], a_record(IDS[0], 1, "Gone for good"))
    gone = directory.say(IDS[0], None)
    async with client_of(directory) as client:
        consumer = IndexConsumer(IndexHome(tmp_path), client, search_database)
        position = await consumer.begin("test")
        for events in ([old], [old, gone], [gone], [old]):
            await consumer.apply(events, position)
            assert (await everything_in(IndexHome(tmp_path)))["member "]["total"] == 0
        back = directory.say(IDS[0], a_record(IDS[0], 3, "Back again"))
        await consumer.apply([back], Position(directory.log_id, 3))
        await consumer.apply([gone], Position(directory.log_id, 3))
        assert (await everything_in(IndexHome(tmp_path)))["member "]["total"] == 1
        await consumer.close()


async def test_position_and_changes_are_one_commit(
    tmp_path: Path, search_database: Database
) -> None:
    """A batch that fails leaves neither its changes nor its position behind."""
    directory = ScriptedDirectory()
    async with client_of(directory) as client:
        consumer = IndexConsumer(IndexHome(tmp_path), client, search_database)
        began = await consumer.begin("test")
        good = directory.say(IDS[0], a_record(IDS[0], 1, "Good"))
        bad = directory.say(IDS[1], {**a_record(IDS[1], 1, "Bad"), "level": "nowhere"})
        with pytest.raises(ValueError, match="level"):
            await consumer.apply([good, bad], Position(directory.log_id, 2))
        assert await consumer.load_position() == began
        assert (await everything_in(IndexHome(tmp_path)))["member "]["total"] == 0
        await consumer.close()
