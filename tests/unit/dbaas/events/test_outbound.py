"""The request itself, with real sockets on loopback."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from dbaas.events import outbound
from tests.unit.dbaas.events.conftest import Receiver

BODY = b'{"a":1}'


def post(url: str, timeout: float = 20, **kwargs: object) -> outbound.Answer:
    return outbound.post(url, {"X-Test": "1"}, BODY, timeout_seconds=timeout, **kwargs)  # type: ignore[arg-type]


@pytest.mark.usefixtures("private_allowed")
def test_body_and_headers_arrive(receiver: Receiver) -> None:
    answer = post(receiver.url + "?a=b")
    assert answer == outbound.Answer(204)
    assert answer.is_taken
    [(path, headers, body)] = receiver.requests
    assert (path, body, headers["X-Test"]) == ("/hook?a=b", BODY, "1")
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.usefixtures("private_allowed")
@pytest.mark.parametrize(
    ("status", "is_trouble"), [(400, False), (404, False), (408, True), (429, True), (500, True)]
)
def test_refusals_are_told_apart(receiver: Receiver, status: int, is_trouble: bool) -> None:
    receiver.status = status
    answer = post(receiver.url)
    assert (answer.status, answer.is_taken, answer.is_receivers_trouble) == (status, False, is_trouble)


@pytest.mark.usefixtures("private_allowed")
def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.url + "/elsewhere"}
    answer = post(receiver.url)
    assert not answer.is_taken
    assert "redirects are not followed" in answer.error
    assert len(receiver.requests) == 1


def test_nothing_is_sent_to_an_inner_address(receiver: Receiver) -> None:
    answer = post(f"https://127.0.0.1:{receiver.port}/")
    assert "not public" in answer.error
    assert answer.is_receivers_trouble
    answer = post(f"https://rebound.example:{receiver.port}/", resolve=lambda host, port: ["127.0.0.1"])
    assert "not public" in answer.error
    assert receiver.requests == []


@pytest.mark.usefixtures("private_allowed")
def test_connection_is_made_to_the_checked_address_and_no_other(receiver: Receiver) -> None:
    """The name is asked for once: a second answer, which may be another, is never looked at."""
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    answer = post(f"http://name-that-does-not-resolve.invalid:{receiver.port}/", resolve=resolve)
    assert answer.is_taken
    assert asked == ["name-that-does-not-resolve.invalid"]
    assert receiver.requests[0][1]["Host"] == f"name-that-does-not-resolve.invalid:{receiver.port}"


@pytest.mark.usefixtures("private_allowed")
def test_next_address_is_tried(receiver: Receiver) -> None:
    url = f"http://two.example:{receiver.port}/"
    assert post(url, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]).is_taken


@pytest.mark.usefixtures("private_allowed")
def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = post(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert (answer.status, answer.is_receivers_trouble) == (None, True)


@contextmanager
def talker(say: list[bytes], *, for_ever: bytes = b"") -> Iterator[int]:
    """A server that says this, and then drips `for_ever`, one byte after another, until it is left."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            channel, _ = server.accept()
            with channel:
                try:
                    for part in say:
                        channel.sendall(part)
                    while for_ever and not stop.wait(0.02):
                        channel.sendall(for_ever)
                    stop.wait(60)
                except OSError:
                    pass

        thread = threading.Thread(target=talk)
        thread.start()
        yield server.getsockname()[1]
        stop.set()
        thread.join()


@pytest.mark.usefixtures("private_allowed")
@pytest.mark.parametrize(
    ("say", "for_ever"),
    [([], b""), ([b"HTTP/1.1 200 OK\r\nX: "], b"a"), ([b"HTTP/1.1 200 OK\r\n"], b"A: b\r\n")],
)
def test_silence_and_dripping_end_at_the_limit(say: list[bytes], for_ever: bytes) -> None:
    with talker(say, for_ever=for_ever) as port:
        answer = post(f"http://127.0.0.1:{port}/", timeout=1)
    assert not answer.is_taken
    assert answer.is_receivers_trouble


@pytest.mark.usefixtures("private_allowed")
def test_silence_in_the_handshake_ends_at_the_limit() -> None:
    with talker([]) as port:
        assert post(f"https://127.0.0.1:{port}/", timeout=1).error == "No answer in time."


@pytest.mark.usefixtures("private_allowed")
@pytest.mark.parametrize("say", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 banana\r\n\r\n", b"\xff" * 70000])
def test_what_is_not_http_is_an_answer_too(say: bytes) -> None:
    with talker([say]) as port:
        assert not post(f"http://127.0.0.1:{port}/", timeout=1).is_taken


def test_certificate_must_be_trusted_and_for_the_name(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    certificate = _certificate(tmp_path, "hooks.example")
    trusting = ssl.create_default_context(cafile=str(certificate))
    with _tls_server(certificate) as port:
        url = f"https://hooks.example:{port}/"
        assert "TLS failed" in post(url, resolve=_loopback).error
        monkeypatch.setattr(outbound, "_tls", lambda: trusting)
        assert post(url, resolve=_loopback).is_taken
        assert "TLS failed" in post(f"https://other.example:{port}/", resolve=_loopback).error


def _loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def _certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.9.9.9"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def _tls_server(certificate: Path) -> Iterator[int]:
    running = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running.server.socket = context.wrap_socket(
        running.server.socket, server_side=True, do_handshake_on_connect=False
    )
    running.server.handle_error = lambda *args: None  # type: ignore[method-assign]
    try:
        yield running.port
    finally:
        running.stop()
