"""One state of the index, with what has been found out about it so far."""

from typing import Any

import orjson
from tantivy import Occur, Query, Searcher

from services.search.boundary import tantivy_calls
from services.search.clauses import term
from services.search.query import KnownWords
from services.search.taxonomy import Taxonomy, TaxonomyReader
from services.search.vocabulary import Vocabulary
from services.search.wording import Words
from shared.folding import folded_name, words_of
from shared.records import JsonObject

# An acronym of more bodies than this stands for none of them in particular.
_MOST_BODIES = 3
_MOST_NAMES = 4


class View:
    """A searcher, its vocabulary and its topics; what was found out goes with it."""

    def __init__(
        self, searcher: Searcher, vocabulary: Vocabulary, before: "View | None" = None
    ) -> None:
        self.searcher = searcher
        self.vocabulary = vocabulary
        self._topics: TaxonomyReader = TaxonomyReader() if before is None else before._topics
        self.words: KnownWords = {}
        self._abbreviations: dict[tuple[str, str], list[Words]] = {}

    def taxonomy(self) -> Taxonomy:
        """The topics."""
        return self._topics.read(self.searcher)

    def abbreviations_of(self, key: str, audience: str) -> list[Words]:
        """The names of the bodies whose acronym `key` is, or the acronyms of those it names.

        They are of records that `audience` finds; none where there are many such bodies.
        """
        if not 0 < self.vocabulary.of(audience).abbreviated.get(key, 0) <= _MOST_BODIES:
            return []
        found = self._abbreviations.get((key, audience))
        if found is None:
            found = self._abbreviations[key, audience] = self._find_abbreviations(key, audience)
        return found

    def _find_abbreviations(self, key: str, audience: str) -> list[Words]:
        clauses = [
            (Occur.Must, term("abbreviated", key)),
            (Occur.Must, term("audience", audience)),
        ]
        with tantivy_calls():
            hits = self.searcher.search(Query.boolean_query(clauses), limit=_MOST_BODIES).hits
            documents: list[Any] = [self.searcher.doc(address) for _, address in hits]
        found: dict[Words, None] = {}
        for document in documents:
            texts: JsonObject = orjson.loads(document.get_first("texts"))
            acronyms = [folded_name(name) for name in texts.get("acronyms", ())]
            others = texts["names"] if key in acronyms else texts["acronyms"]
            for other in others[:_MOST_NAMES]:
                found[tuple(words_of(other))] = None
        return [words for words in found if " ".join(words) != key]
