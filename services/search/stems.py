"""Stems of the words of descriptions, by the language of the text. Names are never stemmed."""

from functools import lru_cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from services.search.name_words import one_form

# What tantivy's Snowball stemmers are called, by ISO 639-1.
_STEMMERS = {
    "ar": "arabic", "da": "danish", "nl": "dutch", "en": "english", "fi": "finnish",
    "fr": "french", "de": "german", "el": "greek", "hu": "hungarian", "it": "italian",
    "nb": "norwegian", "nn": "norwegian", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "es": "spanish", "sv": "swedish", "ta": "tamil",
    "tr": "turkish",
}  # fmt: skip


@lru_cache(maxsize=32)
def _stemmer(name: str) -> TextAnalyzer:
    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stemmer(name)).build()


def language_of(tag: str) -> str:
    """The language whose stemmer is meant by a language tag such as `en-GB`."""
    return tag.partition("-")[0].lower()


@lru_cache(maxsize=65_536)
def stem(word: str, language: str) -> str:
    """The stem of a folded word; the word itself in a language that has no stemmer."""
    form = one_form(word)
    name = _STEMMERS.get(language)
    return _stemmer(name).analyze(form)[0] if name else form
