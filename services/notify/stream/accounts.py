"""What the log says of accounts, which a stream must not outlive and no token knows yet."""

from collections import OrderedDict
from uuid import UUID

from shared.audience import audience_of_role
from shared.events import ACCOUNT_EVENT_TYPES
from shared.problems import NotSignedIn
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import Role, Visibility

_MOST = 10_000


class RecentAccounts:
    """Accounts that changed lately: a token that was issued before says what was true then."""

    def __init__(self) -> None:
        self._audiences: OrderedDict[UUID, Visibility | None] = OrderedDict()

    def heed(self, event: JsonObject) -> UUID | None:
        """Take over what `event` says, and name the account if it is about one."""
        if event["type"] not in ACCOUNT_EVENT_TYPES:
            return None
        account = event["data"]["account"]
        account_id = UUID(account["id"])
        closed = account["disabled_at"] is not None
        self._audiences[account_id] = None if closed else audience_of_role(Role(account["role"]))
        self._audiences.move_to_end(account_id)
        if len(self._audiences) > _MOST:
            self._audiences.popitem(last=False)
        return account_id

    def audience_of(self, account_id: UUID | None, otherwise: Visibility) -> Visibility | None:
        """The account's audience; None where it is closed, `otherwise` where it did not change."""
        if account_id is None:
            return otherwise
        return self._audiences.get(account_id, otherwise)


def audience_of_caller(accounts: RecentAccounts, caller: Caller) -> Visibility:
    """What the caller may see by now.

    Raises:
        NotSignedIn: its account has been closed since its token was issued.
    """
    audience = accounts.audience_of(caller.account_id, caller.audience)
    if audience is None:
        raise NotSignedIn("The account has been closed. Ask the secretariat if it should not be.")
    return audience
