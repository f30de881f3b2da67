"""Room: how many deliveries a worker can take in hand, and how webhooks share it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries a worker can take: in all, and of each webhook (more of quick ones)."""

    total: int
    per_webhook: int
    per_quick_webhook: int
    for_slow: int
    """How many of those that are not known to be quick may be in hand, besides one of each."""
    quick: Set[UUID]
    in_hand: Mapping[UUID, int]
    slowed: Mapping[UUID, int] = field(default_factory=dict)
    """How many of those webhooks for which it was too much before."""
    for_others: int = 0
    """How many of `total` are kept for webhooks of which nothing is in hand, one each."""

    def shares(self, due: Sequence[Any]) -> dict[UUID, int]:
        """How many of each of the webhooks that are `due` may be taken now, all alike.

        What one has no room for is the others'. Where there is not one for each, those that have
        waited longest, the first of `due`, get theirs.

        However many endpoints are slow, they leave room for the others: beyond one each they share
        `for_slow`, which those that are quick do not use up. What is `for_others` stays free when
        several that were quick hang all at once, which is not known before they time out.
        """
        slow = self.for_slow - sum(
            count for webhook_id, count in self.in_hand.items() if webhook_id not in self.quick
        )
        room = {row.id: self._most_of(row) - self.in_hand.get(row.id, 0) for row in due}
        total, shares = self.total, {}
        wanting = [row for row in due if room[row.id] > 0]
        if len(wanting) <= total - self.for_others:
            # Who can take least comes first: what it leaves is shared by those behind it.
            wanting.sort(key=lambda row: room[row.id])
        for place, row in enumerate(wanting):
            is_new = row.id not in self.in_hand
            free = max(total - self.for_others, 1 if is_new else 0)
            fair = max(1, free // (len(wanting) - place))
            share = min(fair, free, total, room[row.id])
            if row.id not in self.quick and share > 0:
                share = min(share, max(1 if is_new else 0, slow))
                slow -= share
            if share > 0:
                shares[row.id] = share
                total -= share
        return shares

    def _most_of(self, row: Any) -> int:
        most = self.per_webhook
        if row.requests_at_once is not None:
            most = min(int(row.requests_at_once), most)
        elif row.id in self.quick:
            most = self.per_quick_webhook
        return min(most, self.slowed.get(row.id, most))
