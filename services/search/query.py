"""A question as a tantivy query, made of terms only: no query language, so none to get wrong."""

from tantivy import Occur, Query

from services.search.question import Question, audience_value
from services.search.schema import EXACT_FIELDS, PREFIX_FIELD, WORD_FIELDS, build_schema
from services.search.text import PREFIX_LETTERS
from shared.vocabulary import Visibility

# Above any sum of text scores, and small enough that a float keeps three decimals beside it.
_TIER = 2_000.0
_PREFIX_SCORE = 0.5
# A word that is in several fields counts a little more than one that is in the best of them.
_TIE_BREAKER = 0.15

Clause = tuple[Occur, Query]


def build_query(question: Question, *, every_word: bool, without: str | None = None) -> Query:
    """The query for `question`, its filter `without` left out.

    `every_word`: a record must have each of the words; otherwise one of them is enough.
    """
    if question.nothing_to_find:
        return Query.empty_query()
    clauses = _filter_clauses(question, without)
    if question.words:
        clauses.append((Occur.Must, _text_query(question, every_word)))
    return Query.boolean_query(clauses)


def audience_query(audience: Visibility) -> Query:
    """Everything that `audience` may find; the secretariat finds what members find."""
    return _term("audience", audience_value(audience))


def _filter_clauses(question: Question, without: str | None) -> list[Clause]:
    clauses = [(Occur.Must, _silent(_term("audience", question.audience)))]
    for name, values in question.filters.items():
        if name == without:
            continue
        query = _any_of(name, values)
        if name == "topic":
            either = [(Occur.Should, query), (Occur.Should, _any_of("topic_id", values))]
            query = Query.boolean_query(either)
        clauses.append((Occur.Must, _silent(query)))
    return clauses


def _text_query(question: Question, every_word: bool) -> Query:
    occur = Occur.Must if every_word else Occur.Should
    clauses = [
        (occur, _word_query(word, question.prefix if last else None))
        for word, last in zip(question.words, _flags_last(len(question.words)), strict=True)
    ]
    text = clauses[0][1] if len(clauses) == 1 else Query.boolean_query(clauses)
    return Query.boolean_query([(Occur.Should, text), (Occur.Should, _exact_query(question.exact))])


def _flags_last(count: int) -> list[bool]:
    return [*([False] * (count - 1)), True]


def _word_query(word: str, prefix: str | None) -> Query:
    fields = [
        Query.boost_query(_term(field, word), weight) for field, weight in WORD_FIELDS.items()
    ]
    if prefix is not None:
        beginning = _term(PREFIX_FIELD, prefix[: PREFIX_LETTERS[1]])
        fields.append(Query.const_score_query(beginning, _PREFIX_SCORE))
    return Query.disjunction_max_query(fields, _TIE_BREAKER)


def _exact_query(exact: str) -> Query:
    """Whole values stand in tiers above text: display name, acronym, then any other name."""
    tiers = range(len(EXACT_FIELDS), 0, -1)
    return Query.disjunction_max_query(
        [
            Query.const_score_query(_term(field, exact), tier * _TIER)
            for field, tier in zip(EXACT_FIELDS, tiers, strict=True)
        ]
    )


def _any_of(field: str, values: tuple[str, ...]) -> Query:
    if len(values) == 1:
        return _term(field, values[0])
    return Query.term_set_query(build_schema(), field, list(values))


def _term(field: str, value: str) -> Query:
    return Query.term_query(build_schema(), field, value)


def _silent(query: Query) -> Query:
    """A filter chooses, it does not score."""
    return Query.const_score_query(query, 0.0)
