"""The kinds of values that writers may send: what each must look like and how long it may be."""

import re
from datetime import date
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
import pycountry
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from shared.texts import in_one_form, one_line

MAX_URL = 2_048
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_as_a_day(value: Any) -> Any:
    # Pydantic would also take seconds since 1970, and a time of which it drops the hours.
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("must be a day such as 2026-01-31")
    if not isinstance(value, str | date):
        raise ValueError("must be a day such as 2026-01-31")
    return value


Day = Annotated[date, BeforeValidator(_written_as_a_day)]


def _http_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an absolute http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if any(character.isspace() for character in url):
        raise ValueError("must not hold spaces; write them as %20")
    return one_line(url)


HttpUrl = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=MAX_URL, pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://"
    ),
    BeforeValidator(in_one_form),
    AfterValidator(_http_url),
]
HostName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=253,
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$",
    ),
]


def _country(code: str) -> str:
    # XK is not in ISO 3166-1 but is what everybody, ROR included, writes for Kosovo.
    if code != "XK" and pycountry.countries.get(alpha_2=code) is None:
        raise ValueError(f"{code} is not an ISO 3166-1 alpha-2 country code")
    return code


CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]


@cache
def _subdivision_codes() -> frozenset[str]:
    return frozenset(subdivision.code for subdivision in pycountry.subdivisions)


def _area_code(code: str) -> str:
    if "-" not in code:
        return _country(code)
    if code not in _subdivision_codes():
        raise ValueError(f"{code} is not an ISO 3166-2 subdivision code")
    return code


AreaCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"),
    AfterValidator(_area_code),
]


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/London") from error
    return name


TimeZone = Annotated[
    str,
    StringConstraints(max_length=60, pattern=r"^[A-Za-z0-9_+/-]+$"),
    AfterValidator(_time_zone),
]


def email_address(address: str) -> str:
    """`address` in its usual spelling.

    Raises:
        ValueError: it is not an e-mail address (RFC 5321, RFC 6531).
    """
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from error


EmailAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=320),
    BeforeValidator(in_one_form),
    AfterValidator(email_address),
]


def telephone_number(number: str) -> str:
    """`number` as E.164.

    Raises:
        ValueError: it is not a full number with its country code.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException as error:
        raise ValueError("is not a telephone number with country code (+44 …)") from error
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("has not a possible length for a number of its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def days_in_order(first: date | None, last: date | None) -> None:
    """Nothing, where `first` is not after `last`.

    Raises:
        ValueError: it is.
    """
    if first is not None and last is not None and first > last:
        raise ValueError("valid_from must not be after valid_to")
