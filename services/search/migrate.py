"""Bring the database of search to the current schema: `python -m services.search.migrate`."""

import os
from pathlib import Path

from services.search.settings import Settings
from shared.migrating import migrate_now

MIGRATIONS = Path(__file__).with_name("migrations")

if __name__ == "__main__":
    migrate_now(Settings.from_environment(os.environ).database_url, MIGRATIONS)
