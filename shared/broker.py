"""The connection to Redis or Valkey, over which events take their fast path."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect_broker(url: str) -> Redis:
    """A client for `url` that gives up soon: whoever uses it has another way, or tries again."""
    return Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=2,
        socket_timeout=5,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
    )
