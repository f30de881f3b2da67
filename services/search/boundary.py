"""The border to tantivy: whatever goes wrong beyond it comes back as one kind of error."""

from tantivy import SearchResult


class IndexFailed(OSError):
    """The index could not be read or written; no event and no query is to blame for it.

    It is an OSError so that the log follower waits and tries again (a full disk, a folder that is
    gone) instead of setting good events aside.
    """


class _TantivyCalls:
    """Entered for every query, so it is a class: a generator would cost three times as much."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: object
    ) -> None:
        if error is None or isinstance(error, OSError):
            return
        if isinstance(error, ValueError):
            raise IndexFailed(f"tantivy: {error}") from error
        # A Rust panic is no Exception, and its class cannot be imported.
        if type(error).__name__ == "PanicException":
            raise IndexFailed(f"tantivy panicked: {error}") from None


_CALLS = _TantivyCalls()


def tantivy_calls() -> _TantivyCalls:
    """Turn what tantivy raises into IndexFailed: ValueError for every error, panics included."""
    return _CALLS


def total_of(result: SearchResult) -> int:
    """How many documents matched, exactly."""
    # tantivy's stubs leave `count` out.
    return int(result.count)  # type: ignore[attr-defined]
