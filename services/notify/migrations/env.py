"""Alembic's entry point for notify's database."""

from services.notify.models import metadata
from shared.migrating import run_environment

run_environment(metadata)
