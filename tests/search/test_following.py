"""The index follows the log: whatever comes in whatever order, it is what a fresh one would be."""

import random
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
from tests.search.index_content import IDS, change_by_chance, everything_in
from tests.search.scripted_directory import Json, ScriptedDirectory, a_record, client_of


async def total_in(root: Path, audience: Visibility) -> int:
    """How much `audience` can find."""
    view = IndexReader(IndexHome(root)).view()
    question = make_question(q="", audience=audience)
    return (await answer_question(view, question, SynonymTable.empty())).total


def in_batches(events: Sequence[Json], size: int) -> list[Sequence[Json]]:
    """`events` cut into parts of at most `size`."""
    return [events[at : at + size] for at in range(0, len(events), size)]


@settings(max_examples=25, deadline=None)
@given(
    chance=st.randoms(use_true_random=False),
    before=st.integers(0, 15),
    after=st.integers(1, 20),
    size=st.integers(1, 7),
    repeats=st.lists(st.integers(0, 30)),
)
async def test_the_index_equals_one_rebuilt_from_the_final_records(
    tmp_path_factory: pytest.TempPathFactory,
    search_database: Database,
    chance: random.Random,
    before: int,
    after: int,
    size: int,
    repeats: list[int],
) -> None:
    """Begun from any snapshot, in any batches, with any old events replayed in between."""
    directory = ScriptedDirectory()
    for _ in range(before):
        change_by_chance(directory, chance)
    root: Path = tmp_path_factory.mktemp("index")
    async with client_of(directory) as client:
        followed = IndexConsumer(IndexHome(root / "followed"), client, search_database)
        position = await followed.begin("test")
        start = len(directory.events)
        for _ in range(after):
            change_by_chance(directory, chance)
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
        assert await total_in(tmp_path, Visibility.public) == 1
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
            assert await total_in(tmp_path, Visibility.member) == 0
        back = directory.say(IDS[0], a_record(IDS[0], 3, "Back again"))
        await consumer.apply([back], Position(directory.log_id, 3))
        await consumer.apply([gone], Position(directory.log_id, 3))
        assert await total_in(tmp_path, Visibility.member) == 1
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
        assert await total_in(tmp_path, Visibility.member) == 0
        await consumer.close()
