"""Looking for values of a facet that has too many to be shown."""

import asyncio

import orjson

from services.search.boundary import IndexFailed
from services.search.expansion import Synonyms
from services.search.facets import label_of, matches
from services.search.finding import Finding
from services.search.question import Question
from services.search.reading import IndexReader
from services.search.searching import SearchFailed
from shared.folding import words_of


async def find_facet_values(
    reading: IndexReader,
    question: Question,
    synonyms: Synonyms,
    facet: str,
    contains: str,
    limit: int,
) -> bytes:
    """The values of `facet` that have the words of `contains`, counted within `question`, as JSON.

    Raises:
        IndexNotReady: there is no index yet.
        SearchFailed: it could not be read.
    """
    finding = Finding(reading.view(), question, synonyms)
    wanted = words_of(contains)

    def find() -> bytes:
        counted = finding.facets()[facet]
        labelled = [
            {**value, "label": label_of(facet, str(value["value"]), finding.taxonomy())}
            for value in counted
        ]
        found = [
            value for value in labelled if matches(wanted, str(value["value"]), str(value["label"]))
        ]
        return orjson.dumps({"items": found[:limit]})

    try:
        return await asyncio.to_thread(find)
    except IndexFailed as error:
        raise SearchFailed(
            "The search index could not be read; this is logged. Try again in a moment."
        ) from error
