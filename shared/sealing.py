"""Secrets at rest: sealed with a key from the environment; a copied database gives none away."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class WrongKey(Exception):
    """A sealed value does not open with the configured keys."""


class Seal:
    """Seals with the first of its keys and opens with any, so that keys can be rotated."""

    def __init__(self, keys: str) -> None:
        """`keys`: Fernet keys separated by commas, the newest first.

        Raises:
            ValueError: there is none, or one is not a Fernet key.
        """
        parts = [key.strip() for key in keys.split(",") if key.strip()]
        if not parts:
            raise ValueError("ENCRYPTION_KEYS is empty; make one with `make secret`")
        self._fernet = MultiFernet([Fernet(key) for key in parts])

    def close(self, secret: bytes) -> str:
        """`secret`, sealed."""
        return self._fernet.encrypt(secret).decode()

    def open(self, sealed: str) -> bytes:
        """The secret inside.

        Raises:
            WrongKey: none of the keys opens it.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise WrongKey(
                "none of ENCRYPTION_KEYS opens a value that was sealed before"
            ) from error
