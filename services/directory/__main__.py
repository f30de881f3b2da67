"""Serves the directory: `python -m services.directory`."""

import os

from services.directory.app import create_app
from services.directory.settings import Settings
from shared.serving import serve

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    serve(
        create_app(settings),
        service="directory",
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
    )
