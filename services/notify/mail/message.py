"""What a mail is, to the byte: its headers and its text, the same at every repeat."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

# Lines of 998 are what SMTP takes. With the usual 78, Python 3.11 encodes long values that are
# meant to be read as they are. What is not ASCII is encoded, so that any server takes it.
_POLICY = SMTP.clone(max_line_length=998, cte_type="7bit")

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


class Unmailable(ValueError):
    """Nothing can be mailed to this address; its text does not name it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is handed over."""

    id: UUID
    sender: str
    recipient: str
    content: bytes
    is_utf8: bool
    """Whether an address has characters that only servers with SMTPUTF8 take."""


def read_sender(text: str) -> Address:
    """The sender's name and address.

    Raises:
        ValueError: `text` is not one address, with or without a name before it.
    """
    (name, spec), *others = getaddresses([text]) or [("", "")]
    try:
        if others or not text.isascii() or not text.isprintable() or not _ADDRESS.fullmatch(spec):
            raise ValueError
        return Address(display_name=name, addr_spec=spec)
    except (ValueError, HeaderParseError):
        raise ValueError(
            "MAIL_FROM must be one address of plain ASCII, such as 'Our network "
            "<notify@example.org>'"
        ) from None


def write_mail(
    mail_id: UUID, sender: Address, recipient: str, subject: str, text: str, at: datetime
) -> Mail:
    """The mail with this id; `at` is when it was written, not when it is sent.

    Raises:
        Unmailable: `recipient` is not an address, or has more than an address in it.
    """
    try:
        checked = validate_email(recipient, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise Unmailable("the address of its recipient cannot be used") from None
    address = checked.ascii_email or f"{checked.local_part}@{checked.ascii_domain}"
    message = EmailMessage(policy=_POLICY.clone(utf8=checked.smtputf8))
    # EmailMessage refuses a value with a line break, so no value can become a header.
    message["From"] = sender
    name, _, domain = address.rpartition("@")
    message["To"] = Address(username=name, domain=domain)
    message["Subject"] = subject
    message["Date"] = at
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return Mail(
        id=mail_id,
        sender=sender.addr_spec,
        recipient=address,
        content=message.as_bytes(),
        is_utf8=checked.smtputf8,
    )
