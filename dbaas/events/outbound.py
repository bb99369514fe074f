"""One HTTP POST to an address that a tenant chose, bounded in every way.

Made of the standard library alone: no proxy settings, no redirects, no retries, no cookies that anything
could bring in. Of the answer only the status is read; what the receiver says is shown to nobody, so it is of
no use for looking at things.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

from dbaas.events import targets
from dbaas.events.targets import Resolve, Target, TargetRefused


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None when there was none; `error` is empty when the receiver took it, else for the user."""

    status: int | None
    error: str = ""

    @property
    def is_taken(self) -> bool:
        return not self.error

    @property
    def is_receivers_trouble(self) -> bool:
        """It says nothing about this message: any other one would have fared the same."""
        return not self.is_taken and (self.status is None or self.status >= 500 or self.status in {408, 429})


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    timeout_seconds: float,
    resolve: Resolve | None = None,
) -> Answer:
    """Never raises, and answers within the timeout (and what the resolver takes)."""
    try:
        target = targets.parse(url)
        addresses = targets.addresses(target, resolve)
        status = _exchange(target, addresses, headers, body, timeout_seconds)
    except TargetRefused as error:
        return Answer(None, f"The URL {error}")
    except ssl.SSLError as error:
        return Answer(None, f"TLS failed: {error.reason or 'no handshake'}")
    except TimeoutError:
        return Answer(None, "No answer in time.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(None, f"No connection or no HTTP: {type(error).__name__}")
    if 200 <= status < 300:
        return Answer(status)
    if 300 <= status < 400:
        return Answer(status, f"Answered {status}; redirects are not followed.")
    return Answer(status, f"Answered {status}.")


def _exchange(
    target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes, timeout_seconds: float
) -> int:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout_seconds)
    with _connected(target, addresses, timeout_seconds) as (channel, has_run_out):
        connection.sock = channel
        try:
            connection.request(
                "POST", target.path, body, {"Host": target.host_header, "Connection": "close", **headers}
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            if has_run_out.is_set():
                raise TimeoutError from error
            raise
        if has_run_out.is_set():  # it was cut in the middle of its headers, which counts as their end
            raise TimeoutError
        return status


@contextmanager
def _connected(
    target: Target, addresses: Sequence[str], timeout_seconds: float
) -> Iterator[tuple[socket.socket, threading.Event]]:
    """A connection to one of these very addresses, cut when the time is up, also in a dripping answer.

    The certificate must be for the name in the URL.
    """
    has_run_out = threading.Event()
    run_out_at = time.monotonic() + timeout_seconds
    channel = _dial(addresses, target.port, run_out_at)
    if target.is_tls:
        channel = _tls().wrap_socket(channel, server_hostname=target.host, do_handshake_on_connect=False)

    def cut() -> None:
        has_run_out.set()
        # The plain socket's way, which is safe beside a thread that reads: SSLSocket's own is not.
        with suppress(OSError):
            socket.socket.shutdown(channel, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, run_out_at - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        if isinstance(channel, ssl.SSLSocket):
            try:
                channel.do_handshake()
            except OSError as error:
                if has_run_out.is_set():
                    raise TimeoutError from error
                raise
        yield channel, has_run_out
    finally:
        timer.cancel()
        channel.close()


def _dial(addresses: Sequence[str], port: int, run_out_at: float) -> socket.socket:
    """The first that takes the connection: a host may have IPv6 addresses where we have no IPv6."""
    problem: OSError = TimeoutError()
    for address in addresses:
        left = run_out_at - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((address, port), timeout=left)
        except OSError as error:
            problem = error
    raise problem


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
