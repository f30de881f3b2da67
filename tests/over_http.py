"""An application over real HTTP inside the test process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


@asynccontextmanager
async def over_http(app: FastAPI, **options: Any) -> AsyncIterator[str]:
    """The address at which `app`, whose lifespan runs already, answers while the block runs.

    `options` are uvicorn's.
    """
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, access_log=False, **options
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()
