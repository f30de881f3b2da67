"""Bodies over the limit: refused by the framework in plain text, answered by us as a problem."""

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.problems import MEDIA_TYPE, SEND_LESS, BodyTooLarge, problem_content

_TOO_LARGE = BodyTooLarge.status


class LargeBodiesAsProblems:
    """Puts a problem in the place of the framework's own 413.

    The framework answers it outside of every exception handler as soon as Content-Length tells;
    only where a body comes without its length does the refusal pass through the handlers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced: Message | None = None

        async def send_problem(message: Message) -> None:
            nonlocal replaced
            if (
                message["type"] == "http.response.start"
                and message["status"] == _TOO_LARGE
                and Headers(raw=message["headers"]).get("content-type") != MEDIA_TYPE
            ):
                replaced = message
                return
            if replaced is None:
                await send(message)
                return
            body = orjson.dumps(problem_content(scope["path"], BodyTooLarge(SEND_LESS)))
            headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body))}
            await send({**replaced, "headers": Headers(headers).raw})
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, send_problem)
