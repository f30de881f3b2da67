"""Which terms there are: asked before a clause is made of one.

A clause that cannot match costs more to search with than that question does. It makes no
difference to what is found.
"""

from collections.abc import Container, Mapping, Sequence

from tantivy import Searcher

from services.search.boundary import tantivy_calls, total_of
from services.search.clauses import all_of
from services.search.clauses import term as term_query
from services.search.name_words import one_form
from services.search.schema import (
    ABBREVIATED,
    AROUND,
    BESIDE,
    BETWEEN,
    DESCRIPTION,
    FOUND,
    NAMES,
    PREFIXES,
    TITLE,
    as_stem,
)
from services.search.stems import stem
from services.search.text import PREFIX_LETTERS
from services.search.vocabulary import Vocabulary
from services.search.wording import Words

# An acronym of more bodies than this stands for none of them in particular.
_MOST_BODIES = 3
# So many of the rarest words of a name nearly always tell it from all others.
_TELLING = 3


class Terms:
    """The terms that an audience finds in one state of the index.

    Where the vocabulary was learned from this very state, it answers in a fraction of the time
    that the index takes, which looks into the files of each of its segments.
    """

    def __init__(self, searcher: Searcher, vocabulary: Vocabulary, audience: str) -> None:
        self.searcher = searcher
        self.words = words = vocabulary.of(audience)
        self._vocabulary = vocabulary
        self._audience = audience
        self._is_known = vocabulary.learned_from is searcher
        self._known: Mapping[str, Container[str]] = (
            {
                TITLE: words.forms,
                NAMES: words.forms,
                AROUND: words.around,
                DESCRIPTION: words.forms,
                "exact_acronym": words.acronyms,
            }
            if self._is_known
            else {}
        )

    def has(self, field: str, term: str) -> bool:
        """Whether a record has `term` in `field`; of a name's word, whether one has it anywhere."""
        if field in self._known:
            return self.may_have(field, term)
        return self.searcher.doc_freq(field, term) > 0

    def may_have(self, field: str, term: str) -> bool:
        """The same where it is known, and true where the index would have to be asked."""
        known = self._known.get(field)
        return known is None or (as_stem(term) if field == DESCRIPTION else term) in known

    def has_beginning(self, beginning: str) -> bool:
        """Whether a word of a name begins so; said of some that only descriptions have, too."""
        return self._vocabulary.has_beginning(beginning, self._audience) or self.has(
            PREFIXES, beginning[: PREFIX_LETTERS[1]]
        )

    def abbreviations_of(self, words: Words) -> list[tuple[Words, int]]:
        """What the audience's records write in the place of `words`, and how many of them do.

        That is the names of the bodies whose acronym it is, or the acronyms of those whose name.
        """
        key = " ".join(words)
        if not 0 < self.words.abbreviated.get(key, 0) <= _MOST_BODIES:
            return []
        beginning = f"{key}{BETWEEN}"
        pairs = self.words.pairs_of(beginning) if self._is_known else self._pairs_of(key, beginning)
        return [(tuple(pair.removeprefix(beginning).split()), count) for pair, count in pairs]

    def _pairs_of(self, key: str, beginning: str) -> Sequence[tuple[str, int]]:
        # Read from the terms of those records: their documents would take three times as long.
        own = all_of([term_query(ABBREVIATED, key), term_query("audience", self._audience)])
        with tantivy_calls():
            return self.searcher.terms_with_prefix(BESIDE, beginning, filter_query=own)

    def at_most(self, records: int, words: Words) -> bool:
        """Whether it is known that no more than `records` have `words` side by side.

        It is known where so few have the rarest of them in whatever place. To ask who has a few of
        them takes a third of the time of looking for all of them side by side.
        """
        forms = self.words.forms
        if not self._is_known or any(
            all(self.has(DESCRIPTION, stem(word, language)) for word in words)
            for language in self.words.languages
        ):
            return False
        every = {one_form(word) for word in words}
        rarest = sorted(every, key=lambda form: forms.get(form, 0))[:_TELLING]
        if forms.get(rarest[0], 0) <= records:
            return True
        return len(rarest) > 1 and self._count(rarest) <= records

    def _count(self, forms: Sequence[str]) -> int:
        """How many of the audience's records have all of these forms, wherever they stand."""
        queries = [term_query("audience", self._audience)]
        queries += [term_query(FOUND, form) for form in forms]
        with tantivy_calls():
            return total_of(self.searcher.search(all_of(queries), limit=1))
