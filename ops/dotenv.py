"""`make env`: writes .env from .env.example, with secrets of its own where the example has none."""

import os
import sys
from pathlib import Path

from ops.credentials import make_encryption_key, make_secret

# Here and not from ops.environment: this runs before anything is installed.
_PROJECT = Path(__file__).resolve().parent.parent
_SECRET_ENDINGS = ("_PASSWORD=", "_SECRET=")


def _filled(line: str) -> str:
    if line == "ENCRYPTION_KEYS=":
        return line + make_encryption_key()
    if line.endswith(_SECRET_ENDINGS) and not line.startswith("#"):
        return line + make_secret()
    return line


def fill_example() -> str:
    """The text of .env.example with new secrets."""
    lines = (_PROJECT / ".env.example").read_text().splitlines()
    return "".join(f"{_filled(line)}\n" for line in lines)


def main() -> int:
    """Write .env, unless there is one."""
    try:
        file = os.open(_PROJECT / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(
            "There is a .env already, and the databases may depend on its secrets; left as it is."
        )
        return 1
    with os.fdopen(file, "w") as written:
        written.write(fill_example())
    print("Wrote .env. Now: docker compose up --build")
    return 0


if __name__ == "__main__":
    sys.exit(main())
