"""If-Match and If-None-Match (RFC 9110, section 13): nobody writes over what they have not seen."""

from typing import Annotated

from fastapi import Depends, Header

from shared.problems import MalformedRequest, Problem


class PreconditionRequired(Problem):
    """A write without If-Match."""

    status, title, kind = 428, "If-Match is required", "precondition-required"


class StaleVersion(Problem):
    """The record has changed since the version that the writer saw."""

    status, title, kind = 412, "The record has changed meanwhile", "stale-version"


def etag(version: int) -> str:
    """The entity tag of `version`."""
    return f'"{version}"'


def expected_version(
    if_match: Annotated[
        str | None,
        Header(description='The ETag you read, such as `"3"`.', max_length=100),
    ] = None,
) -> int:
    """The version that the writer has seen.

    Raises:
        PreconditionRequired: there is no If-Match.
        MalformedRequest: it is not one of our ETags.
    """
    if if_match is None:
        raise PreconditionRequired(
            "Read the record first and send its ETag as If-Match, so that nobody's change is lost."
        )
    tag = if_match.strip().removeprefix("W/")
    number = tag[1:-1]
    if (
        len(tag) < 3
        or tag[0] != '"'
        or tag[-1] != '"'
        or not (number.isascii() and number.isdigit())
    ):
        raise MalformedRequest('If-Match must be an ETag of this record, such as "3".')
    return int(number)


ExpectedVersion = Annotated[int, Depends(expected_version)]


def check_version(version: int, expected: int) -> None:
    """Nothing, where the record still is at the version that the writer saw.

    Raises:
        StaleVersion: it is not.
    """
    if version != expected:
        raise StaleVersion(
            f"The record is at version {version}, your If-Match names {expected}. Read it again, "
            "make your change to what you find, and send that.",
            headers={"ETag": etag(version)},
        )


def not_modified(if_none_match: str | None, tag: str) -> bool:
    """Whether the reader already has what `tag` stands for."""
    if if_none_match is None:
        return False
    given = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return tag in given or "*" in given
