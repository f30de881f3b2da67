"""A delivery in the console, with every attempt at it, and sending it again."""

from uuid import UUID

from fastapi import Response
from fastapi.responses import RedirectResponse

from services.notify.console.pages import HOME, page
from services.notify.console.route import console_router
from services.notify.console.sessions import ActingVisitor, VisitorOf
from services.notify.deliveries.listing import read_delivery_with_attempts
from services.notify.deliveries.resending import resend_delivery
from services.notify.webhooks.registering import find_webhook
from shared.databases import Reading, Transaction

router = console_router()


@router.get(f"{HOME}/deliveries/{{delivery_id}}")
async def show_a_delivery(delivery_id: UUID, visitor: VisitorOf, session: Reading) -> Response:
    delivery = await read_delivery_with_attempts(session, delivery_id, visitor.caller)
    webhook = await find_webhook(session, delivery.webhook_id, visitor.caller)
    return page("delivery.html", visitor=visitor, delivery=delivery, webhook=webhook)


@router.post(f"{HOME}/deliveries/{{delivery_id}}/resend")
async def send_a_delivery_again(
    delivery_id: UUID, visitor: ActingVisitor, session: Transaction
) -> Response:
    await resend_delivery(session, delivery_id, visitor.caller)
    return RedirectResponse(f"{HOME}/deliveries/{delivery_id}", status_code=303)
