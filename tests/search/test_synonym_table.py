"""The table of synonyms: what stands for what, and nothing that nobody has said."""

from hypothesis import given
from hypothesis import strategies as st

from services.search.synonyms import SynonymTable, Words
from shared.folding import words_of

_WORD = st.sampled_from(["police", "Polizei", "STRASSE", "straße", "é", "e", "o'brien", "-"])
_TERM = st.lists(_WORD, min_size=1, max_size=3).map(" ".join)
_ROW = st.tuples(st.lists(_TERM, max_size=5), st.sampled_from(["both", "one_way"]))


@given(st.lists(_ROW, max_size=8))
def test_a_table_says_what_its_synonyms_say_and_no_more(rows: list[tuple[list[str], str]]) -> None:
    """B stands for A exactly where one synonym holds both and leads from A; never A for itself."""
    said: set[tuple[Words, Words]] = set()
    for terms, direction in rows:
        folded = [tuple(words_of(term)) for term in terms if words_of(term)]
        for place, words in enumerate(folded):
            if direction == "both" or place == 0:
                said |= {(words, other) for other in folded if other != words}
    table = SynonymTable.from_rows(rows)
    every = {tuple(words_of(term)) for terms, _ in rows for term in terms}
    for words in every:
        others = table.others_of(words)
        assert set(others) == {other for asked, other in said if asked == words}
        assert len(set(others)) == len(others)
    assert table.longest == max((len(words) for words, _ in said), default=0)


def test_the_empty_table_knows_nothing() -> None:
    """It is what searches are asked with before there are synonyms."""
    assert SynonymTable.empty().others_of(("police",)) == ()
    assert SynonymTable.empty().longest == 0
