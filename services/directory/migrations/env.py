"""Alembic's entry point for the directory's database."""

from services.directory.models import metadata
from shared.migrating import run_environment

run_environment(metadata)
