"""Logs: one wide line per unit of work; JSON outside a terminal, readable text in one."""

import logging
import sys
import warnings
from collections.abc import Iterable
from typing import Any
from uuid import UUID

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
            processors=[*shared, _with_ids_as_text, structlog.dev.ConsoleRenderer()],
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


def log_each(event: str, lines: Iterable[dict[str, Any]]) -> None:
    """Log `event` with each of `lines`, as `info` would, and write them all at once.

    Where thousands are logged in a second, to write each by itself takes longer than to render it.
    """
    config = structlog.get_config()
    if not structlog.get_logger().bind().is_enabled_for(logging.INFO):
        return
    logger = config["logger_factory"]()
    rendered = []
    for line in lines:
        made: Any = {**line, "event": event}
        for process in config["processors"]:
            made = process(logger, "info", made)
        rendered.append(made)
    if rendered:
        end = b"\n" if isinstance(rendered[0], bytes) else "\n"
        logger.msg(end.join(rendered))


def _with_ids_as_text(
    _logger: Any, _method: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """For people to read; as JSON they come out as text anyhow."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in line.items()}
