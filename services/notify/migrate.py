"""Brings notify's database to the current schema: `python -m services.notify.migrate`."""

import os
from pathlib import Path

from services.notify.settings import Settings
from shared.migrating import migrate_now

FOLDER = Path(__file__).parent / "migrations"

if __name__ == "__main__":
    migrate_now(Settings.from_environment(os.environ).database_url, FOLDER)
