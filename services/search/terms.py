"""Which terms there are: asked before a clause is made of one.

A clause that cannot match costs more to search with than that question does. It makes no
difference to what is found.
"""

from tantivy import Searcher

from services.search.schema import AROUND, DESCRIPTION, PREFIXES, as_stem
from services.search.text import PREFIX_LETTERS
from services.search.vocabulary import Vocabulary


class Terms:
    """The terms that an audience finds in one state of the index.

    Where the vocabulary was learned from this very state, it answers in a fraction of the time
    that the index takes, which looks into the files of each of its segments.
    """

    def __init__(self, searcher: Searcher, vocabulary: Vocabulary, audience: str) -> None:
        self.searcher = searcher
        self.words = vocabulary.of(audience)
        self._vocabulary = vocabulary
        self._audience = audience
        self._is_known = vocabulary.learned_from is searcher

    def has(self, field: str, term: str) -> bool:
        """Whether a record has `term` in `field`."""
        return self.searcher.doc_freq(field, term) > 0

    def has_stem(self, stem: str) -> bool:
        """Whether a description has a word of this stem."""
        if self._is_known:
            return as_stem(stem) in self.words.forms
        return self.has(DESCRIPTION, stem)

    def has_around(self, word: str) -> bool:
        """Whether a record is about a topic, or in a place, of this name."""
        return word in self.words.around if self._is_known else self.has(AROUND, word)

    def has_beginning(self, beginning: str) -> bool:
        """Whether a word of a name begins so; said of some that only descriptions have, too."""
        return self._vocabulary.has_beginning(beginning, self._audience) or self.has(
            PREFIXES, beginning[: PREFIX_LETTERS[1]]
        )
