"""Learning the vocabulary of the index: in the background, from its newest commit."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from prometheus_client import Gauge
from tantivy import Occur, Query, Searcher

from services.search.boundary import IndexFailed, tantivy_calls, total_of
from services.search.clauses import term
from services.search.reading import IndexNotReady, IndexReader
from services.search.schema import ABBREVIATED, AROUND, BESIDE, FOUND, LANGUAGES, WORDS
from services.search.vocabulary import EMPTY, AudienceWords, Vocabulary
from services.search.vocabulary import NO_WORDS as _NONE

_AUDIENCES = ("public", "member")
_ACRONYMS = "exact_acronym"
_OF = (WORDS, FOUND, _ACRONYMS, ABBREVIATED, BESIDE, AROUND, LANGUAGES)
# Learning takes at most this share of one processor while the index keeps changing.
_SHARE = 0.05
WORDS_KNOWN = Gauge("search_vocabulary_words", "Words that typing errors are mended to.")
VOCABULARY_BYTES = Gauge("search_vocabulary_bytes", "Memory of the vocabulary's variants.")
_log = structlog.get_logger()


class VocabularyLearner:
    """Keeps a reader's vocabulary up with its index.

    Words that have just come are searched for at once; that typing errors are mended to them comes
    with the next lesson. Each audience's words are those of the records it finds, so a word that
    it may not see is never offered to it, nor one of a record that is gone.
    """

    def __init__(self, reading: IndexReader) -> None:
        self._reading = reading
        self._learned_from: Searcher | None = None
        self._vocabulary = EMPTY
        self._rest_until = 0.0

    async def step(self) -> int:
        """Learn from the newest commit, if it is a new one and the last lesson was long enough ago.

        Returns:
            1 if something was learned.
        """
        if time.monotonic() < self._rest_until:
            return 0
        try:
            searcher = self._reading.searcher()
        except IndexNotReady:
            return 0
        if searcher is self._learned_from:
            return 0
        started, committed_at = time.monotonic(), self._reading.committed_at
        try:
            self._vocabulary = await asyncio.to_thread(learn, searcher, self._vocabulary)
        except IndexFailed as error:
            self._reading.failed(error)
            raise
        self._reading.learn(self._vocabulary, committed_at)
        self._learned_from = searcher
        seconds = time.monotonic() - started
        self._rest_until = time.monotonic() + seconds / _SHARE
        WORDS_KNOWN.set(self._vocabulary.count)
        VOCABULARY_BYTES.set(self._vocabulary.size_bytes)
        _log.debug("vocabulary.learned", words=self._vocabulary.count, seconds=round(seconds, 3))
        return 1


def learn(searcher: Searcher, before: Vocabulary = EMPTY) -> Vocabulary:
    """The vocabulary of what `searcher` sees; `before` saves most of the work. Blocks.

    What both audiences find, which is most records by far, is counted once for them.

    Raises:
        IndexFailed: the index could not be read.
    """
    with tantivy_calls():
        shared = _count(searcher, [(Occur.Must, term("audience", name)) for name in _AUDIENCES])
        own = {audience: _count(searcher, _alone(audience)) for audience in _AUDIENCES}
    of_all = _words_of([shared])
    audiences = {
        audience: _words_of([shared, counted]) if counted.documents else of_all
        for audience, counted in own.items()
    }
    return Vocabulary(audiences, before if before.count else None, searcher)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Some documents, and how many of them have each term of a field."""

    documents: int
    terms: Mapping[str, Mapping[str, int]]


def _alone(audience: str) -> list[tuple[Occur, Query]]:
    """What `audience` finds and the other does not."""
    return [
        (Occur.Must if name == audience else Occur.MustNot, term("audience", name))
        for name in _AUDIENCES
    ]


def _count(searcher: Searcher, clauses: Sequence[tuple[Occur, Query]]) -> _Counted:
    found = Query.boolean_query(clauses)
    return _Counted(
        total_of(searcher.search(found, limit=1)),
        {field: dict(searcher.terms_with_prefix(field, "", filter_query=found)) for field in _OF},
    )


def _words_of(parts: Sequence[_Counted]) -> AudienceWords:
    """What an audience can find that finds the documents of all the parts, which share none."""
    terms = {field: _sum([part.terms[field] for part in parts]) for field in _OF}
    return AudienceWords(
        words=terms[WORDS],
        in_order=sorted(terms[WORDS]),
        forms=terms[FOUND],
        documents=sum(part.documents for part in parts),
        acronyms=terms[_ACRONYMS],
        abbreviated=terms[ABBREVIATED],
        beside=sorted(terms[BESIDE].items()),
        around=terms[AROUND],
        languages=tuple(sorted(terms[LANGUAGES])) or _NONE.languages,
    )


def _sum(parts: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    if len(parts) == 1:
        return parts[0]
    total = dict(parts[0])
    for part in parts[1:]:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return total
