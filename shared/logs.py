"""Logs: one wide line per unit of work; JSON outside a terminal, readable text in one."""

import logging
import sys
import warnings

import orjson
import structlog


def configure_logs(service: str, level: str = "info") -> None:
    """Set up structlog and the standard library's logging for the process of `service`."""
    logging.basicConfig(level=level.upper(), stream=sys.stdout, format="%(message)s", force=True)
    for noisy in ("httpx", "httpcore", "uvicorn.access", "alembic", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # RFC 9864 renames it to Ed25519; most libraries of our readers know only the old name yet.
    warnings.filterwarnings("ignore", message="EdDSA is deprecated via RFC 9864")
    structlog.contextvars.bind_contextvars(service=service)
    if sys.stdout.isatty():
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(
                logging.getLevelName(level.upper())
            ),
            cache_logger_on_first_use=True,
        )
        return
    structlog.configure(
        processors=[
            *shared,
            # Without local variables: they hold secrets, and records that not all may see.
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
