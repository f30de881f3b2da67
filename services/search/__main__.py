"""Serve search: `python -m services.search`."""

import os

from services.search.app import create_app
from services.search.settings import Settings
from shared.serving import serve

if __name__ == "__main__":
    found = Settings.from_environment(os.environ)
    serve(
        create_app(found),
        service="search",
        host=found.host,
        port=found.port,
        log_level=found.log_level,
    )
