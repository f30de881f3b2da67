"""The fields of the index; text is folded by us before it gets in, so analyzers only split it."""

from functools import lru_cache
from typing import Any

from tantivy import Document, Schema, SchemaBuilder

Fields = dict[str, Any]
"""One document before tantivy takes it."""

# Part of a folder's name: an index of another format is never opened but built again. Count it up
# with every change to the fields, to folding, to name_words or to what goes into a field.
FORMAT = 4

# Words in one form (name_words), with positions for phrases.
TITLE, NAMES, AROUND = "title", "names", "around"
NAME_FIELDS = (TITLE, NAMES, AROUND)
# Stems, by the language of the text, with positions for phrases.
DESCRIPTION = "description"
WORD_FIELDS = (*NAME_FIELDS, DESCRIPTION)
# All of the four together, stems marked as such: what must be found, in one short walk; where it
# stands is then asked only of the few records that have it.
FOUND = "found"
# Every word of the four as it is written, acronyms left out: the vocabulary.
WORDS = "words"
PREFIXES = "prefixes"
# Whole folded names, by what they are to a body that is active or has ceased; see ranking.TIERS.
EXACT_FIELDS = (
    "exact_display",
    "exact_former",
    "exact_ceased",
    "exact_acronym",
    "exact_other",
)
# The content words of a whole name, sorted: the same for 'Leicester University'.
SAME_WORDS = "same_words"
# Acronyms, and names beside which there is an acronym; and each with what stands for it within the
# same record.
ABBREVIATED, BESIDE = "abbreviated", "beside"
BETWEEN = "\x01"
LANGUAGES = "languages"
# Filters that are also facets.
FACET_FIELDS = ("kind", "level", "sector", "country", "area", "topic", "status", "year")
SORT_FIELDS = {"name": "name_key", "newest": "created_key", "modified": "modified_key"}
# Ranges, in microseconds since 1970; a year is one already.
MOMENT_FIELDS = ("created_at", "modified_at")


def as_stem(stem: str) -> str:
    """A stem as it stands in FOUND, where it must not be taken for a word of a name."""
    return f"~{stem}"


@lru_cache(maxsize=1)
def build_schema() -> Schema:
    """The schema of FORMAT."""
    builder = SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_text_field("audience", tokenizer_name="raw", index_option="basic")
    for field in WORD_FIELDS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="position")
    for field in (
        PREFIXES,
        FOUND,
        WORDS,
        SAME_WORDS,
        ABBREVIATED,
        BESIDE,
        LANGUAGES,
        *EXACT_FIELDS,
    ):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic")
    for field in ("topic_id", "area_key", "notation", "scheme", "broader"):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic")
    for field in FACET_FIELDS:
        if field != "year":
            builder.add_text_field(field, tokenizer_name="raw", index_option="basic", fast=True)
    for field in SORT_FIELDS.values():
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic", fast=True)
    for field in ("year", *MOMENT_FIELDS):
        builder.add_integer_field(field, indexed=True, fast=True)
    for field in ("lat", "lon"):
        builder.add_float_field(field, fast=True)
    # What decides between equal scores: see ranking.precedence_of.
    builder.add_unsigned_field("precedence", fast=True)
    builder.add_unsigned_field("id_number", indexed=True, fast=True)
    # Which state of the record this is.
    builder.add_unsigned_field("version", stored=True, fast=True)
    builder.add_unsigned_field("sequence", stored=True)
    # The answer's parts, rendered when written: spliced as they are, never parsed again.
    builder.add_bytes_field("head", stored=True)
    builder.add_bytes_field("record", stored=True)
    builder.add_bytes_field("texts", stored=True)
    return builder.build()


def make_document(fields: Fields) -> Document:
    """The document of `fields`.

    Raises:
        ValueError: a value does not fit its field; that is the fault of the record.
    """
    return Document.from_dict(fields, build_schema())
