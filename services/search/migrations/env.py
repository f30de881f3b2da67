"""Alembic's entry to the migrations of search."""

from services.search.models import metadata
from shared.migrating import run_environment

run_environment(metadata)
