"""What a country or one of its parts is called, so that 'Germany' finds a record that says DE."""

from functools import lru_cache

import pycountry

# Names that people use and ISO 3166 does not have.
_ALSO_CALLED = {
    "GB": ("UK", "Great Britain", "Britain"),
    "US": ("USA", "America"),
    "NL": ("Holland",),
    "CZ": ("Czech Republic",),
    "RU": ("Russia",),
    "KR": ("South Korea",),
    "XK": ("Kosovo",),
}


@lru_cache(maxsize=512)
def names_of_country(code: str) -> tuple[str, ...]:
    """The names of the country with this ISO 3166-1 alpha-2 code; none where it is unknown."""
    found = pycountry.countries.get(alpha_2=code)
    names = () if found is None else (found.name, getattr(found, "common_name", None))
    return (*(name for name in names if name), *_ALSO_CALLED.get(code, ()))


@lru_cache(maxsize=4096)
def names_of_area(code: str) -> tuple[str, ...]:
    """The names of the area with this ISO 3166-1 or 3166-2 code; none where it is unknown."""
    if len(code) == 2:
        return names_of_country(code)
    found = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]
    return () if found is None else (found.name,)


def label_of_country(code: str) -> str:
    """What the country is called first; the code itself where it is unknown."""
    return next(iter(names_of_country(code)), code)


def label_of_area(value: str) -> str:
    """What an area is called that is given by its code or name, in its first language."""
    # ISO 3166-2 has further languages behind it in brackets: Wales [Cymru GB-CYM].
    return next(iter(names_of_area(value)), value).partition(" [")[0]
