"""Which URLs a webhook may have. Names are judged again, by their addresses, when dialled."""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from services.notify.addresses import Network, why_refused
from shared.problems import FieldError, InvalidValues

MAX_URL = 2_048
_FIRST_FREE_PORT = 1_024
_ASCII = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class UnacceptableUrl(InvalidValues):
    """A webhook cannot have this URL."""

    title, kind = "A webhook cannot have this URL", "unacceptable-url"


def check_url(url: str, allowed: Sequence[Network]) -> None:
    """Let `url` pass if webhooks may be sent to it.

    Raises:
        UnacceptableUrl: it may not be used; the text says why.
    """
    reason = _why_unacceptable(url, allowed)
    if reason is not None:
        raise UnacceptableUrl(
            f"The url cannot be used: {reason}.", errors=[FieldError(pointer="/url", detail=reason)]
        )


def _why_unacceptable(url: str, allowed: Sequence[Network]) -> str | None:
    if len(url) > MAX_URL:
        return f"it is longer than {MAX_URL} characters"
    if not _ASCII.fullmatch(url) or "\\" in url:
        return (
            "it has spaces, backslashes or characters outside ASCII; "
            "write names as punycode and paths percent-encoded"
        )
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "it is not a valid URL"
    return _why_parts_unacceptable(url, parts, port) or _why_host_unacceptable(
        host or "", parts, allowed
    )


def _why_parts_unacceptable(url: str, parts: SplitResult, port: int | None) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "its scheme is neither http nor https"
    if "@" in parts.netloc:
        return "it carries a user name or password; requests are signed, so none is needed"
    if "#" in url:
        return "it has a fragment, which is never sent"
    if port is not None and port not in {80, 443} and port < _FIRST_FREE_PORT:
        return "its port must be 80, 443 or 1024 and above"
    return None


def _why_host_unacceptable(host: str, parts: SplitResult, allowed: Sequence[Network]) -> str | None:
    if not host or parts.netloc.endswith(":"):
        return "it has no host, or a colon without a port"
    labels = host.split(".")
    bracketed = "[" in parts.netloc
    if bracketed or _NUMBER.fullmatch(labels[-1]):
        # A last label that is a number makes the whole host an IPv4 address to any resolver,
        # whatever its spelling: 127.1, 0x7f.1 and 2130706433 are all loopback.
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "its host is an oddly spelled address; write the four numbers in full"
        reason = why_refused(address, allowed)
        return None if reason is None else f"{host} cannot be reached by webhooks: {reason}"
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        return "its host is not a name (a dot at the end is not accepted either)"
    if labels[-1] == "localhost":
        return f"{host} is this machine; write 127.0.0.1 where that is allowed"
    return None
