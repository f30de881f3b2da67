"""Learning the vocabulary of the index: in the background, from its newest commit."""

import asyncio
import time

import structlog
from prometheus_client import Gauge
from tantivy import Query, Searcher

from services.search.boundary import IndexFailed, tantivy_calls, total_of
from services.search.clauses import term
from services.search.reading import IndexNotReady, IndexReader
from services.search.schema import ABBREVIATED, AROUND, BESIDE, FOUND, LANGUAGES, WORDS
from services.search.vocabulary import EMPTY, AudienceWords, Vocabulary
from services.search.vocabulary import NO_WORDS as _NONE

_AUDIENCES = ("public", "member")
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

    Raises:
        IndexFailed: the index could not be read.
    """
    with tantivy_calls():
        audiences = {audience: _words_for(searcher, audience) for audience in _AUDIENCES}
    return Vocabulary(audiences, before if before.count else None, searcher)


def _words_for(searcher: Searcher, audience: str) -> AudienceWords:
    seen: Query = term("audience", audience)

    def counts(field: str) -> dict[str, int]:
        return dict(searcher.terms_with_prefix(field, "", filter_query=seen))

    return AudienceWords(
        words=counts(WORDS),
        forms=counts(FOUND),
        documents=total_of(searcher.search(seen, limit=1)),
        acronyms=counts("exact_acronym"),
        abbreviated=counts(ABBREVIATED),
        beside=sorted(counts(BESIDE).items()),
        around=counts(AROUND),
        languages=tuple(sorted(counts(LANGUAGES))) or _NONE.languages,
    )
