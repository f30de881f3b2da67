"""The border to tantivy: whatever goes wrong beyond it comes back as one kind of error."""

from collections.abc import Iterator
from contextlib import contextmanager

from tantivy import SearchResult


class IndexFailed(OSError):
    """The index could not be read or written; no event and no query is to blame for it.

    It is an OSError so that the log follower waits and tries again (a full disk, a folder that is
    gone) instead of setting good events aside.
    """


@contextmanager
def tantivy_calls() -> Iterator[None]:
    """Turn what tantivy raises into IndexFailed: ValueError for every error, panics included."""
    try:
        yield
    except OSError:
        raise
    except ValueError as error:
        raise IndexFailed(f"tantivy: {error}") from error
    except BaseException as error:
        # A Rust panic is no Exception, and its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise IndexFailed(f"tantivy panicked: {error}") from None


def total_of(result: SearchResult) -> int:
    """How many documents matched, exactly."""
    # tantivy's stubs leave `count` out.
    return int(result.count)  # type: ignore[attr-defined]
