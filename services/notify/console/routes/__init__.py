"""The console over HTTP: typed input, one call, a page or the way to one."""

from fastapi import APIRouter

from services.notify.console.routes import deliveries, missing, sessions, webhooks

ROUTERS: list[APIRouter] = [
    sessions.router,
    webhooks.router,
    deliveries.router,
    # Every address below /console fits the last one.
    missing.router,
]
