"""Where webhooks may go: the world, and not the operator's inside.

A tenant chooses the URL, we make the request, from inside our network. So the address that a name resolves
to is checked, each time, and the connection is made to that very address (`outbound.post`): a name that
resolves to something else the next moment gains nothing.
"""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from dbaas.common.errors import BadRequest

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

RESOLVE_SECONDS: Final = 3.0
_FIRST_FREE_PORT: Final = 1024
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_resolvers: Final = ThreadPoolExecutor(4, thread_name_prefix="resolve")


class TargetRefused(ValueError):
    """The URL leads, or may lead, somewhere it must not. The message is for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    is_tls: bool
    host: str
    port: int
    path: str  # with the query

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def check(url: str) -> None:
    """Refuse what cannot work as soon as it is asked for. Raises BadRequest; bounded in time."""
    try:
        target = parse(url)
        _resolvers.submit(addresses, target).result(timeout=RESOLVE_SECONDS)
    except TargetRefused as error:
        raise BadRequest(f"Validation error: the URL {error}") from error
    except TooSlow:
        raise BadRequest("Validation error: the name in the URL could not be resolved in time.") from None


def parse(url: str) -> Target:
    """Raises TargetRefused."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii")
    except ValueError as error:  # a bad port or bracket, or a name that IDNA does not know
        raise TargetRefused("is malformed.") from error
    if not url.isprintable() or " " in url or not host or parts.username is not None or parts.fragment:
        raise TargetRefused("must be https://host[:port]/path, without a login or a fragment.")
    if parts.scheme != "https" and not (settings.WEBHOOKS_ALLOW_PRIVATE and parts.scheme == "http"):
        raise TargetRefused("must begin with https://.")
    is_tls = parts.scheme == "https"
    port = port if port is not None else (443 if is_tls else 80)
    if not settings.WEBHOOKS_ALLOW_PRIVATE and port != 443 and port < _FIRST_FREE_PORT:
        raise TargetRefused(f"must have port 443 or one from {_FIRST_FREE_PORT}.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise TargetRefused("must be percent-encoded.")
    return Target(is_tls, host.decode(), port, path)


def addresses(target: Target, resolve: Resolve | None = None) -> list[str]:
    """What the host resolves to. Raises TargetRefused unless every address of it may be reached."""
    try:
        found = (resolve or _resolve)(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise TargetRefused("has a name that cannot be resolved.") from error
    if not found:
        raise TargetRefused("has a name that cannot be resolved.")
    for text in found:
        if not is_allowed(text):
            raise TargetRefused("leads to an address that is not public.")
    return list(found)


def is_allowed(text: str) -> bool:
    """Whether webhooks may go to this address; one that carries another one is judged by both."""
    try:
        address = ip_address(text)
    except ValueError:  # with a zone: link-local
        return bool(settings.WEBHOOKS_ALLOW_PRIVATE)
    if settings.WEBHOOKS_ALLOW_PRIVATE:
        return True
    refused = [ip_network(network) for network in settings.WEBHOOKS_REFUSED_NETWORKS]
    return all(_is_public(a) and not any(a in network for network in refused) for a in _layers(address))


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _layers(address: Address) -> list[Address]:
    """The address (unless it is a mere wrapping) and the IPv4 address inside it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if any(address in network for network in _NAT64):
        return [IPv4Address(int(address) & 0xFFFFFFFF)] if address in _NAT64[0] else [IPv6Address("::")]
    if address.sixtofour:
        return [address, address.sixtofour]
    if address.teredo:
        return [address, *address.teredo]
    return [address]


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
