"""Of all tiers that a hit reaches the highest alone decides."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from services.search.ranking import MOST_READINGS, TIER, TIERS, settled_score, tier_score

UNMENDED = st.sets(st.sampled_from(sorted(TIERS)), max_size=len(TIERS))
MENDED = st.none() | st.tuples(
    st.sampled_from(sorted(TIERS)), st.integers(min_value=0, max_value=MOST_READINGS - 1)
)
WORDS = st.floats(min_value=0, max_value=TIER * 0.9)


def added(scores: list[float]) -> float:
    """The sum as tantivy makes it, in 32 bits."""
    total = 0.0
    for score in scores:
        (total,) = struct.unpack("f", struct.pack("f", total + score))
    return total


@given(unmended=UNMENDED, mended=MENDED, words=WORDS)
def test_the_highest_tier_is_read_from_the_sum(
    unmended: set[str], mended: tuple[str, int] | None, words: float
) -> None:
    """Whatever else a hit scores, it counts as its best tier; words count only without any."""
    tiers = [tier_score(tier) for tier in unmended]
    tiers += [tier_score(*mended)] if mended else []
    settled = settled_score(added([words, *tiers]))
    assert settled == (max(tiers) if tiers else added([words]))


def test_a_question_as_asked_stands_before_a_mended_one() -> None:
    """Any name that the question is counts more than the best that it may have meant."""
    best_mended = max(tier_score(tier, 0) for tier in TIERS)
    assert min(tier_score(tier) for tier in TIERS) > best_mended > TIER
    for tier in TIERS:
        assert tier_score(tier, 0) > tier_score(tier, MOST_READINGS - 1) >= TIER
