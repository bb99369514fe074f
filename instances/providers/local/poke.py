"""Wakes the host daemon, so that it acts at once; it would look by itself a little later."""

import contextlib
import os
import socket
from collections.abc import Iterator

from instances.providers.local.layout import Layout


@contextlib.contextmanager
def _short_address(layout: Layout) -> Iterator[str]:
    """A name of the socket that fits into an address however long the path is."""
    folder = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{layout.host_socket.name}"
    finally:
        os.close(folder)


def send(layout: Layout) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as poker, _short_address(layout) as address:
        poker.setblocking(False)
        with contextlib.suppress(OSError):
            poker.sendto(b"\0", address)


def listen(layout: Layout) -> socket.socket:
    """The daemon's end. The caller holds the host lock, so an old socket is a dead one's."""
    layout.host_socket.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.setblocking(False)
    previous = os.umask(0o077)
    try:
        with _short_address(layout) as address:
            listener.bind(address)
    finally:
        os.umask(previous)
    return listener


def drain(listener: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.recv(1)
