"""Which addresses a webhook may reach: public ones, and networks that were allowed by name."""

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Translates to the IPv4 address in its last 32 bits, which therefore is the one to judge.
_NAT64 = IPv6Network("64:ff9b::/96")

# `is_global` of the standard library lets these through, in some of its versions at least.
_REFUSED: tuple[tuple[Network, str], ...] = (
    (IPv4Network("100.64.0.0/10"), "shared address space"),
    (IPv4Network("168.63.129.16/32"), "a cloud's metadata address"),
    (IPv4Network("192.0.0.0/24"), "reserved for protocols"),
    (IPv4Network("192.88.99.0/24"), "a 6to4 relay"),
    (IPv4Network("198.18.0.0/15"), "for benchmarks only"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
    (IPv6Network("::/8"), "a local, mapped or otherwise embedded address"),
    (IPv6Network("64:ff9b:1::/48"), "a local translation address"),
    (IPv6Network("100::/64"), "a discard address"),
    (IPv6Network("2001::/32"), "a Teredo address"),
    (IPv6Network("2001:db8::/32"), "for documentation only"),
    (IPv6Network("2002::/16"), "a 6to4 address"),
    (IPv6Network("3fff::/20"), "for documentation only"),
    (IPv6Network("5f00::/16"), "a segment routing address"),
    (IPv6Network("fec0::/10"), "a site-local address"),
)


def why_refused(address: Address, allowed: Iterable[Network]) -> str | None:
    """Why a webhook may not reach `address`; None if it may."""
    if any(address in network for network in allowed):
        return None
    if isinstance(address, IPv6Address) and address in _NAT64 and address.scope_id is None:
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "it names a network interface"
    for network, what in _REFUSED:
        if address in network:
            return f"it is {what} ({network})"
    # Multicast can be global too.
    if address.is_multicast or not address.is_global:
        return "it is a private, loopback, multicast or otherwise special address"
    return None


def why_text_refused(text: str, allowed: Iterable[Network]) -> str | None:
    """Why a webhook may not reach the address written as `text`; None if it may."""
    try:
        return why_refused(ipaddress.ip_address(text), allowed)
    except ValueError:
        return "it is not an address"
