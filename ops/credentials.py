"""The secrets that a first start makes for one machine, in files that only their owner can read."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

CREDENTIALS_FILE = "credentials.json"
SECRETS_FILE = "secrets.json"


def make_secret() -> str:
    """A secret that needs no quoting in a shell, a URL or an environment file."""
    return secrets.token_hex(24)


def make_encryption_key() -> str:
    """A Fernet key."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def read_file(path: Path) -> dict[str, str]:
    """What is in `path`, nothing where there is no such file."""
    try:
        values: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return values


def _write_file(path: Path, values: Mapping[str, str]) -> None:
    # Written beside and moved into place, so that a start that is killed leaves no half a file.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _keep(path: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    kept = read_file(path)
    values = {**kept, **wanted}
    if values != kept:
        _write_file(path, values)
    return values


def keep_credentials(var_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The bootstrap secretariat account: from the environment, else the file, else made now."""
    path = var_dir / CREDENTIALS_FILE
    kept = read_file(path)
    return _keep(
        path,
        {
            "client_id": environ.get("BOOTSTRAP_CLIENT_ID") or kept.get("client_id", "secretariat"),
            "client_secret": environ.get("BOOTSTRAP_CLIENT_SECRET")
            or kept.get("client_secret")
            or make_secret(),
        },
    )


def keep_secrets(var_dir: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What the services share between them: from the environment, else the file, else made now."""
    path = var_dir / SECRETS_FILE
    kept = read_file(path)
    return _keep(
        path,
        {
            "service_client_secret": environ.get("SERVICE_CLIENT_SECRET")
            or kept.get("service_client_secret")
            or make_secret(),
            "encryption_keys": environ.get("ENCRYPTION_KEYS")
            or kept.get("encryption_keys")
            or make_encryption_key(),
        },
    )
