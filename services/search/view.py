"""One state of the index, with what has been found out about it so far."""

from tantivy import Searcher

from services.search.query import KnownWords
from services.search.taxonomy import Taxonomy, TaxonomyReader
from services.search.vocabulary import Vocabulary


class View:
    """A searcher, its vocabulary and its topics; what was found out goes with it."""

    def __init__(
        self, searcher: Searcher, vocabulary: Vocabulary, before: "View | None" = None
    ) -> None:
        self.searcher = searcher
        self.vocabulary = vocabulary
        self._topics: TaxonomyReader = TaxonomyReader() if before is None else before._topics
        self.words: KnownWords = {}

    def taxonomy(self) -> Taxonomy:
        """The topics."""
        return self._topics.read(self.searcher)
