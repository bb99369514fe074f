"""Which loopback address an instance gets, and which user its database runs as."""

import errno
import socket
import stat
from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from instances.providers.base import Conflict, QuotaExceeded, Refused

#: So many taken addresses in a row mean that something listens on all of them.
_PATIENCE: Final = 16
#: "nobody", and the value that stands for "no user" in old interfaces.
_NOT_A_USER: Final = 65534


def choose(
    network: IPv4Network, taken: Collection[IPv4Address], after: IPv4Address | None, tcp_ports: Sequence[int]
) -> IPv4Address:
    """The next free address after the one given out last, so that one just released rests for a while.

    Raises QuotaExceeded when all are taken, Conflict when other programs listen on our ports.
    """
    strangers = 0
    for address in _from(network, after):
        if address in taken:
            continue
        port = next((port for port in tcp_ports if not _is_free(address, port)), None)
        if port is None:
            return address
        strangers += 1
        if strangers >= _PATIENCE:
            raise Conflict(
                f"port {port} is in use on {address} and others before it: does a server listen on 0.0.0.0?"
            )
    raise QuotaExceeded(f"all addresses of {network} are taken")


def user_id(network: IPv4Network, address: IPv4Address, uid_base: int) -> int:
    """The numeric user of the instance with this address: its own, without an entry in any user list."""
    uid = uid_base + int(address) - int(network.network_address)
    return uid if uid < _NOT_A_USER else uid + 2


def require_passage(path: Path) -> None:
    """Raises Refused unless other users can reach `path`: what they run must find its files there."""
    closed = next(
        (folder for folder in (path, *path.parents) if not folder.stat().st_mode & stat.S_IXOTH), None
    )
    if closed is not None:
        raise Refused(
            f"database users cannot reach {path}: others may not pass through {closed}. "
            f"Choose another path, or chmod o+x {closed}"
        )


def _from(network: IPv4Network, after: IPv4Address | None) -> Iterator[IPv4Address]:
    first, last = int(network.network_address) + 1, int(network.broadcast_address) - 1
    start = int(after) + 1 if after is not None and after in network else first
    for number in (*range(start, last + 1), *range(first, min(start, last + 1))):
        yield IPv4Address(number)


def _is_free(address: IPv4Address, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((str(address), port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            if error.errno == errno.EADDRNOTAVAIL:
                raise Refused(
                    f"{address} is not an address of this host: choose a loopback network"
                ) from error
            if error.errno != errno.EACCES:
                raise Refused(f"cannot listen on {address}:{port}: {error.strerror}") from error
    return True
