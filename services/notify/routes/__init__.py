"""Notify over HTTP: typed input, one call, the answer."""

from services.notify.routes import (
    dead_events,
    deliveries,
    event_types,
    keys,
    mail,
    replays,
    stats,
    stream,
    webhooks,
)

ROUTERS = [
    webhooks.router,
    keys.router,
    deliveries.router,
    replays.router,
    stats.router,
    event_types.router,
    stream.router,
    dead_events.router,
    mail.router,
]
