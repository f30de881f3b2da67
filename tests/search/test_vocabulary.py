"""What is learned of the words: each audience's are those of the records that it finds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tantivy import Searcher

from services.search.boundary import total_of
from services.search.clauses import term
from services.search.consumer import IndexConsumer
from services.search.index import IndexHome
from services.search.learning import learn
from services.search.reading import IndexReader
from services.search.schema import ABBREVIATED, AROUND, BESIDE, FOUND, LANGUAGES, WORDS
from shared.databases import Database
from tests.search.index_content import change_by_chance
from tests.search.scripted_directory import ScriptedDirectory, client_of


def counts(searcher: Searcher, audience: str, field: str) -> dict[str, int]:
    """How many of the documents that `audience` finds have each term of a field."""
    found = searcher.terms_with_prefix(field, "", filter_query=term("audience", audience))
    return dict(found)


@settings(max_examples=25, deadline=None)
@given(chance=st.randoms(use_true_random=False), changes=st.integers(0, 30))
async def test_each_audience_has_the_words_of_what_it_finds(
    tmp_path_factory: pytest.TempPathFactory,
    search_database: Database,
    chance: random.Random,
    changes: int,
) -> None:
    """However many records both audiences find, one of them alone, or each in its own way."""
    directory = ScriptedDirectory()
    for _ in range(changes):
        change_by_chance(directory, chance)
    home = IndexHome(tmp_path_factory.mktemp("index"))
    async with client_of(directory) as client:
        consumer = IndexConsumer(home, client, search_database)
        await consumer.begin("test")
        await consumer.close()
    searcher = IndexReader(home).searcher()
    vocabulary = learn(searcher)
    for audience in ("public", "member"):
        words = vocabulary.of(audience)
        of_audience = searcher.search(term("audience", audience), limit=1)
        assert words.documents == total_of(of_audience)
        assert words.words == counts(searcher, audience, WORDS)
        assert list(words.in_order) == sorted(words.words)
        assert words.forms == counts(searcher, audience, FOUND)
        assert words.acronyms == counts(searcher, audience, "exact_acronym")
        assert words.abbreviated == counts(searcher, audience, ABBREVIATED)
        assert words.beside == sorted(counts(searcher, audience, BESIDE).items())
        assert words.around == counts(searcher, audience, AROUND)
        assert set(words.languages) - {"en"} == set(counts(searcher, audience, LANGUAGES)) - {"en"}
