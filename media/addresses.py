"""Addresses for sound and picture: those a worker listens on, and those that browsers are told to send to.

What is listened on is chosen, one address after the other, so that nothing comes in over an interface that
nobody thought of. What is announced is the same, unless a router translates addresses (NAT). The rules:

1. addresses, not names, each once; no address that is for one link alone (RFC 4291 section 2.5.6);
2. announced is nothing (what is listened on), one address for all of its family, or one for each in order;
3. what is announced is of the family of what is listened on, and can be sent to;
4. whoever listens on every address (`0.0.0.0`, `::`) announces which one is meant;
5. an address that is this machine's alone (loopback) cannot stand for one that is not, nor the reverse.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

ANY_PORT = range(1)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Implausible(ValueError):
    """These addresses cannot work; says why in a sentence for the person who set them."""


class Way(NamedTuple):
    """One address listened on, and the one that browsers are told."""

    listen: str
    announce: str


class Candidate(NamedTuple):
    """A host candidate of ours (RFC 8445 section 5.1.1.1): where browsers send to."""

    address: str
    port: int


def read_ways(listen: str, announce: str = "") -> tuple[Way, ...]:
    """Both are addresses separated by commas. Raises: Implausible."""
    listened = [_address(text) for text in _items(listen)]
    announced = [_address(text) for text in _items(announce)]
    if not listened:
        raise Implausible("No address is named to listen on.")
    if len(set(listened)) != len(listened):
        raise Implausible("An address to listen on is named twice.")
    pairs = _paired(listened, announced)
    for heard, told in pairs:
        _check(heard, told)
    return tuple(Way(str(heard), str(told)) for heard, told in pairs)


def check_here(ways: Iterable[Way]) -> None:
    """Whether this machine has the addresses listened on. Raises: Implausible."""
    for way in ways:
        with socket.socket(family_of(way.listen), socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((way.listen, 0))
            except OSError as error:
                raise Implausible(f"{way.listen} is no address of this machine.") from error


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _address(text: str) -> IpAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Implausible(f"{text} is not an address such as 192.0.2.7 or 2001:db8::7.") from None


def _paired(listened: list[IpAddress], announced: list[IpAddress]) -> list[tuple[IpAddress, IpAddress]]:
    if len(announced) == len(listened):
        return list(zip(listened, announced, strict=True))
    if len(announced) > 1:
        raise Implausible(
            f"{len(announced)} addresses are announced for {len(listened)} listened on:"
            " announce one, or one for each in the same order."
        )
    if announced and announced[0].version not in {one.version for one in listened}:
        raise Implausible(f"{announced[0]} is announced, but nothing of its family is listened on.")
    told = {one.version: one for one in announced}
    return [(one, told.get(one.version, one)) for one in listened]


def _check(heard: IpAddress, told: IpAddress) -> None:
    if heard.version != told.version:
        raise Implausible(f"{told} is announced for {heard}, which is of the other family.")
    if heard.is_unspecified and told.is_unspecified:
        raise Implausible(
            f"{heard} listens on every address of this machine, and no browser can be told to go there:"
            " announce the address that browsers reach."
        )
    for one in (heard, told):
        if one.is_multicast or one.is_link_local or getattr(one, "ipv4_mapped", None) is not None:
            raise Implausible(f"{one} cannot carry sound and picture: it is not the address of one machine.")
    if told.is_unspecified:
        raise Implausible(f"{told} is announced for {heard}, but no browser can be told to go there.")
    if heard.is_loopback != told.is_loopback and not heard.is_unspecified:
        here = heard if heard.is_loopback else told
        raise Implausible(f"{told} is announced for {heard}, but {here} is reached from this machine alone.")


def ports(text: str) -> range:
    """`40000` or `40000-40009`; 0 is any. Raises: ValueError."""
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
    if found is None:
        raise ValueError("a port, or two with a hyphen: 40000-40009")
    first, last = int(found[1]), int(found[2] or found[1])
    if not (first == last == 0 or 1 <= first <= last <= 65535):
        raise ValueError("ports are 1 to 65535, the lower one first; 0 alone is any")
    return range(first, last + 1)
