"""Serves search as `python -m services.search` does, with prepared bytes beside it.

One process answers both, so that what is measured and what it is measured against have the same
settings, middleware, loops, memory and neighbours.
"""

import os

from bench.prepared_routes import add_prepared_routes
from services.search.app import create_app
from services.search.settings import Settings
from shared.serving import serve

if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    app = create_app(settings)
    add_prepared_routes(app)
    serve(
        app,
        service="search",
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
    )
