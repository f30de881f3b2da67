"""Serves notify: `python -m services.notify`."""

import os

from services.notify.app import create_app
from services.notify.settings import Settings
from shared.serving import serve

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    serve(
        create_app(settings),
        service="notify",
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
    )
