"""The fields of the index; text is folded by us before it gets in, so analyzers only split it."""

from functools import lru_cache
from typing import Any

from tantivy import Document, Schema, SchemaBuilder

Fields = dict[str, Any]
"""One document before tantivy takes it."""

# Part of a folder's name: an index of another format is never opened but built again. Count it up
# with every change to the fields, to folding or to what goes into a field.
FORMAT = 1

# Words, each with its weight in the score. Positions are kept where phrases may matter.
WORD_FIELDS: dict[str, float] = {
    "names": 3.0,
    "acronyms": 3.5,
    "former_names": 2.0,
    "place": 1.2,
    "country_names": 1.0,
    "about": 0.8,
    "description": 0.6,
}
PREFIX_FIELD = "prefixes"
# Whole values, each a tier above every text score, the first one highest.
EXACT_FIELDS = ("exact_display", "exact_acronym", "exact_other")
# Filters that are also facets.
FACET_FIELDS = ("kind", "level", "sector", "country", "topic", "status")
SORT_FIELDS = {"name": "name_key", "modified": "modified_key"}


@lru_cache(maxsize=1)
def build_schema() -> Schema:
    """The schema of FORMAT."""
    builder = SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic", stored=True)
    builder.add_text_field("audience", tokenizer_name="raw", index_option="basic")
    for field in WORD_FIELDS:
        option = "position" if field in {"names", "former_names"} else "freq"
        builder.add_text_field(field, tokenizer_name="whitespace", index_option=option)
    for field in (PREFIX_FIELD, *EXACT_FIELDS, "topic_id"):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic")
    for field in (*FACET_FIELDS, *SORT_FIELDS.values()):
        builder.add_text_field(field, tokenizer_name="raw", index_option="basic", fast=True)
    # What decides between equal scores: active before inactive, then the name, then the id.
    builder.add_unsigned_field("precedence", fast=True)
    builder.add_unsigned_field("id_number", fast=True)
    # Which state of the record this is.
    builder.add_unsigned_field("version", stored=True)
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
