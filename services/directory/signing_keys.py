"""The keys that sign tokens, and the access tokens they sign."""

import time
from datetime import UTC, datetime
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from sqlalchemy import select
from uuid_utils.compat import uuid7

from services.directory.client_secrets import SignedInAccount
from services.directory.models import SigningKeyRow, signing_key_table
from services.directory.outbox import stand_in_line
from shared.audience import audience_of_role
from shared.databases import Database
from shared.sealing import Seal
from shared.tokens import ALGORITHM, ISSUER


class SigningKeys:
    """The keys as this process holds them; the newest signs."""

    def __init__(self, keys: list[OKPKey], token_seconds: int) -> None:
        self._keys = keys
        self.token_seconds = token_seconds
        self.public = KeySet(list(keys))

    def published(self) -> dict[str, object]:
        """The public halves, as a JWK set (RFC 7517)."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    async def find(self, _fresh: bool) -> KeySet:
        """The keys, for the verifier."""
        return self.public

    def access_token(self, account: SignedInAccount) -> str:
        """A token for `account` (RFC 9068), valid for `token_seconds`."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": str(account.id),
            "client_id": str(account.id),
            "role": account.role.value,
            "partner_id": str(account.partner_id) if account.partner_id else None,
            "audience": audience_of_role(account.role).value,
            "iat": now,
            "exp": now + self.token_seconds,
            "jti": str(uuid7()),
        }
        return self.sign("at+jwt", claims)

    def sign(self, kind: str, claims: dict[str, Any]) -> str:
        """A token with `claims`; whoever reads it is to look whether its `typ` is `kind`."""
        newest = self._keys[-1]
        header = {"alg": ALGORITHM, "typ": kind, "kid": newest.kid}
        return jwt.encode(header, claims, newest, algorithms=[ALGORITHM])


async def load_signing_keys(database: Database, seal: Seal, token_seconds: int) -> SigningKeys:
    """The keys in the database; the first process to start makes the first key.

    Raises:
        WrongKey: ENCRYPTION_KEYS does not open them.
    """
    async with database.transaction() as session:
        await stand_in_line(session)
        rows = (
            await session.execute(select(SigningKeyRow).order_by(signing_key_table.c.created_at))
        ).scalars()
        keys = [OKPKey.import_key(orjson.loads(seal.open(row.sealed))) for row in rows]
        if not keys:
            key = OKPKey.generate_key(
                "Ed25519", {"kid": str(uuid7()), "use": "sig", "alg": ALGORITHM}
            )
            session.add(
                SigningKeyRow(
                    kid=str(key.kid),
                    sealed=seal.close(orjson.dumps(key.as_dict(private=True))),
                    created_at=datetime.now(UTC),
                )
            )
            keys = [key]
    return SigningKeys(keys, token_seconds)
